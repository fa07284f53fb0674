#include "sdk/sim/pn532/emulator.h"

#include <poll.h>

#include <algorithm>
#include <sstream>
#include <vector>

namespace madoguchi::pn532 {

Emulator::Emulator(const Options& options)
    : line_(options.link, options.baud), chip_(*this, options.seed), now_(Chip::Clock::now()) {}

absl::StatusOr<std::unique_ptr<Emulator>> Emulator::Make(const Options& options) {
  std::unique_ptr<Emulator> made(new Emulator(options));
  if (!options.trace.empty()) {
    made->trace_.open(options.trace, std::ios::app);
    if (!made->trace_) return absl::UnavailableError("--trace: cannot write " + options.trace);
  }
  if (!options.slot.empty()) {
    absl::Status status = made->slot_.Listen(options.slot);
    if (!status.ok()) return status;
  }
  if (options.port.has_value()) {
    const auto port = made->slot_.ListenOnPort(*options.port);
    if (!port.ok()) return port.status();
  }
  if (!options.control.empty()) {
    auto control = sim::Control::Listen(options.control);
    if (!control.ok()) return control.status();
    made->control_.emplace(*std::move(control));
  }
  if (!options.unplugged) {
    absl::Status status = made->line_.Plug();
    if (!status.ok()) return status;
  }
  for (const Fault& fault : options.faults) made->chip_.AddFault(fault);
  return made;
}

void Emulator::Run(int stop, int other_stop) {
  for (;;) {
    std::vector<pollfd> polled = {{stop, POLLIN, 0},
                                  {other_stop, POLLIN, 0},
                                  {line_.fd(), POLLIN, 0},
                                  {slot_.fd(), POLLIN, 0}};
    if (control_.has_value()) control_->AddTo(polled);
    timespec wait{};
    const std::optional<Time> next = Next();
    if (next.has_value()) {
      const auto left = std::max(*next - Chip::Clock::now(), Chip::Clock::duration::zero());
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
      wait.tv_sec = seconds.count();
      wait.tv_nsec = std::chrono::nanoseconds(left - seconds).count();
    }
    ppoll(polled.data(), polled.size(), next.has_value() ? &wait : nullptr, nullptr);
    if (polled[0].revents != 0 || polled[1].revents != 0) return;
    now_ = Chip::Clock::now();
    if ((polled[2].revents & POLLIN) != 0) line_.Read(now_);
    if (control_.has_value()) {
      control_->Serve([this](const std::string& line) { return Command(line); });
    }
    Turn(now_);
  }
}

std::optional<Emulator::Time> Emulator::Next() const {
  std::optional<Time> next;
  for (const auto& one : {line_.next(), chip_.next(), replug_}) {
    if (one.has_value()) next = std::min(next.value_or(Time::max()), *one);
  }
  return next;
}

void Emulator::Turn(Time now) {
  while (auto event = slot_.Next()) {
    switch (event->kind) {
      case sim::CardSlot::Event::Kind::kArrived:
        if (slot_.powered()) chip_.CardCame();
        break;
      case sim::CardSlot::Event::Kind::kLeft:
        chip_.CardLeft();
        break;
      case sim::CardSlot::Event::Kind::kAnswer:
        chip_.CardAnswered(event->bytes, now);
    }
  }
  while (const auto bytes = line_.Heard(now)) {
    Note('>', *bytes);
    chip_.Heard(*bytes, now);
  }
  chip_.Turn(now);
  line_.Turn(now);
  if (std::exchange(unplugging_, false)) {
    line_.Unplug();
    chip_.PowerUp();
  }
  if (replug_.has_value() && now >= *replug_) {
    replug_.reset();
    (void)line_.Plug();
  }
}

void Emulator::Say(Bytes bytes) {
  Note('<', bytes);
  line_.Say(std::move(bytes), now_);
}

void Emulator::Unplug(std::chrono::milliseconds away) {
  unplugging_ = true;
  if (away.count() != 0) replug_ = now_ + away;
}

void Emulator::Note(char direction, std::span<const uint8_t> bytes) {
  if (!trace_.is_open()) return;
  // After the TFI, whatever the form of the frame: the command's code. What follows may be a PIN.
  trace_ << direction << ' ' << bytes.size() << " bytes";
  for (size_t i = 0; i + 1 < bytes.size(); ++i) {
    if (bytes[i] != kFromHost && bytes[i] != kFromChip) continue;
    trace_ << ", command " << std::hex << static_cast<int>(bytes[i + 1]) << std::dec;
    break;
  }
  trace_ << std::endl;
}

std::string Emulator::Status() const {
  std::ostringstream text;
  text << "plugged=" << line_.plugged() << " awake=" << chip_.awake() << " field=" << chip_.field()
       << " fields-off=" << chip_.fields_off() << " card=" << slot_.powered()
       << " selected=" << chip_.selected() << " apdus=" << chip_.apdus()
       << " apdus-total=" << chip_.apdus_total() << " commands=" << chip_.commands()
       << " device=" << line_.device();
  return text.str();
}

std::string Emulator::Command(const std::string& line) {
  absl::Status status;
  if (line == "status") return Status();
  if (line == "replug") {
    replug_.reset();
    status = line_.Plug();
  } else if (line == "unplug") {
    line_.Unplug();
    chip_.PowerUp();
  } else if (line == "faults clear") {
    chip_.ClearFaults();
  } else if (line.starts_with("fault ")) {
    auto fault = ParseFault(std::string_view(line).substr(6));
    status = fault.status();
    if (fault.ok()) chip_.AddFault(*std::move(fault));
  } else {
    status = absl::InvalidArgumentError(
        "expected unplug, replug, status, 'fault NAME[=VALUE][@APDU]' or 'faults clear'");
  }
  return status.ok() ? "ok" : "error: " + std::string(status.message());
}

}  // namespace madoguchi::pn532
