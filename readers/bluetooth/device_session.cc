// The session that has a device's card.
#include <chrono>
#include <utility>

#include "readers/bluetooth/device.h"

namespace madoguchi::bluetooth {
namespace {

using namespace check::v1;   // NOLINT: the failure codes.
using namespace reader::v1;  // NOLINT: presences.
using std::chrono::milliseconds;

// For the answer to a command that nobody waits for any more.
constexpr milliseconds kLatePatience(1'500);
// For all that is still to be said at the end: the process has 300 ms.
constexpr milliseconds kEndPatience(200);

absl::Status Failure(FailureCode code, const std::string& detail) {
  return FailureStatus(code, detail);
}

}  // namespace

void Device::Reply(absl::StatusOr<std::vector<uint8_t>> answer) {
  if (!awaited_) return;
  const Answer awaited = std::exchange(awaited_, nullptr);
  awaited(std::move(answer));
}

void Device::Hurry() {
  if (!under_way_ || orders_.front().order != Order::kTransmit) return;
  patience_.Start(kLatePatience, [this] {
    Break(Failure(FAILURE_CODE_READER_SILENT, "it does not answer a command"));
  });
}

void Device::Open(uint64_t session, uint64_t insertion, Answer answer) {
  if (!looked_) {
    return answer(Failure(FAILURE_CODE_READER_LOST, std::string(trouble_.message())));
  }
  if (presence_ == PRESENCE_ABSENT || insertion != insertion_) {
    return answer(Failure(FAILURE_CODE_CARD_GONE, "no card, or another one"));
  }
  if (presence_ == PRESENCE_UNPOWERED) {
    return answer(Failure(FAILURE_CODE_CARD_UNPOWERED, "the card gives no ATR"));
  }
  if (session_ != 0 && session_card_) {
    return answer(Failure(FAILURE_CODE_CARD_BUSY, "another session holds it"));
  }
  session_ = session;
  session_card_ = true;
  awaited_ = std::move(answer);
  Give(Order::kPowerOn, [this, session](const Event& event) {
    if (session_ != session) return;
    if (!session_card_) {
      // Answered when its card went. Of the next one the reader tells by itself.
      session_ = 0;
      if (event.kind == Event::Kind::kDone) Give(Order::kPowerOff, [](const Event&) {});
      return;
    }
    if (event.kind == Event::Kind::kFailed) {
      session_ = 0;
      const bool gone = CodeOf(event.status) == FAILURE_CODE_CARD_GONE;
      Reply(event.status);
      if (gone) return CardWent();
      return Give(Order::kAskSlot, [this](const Event& asked) {
        if (asked.kind == Event::Kind::kDone && asked.slot == Slot::kAbsent) CardWent();
      });
    }
    std::string atr(event.bytes.begin(), event.bytes.end());
    if (atr != atr_) {
      // Swapped, and the reader did not tell.
      session_ = 0;
      Give(Order::kPowerOff, [](const Event&) {});
      Reply(Failure(FAILURE_CODE_CARD_GONE, "another card lies there now"));
      lying_ = true;
      return Arrived(PRESENCE_PRESENT, std::move(atr));
    }
    Reply(event.bytes);
  });
}

void Device::Transmit(uint64_t session, Secret command, Answer answer) {
  if (session_ != session) {
    return answer(Failure(FAILURE_CODE_READER_LOST, "no such session"));
  }
  if (!session_card_) return answer(Failure(FAILURE_CODE_CARD_GONE, "the card was taken away"));
  if (awaited_) {
    return answer(Failure(FAILURE_CODE_REQUEST_INVALID, "this session is in an exchange"));
  }
  awaited_ = std::move(answer);
  Give(
      Order::kTransmit,
      [this, session](const Event& event) {
        if (session_ != session || !awaited_) return;
        if (event.kind == Event::Kind::kDone) return Reply(event.bytes);
        Reply(event.status);
        if (CodeOf(event.status) == FAILURE_CODE_CARD_GONE) LookWhatLies();
      },
      std::move(command));
}

void Device::Close(uint64_t session) {
  if (session == 0 || session_ != session) return;
  Reply(Failure(FAILURE_CODE_READER_LOST, "the session was closed"));
  session_ = 0;
  Hurry();
  if (ready_) Give(Order::kPowerOff, [](const Event&) {});
}

void Device::End(std::function<void()> ended) {
  suspended_ = true;
  again_.Stop();
  if (link_ == nullptr) return ended();
  ended_ = std::move(ended);
  const auto leave = [this] { Break(Failure(FAILURE_CODE_READER_LOST, "the plugin ends")); };
  // What was asked last may be to power off, too.
  if (!ready_ || (session_ == 0 && orders_.empty())) return leave();
  session_ = 0;
  again_.Start(kEndPatience, leave);
  Give(Order::kPowerOff, [leave](const Event&) { leave(); });
}

}  // namespace madoguchi::bluetooth
