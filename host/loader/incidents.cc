#include "host/loader/incidents.h"

#include <algorithm>

#include "sdk/failure/plain_line.h"

namespace madoguchi {

void Incidents::Add(const std::string& what) {
  const std::string sentence = PlainLine(what);
  std::lock_guard<std::mutex> lock(mutex_);
  const auto known = std::find_if(kept_.begin(), kept_.end(),
                                  [&](const Kept& one) { return one.incident.what() == sentence; });
  if (known != kept_.end()) {
    std::rotate(known, known + 1, kept_.end());
  } else {
    kept_.push_back({{}, kept_.size() < kFirst});
  }
  desk::v1::PluginIncident& incident = kept_.back().incident;
  incident.set_what(sentence);
  incident.set_times(incident.times() + 1);
  incident.set_last(clock_());
  if (kept_.size() < kMost) return;
  const auto oldest =
      std::find_if(kept_.begin(), kept_.end(), [](const Kept& one) { return !one.stays; });
  left_out_.set_what("did other things, which are left out here");
  left_out_.set_times(left_out_.times() + oldest->incident.times());
  left_out_.set_last(oldest->incident.last());
  kept_.erase(oldest);
}

std::vector<desk::v1::PluginIncident> Incidents::list() const {
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<desk::v1::PluginIncident> list;
  if (!left_out_.what().empty()) list.push_back(left_out_);
  for (const Kept& one : kept_) list.push_back(one.incident);
  return list;
}

}  // namespace madoguchi
