#ifndef MADOGUCHI_READERS_NFC_WIPED_THREAD_H_
#define MADOGUCHI_READERS_NFC_WIPED_THREAD_H_

#include <pthread.h>

#include <cstddef>
#include <functional>

namespace madoguchi::nfc {

// A thread whose stack is known, so that all of what a library leaves on it can be overwritten.
// libnfc copies each command three times onto the stack of its caller.
class WipedThread {
 public:
  // Runs `body` at once. Aborts the process when no thread can be had, as std::thread would.
  explicit WipedThread(std::function<void()> body);
  WipedThread(const WipedThread&) = delete;
  WipedThread& operator=(const WipedThread&) = delete;
  // Waits for the end of `body`.
  ~WipedThread();

  // To be called from `body`: overwrites all of the stack that is not in use now, and the
  // registers, as sdk/secret's WipeStackBelow does.
  void WipeUnused() const;

 private:
  static void* Run(void* self);

  std::function<void()> body_;
  unsigned char* stack_;  // mapped, left out of core dumps, its lowest page not to be touched
  pthread_t thread_;
};

}  // namespace madoguchi::nfc

#endif  // MADOGUCHI_READERS_NFC_WIPED_THREAD_H_
