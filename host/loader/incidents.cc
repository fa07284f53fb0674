#include "host/loader/incidents.h"

#include <algorithm>

#include "sdk/failure/plain_line.h"

namespace madoguchi {

void Incidents::Add(const std::string& what) {
  const std::string sentence = PlainLine(what);
  std::lock_guard<std::mutex> lock(mutex_);
  desk::v1::PluginIncident incident;
  incident.set_what(sentence);
  const auto known = std::find_if(incidents_.begin(), incidents_.end(),
                                  [&](const auto& one) { return one.what() == sentence; });
  if (known != incidents_.end()) {
    incident = *known;
    incidents_.erase(known);
  }
  incident.set_times(incident.times() + 1);
  incident.set_last(clock_());
  incidents_.push_back(std::move(incident));
  if (incidents_.size() > kMost) incidents_.pop_front();
}

std::vector<desk::v1::PluginIncident> Incidents::list() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return {incidents_.begin(), incidents_.end()};
}

}  // namespace madoguchi
