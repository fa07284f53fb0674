#include "readers/nfc/nfc_slot.h"

#include <algorithm>
#include <utility>

#include "sdk/failure/failure.h"

namespace madoguchi::nfc {
namespace {

using namespace check::v1;  // NOLINT: the failure codes.
using reader::v1::PRESENCE_ABSENT;
using reader::v1::PRESENCE_PRESENT;
using reader::v1::PRESENCE_UNSPECIFIED;
using std::chrono::milliseconds;

// In a row: the card is gone, or the chip is.
constexpr int kMostFaults = 2;
// libnfc loses an abort before the chip has acknowledged the command, and with it a descriptor: not
// at once, and once only.
constexpr milliseconds kBeforeAbort(3), kUntilCut(40);

absl::Status NoSuchSession() { return FailureStatus(FAILURE_CODE_READER_LOST, "no such session"); }

absl::Status Cancelled() { return FailureStatus(FAILURE_CODE_CANCELLED, "the session was closed"); }

}  // namespace

NfcSlot::NfcSlot(NfcPorts& ports, std::string path, Timing timing, std::function<void()> changed)
    : ports_(ports),
      path_(std::move(path)),
      name_("NFC " + path_),
      timing_(timing),
      changed_(std::move(changed)),
      retry_(timing.first_retry) {
  state_.set_name(name_);
  state_.set_link(reader::v1::LINK_SERIAL);
  thread_ = std::make_unique<WipedThread>([this] { Run(); });
}

NfcSlot::~NfcSlot() {
  Stop();
  AwaitStopped(kUntilCut);
  thread_.reset();
}

std::optional<reader::v1::ReaderState> NfcSlot::State() const {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!seen_) return std::nullopt;
  return state_;
}

template <typename Change>
void NfcSlot::Update(Change change) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    change(state_);
    seen_ = true;
    changed_here_.notify_all();
  }
  changed_();
}

void NfcSlot::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_) {
    const auto wanted = [&] {
      return stopping_ || (device_ != nullptr && (reset_wanted_ || job_ != nullptr));
    };
    if (!changed_here_.wait_until(lock, next_look_, wanted)) {
      lock.unlock();
      device_ == nullptr ? TryToOpen() : Look();
      lock.lock();
      continue;
    }
    if (stopping_) break;
    if (reset_wanted_) {
      lock.unlock();
      Reset();
      lock.lock();
      reset_wanted_ = false;
      changed_here_.notify_all();
    } else {
      const std::shared_ptr<Job> job = job_;
      lock.unlock();
      Do(job);
      lock.lock();
    }
  }
  lock.unlock();
  device_.reset();
  lock.lock();
  stopped_ = true;
  changed_here_.notify_all();
}

void NfcSlot::TryToOpen() {
  auto device = ports_.Open(path_);
  if (!device.ok()) {
    Unusable(device.status());
    next_look_ = Clock::now() + retry_;
    retry_ = std::min(2 * retry_, timing_.last_retry);
    return;
  }
  device_ = *std::move(device);
  retry_ = timing_.first_retry;
  first_look_ = true;
  faults_ = 0;
  LookForCard();
  if (device_ == nullptr) return;
  Update([&](reader::v1::ReaderState& state) {
    state.clear_trouble();
    state.set_maker(device_->chip());
    if (state.presence() != PRESENCE_PRESENT) state.set_presence(PRESENCE_ABSENT);
  });
}

void NfcSlot::Look() {
  bool present;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    present = state_.presence() == PRESENCE_PRESENT;
  }
  present ? PingCard() : LookForCard();
}

void NfcSlot::LookForCard() {
  std::vector<uint8_t> atr;
  const Outcome outcome = device_->Find(&atr);
  Looked(outcome, atr);
}

void NfcSlot::Looked(Outcome outcome, const std::vector<uint8_t>& atr) {
  next_look_ = Clock::now() + timing_.poll;
  if (outcome == Outcome::kDone) {
    faults_ = 0;
    next_look_ = Clock::now() + timing_.ping;
    Update([&](reader::v1::ReaderState& state) {
      state.clear_trouble();
      state.set_maker(device_->chip());
      state.set_presence(PRESENCE_PRESENT);
      state.set_insertion(state.insertion() + 1);
      state.set_lying(first_look_);
      state.set_atr(atr.data(), atr.size());
    });
  } else if (outcome != Outcome::kNoCard) {
    GiveUp(outcome);
    return;
  }
  faults_ = 0;
  first_look_ = false;
}

void NfcSlot::PingCard() {
  const Outcome outcome = device_->Ping();
  next_look_ = Clock::now() + timing_.ping;
  if (outcome == Outcome::kDone) {
    faults_ = 0;
  } else if (outcome == Outcome::kCardGone) {
    LoseCard(FailureStatus(FAILURE_CODE_CARD_GONE, "the card does not answer any more"));
  } else {
    GiveUp(outcome);
  }
}

bool NfcSlot::SwitchOff() {
  Outcome outcome = device_->FieldOff();
  // A chip that was interrupted may owe an answer.
  if (outcome != Outcome::kDone && outcome != Outcome::kLost) outcome = device_->FieldOff();
  if (outcome == Outcome::kDone) return true;
  faults_ = kMostFaults;
  GiveUp(outcome);
  return false;
}

void NfcSlot::LoseCard(const absl::Status& why) {
  // It may lie there still, with a PIN verified.
  if (!SwitchOff()) return;
  first_look_ = true;
  // Before anybody hears that it is gone: what is laid down upon that is fresh.
  std::vector<uint8_t> atr;
  const Outcome outcome = device_->Find(&atr);
  CardGone(why);
  Looked(outcome, atr);
}

bool NfcSlot::GiveUp(Outcome outcome) {
  if (outcome != Outcome::kLost && ++faults_ < kMostFaults) return false;
  Unusable(FailureStatus(outcome == Outcome::kLost     ? FAILURE_CODE_READER_PORT_ABSENT
                         : outcome == Outcome::kSilent ? FAILURE_CODE_READER_SILENT
                                                       : FAILURE_CODE_READER_ANSWER_INVALID,
                         path_));
  device_.reset();
  next_look_ = Clock::now() + timing_.first_retry;
  return true;
}

void NfcSlot::Unusable(const absl::Status& why) {
  Update([&](reader::v1::ReaderState& state) {
    // A session's card is lost with the device; the host is told that the reader is.
    if (session_ != 0 && lost_.ok()) {
      lost_ = FailureStatus(FAILURE_CODE_READER_LOST, std::string(why.message()));
    }
    if (job_ != nullptr) {
      job_->status = FailureStatus(FAILURE_CODE_READER_LOST, std::string(why.message()));
      job_->done = true;
      job_ = nullptr;
    }
    reset_wanted_ = false;
    state.set_presence(PRESENCE_UNSPECIFIED);
    state.set_lying(false);
    state.clear_atr();
    *state.mutable_trouble() = FailureOf(why, FAILURE_CODE_READER_LOST);
  });
}

void NfcSlot::CardGone(const absl::Status& why) {
  Update([&](reader::v1::ReaderState& state) {
    if (session_ != 0 && lost_.ok()) lost_ = why;
    // What the session still wanted was for that card, and not for the one that is found next.
    if (job_ != nullptr) {
      job_->status = why;
      job_->done = true;
      job_ = nullptr;
    }
    state.set_presence(PRESENCE_ABSENT);
    state.set_lying(false);
    state.clear_atr();
  });
  // It may have been swapped for another one.
  next_look_ = Clock::now();
}

absl::Status NfcSlot::FailureAfter(Outcome outcome) {
  switch (outcome) {
    case Outcome::kAborted:
      return Cancelled();
    case Outcome::kTooLong:
      return FailureStatus(FAILURE_CODE_CARD_ANSWER_INVALID, "longer than a short APDU's answer");
    case Outcome::kSilent:
      return FailureStatus(FAILURE_CODE_READER_SILENT, "no answer of the chip");
    case Outcome::kGarbled:
      return FailureStatus(FAILURE_CODE_READER_ANSWER_INVALID, "the chip's answer is none");
    case Outcome::kLost:
      return FailureStatus(FAILURE_CODE_READER_LOST, "the device was unplugged");
    default:
      return FailureStatus(FAILURE_CODE_CARD_GONE, "the card does not answer any more");
  }
}

void NfcSlot::Do(const std::shared_ptr<Job>& job) {
  absl::Status status;
  std::vector<uint8_t> answer;
  Outcome outcome;
  bool card_silent = false;
  if (job->kind == Job::Kind::kOpen) {
    outcome = device_->Ping();
    // One that is slow to answer is found out by the first command.
    if (outcome == Outcome::kSilent || outcome == Outcome::kGarbled) outcome = Outcome::kDone;
  } else {
    const bool secret = !job->secret.empty();
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (job->abandoned) return;
      in_exchange_ = true;
      exchange_begin_ = Clock::now();
    }
    outcome = device_->Exchange(secret ? std::span<const uint8_t>(job->secret.bytes())
                                       : std::span<const uint8_t>(job->command),
                                timing_.exchange, &answer);
    if (secret) {
      job->secret.Wipe();
      thread_->WipeUnused();
    }
    bool unwanted;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      in_exchange_ = false;
      unwanted = job->abandoned || stopping_;
      changed_here_.notify_all();
    }
    if (unwanted && outcome != Outcome::kDone && outcome != Outcome::kLost) {
      // However it was ended: the card is reset, or the device closed.
      outcome = Outcome::kAborted;
    } else if (outcome == Outcome::kSilent) {
      // The card is, where the chip itself is well.
      const Outcome ping = device_->Ping();
      card_silent = ping == Outcome::kDone || ping == Outcome::kCardGone;
      if (!card_silent) outcome = ping;
    }
  }
  if (outcome == Outcome::kDone && job->kind == Job::Kind::kExchange && answer.size() < 2) {
    status = FailureStatus(FAILURE_CODE_CARD_ANSWER_INVALID, "no SW1 SW2");
  } else if (card_silent) {
    status = FailureStatus(FAILURE_CODE_CARD_SILENT, "no answer of the card");
  } else if (outcome != Outcome::kDone) {
    status = FailureAfter(outcome);
  }
  next_look_ = Clock::now() + timing_.ping;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    job->status = status;
    job->answer = std::move(answer);
    job->done = true;
    if (job_ == job) job_ = nullptr;
    if (outcome != Outcome::kDone && session_ != 0 && lost_.ok()) lost_ = status;
    changed_here_.notify_all();
  }
  if (outcome == Outcome::kDone) {
    faults_ = 0;
    return;
  }
  if (outcome == Outcome::kAborted) return;
  if (outcome == Outcome::kLost || (outcome == Outcome::kSilent && !card_silent)) {
    faults_ = kMostFaults;
    GiveUp(outcome);
    return;
  }
  // Nobody knows what the card did: it forgets everything, and what lies there then lies.
  LoseCard(status);
}

void NfcSlot::Reset() {
  if (!SwitchOff()) return;
  std::vector<uint8_t> atr;
  Outcome outcome = device_->Find(&atr);
  // A card may wake slowly.
  if (outcome != Outcome::kDone && outcome != Outcome::kLost) outcome = device_->Find(&atr);
  bool present;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    present = state_.presence() == PRESENCE_PRESENT;
  }
  next_look_ = Clock::now() + timing_.ping;
  if (outcome == Outcome::kDone && present) return;
  if (outcome == Outcome::kNoCard && present) {
    LoseCard(FailureStatus(FAILURE_CODE_CARD_GONE, "gone at the reset"));
  } else if (outcome == Outcome::kDone || outcome == Outcome::kNoCard) {
    next_look_ = Clock::now();
  } else {
    faults_ = kMostFaults;
    GiveUp(outcome);
  }
}

absl::StatusOr<std::string> NfcSlot::Open(uint64_t session, uint64_t insertion) {
  std::unique_lock<std::mutex> lock(mutex_);
  // A session that was closed in mid-APDU is over as soon as its card is reset.
  changed_here_.wait_for(lock, timing_.reset,
                         [&] { return stopping_ || session_ != 0 || !reset_wanted_; });
  if (!seen_ || stopping_ || state_.presence() == PRESENCE_UNSPECIFIED) {
    return FailureStatus(FAILURE_CODE_READER_LOST, "the device cannot be used");
  }
  if (state_.presence() != PRESENCE_PRESENT || state_.insertion() != insertion) {
    return FailureStatus(FAILURE_CODE_CARD_GONE, "no card, or another one");
  }
  if (session_ != 0 && lost_.ok()) {
    return FailureStatus(FAILURE_CODE_CARD_BUSY, "another session holds the card");
  }
  if (reset_wanted_ || job_ != nullptr) {
    return FailureStatus(FAILURE_CODE_CARD_BUSY, "the card owes an answer to a closed session");
  }
  // The card of a session that was never closed is gone; another one lies there.
  session_ = session;
  lost_ = absl::OkStatus();
  auto job = std::make_shared<Job>();
  job->kind = Job::Kind::kOpen;
  job_ = job;
  changed_here_.notify_all();
  changed_here_.wait(lock, [&] { return job->done || stopping_; });
  const absl::Status status = job->done ? job->status : Cancelled();
  if (!status.ok()) {
    if (session_ == session) session_ = 0;
    return status;
  }
  return state_.atr();
}

absl::StatusOr<std::vector<uint8_t>> NfcSlot::Transmit(uint64_t session,
                                                       std::span<const uint8_t> command,
                                                       bool secret) {
  if (command.size() > NfcDevice::kLongestCommand) {
    return FailureStatus(FAILURE_CODE_REQUEST_INVALID,
                         "this reader carries commands of 261 bytes at most");
  }
  auto job = std::make_shared<Job>();
  job->kind = Job::Kind::kExchange;
  // The caller may be gone before the device has read it.
  if (secret) {
    auto copy = Secret::OfSize(command.size());
    if (!copy.ok()) return copy.status();
    std::copy(command.begin(), command.end(), copy->bytes().begin());
    job->secret = *std::move(copy);
  } else {
    job->command.assign(command.begin(), command.end());
  }
  std::unique_lock<std::mutex> lock(mutex_);
  if (session == 0 || session_ != session) return NoSuchSession();
  if (!lost_.ok()) return lost_;
  if (job_ != nullptr) {
    return FailureStatus(FAILURE_CODE_REQUEST_INVALID, "this session is in an exchange");
  }
  job_ = job;
  changed_here_.notify_all();
  changed_here_.wait(lock, [&] { return job->done || job->abandoned || stopping_; });
  if (!job->done) return Cancelled();
  if (!job->status.ok()) return job->status;
  return std::move(job->answer);
}

void NfcSlot::Abort(std::unique_lock<std::mutex>& lock) {
  if (!in_exchange_) return;
  const auto early = exchange_begin_ + kBeforeAbort;
  if (changed_here_.wait_until(lock, early, [&] { return !in_exchange_; })) return;
  // With the lock: the device does not go away under it.
  device_->Abort();
}

void NfcSlot::AwaitAborted(std::unique_lock<std::mutex>& lock) {
  if (changed_here_.wait_for(lock, kUntilCut, [&] { return !in_exchange_; })) return;
  device_->Cut();
}

void NfcSlot::Close(uint64_t session) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (session == 0 || session_ != session) return;
  session_ = 0;
  const bool lost = !lost_.ok();
  lost_ = absl::OkStatus();
  const std::shared_ptr<Job> job = job_;
  if (job != nullptr) {
    job->abandoned = true;
    // Not begun: it never will be.
    if (!in_exchange_) job_ = nullptr;
  }
  // A card that was lost is off, or another one.
  if (!lost && state_.presence() == PRESENCE_PRESENT) reset_wanted_ = true;
  changed_here_.notify_all();
  Abort(lock);
  AwaitAborted(lock);
  if (changed_here_.wait_for(lock, kUntilCut, [&] { return !in_exchange_; })) {
    changed_here_.wait_for(lock, timing_.reset,
                           [&] { return !reset_wanted_ || in_exchange_ || stopping_; });
  }
}

void NfcSlot::Stop() {
  std::unique_lock<std::mutex> lock(mutex_);
  stopping_ = true;
  changed_here_.notify_all();
  Abort(lock);
}

bool NfcSlot::AwaitStopped(milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  std::unique_lock<std::mutex> lock(mutex_);
  AwaitAborted(lock);
  return changed_here_.wait_until(lock, deadline, [&] { return stopped_; });
}

}  // namespace madoguchi::nfc
