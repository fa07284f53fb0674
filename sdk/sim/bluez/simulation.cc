#include "sdk/sim/bluez/simulation.h"

#include <stdio.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <utility>

#include "sdk/sim/bluez/make_firmware.h"

namespace madoguchi::bluez {
namespace {

std::vector<std::string> Words(const std::string& line) {
  std::istringstream text(line);
  std::vector<std::string> words;
  for (std::string word; text >> word;) words.push_back(word);
  return words;
}

absl::Status NoSuch(const std::string& what) {
  return absl::InvalidArgumentError("no such " + what);
}

absl::StatusOr<uint8_t> ParsePercent(const std::string& text) {
  int percent = -1;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, percent);
  if (error != std::errc() || at != end || percent < 0 || percent > 100) {
    return absl::InvalidArgumentError("expected 0 to 100");
  }
  return static_cast<uint8_t>(percent);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Simulation>> Simulation::Start(const Options& options, Loop& loop) {
  std::unique_ptr<Simulation> simulation(new Simulation(options, loop));
  for (const ReaderOptions& reader : options.readers) {
    const absl::Status status = simulation->AddReader(reader);
    if (!status.ok()) return status;
  }
  for (uint32_t i = 0; i < options.decoys; ++i) simulation->AddDecoy(i);
  const absl::Status status = simulation->StartBluetoothd();
  if (!status.ok()) return status;
  return simulation;
}

Simulation::Simulation(const Options& options, Loop& loop)
    : options_(options),
      loop_(loop),
      plugged_(!options.adapter_absent),
      powered_(!options.adapter_off),
      blocked_(options.adapter_blocked) {}

Simulation::~Simulation() { StopBluetoothd(); }

absl::Status Simulation::AddReader(const ReaderOptions& reader) {
  auto place = std::make_unique<CardPlace>(loop_);
  if (reader.port) {
    const absl::StatusOr<uint16_t> port = place->ListenOnPort(*reader.port);
    if (!port.ok()) return port.status();
    ports_.push_back(reader.identity.id + " " + std::to_string(*port));
  } else {
    const absl::Status status = place->Listen(reader.card_path);
    if (!status.ok()) return status;
  }
  auto peripheral = std::make_unique<Peripheral>(reader.identity);
  peripheral->faults() = reader.faults;
  std::unique_ptr<Firmware> firmware =
      MakeFirmware(reader, *place, loop_.timers(), peripheral->faults(), options_.card_patience);
  place->Serve(*firmware);
  peripheral->Install(std::move(firmware));
  peripheral->SetBattery(reader.battery);
  readers_.push_back({peripheral.get(), std::move(place)});
  AddToAir(std::move(peripheral));
  return absl::OkStatus();
}

void Simulation::AddDecoy(uint32_t number) {
  char address[18];
  snprintf(address, sizeof address, "C0:00:5E:00:54:%02X", number);
  const bool beacon = number % 2 == 1;
  auto decoy = std::make_unique<Peripheral>(
      Peripheral::Identity{.id = "decoy" + std::to_string(number + 1),
                           .address = address,
                           .random_address = true,
                           .name = beacon ? "" : "TEST Heart Rate " + std::to_string(number + 1),
                           .rssi = -80,
                           .maker = "",
                           .model = ""});
  if (!beacon) decoy->Advertise({SigUuid("180d")});
  AddToAir(std::move(decoy));
}

void Simulation::AddToAir(std::unique_ptr<Peripheral> peripheral) {
  peripheral->OnChange([this] {
    if (bluetoothd_ != nullptr && bluetoothd_->adapter() != nullptr) {
      bluetoothd_->adapter()->AirChanged();
    }
  });
  air_.push_back(std::move(peripheral));
}

absl::Status Simulation::StartBluetoothd() {
  absl::StatusOr<std::unique_ptr<Bluetoothd>> started =
      Bluetoothd::Start(options_.bus, loop_, air_, storage_, options_.timing);
  if (!started.ok()) return started.status();
  bluetoothd_ = *std::move(started);
  bluetoothd_->OnBusClosed([this] { loop_.Stop(); });
  if (plugged_) bluetoothd_->Plug(powered_, blocked_);
  return absl::OkStatus();
}

std::optional<Timers::Clock::time_point> Simulation::Process() {
  return bluetoothd_ == nullptr ? std::nullopt : bluetoothd_->Process();
}

Simulation::Reader* Simulation::Find(const std::string& id) {
  const auto found = std::find_if(readers_.begin(), readers_.end(), [&](const Reader& reader) {
    return reader.peripheral->identity().id == id;
  });
  return found == readers_.end() ? nullptr : &*found;
}

std::string Simulation::Command(const std::string& line) {
  const std::vector<std::string> words = Words(line);
  const std::string first = words.empty() ? "" : words[0];
  if (first == "status" && words.size() == 1) return Status();
  absl::Status status;
  if (first == "fault") {
    status = CommandFault(words);
  } else if (first == "faults" && words.size() >= 2 && words[1] == "clear") {
    status = ClearFaults(words);
  } else if (first == "adapter" && words.size() == 2) {
    status = CommandAdapter(words[1]);
  } else if (first == "bluetoothd" && words.size() == 2) {
    status = CommandBluetoothd(words[1]);
  } else if (words.size() >= 2) {
    Reader* reader = Find(words[1]);
    if (reader == nullptr) {
      status = NoSuch("reader: " + words[1]);
    } else if (first == "status") {
      return Status(*reader);
    } else {
      status = CommandReader(*reader, words);
    }
  } else {
    status = NoSuch("command: " + line);
  }
  return status.ok() ? "ok" : "error: " + std::string(status.message());
}

absl::Status Simulation::CommandReader(Reader& reader, const std::vector<std::string>& words) {
  Peripheral& peripheral = *reader.peripheral;
  if (words[0] == "drop" && words.size() == 2) {
    peripheral.EndLink();
  } else if (words[0] == "out-of-range" && words.size() == 2) {
    peripheral.SetInRange(false);
  } else if (words[0] == "in-range" && words.size() == 2) {
    peripheral.SetInRange(true);
  } else if (words[0] == "battery" && words.size() == 3) {
    const absl::StatusOr<uint8_t> percent = ParsePercent(words[2]);
    if (!percent.ok()) return percent.status();
    peripheral.SetBattery(*percent);
  } else {
    return NoSuch("command: " + words[0]);
  }
  return absl::OkStatus();
}

absl::Status Simulation::CommandAdapter(const std::string& what) {
  Adapter* adapter = bluetoothd_ == nullptr ? nullptr : bluetoothd_->adapter();
  if (what == "on" || what == "off") {
    powered_ = what == "on";
    if (powered_ && blocked_) return absl::FailedPreconditionError("it is blocked");
    if (adapter != nullptr) adapter->SetPowered(powered_);
  } else if (what == "block" || what == "unblock") {
    blocked_ = what == "block";
    if (adapter != nullptr) adapter->SetBlocked(blocked_);
  } else if (what == "plug" || what == "unplug") {
    plugged_ = what == "plug";
    if (bluetoothd_ == nullptr) return absl::OkStatus();
    if (plugged_) {
      bluetoothd_->Plug(powered_, blocked_);
    } else {
      bluetoothd_->Unplug();
    }
  } else {
    return NoSuch("command: adapter " + what);
  }
  return absl::OkStatus();
}

absl::Status Simulation::CommandBluetoothd(const std::string& what) {
  if (what != "stop" && what != "start" && what != "restart") {
    return NoSuch("command: bluetoothd " + what);
  }
  if (what != "start") StopBluetoothd();
  if (what == "stop" || bluetoothd_ != nullptr) return absl::OkStatus();
  return StartBluetoothd();
}

absl::Status Simulation::CommandFault(const std::vector<std::string>& words) {
  if (words.size() < 2 || words.size() > 3) {
    return absl::InvalidArgumentError("expected fault [ID] NAME[=VALUE]");
  }
  if (words.size() == 3 && Find(words[1]) == nullptr) return NoSuch("reader: " + words[1]);
  for (Reader& reader : readers_) {
    if (words.size() == 3 && reader.peripheral->identity().id != words[1]) continue;
    const absl::Status status = AddFault(words.back(), reader.peripheral->faults());
    if (!status.ok()) return status;
    reader.peripheral->Changed();
  }
  return absl::OkStatus();
}

absl::Status Simulation::ClearFaults(const std::vector<std::string>& words) {
  if (words.size() > 3) return absl::InvalidArgumentError("expected faults clear [ID]");
  if (words.size() == 3 && Find(words[2]) == nullptr) return NoSuch("reader: " + words[2]);
  for (Reader& reader : readers_) {
    if (words.size() == 3 && reader.peripheral->identity().id != words[2]) continue;
    reader.peripheral->faults() = Faults();
    reader.peripheral->Changed();
  }
  return absl::OkStatus();
}

std::string Simulation::Status() const {
  const Adapter* adapter =
      bluetoothd_ == nullptr ? nullptr : const_cast<Bluetoothd&>(*bluetoothd_).adapter();
  std::ostringstream text;
  text << "bluetoothd=" << (bluetoothd_ != nullptr) << " adapter="
       << (adapter == nullptr   ? "absent"
           : adapter->powered() ? "on"
                                : "off")
       << " discovering=" << (adapter != nullptr && adapter->discovering())
       << " readers=" << readers_.size();
  return text.str();
}

std::string Simulation::Status(const Reader& reader) const {
  const Peripheral& peripheral = *reader.peripheral;
  const Firmware& firmware = *peripheral.firmware();
  std::ostringstream text;
  text << "in-range=" << peripheral.in_range() << " connected=" << (peripheral.link() != nullptr)
       << " authenticated=" << firmware.authenticated() << " card=" << reader.place->present()
       << " frames=" << firmware.frames() << " apdus=" << firmware.apdus()
       << " connects=" << peripheral.connects()
       << " paired=" << storage_.paired.contains(peripheral.identity().address)
       << " battery=" << int{peripheral.battery()};
  return text.str();
}

}  // namespace madoguchi::bluez
