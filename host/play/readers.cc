#include "host/play/readers.h"

#include <algorithm>
#include <cstdio>

#include "sdk/failure/failure.h"

namespace madoguchi::play {

using namespace check::v1;  // NOLINT: the codes.
using namespace std::chrono_literals;

namespace {

constexpr uint8_t kSign = 0x2A;  // PERFORM SECURITY OPERATION

class Session final : public CardSession {
 public:
  Session(std::shared_ptr<Stay> stay, CallLimits limits)
      : stay_(std::move(stay)), limits_(std::move(limits)) {}
  ~Session() override {
    std::lock_guard<std::mutex> lock(stay_->mutex);
    stay_->card->Reset();
    stay_->trace.push_back("RESET");
  }

  absl::StatusOr<std::vector<uint8_t>> Transmit(std::span<const uint8_t> command) override {
    char line[16];
    std::snprintf(line, sizeof(line), "%02X %02X%02X", command[1], command[2], command[3]);
    return Exchange(command, line);
  }

  absl::StatusOr<std::vector<uint8_t>> VerifyPin(std::span<const uint8_t> apdu_template,
                                                 Secret* pin) override {
    std::vector<uint8_t> command(apdu_template.begin(), apdu_template.end());
    std::span<const uint8_t> typed = pin->bytes();
    constexpr uint8_t kWrong[] = {'0', '0', '0', '0'};
    if (const std::optional<bool> right = NextTyped()) {
      pin->Wipe();
      typed = *right ? std::span<const uint8_t>(kPin) : std::span<const uint8_t>(kWrong);
    }
    command[4] = static_cast<uint8_t>(typed.size());
    command.insert(command.end(), typed.begin(), typed.end());
    return Exchange(command, "VERIFY");
  }

  absl::StatusOr<std::vector<std::vector<uint8_t>>> VerifyAtPadAndTransmitAll(
      std::span<const uint8_t> apdu_template, const PadForm& form,
      std::span<const std::vector<uint8_t>> commands) override {
    {
      std::unique_lock<std::mutex> lock(stay_->mutex);
      const auto time = std::min<std::chrono::milliseconds>(stay_->pad_time, form.patience);
      stay_->taken.wait_for(lock, limits_.cancelled, time, [&] { return stay_->gone; });
      if (limits_.cancelled.stop_requested()) return FailureStatus(FAILURE_CODE_CANCELLED);
      if (stay_->gone) return FailureStatus(FAILURE_CODE_CARD_GONE);
      if (stay_->pad_time > form.patience) return FailureStatus(FAILURE_CODE_PIN_NOT_TYPED);
      if (stay_->pad_fails != FAILURE_CODE_UNSPECIFIED) return FailureStatus(stay_->pad_fails);
    }
    auto typed = Secret::OfSize(sizeof(kPin));
    if (!typed.ok()) return typed.status();
    std::copy(std::begin(kPin), std::end(kPin), typed->bytes().begin());
    return VerifyPinAndTransmitAll(apdu_template, &*typed, commands);
  }

 private:
  absl::StatusOr<std::vector<uint8_t>> Exchange(std::span<const uint8_t> command,
                                                const std::string& line) {
    if (limits_.cancelled.stop_requested()) return FailureStatus(FAILURE_CODE_CANCELLED);
    std::unique_lock<std::mutex> lock(stay_->mutex);
    if (stay_->gone) return FailureStatus(FAILURE_CODE_CARD_GONE);
    stay_->trace.push_back(line);
    const int number =
        static_cast<int>(std::count_if(stay_->trace.begin(), stay_->trace.end(),
                                       [](const std::string& entry) { return entry != "RESET"; }));
    const bool silent = stay_->silent_from != 0 && number >= stay_->silent_from;
    const bool signs = command[1] == kSign;
    const auto time =
        silent ? limits_.timeout : stay_->apdu_time + (signs ? stay_->signature_time : 0ms);
    if (absl::Status passed = Pause(lock, time); !passed.ok()) return passed;
    if (stay_->instead) {
      lock.unlock();
      if (auto answer = stay_->instead(number)) return *answer;
      lock.lock();
    }
    return stay_->card->Transmit(command);
  }

  // `lock` is the stay's; it is let go meanwhile.
  absl::Status Pause(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds time) {
    if (time <= 0ms) return absl::OkStatus();
    stay_->taken.wait_for(lock, limits_.cancelled, std::min(time, limits_.timeout),
                          [&] { return stay_->gone; });
    if (limits_.cancelled.stop_requested()) return FailureStatus(FAILURE_CODE_CANCELLED);
    if (stay_->gone) return FailureStatus(FAILURE_CODE_CARD_GONE);
    if (time >= limits_.timeout) return FailureStatus(FAILURE_CODE_CARD_SILENT);
    return absl::OkStatus();
  }

  // Whether the PIN that was typed now counts as right; nothing where the PIN itself counts.
  std::optional<bool> NextTyped() {
    std::lock_guard<std::mutex> lock(stay_->mutex);
    if (!stay_->typed_right) return std::nullopt;
    if (stay_->typed_right->empty()) return true;
    const bool right = stay_->typed_right->front();
    stay_->typed_right->pop_front();
    return right;
  }

  const std::shared_ptr<Stay> stay_;
  const CallLimits limits_;
};

}  // namespace

void Readers::Plug(const std::string& reader, bool pin_pad) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    slots_[reader].pin_pad = pin_pad;
    slots_[reader].trouble = check::v1::FAILURE_CODE_UNSPECIFIED;
  }
  Tell();
}

void Readers::PlugInTrouble(const std::string& reader, check::v1::FailureCode why) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    slots_[reader] = {};
    slots_[reader].trouble = why;
  }
  Tell();
}

void Readers::Unplug(const std::string& reader) {
  Take(reader);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    slots_.erase(reader);
  }
  Tell();
}

std::shared_ptr<Stay> Readers::Lay(const std::string& reader, std::unique_ptr<sim::Card> card,
                                   bool lying, reader::v1::Presence presence) {
  auto stay = std::make_shared<Stay>();
  stay->card = std::move(card);
  Lay({{reader, stay}}, lying, presence);
  return stay;
}

void Readers::Lay(const std::map<std::string, std::shared_ptr<Stay>>& stays, bool lying,
                  reader::v1::Presence presence) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& [reader, stay] : stays) {
      Slot& slot = slots_[reader];
      slot.stay = stay;
      ++slot.insertion;
      slot.lying = lying;
      slot.presence = presence;
    }
  }
  Tell();
}

void Readers::Take(const std::string& reader) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto found = slots_.find(reader);
    if (found == slots_.end()) return;
    Slot& slot = found->second;
    if (slot.stay != nullptr) {
      std::lock_guard<std::mutex> card(slot.stay->mutex);
      slot.stay->gone = true;
      slot.stay->taken.notify_all();
    }
    slot.stay = nullptr;
    slot.presence = reader::v1::PRESENCE_ABSENT;
  }
  Tell();
}

void Readers::Restart() {
  table_.Remove(plugin_, "its plugin is not running");
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ++generation_;
    for (auto& [name, slot] : slots_) {
      slot.insertion = slot.stay != nullptr ? 1 : 0;
      slot.lying = slot.stay != nullptr;
    }
  }
  Tell();
}

void Readers::ServiceDown() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    service_ = reader::v1::SERVICE_DOWN;
    slots_.clear();
  }
  Tell();
}

void Readers::ServiceUp() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    service_ = reader::v1::SERVICE_RUNNING;
  }
  Tell();
}

void Readers::Tell() {
  reader::v1::Snapshot snapshot;
  uint64_t generation = 0;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    generation = generation_;
    snapshot.set_service(service_);
    for (const auto& [name, slot] : slots_) {
      auto* state = snapshot.add_reader();
      state->set_name(name);
      state->set_presence(slot.presence);
      state->set_insertion(slot.insertion);
      state->set_lying(slot.lying);
      state->set_pin_pad(slot.pin_pad);
      if (slot.trouble == check::v1::FAILURE_CODE_UNSPECIFIED) continue;
      state->set_presence(reader::v1::PRESENCE_UNSPECIFIED);
      state->mutable_trouble()->set_code(slot.trouble);
    }
    // Inside the lock, so that two changes do not overtake each other.
    table_.Update(plugin_, generation, snapshot);
  }
}

absl::StatusOr<std::unique_ptr<CardSession>> Readers::Open(const CardSeen& card,
                                                           const CallLimits& limits) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = slots_.find(card.reader);
  if (found == slots_.end() || card.generation != generation_) {
    return FailureStatus(FAILURE_CODE_READER_LOST, card.place());
  }
  if (found->second.stay == nullptr || found->second.insertion != card.insertion) {
    return FailureStatus(FAILURE_CODE_CARD_GONE, card.place());
  }
  return std::make_unique<Session>(found->second.stay, limits);
}

}  // namespace madoguchi::play
