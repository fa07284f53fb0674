#ifndef MADOGUCHI_READERS_PCSC_SERVICE_SIGNAL_H_
#define MADOGUCHI_READERS_PCSC_SERVICE_SIGNAL_H_

#include <chrono>
#include <string>

namespace madoguchi::pcsc {

// Waits for a daemon that does not run, by looking at the folder of its socket. Stop may be called
// from any thread, the rest from one.
class ServiceSignal {
 public:
  // `socket` is the path that the daemon will make; neither it nor its folder need be there.
  explicit ServiceSignal(const std::string& socket);
  ~ServiceSignal();
  ServiceSignal(const ServiceSignal&) = delete;
  ServiceSignal& operator=(const ServiceSignal&) = delete;

  // Returns when something happened in the folder, at the latest after `patience`.
  void Await(std::chrono::milliseconds patience);
  // Ends this and every later Await.
  void Stop();

 private:
  const std::string folder_;
  int inotify_ = -1;
  int stop_ = -1;
};

}  // namespace madoguchi::pcsc

#endif  // MADOGUCHI_READERS_PCSC_SERVICE_SIGNAL_H_
