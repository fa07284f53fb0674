#ifndef MADOGUCHI_SDK_CONFORMANCE_LIVES_H_
#define MADOGUCHI_SDK_CONFORMANCE_LIVES_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sdk/conformance/plugin_process.h"
#include "sdk/conformance/report.h"

namespace madoguchi::conformance {

// The processes of one examination, and what they leave behind: their logs, how they ended, which
// system calls their jail denied. One thread uses it.
class Lives {
 public:
  Lives();
  ~Lives();

  // Keeps an eye on `process`. Whoever drops it last ends it.
  std::shared_ptr<PluginProcess> Follow(std::unique_ptr<PluginProcess> process, const Jail& jail);

  // A row is looked at between the two. EndRow returns `finding`, which says how a process ended
  // where one ended by itself and nobody got an answer from it.
  void BeginRow();
  Finding EndRow(Finding finding);

  // The whole log of each process that has ended.
  const std::vector<std::string>& logs() const;
  // Those of the processes that lived while a row failed, up to now.
  std::vector<std::string> LogsOfFailedRows() const;

  // The system calls that were denied so far, each with how often; nullopt when this system, or the
  // launcher, has told nobody.
  std::optional<std::map<std::string, int>> Denied() const;

 private:
  struct Trace;
  struct State;
  const std::shared_ptr<State> state_;
};

}  // namespace madoguchi::conformance

#endif  // MADOGUCHI_SDK_CONFORMANCE_LIVES_H_
