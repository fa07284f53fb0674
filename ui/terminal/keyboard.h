#ifndef MADOGUCHI_UI_TERMINAL_KEYBOARD_H_
#define MADOGUCHI_UI_TERMINAL_KEYBOARD_H_

#include <termios.h>

#include <string>

#include "sdk/secret/secret.h"
#include "ui/terminal/bell.h"

namespace madoguchi::terminal {

enum class Typed {
  kLine,   // whole
  kEnd,    // nothing more will come
  kWoken,  // the bell rang; what was typed so far is kept for the next call
};

// Where answers come from. One thread uses it.
class Keyboard {
 public:
  virtual ~Keyboard() = default;

  // Hides what is typed from now on, and forgets what was typed ahead. False when there is nowhere
  // to type a PIN.
  virtual bool BeginPin() = 0;
  // The next PIN without its end of line. One that is too long comes as kLongestPin + 1 bytes.
  virtual Typed ReadPin(Bell* bell, Secret* pin) = 0;
  // Shows again what is typed; a half-typed PIN is wiped.
  virtual void EndPin() = 0;

  // The next line of an answer that is no PIN.
  virtual Typed ReadLine(Bell* bell, std::string* line) = 0;
};

// Reads file descriptors with read(2), byte by byte: no buffer but the Secret ever holds a PIN.
class DescriptorKeyboard : public Keyboard {
 public:
  // `pin_fd`: where --pin-fd points; -1: the terminal. Descriptors stay the caller's.
  DescriptorKeyboard(int answer_fd, int pin_fd);
  ~DescriptorKeyboard() override;

  bool BeginPin() override;
  Typed ReadPin(Bell* bell, Secret* pin) override;
  void EndPin() override;
  Typed ReadLine(Bell* bell, std::string* line) override;

 private:
  int Terminal();

  const int answer_fd_;
  const int pin_fd_;
  int terminal_fd_ = -1;  // /dev/tty, opened when standard input is none
  int typing_fd_ = -1;    // between BeginPin and EndPin
  bool hidden_ = false;
  termios shown_ = {};  // what EndPin restores
  Secret pin_;          // kLongestPin + 1 bytes, the first typed_ of them in use
  size_t typed_ = 0;
  std::string line_;
};

}  // namespace madoguchi::terminal

#endif  // MADOGUCHI_UI_TERMINAL_KEYBOARD_H_
