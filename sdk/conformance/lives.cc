#include "sdk/conformance/lives.h"

#include <mutex>
#include <utility>

#include "sdk/conformance/calls.h"
#include "sdk/launch/denied_calls.h"

namespace madoguchi::conformance {
namespace {

using std::chrono::milliseconds;

// A socket closes a moment before its process has ended.
constexpr milliseconds kEndAfterSocket(500);
// What gRPC has to say about one that is gone.
constexpr char kGone[] = "UNAVAILABLE";
constexpr char kLogEnds[] = "; its log ends: ";

std::string LastLine(std::string log) {
  while (!log.empty() && log.back() == '\n') log.pop_back();
  return log.empty() ? "; its log is empty" : kLogEnds + log.substr(log.rfind('\n') + 1);
}

bool Holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

struct Lives::Trace {
  PluginProcess* process = nullptr;  // null when it was dropped
  std::unique_ptr<DeniedCalls> denied;
  std::string log;          // whole, when it was dropped
  std::optional<int> fell;  // as PluginProcess::Fell
  bool in_row = true;
  bool in_failed_row = false;
  bool told = false;  // a row said how it fell
};

struct Lives::State {
  std::vector<std::unique_ptr<Trace>> traces;
  std::vector<std::string> logs;
  bool tells = false;
  mutable std::mutex mutex;
  std::map<std::string, int> denied;  // by `mutex`
};

Lives::Lives() : state_(std::make_shared<State>()) {}
Lives::~Lives() = default;

std::shared_ptr<PluginProcess> Lives::Follow(std::unique_ptr<PluginProcess> process,
                                             const Jail& jail) {
  Trace* const trace = state_->traces.emplace_back(std::make_unique<Trace>()).get();
  trace->process = process.get();
  Notices notices = process->TakeNotices();
  if (notices.socket.get() >= 0) {
    trace->denied = std::make_unique<DeniedCalls>(
        std::move(notices), jail, [state = state_.get()](const std::string& what) {
          const std::lock_guard<std::mutex> lock(state->mutex);
          ++state->denied[what];
        });
    state_->tells = trace->denied->AwaitListening(kStartPatience) || state_->tells;
  }
  return {process.release(), [state = state_, trace](PluginProcess* ended) {
            trace->log = ended->TakeLog();
            trace->fell = ended->Fell(milliseconds(0));
            trace->process = nullptr;
            trace->denied.reset();
            state->logs.push_back(trace->log);
            delete ended;
          }};
}

void Lives::BeginRow() {
  for (const auto& trace : state_->traces) trace->in_row = trace->process != nullptr;
}

Finding Lives::EndRow(Finding finding) {
  if (finding.outcome == Outcome::kPassed) return finding;
  const bool failed = finding.outcome == Outcome::kFailed;
  const size_t gone = finding.detail.find(kGone);
  Trace* fallen = nullptr;
  for (const auto& trace : state_->traces) {
    if (!trace->in_row) continue;
    trace->in_failed_row = trace->in_failed_row || failed;
    if (trace->process != nullptr) {
      const bool closed = gone != std::string::npos;
      trace->fell = trace->process->Fell(closed ? kEndAfterSocket : milliseconds(0));
      if (trace->fell) trace->log = trace->process->TakeLog();
    }
    if (trace->fell && (!trace->told || gone != std::string::npos)) fallen = trace.get();
  }
  if (fallen == nullptr || (!failed && gone == std::string::npos)) return finding;
  const std::string how = Words(fallen->fell);
  if (gone != std::string::npos) {
    finding.detail.resize(gone);
    finding.detail += how;
    if (failed) {
      finding.advice =
          "the process ended by itself in the middle of this row: its log says more (--log prints "
          "all of it), and --debug lets a debugger in";
    }
  } else if (!Holds(finding.detail, how)) {
    finding.detail += "; " + how;
  }
  if (!Holds(finding.detail, "; its log ")) finding.detail += LastLine(fallen->log);
  fallen->told = true;
  return finding;
}

const std::vector<std::string>& Lives::logs() const { return state_->logs; }

std::vector<std::string> Lives::LogsOfFailedRows() const {
  std::vector<std::string> logs;
  for (const auto& trace : state_->traces) {
    if (!trace->in_failed_row) continue;
    logs.push_back(trace->process != nullptr ? trace->process->log() : trace->log);
  }
  return logs;
}

std::optional<std::map<std::string, int>> Lives::Denied() const {
  if (!state_->tells) return std::nullopt;
  const std::lock_guard<std::mutex> lock(state_->mutex);
  return state_->denied;
}

}  // namespace madoguchi::conformance
