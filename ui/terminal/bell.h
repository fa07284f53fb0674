#ifndef MADOGUCHI_UI_TERMINAL_BELL_H_
#define MADOGUCHI_UI_TERMINAL_BELL_H_

#include <chrono>

namespace madoguchi::terminal {

// Wakes the one thread that acts, whatever it waits for. Ring() may be called from any thread and
// from a signal; it is remembered until Clear().
class Bell {
 public:
  Bell();
  ~Bell();
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  void Ring();
  void Clear();
  // True when it rang, false when `limit` passed first.
  bool Wait(std::chrono::milliseconds limit);
  // Readable (poll) while it rings.
  int fd() const { return fd_; }

 private:
  const int fd_;
};

}  // namespace madoguchi::terminal

#endif  // MADOGUCHI_UI_TERMINAL_BELL_H_
