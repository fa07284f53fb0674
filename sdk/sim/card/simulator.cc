#include "sdk/sim/card/simulator.h"

#include <poll.h>

#include <algorithm>
#include <sstream>
#include <utility>
#include <vector>

#include "sdk/sim/card/jpki.h"

namespace madoguchi::sim {
namespace {

constexpr std::chrono::milliseconds kFirstBackoff{5};
constexpr std::chrono::milliseconds kLastBackoff{200};

Faults WithLatency(Faults faults, std::chrono::milliseconds latency) {
  if (faults.slow.count() == 0) faults.slow = latency;
  return faults;
}

}  // namespace

Simulator::Simulator(const Folder& folder, Card& card, Trace& trace, Slot& slot, Bytes atr,
                     std::chrono::milliseconds latency, const Faults& first_faults)
    : folder_(folder),
      card_(card),
      slot_(slot),
      latency_(latency),
      faults_(first_faults),
      insertion_(card, trace, std::move(atr)),
      next_try_(Clock::now()),
      backoff_(kFirstBackoff) {
  insertion_.set_faults(WithLatency(faults_, latency_));
}

void Simulator::Run(int stop_fd, Control* control) {
  for (;;) {
    Clock::time_point now = Clock::now();
    TryToConnect(now);
    slot_.AcknowledgeAtOnce();

    std::vector<pollfd> polled = {{.fd = stop_fd, .events = POLLIN, .revents = 0}};
    short events = POLLRDHUP;  // NOLINT(google-runtime-int): poll's type.
    if (slot_.connection() == Slot::Connection::kUnderway) events |= POLLOUT;
    // While an answer is under way only the reader's leaving is of interest.
    if (inserted_ && !pending_) events |= POLLIN;
    polled.push_back({.fd = slot_.fd(), .events = events, .revents = 0});
    if (control != nullptr) control->AddTo(polled);

    timespec wait{};
    const std::optional<Clock::time_point> next = NextTime();
    if (next) {
      const auto left = std::max(*next - Clock::now(), Clock::duration::zero());
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
      wait.tv_sec = seconds.count();
      wait.tv_nsec = std::chrono::nanoseconds(left - seconds).count();
    }
    ppoll(polled.data(), polled.size(), next ? &wait : nullptr, nullptr);
    if (polled[0].revents != 0) break;
    now = Clock::now();

    if (inserted_ && pending_ && now >= pending_->due) {
      if (Answer()) {
        TakeMessages(now);
      } else {
        Remove();
      }
    }
    if (inserted_ && polled[1].revents != 0) {
      const bool gone = pending_ ? true : !slot_.Receive();
      if (gone) {
        Remove();
      } else {
        TakeMessages(now);
      }
    }
    if (control != nullptr)
      control->Serve([this](const std::string& line) { return Command(line); });
  }
  Remove();
}

std::optional<Simulator::Clock::time_point> Simulator::NextTime() const {
  if (pending_) return pending_->due;
  if (wanted_ && slot_.connection() == Slot::Connection::kNone) return next_try_;
  return std::nullopt;
}

void Simulator::TryToConnect(Clock::time_point now) {
  if (!wanted_ || inserted_) return;
  if (slot_.connection() == Slot::Connection::kNone && now < next_try_) return;
  switch (slot_.Connect()) {
    case Slot::Connection::kMade:
      inserted_ = true;
      backoff_ = kFirstBackoff;
      insertion_.Begin();
      break;
    case Slot::Connection::kNone:
      next_try_ = now + backoff_;
      backoff_ = std::min<Clock::duration>(2 * backoff_, kLastBackoff);
      break;
    case Slot::Connection::kUnderway:
      break;
  }
}

void Simulator::Remove() {
  slot_.Close();
  pending_.reset();
  next_try_ = Clock::now() + backoff_;
  if (!std::exchange(inserted_, false)) return;
  insertion_.End();
}

void Simulator::TakeMessages(Clock::time_point now) {
  while (inserted_ && !pending_) {
    const auto message = slot_.decoder().Message();
    if (!message) return;
    Insertion::Outcome outcome = insertion_.Message(*message);
    slot_.decoder().Pop();
    if (outcome.pulled) {
      wanted_ = false;
      Remove();
      return;
    }
    if (!outcome.answer) continue;
    pending_ = Pending{std::move(outcome.answer->bytes), now + outcome.answer->delay};
    if (outcome.answer->delay.count() == 0 && !Answer()) Remove();
  }
}

bool Simulator::Answer() {
  const Bytes bytes = std::move(pending_->bytes);
  pending_.reset();
  return slot_.Send(bytes);
}

absl::Status Simulator::SetFaults(const Faults& faults) {
  absl::Status status;
  if (faults.tries_left) status.Update(card_.state().SetTriesLeft(kAuthPin, *faults.tries_left));
  if (faults.sign_tries_left) {
    status.Update(card_.state().SetTriesLeft(kSignPassword, *faults.sign_tries_left));
  }
  if (!status.ok()) return status;
  if (faults.SameFiles(faults_)) {
    // The session goes on: a test may slow down or cut what is under way.
    card_.set_faults(faults);
  } else {
    absl::StatusOr<std::vector<Application>> applications = folder_.Applications(faults);
    if (!applications.ok()) return applications.status();
    card_.Replace(*std::move(applications), faults);
  }
  faults_ = faults;
  faults_.tries_left.reset();
  faults_.sign_tries_left.reset();
  insertion_.set_faults(WithLatency(faults_, latency_));
  return absl::OkStatus();
}

std::string Simulator::Status() const {
  std::ostringstream text;
  text << "wanted=" << wanted_ << " inserted=" << inserted_
       << " tries-left=" << card_.state().TriesLeft(kAuthPin)
       << " sign-tries-left=" << card_.state().TriesLeft(kSignPassword)
       << " apdus=" << insertion_.apdus() << " verifies=" << insertion_.verifies()
       << " apdus-total=" << insertion_.apdus_total()
       << " verifies-total=" << insertion_.verifies_total() << " serial=" << folder_.serial();
  return text.str();
}

std::string Simulator::Command(const std::string& line) {
  if (line == "remove") {
    wanted_ = false;
    Remove();
    return "ok";
  }
  if (line == "insert") {
    wanted_ = true;
    backoff_ = kFirstBackoff;
    next_try_ = Clock::now();
    TryToConnect(next_try_);
    return "ok";
  }
  if (line == "status") return Status();
  absl::Status status;
  if (line == "faults clear") {
    status = SetFaults(Faults());
  } else if (line.starts_with("fault ")) {
    Faults faults = faults_;
    status = AddFault(std::string_view(line).substr(6), faults);
    if (status.ok()) status = SetFaults(faults);
  } else {
    status = absl::InvalidArgumentError(
        "expected remove, insert, status, 'fault NAME[=VALUE]' or 'faults clear'");
  }
  return status.ok() ? "ok" : "error: " + std::string(status.message());
}

}  // namespace madoguchi::sim
