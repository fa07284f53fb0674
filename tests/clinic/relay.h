#ifndef MADOGUCHI_TESTS_CLINIC_RELAY_H_
#define MADOGUCHI_TESTS_CLINIC_RELAY_H_

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace madoguchi::clinic {

// The cable of a screen in another network namespace: a Unix socket here, whose bytes go to
// `address`:`port` over a TCP connection that is made inside the namespace. The cable can be cut,
// which closes what is open, and joined again.
class Relay {
 public:
  // `netns` is a name as `ip netns` has it; empty: this one.
  Relay(std::string netns, std::string socket_path, std::string address, int port);
  ~Relay();

  // "unix:PATH" for gRPC.
  std::string target() const { return "unix:" + path_; }
  void Cut();
  void Join() { whole_ = true; }

 private:
  void Accept();
  void Carry(int here);

  const std::string netns_, path_, address_;
  const int port_;
  std::atomic<bool> whole_ = true;
  int listener_ = -1;
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> carriers_;
  std::thread acceptor_;
};

}  // namespace madoguchi::clinic

#endif  // MADOGUCHI_TESTS_CLINIC_RELAY_H_
