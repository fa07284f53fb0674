#include "sdk/sim/bluez/firmware.h"

#include <algorithm>
#include <utility>

namespace madoguchi::bluez {
namespace {

// A host that sends more than this without waiting is not listened to.
constexpr size_t kMostWaiting = 16;

}  // namespace

void Firmware::LinkUp(Radio& radio) {
  LinkDown();
  radio_ = &radio;
  frames_ = answers_ = apdus_ = apdus_of_card_ = 0;
}

void Firmware::LinkDown() {
  radio_ = nullptr;
  if (with_card_) card_.Abandon();
  with_card_ = busy_ = false;
  due_.Stop();
  waiting_.clear();
  told_.clear();
  Forget();
}

void Firmware::Take(std::span<const uint8_t> piece) {
  if (radio_ == nullptr) return;
  Feed(piece);
  while (std::optional<Bytes> frame = NextFrame()) {
    if (waiting_.size() < kMostWaiting) waiting_.push_back(*std::move(frame));
  }
  Work();
}

void Firmware::Work() {
  while (radio_ != nullptr && !busy_ && !waiting_.empty()) {
    const Bytes frame = std::move(waiting_.front());
    waiting_.pop_front();
    ++frames_;
    if (frames_ == faults_.drop_at) {
      radio_->Drop();
      return;
    }
    if (faults_.silent_from != 0 && frames_ >= faults_.silent_from) continue;
    busy_ = true;
    Handle(frame);
  }
}

bool Firmware::SendToCard(std::span<const uint8_t> apdu) {
  ++apdus_;
  ++apdus_of_card_;
  if (apdus_of_card_ == faults_.drop_at_apdu) {
    radio_->Drop();
    return true;
  }
  if (!card_.Send(apdu)) return false;
  with_card_ = true;
  due_.Start(card_patience_, [this] {
    with_card_ = false;
    card_.Abandon();
    Answered(std::nullopt);
  });
  return true;
}

void Firmware::CardAnswered(Bytes response) {
  if (!std::exchange(with_card_, false)) return;
  due_.Stop();
  Answered(std::move(response));
}

void Firmware::CardArrived() {
  apdus_of_card_ = 0;
  if (radio_ != nullptr) CardChanged();
}

void Firmware::CardLeft() {
  if (std::exchange(with_card_, false)) {
    due_.Stop();
    Answered(std::nullopt);
  }
  if (radio_ != nullptr) CardChanged();
}

void Firmware::Answer(Bytes frame) {
  if (radio_ == nullptr) return;
  ++answers_;
  if (faults_.flip_every != 0 && answers_ % faults_.flip_every == 0 && !frame.empty()) {
    frame[frame.size() / 2] ^= 0x04;
  }
  const auto send = [this](const Bytes& whole) {
    CutAndNotify(Pipe::kAnswer, whole);
    busy_ = false;
    while (!told_.empty()) {
      const auto [pipe, later] = std::move(told_.front());
      told_.pop_front();
      CutAndNotify(pipe, later);
    }
    Work();
  };
  if (faults_.slow.count() == 0) {
    send(frame);
  } else {
    due_.Start(faults_.slow, [send, frame = std::move(frame)] { send(frame); });
  }
}

void Firmware::Tell(Pipe pipe, Bytes frame) {
  if (radio_ == nullptr) return;
  // Not between the parts of a conversation: the answer that is under way goes first.
  if (busy_ && !with_card_) {
    told_.emplace_back(pipe, std::move(frame));
  } else {
    CutAndNotify(pipe, frame);
  }
}

void Firmware::CutAndNotify(Pipe pipe, const Bytes& frame) {
  for (size_t at = 0; radio_ != nullptr && at < frame.size();) {
    const size_t size = std::min(frame.size() - at, radio_->mtu() - 3);
    const auto from = frame.begin() + static_cast<ptrdiff_t>(at);
    radio_->Notify(pipe, Bytes(from, from + static_cast<ptrdiff_t>(size)));
    at += size;
  }
}

}  // namespace madoguchi::bluez
