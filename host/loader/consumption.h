#ifndef MADOGUCHI_HOST_LOADER_CONSUMPTION_H_
#define MADOGUCHI_HOST_LOADER_CONSUMPTION_H_

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace madoguchi {

// What a plugin's process takes of what is limited or everybody's, for the admin's list. Sets no
// limit itself: the jail does, and for the processor nobody. One thread uses it.
class Consumption {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Limits {
    int descriptors = 256;  // what the jail gives it
    std::chrono::milliseconds period{1000};
    // A plugin that takes most of a processor for so long is told of. None of ours needs a second.
    std::chrono::milliseconds whole_processor{10000};
  };

  // `pid` is a child whose status nobody has taken.
  Consumption(pid_t pid, const Limits& limits, Time now);

  // What is to be told, a sentence each in the past tense and without a subject; looks at the
  // process once a `period`, however often it is called.
  std::vector<std::string> Look(Time now);

 private:
  // How much of a processor it has taken since it began.
  std::chrono::nanoseconds ProcessorTime() const;
  int Descriptors() const;

  const pid_t pid_;
  const Limits limits_;
  Time next_;
  bool descriptors_told_ = false;
  Time counted_since_;
  std::chrono::nanoseconds processor_then_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_LOADER_CONSUMPTION_H_
