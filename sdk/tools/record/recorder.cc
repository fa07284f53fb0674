#include "sdk/tools/record/recorder.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "sdk/conformance/plugin_process.h"
#include "sdk/conformance/reader_client.h"
#include "sdk/failure/failure.h"
#include "sdk/tools/record/card_play.h"

namespace madoguchi::record {
namespace {

using reader::v1::ReaderState;
using std::chrono::steady_clock;

// Puts what happens one after another, with the time between.
class Reel {
 public:
  explicit Reel(Taken* taken) : taken_(*taken) {}

  template <typename Kind>
  void Add(Kind kind) {
    const auto now = steady_clock::now();
    const auto after = std::chrono::duration_cast<std::chrono::microseconds>(now - last_);
    taken_.events.push_back({after, std::move(kind)});
    last_ = now;
  }
  void Rest() { last_ = steady_clock::now(); }

 private:
  Taken& taken_;
  steady_clock::time_point last_ = steady_clock::now();
};

bool IsThere(const ReaderState& state) {
  return state.presence() == reader::v1::PRESENCE_PRESENT ||
         state.presence() == reader::v1::PRESENCE_UNPOWERED;
}

// The reader of this name (any, if empty) on which there is a card, or is none.
std::optional<ReaderState> Await(conformance::ReaderClient& client, const std::string& name,
                                 bool there, std::chrono::milliseconds patience) {
  std::optional<ReaderState> found;
  client.Await(
      [&](const reader::v1::Snapshot& snapshot) {
        found.reset();
        for (const ReaderState& state : snapshot.reader()) {
          if (!name.empty() && state.name() != name) continue;
          if (IsThere(state) != there) {
            // Any reader may get the card, so none may have one before.
            if (name.empty() && !there) return false;
            continue;
          }
          found = state;
          if (there || !name.empty()) return true;
        }
        return found.has_value();
      },
      patience);
  return found;
}

}  // namespace

absl::Status Take(Request request, Taken* taken) {
  auto process = conformance::PluginProcess::StartFolder(request.plugin_folder, request.settings);
  if (!process.ok()) return process.status();
  conformance::ReaderClient client(**process);
  Reel reel(taken);

  const auto before = Await(client, request.reader, false, request.patience);
  if (!before) return absl::UnavailableError("no reader without a card is there");
  reel.Add(*before);
  request.cue(Request::Cue::kLayCard);
  const auto state = Await(client, request.reader, true, request.patience);
  if (!state) return absl::DeadlineExceededError("no card came");
  reel.Add(*state);

  const auto opened = client.Open(state->name(), state->insertion());
  reel.Add(Opened{opened.ok()
                      ? check::v1::FAILURE_CODE_UNSPECIFIED
                      : FailureOf(opened.status(), check::v1::FAILURE_CODE_CARD_BUSY).code()});
  if (!opened.ok()) return opened.status();
  CardLine line;
  line.transmit = [&](const Bytes& command) { return client.Transmit(opened->session(), command); };
  if (!request.pin.empty()) {
    line.verify_pin = [&](const Bytes& apdu_template) {
      Bytes pin(request.pin.bytes().begin(), request.pin.bytes().end());
      request.pin.Wipe();
      auto response = client.VerifyPin(opened->session(), apdu_template, pin);
      Wipe(pin);
      return response;
    };
  }
  const absl::Status played = PlayCheck(line, taken);
  reel.Rest();
  const absl::Status closed = client.Close(opened->session());
  reel.Add(Closed{});

  request.cue(Request::Cue::kTakeCard);
  // One that is left lying is left lying in the recording too.
  if (const auto gone = Await(client, state->name(), false, request.patience)) reel.Add(*gone);
  return played.ok() ? closed : played;
}

}  // namespace madoguchi::record
