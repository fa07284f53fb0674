#ifndef MADOGUCHI_HOST_LOADER_PLUGIN_JOURNAL_H_
#define MADOGUCHI_HOST_LOADER_PLUGIN_JOURNAL_H_

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "madoguchi/desk/v1/desk.pb.h"

namespace madoguchi {

// What changed with the plugins, for the host's log. No word of a plugin's own process is in it,
// because that may have been told a PIN; the admin's list has those. Not thread-safe.
class PluginJournal {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // A line for each plugin whose state is another than in the rows before, and for each one with
  // new incidents, of one plugin at most one in ten minutes. A start under way has no line.
  std::vector<std::string> Take(const std::vector<desk::v1::PluginRow>& rows, Time now);

 private:
  struct Known {
    std::string state;
    std::string newest_incident;
    Time quiet_until = Time::min();
  };
  std::map<std::string, Known> known_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_LOADER_PLUGIN_JOURNAL_H_
