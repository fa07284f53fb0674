#include "readers/bluetooth/device.h"

#include <algorithm>
#include <utility>

namespace madoguchi::bluetooth {
namespace {

using namespace check::v1;   // NOLINT: the failure codes.
using namespace reader::v1;  // NOLINT: presences.
using std::chrono::milliseconds;

constexpr milliseconds kShortestPause(500), kLongestPause(15'000);
// After a refused key or a failed pairing: a reader counts wrong tries, and locks.
constexpr milliseconds kRefusedPause(30'000);
// A link that held as long was a good one.
constexpr milliseconds kGoodLink(10'000);

constexpr milliseconds kGreetingPatience(15'000);
// The host gives a call 5 s: it is to hear from here that the reader is silent, and not the card.
constexpr milliseconds kOrderPatience(4'000);
// A signature takes a card a second; readers give up long before this.
constexpr milliseconds kTransmitPatience(30'000);
// The reader looks for cards a few times a second: what it finds in this time lay there before.
constexpr milliseconds kFirstLook(1'000);
// Powering a card off makes the reader look for it anew, and it may tell of the same one again.
constexpr milliseconds kSameCardGrace(1'500);

absl::Status Failure(FailureCode code, const std::string& detail) {
  return FailureStatus(code, detail);
}

}  // namespace

Device::Device(Bluez& bluez, Loop& loop, const Objects& objects, std::string name,
               CodecMaker make_codec, std::function<void()> changed)
    : bluez_(bluez),
      loop_(loop),
      objects_(objects),
      name_(std::move(name)),
      make_codec_(std::move(make_codec)),
      changed_(std::move(changed)),
      trouble_(Failure(FAILURE_CODE_READER_OUT_OF_RANGE, "not found yet")),
      pause_(kShortestPause),
      again_(loop),
      patience_(loop),
      look_(loop) {}

Device::~Device() = default;

ReaderState Device::State() const {
  ReaderState state;
  state.set_name(name_);
  state.set_link(LINK_BLUETOOTH);
  state.set_maker(maker_);
  state.set_insertion(insertion_);
  if (!looked_) {
    *state.mutable_trouble() = FailureOf(trouble_, FAILURE_CODE_READER_OUT_OF_RANGE);
    return state;
  }
  state.set_presence(presence_);
  if (battery_) state.set_battery_percent(*battery_);
  if (presence_ == PRESENCE_ABSENT) return state;
  state.set_lying(lying_);
  state.set_atr(atr_);
  return state;
}

void Device::Found(const std::string& path) {
  // Another adapter took over: of the old path nothing more is told.
  if (path != path_) Break(Failure(FAILURE_CODE_READER_OUT_OF_RANGE, "its adapter went away"));
  path_ = path;
  suspended_ = false;
  if (link_ != nullptr) return;
  if (!again_.running()) return Connect();
  // It was heard: no need to wait as long as for one that is far away.
  if (CodeOf(trouble_) == FAILURE_CODE_READER_OUT_OF_RANGE && pause_ > 2 * kShortestPause) {
    pause_ = kShortestPause;
    TryAgainLater();
  }
}

void Device::Connect() {
  if (suspended_ || link_ != nullptr || objects_.count(path_) == 0) return;
  link_ = std::make_unique<Link>(bluez_, loop_, objects_, path_, *this);
  changed_();  // A search ends before the call that it would be in the way of.
  link_->Connect();
}

void Device::TryAgainLater() {
  const FailureCode code = CodeOf(trouble_);
  const bool refused =
      code == FAILURE_CODE_READER_KEY_WRONG || code == FAILURE_CODE_READER_PAIRING_FAILED;
  again_.Start(refused ? kRefusedPause : pause_, [this] { Connect(); });
  pause_ = std::min(pause_ * 2, kLongestPause);
}

void Device::Suspend(const absl::Status& why) {
  suspended_ = true;
  if (link_ != nullptr) {
    LinkDown(why);
  } else {
    trouble_ = why;
  }
  again_.Stop();
  pause_ = kShortestPause;
  changed_();
}

void Device::Changed(const std::string& path, const std::string& interface,
                     const Properties& changed) {
  const auto note = [&](const char* property) {
    const auto at = changed.find(property);
    if (at == changed.end()) return;
    const auto* const bytes = std::get_if<std::vector<uint8_t>>(&at->second);
    const auto* const number = std::get_if<int64_t>(&at->second);
    const int64_t level = number != nullptr                        ? *number
                          : bytes != nullptr && bytes->size() == 1 ? bytes->front()
                                                                   : -1;
    if (level < 0 || level > 100) return;
    battery_ = static_cast<uint32_t>(level);
    changed_();
  };
  if (path == path_ && interface == kBattery) note("Percentage");
  if (!pipe_.battery.empty() && path == pipe_.battery) note("Value");
  if (link_ != nullptr) link_->Changed(path, interface, changed);
}

void Device::LinkUp(const Pipe& pipe) {
  pipe_ = pipe;
  maker_ = pipe.family->maker;
  codec_ = make_codec_(*pipe.family);
  if (codec_ == nullptr) {
    return Break(Failure(FAILURE_CODE_READER_LOST, "no memory is left for its key"));
  }
  patience_.Start(kGreetingPatience,
                  [this] { Break(Failure(FAILURE_CODE_READER_SILENT, "it does not greet")); });
  codec_->Begin();
  Drain();
  ReadBattery();
}

void Device::ReadBattery() {
  // bluetoothd takes the battery service for itself, where it can.
  const int64_t level = ValueOr<int64_t>(objects_, path_, kBattery, "Percentage", -1);
  if (level >= 0 && level <= 100) battery_ = static_cast<uint32_t>(level);
  if (pipe_.battery.empty()) return;
  const std::string battery = pipe_.battery;
  bluez_.Read(battery, leash_.Wrap(std::function<void(const CallError*, std::vector<uint8_t>)>(
                           [this, battery](const CallError* error, std::vector<uint8_t> bytes) {
                             if (error == nullptr) {
                               Changed(battery, kCharacteristic, {{"Value", std::move(bytes)}});
                             }
                           })));
  bluez_.Call(battery, kCharacteristic, "StartNotify", kOrderPatience, [](const CallError*) {});
}

void Device::LinkHeard(std::span<const uint8_t> piece, bool status) {
  if (codec_ == nullptr) return;
  if (status) {
    codec_->ReceiveStatus(piece);
  } else {
    codec_->Receive(piece);
  }
  Drain();
}

void Device::Drain() {
  while (codec_ != nullptr) {
    if (auto frame = codec_->TakeFrame()) {
      link_->Send(*std::move(frame));
    } else if (auto event = codec_->TakeEvent()) {
      Heard(*std::move(event));
    } else {
      return;
    }
  }
}

void Device::Heard(Event event) {
  switch (event.kind) {
    case Event::Kind::kReady:
      return Ready();
    case Event::Kind::kCard:
      if (!event.present) return CardWent();
      return CardCame(!looked_);
    case Event::Kind::kDone:
    case Event::Kind::kFailed:
      return Finish(event);
    case Event::Kind::kBroken:
      return Break(event.status);
  }
}

void Device::Break(const absl::Status& why) {
  if (link_ != nullptr) link_->Drop(why);
}

void Device::LinkDown(const absl::Status& why) {
  const bool good = ready_ && loop_.Now() - ready_at_ > kGoodLink;
  link_.reset();
  pipe_ = Pipe();
  ForgetReader();
  trouble_ = why;
  const bool down = CodeOf(why) == FAILURE_CODE_READER_SERVICE_DOWN;
  Reply(Failure(down ? FAILURE_CODE_READER_SERVICE_DOWN : FAILURE_CODE_READER_LOST,
                std::string(why.message())));
  session_ = 0;
  if (good) pause_ = kShortestPause;
  if (!suspended_) TryAgainLater();
  changed_();
  if (ended_) std::exchange(ended_, nullptr)();
}

void Device::LinkPairs() {
  ForgetReader();
  trouble_ = Failure(FAILURE_CODE_READER_OUT_OF_RANGE, "it is being paired");
  changed_();
}

void Device::ForgetReader() {
  codec_.reset();
  leash_.Cut();
  patience_.Stop();
  look_.Stop();
  orders_.clear();
  ready_ = asked_slot_ = looked_ = under_way_ = card_ = powering_ = false;
  presence_ = PRESENCE_UNSPECIFIED;
  battery_.reset();
}

void Device::Ready() {
  patience_.Stop();
  ready_ = true;
  ready_at_ = loop_.Now();
  presence_ = PRESENCE_ABSENT;
  // In front of all that the reader may have told already. The card may have been left on by
  // whoever was here before, with who knows what PIN verified.
  orders_.push_front({Order::kAskSlot, {}, [this](const Event& event) {
                        asked_slot_ = true;
                        look_.Start(kFirstLook, [this] {
                          if (!powering_) Looked();
                        });
                        if (event.kind != Event::Kind::kDone || card_) return;
                        if (event.slot != Slot::kAbsent) CardCame(true);
                      }});
  orders_.push_front({Order::kPowerOff, {}, [](const Event&) {}});
  Next();
}

void Device::Looked() {
  look_.Stop();
  looked_ = true;
  trouble_ = absl::OkStatus();
  changed_();
}

void Device::CardCame(bool lying) {
  if (card_) {
    const bool powering_off = under_way_ && orders_.front().order == Order::kPowerOff;
    if (powering_ || powering_off || loop_.Now() - powered_off_at_ < kSameCardGrace) return;
    // The news that the last one went was lost, and so was the time when this one came.
    CardWent();
    lying = true;
  }
  card_ = true;
  lying_ = lying;
  powering_ = true;
  Power(1);
}

void Device::CardWent() {
  card_ = powering_ = false;
  if (ready_) presence_ = PRESENCE_ABSENT;
  session_card_ = false;
  if (awaited_) {
    Reply(Failure(FAILURE_CODE_CARD_GONE, "the card was taken away"));
    Hurry();
  }
  if (looked_) {
    changed_();
  } else if (asked_slot_ && !look_.running()) {
    Looked();
  }
}

void Device::Power(int tries_left) {
  Give(Order::kPowerOn, [this, tries_left](const Event& event) {
    if (event.kind == Event::Kind::kDone) {
      // Behind a session's PowerOn it would end the session; Open and Close give one then.
      if (session_ == 0 || !session_card_) Give(Order::kPowerOff, [](const Event&) {});
      if (powering_) Arrived(PRESENCE_PRESENT, std::string(event.bytes.begin(), event.bytes.end()));
      return;
    }
    if (!powering_) return;
    Give(Order::kAskSlot, [this, tries_left](const Event& asked) {
      if (!powering_) return;
      if (asked.kind == Event::Kind::kDone && asked.slot == Slot::kAbsent) return CardWent();
      if (tries_left > 0) return Power(tries_left - 1);
      Arrived(PRESENCE_UNPOWERED, "");
    });
  });
}

void Device::LookWhatLies() {
  session_card_ = false;
  Give(Order::kAskSlot, [this](const Event& event) {
    if (event.kind != Event::Kind::kDone || !card_ || powering_) return;
    // Lifted and laid down again too quickly to be told of; or another card, for all we know.
    CardWent();
    if (event.slot != Slot::kAbsent) CardCame(true);
  });
}

void Device::Arrived(Presence presence, std::string atr) {
  powering_ = false;
  ++insertion_;
  presence_ = presence;
  atr_ = std::move(atr);
  Looked();
}

void Device::Give(Order order, Then then, Secret command) {
  orders_.push_back({order, std::move(command), std::move(then)});
  Next();
}

void Device::Next() {
  if (!ready_ || under_way_ || orders_.empty()) return;
  under_way_ = true;
  Ordered& first = orders_.front();
  patience_.Start(first.order == Order::kTransmit ? kTransmitPatience : kOrderPatience, [this] {
    Break(Failure(FAILURE_CODE_READER_SILENT, "it does not answer a command"));
  });
  switch (first.order) {
    case Order::kPowerOn:
      codec_->PowerOn();
      break;
    case Order::kPowerOff:
      codec_->PowerOff();
      break;
    case Order::kAskSlot:
      codec_->AskSlot();
      break;
    case Order::kTransmit:
      codec_->Transmit(std::as_const(first.command).bytes());
      first.command.Wipe();
      break;
  }
  Drain();
}

void Device::Finish(const Event& event) {
  if (!under_way_ || orders_.empty()) return;
  patience_.Stop();
  under_way_ = false;
  const Ordered done = std::move(orders_.front());
  orders_.pop_front();
  if (done.order == Order::kPowerOff) powered_off_at_ = loop_.Now();
  done.then(event);
  Next();
}

}  // namespace madoguchi::bluetooth
