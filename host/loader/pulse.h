#ifndef MADOGUCHI_HOST_LOADER_PULSE_H_
#define MADOGUCHI_HOST_LOADER_PULSE_H_

#include <grpcpp/channel.h>

#include <chrono>
#include <memory>
#include <string>

namespace madoguchi {

// Asks a plugin for its Health, over and over and beside whatever else it does, and counts the
// times that it said nothing. Has no clock of its own. One thread uses it.
class Pulse {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Limits {
    std::chrono::milliseconds period{5000};  // from one question to the next
    std::chrono::milliseconds answer{5000};  // how long an answer may take
    // So many in a row without an answer. One is not enough: a host that was stopped and goes on
    // finds the answer's time over, and the plugin without fault.
    int silences = 2;
  };

  Pulse(std::shared_ptr<grpc::Channel> channel, const Limits& limits);
  // Gives up the question that is open.
  ~Pulse();

  // Asks when it is time. To be called once a second, or as often as `period` is long.
  void Beat(Time now);
  // It said nothing for too long: it hangs.
  bool IsStill() const;
  // What it said that it suffers from, or nothing.
  std::string ailment() const;

 private:
  struct Question;

  const std::shared_ptr<grpc::Channel> channel_;
  const Limits limits_;
  Time next_;
  std::unique_ptr<Question> question_;
  int silences_ = 0;
  std::string ailment_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_LOADER_PULSE_H_
