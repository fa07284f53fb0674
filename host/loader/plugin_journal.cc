#include "host/loader/plugin_journal.h"

#include <utility>

namespace madoguchi {
namespace {

using desk::v1::PluginRow;

constexpr std::chrono::minutes kBetweenIncidents(10);

// Empty while it is starting.
std::string StateOf(const PluginRow& row) {
  switch (row.state()) {
    case PluginRow::STATE_RUNNING:
      return "running, version " + row.version();
    case PluginRow::STATE_WAITING:
      return "ended, will be started again";
    case PluginRow::STATE_QUARANTINED:
      return "ended over and over, is started once a minute";
    // These two details are the host's own words.
    case PluginRow::STATE_REFUSED:
      return "refused: " + row.detail();
    case PluginRow::STATE_UNAPPROVED:
      return "not approved: " + row.detail();
    default:
      return "";
  }
}

}  // namespace

std::vector<std::string> PluginJournal::Take(const std::vector<PluginRow>& rows, Time now) {
  std::vector<std::string> lines;
  for (const PluginRow& row : rows) {
    Known& known = known_[row.name()];
    const std::string state = StateOf(row);
    if (!state.empty() && std::exchange(known.state, state) != state) {
      lines.push_back("plugin " + row.name() + ": " + state);
    }
    if (row.incident().empty()) continue;
    const auto& newest = *row.incident().rbegin();
    const std::string incident = std::to_string(newest.times()) + " " + newest.what();
    if (incident == known.newest_incident || now < known.quiet_until) continue;
    known.newest_incident = incident;
    known.quiet_until = now + kBetweenIncidents;
    lines.push_back("plugin " + row.name() + ": did what none should; see madoguchi plugins show " +
                    row.name());
  }
  return lines;
}

}  // namespace madoguchi
