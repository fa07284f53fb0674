#ifndef MADOGUCHI_SDK_CONFORMANCE_MUTE_SERVER_H_
#define MADOGUCHI_SDK_CONFORMANCE_MUTE_SERVER_H_

#include <atomic>
#include <string>
#include <thread>

namespace madoguchi::conformance {

// A server that takes every connection and never answers. A client that speaks HTTP/2 gets its
// greeting (an empty SETTINGS frame), so that it knows that somebody is there.
class MuteServer {
 public:
  // Listens on the socket at `path`, or on a free port of 127.0.0.1 when it is empty. With `deaf`
  // it does not listen at all: whoever connects is refused.
  MuteServer(const std::string& path, bool deaf);
  ~MuteServer();

  // The path, or "127.0.0.1:PORT". Empty when it could not be made.
  const std::string& address() const { return address_; }
  bool greeted_http2() const { return greeted_http2_; }
  // Since the start.
  int connections() const { return connections_; }

 private:
  void Serve();

  std::string address_;
  int listening_ = -1;
  int stop_[2] = {-1, -1};
  std::atomic<bool> greeted_http2_ = false;
  std::atomic<int> connections_ = 0;
  std::thread thread_;
};

}  // namespace madoguchi::conformance

#endif  // MADOGUCHI_SDK_CONFORMANCE_MUTE_SERVER_H_
