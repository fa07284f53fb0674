#include "readers/bluetooth/radio.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "sdk/failure/plain_line.h"

namespace madoguchi::bluetooth {
namespace {

using namespace check::v1;  // NOLINT: the failure codes.
using std::chrono::milliseconds;

constexpr milliseconds kAgain(5'000);
constexpr milliseconds kPingPatience(1'000);
constexpr size_t kMostMentioned = 32;
constexpr int kMostTold = 5;  // of them, in one line

}  // namespace

Radio::Radio(Bluez& bluez, Loop& loop, Options options, Device::CodecMaker make_codec,
             std::function<void(reader::v1::Snapshot)> publish)
    : bluez_(bluez),
      loop_(loop),
      options_(std::move(options)),
      make_codec_(std::move(make_codec)),
      publish_(std::move(publish)),
      trouble_(FailureStatus(FAILURE_CODE_READER_SERVICE_DOWN, "bluetoothd was not asked yet")),
      again_(loop),
      search_(bluez, loop) {}

Radio::~Radio() = default;

void Radio::Start() {
  Publish();
  bluez_.Listen(this);
}

void Radio::ServiceUp() {
  up_ = false;
  again_.Stop();
  leash_.Cut();
  bluez_.GetObjects(leash_.Wrap(std::function<void(const CallError*, Objects)>(
      [this](const CallError* error, Objects objects) {
        if (error != nullptr) {
          again_.Start(kAgain, [this] { ServiceUp(); });
          return Suspend(FAILURE_CODE_READER_SERVICE_DOWN,
                         "bluetoothd does not answer: " + error->name + ": " + error->text);
        }
        objects_ = std::move(objects);
        up_ = true;
        bluez_.RegisterAgent(options_.passkey.has_value(), [](const CallError*) {});
        ChooseAdapter();
      })));
}

void Radio::ServiceDown(const std::string& why) {
  up_ = false;
  leash_.Cut();
  again_.Stop();
  objects_.clear();
  Suspend(FAILURE_CODE_READER_SERVICE_DOWN, why);
}

void Radio::Suspend(FailureCode code, const std::string& why) {
  adapter_.clear();
  search_.Use("");
  too_many_ = false;
  trouble_ = FailureStatus(code, why);
  for (Known& known : known_) {
    known.disputed = false;
    known.device->Suspend(trouble_);
  }
  Publish();
}

void Radio::ChooseAdapter() {
  std::string off, on;
  for (const auto& [path, interfaces] : objects_) {
    if (interfaces.count(kAdapter) == 0) continue;
    std::string& place = ValueOr<bool>(objects_, path, kAdapter, "Powered", false) ? on : off;
    if (place.empty()) place = path;
  }
  if (!adapter_.empty() && ValueOr<bool>(objects_, adapter_, kAdapter, "Powered", false)) return;
  if (on.empty() && off.empty()) {
    return Suspend(FAILURE_CODE_BLUETOOTH_ADAPTER_ABSENT, "bluetoothd has no adapter");
  }
  if (on.empty()) {
    Suspend(FAILURE_CODE_BLUETOOTH_OFF, "the adapter is off");
    if (!options_.power_on) return;
    bluez_.Set(off, kAdapter, "Powered", true,
               leash_.Wrap(Bluez::Done([this](const CallError* error) {
                 // Switched off by a switch (rfkill), it cannot be switched on from here.
                 if (error != nullptr) again_.Start(kAgain, [this] { ChooseAdapter(); });
               })));
    return;
  }
  again_.Stop();
  adapter_ = on;
  trouble_ = absl::OkStatus();
  search_.Use(adapter_);
  std::vector<std::string> devices;
  for (const auto& [path, interfaces] : objects_) {
    if (interfaces.count(kDevice) > 0) devices.push_back(path);
  }
  for (const std::string& path : devices) Consider(path);
  DeviceChanged();
}

Radio::Heard Radio::Look(const std::string& path) const {
  const auto text = [&](const char* property) {
    return ValueOr<std::string>(objects_, path, kDevice, property, "");
  };
  Heard heard;
  heard.address = text("Address");
  // An alias that nobody gave is made of the address.
  heard.own_name = !text("Name").empty();
  heard.name = PlainLine(text(heard.own_name ? "Name" : "Alias"));
  heard.looks_like_reader = LooksLikeReader(
      heard.name, ValueOr<std::vector<std::string>>(objects_, path, kDevice, "UUIDs", {}));
  heard.entry = options_.selection.Match(heard.address, heard.name, heard.looks_like_reader);
  return heard;
}

void Radio::Consider(const std::string& path) {
  if (adapter_.empty() || path.compare(0, adapter_.size() + 1, adapter_ + "/") != 0) return;
  const Heard heard = Look(path);
  if (heard.address.empty()) return;
  const auto at = std::find_if(known_.begin(), known_.end(),
                               [&](const Known& known) { return known.address == heard.address; });
  if (at != known_.end()) return Use(*at, path);
  if (heard.entry == nullptr) {
    if (heard.looks_like_reader) Mention(heard.name, heard.own_name, heard.address);
    return;
  }
  const bool by_address = heard.entry->kind == Selection::Kind::kAddress || heard.name.empty();
  if (!by_address) {
    const auto same = std::find_if(known_.begin(), known_.end(), [&](const Known& known) {
      return !known.by_address && known.advertised == heard.name;
    });
    if (same != known_.end()) return Use(*same, same->device->path());
  }
  if (known_.size() == Selection::kMostEntries) {
    too_many_ = true;
    return;
  }
  auto device =
      std::make_unique<Device>(bluez_, loop_, objects_, by_address ? heard.address : heard.name,
                               make_codec_, [this] { DeviceChanged(); });
  known_.push_back({heard.address, heard.name, by_address, std::move(device)});
  Use(known_.back(), path);
}

std::string Radio::RivalOf(const Known& known) const {
  if (known.by_address) return "";
  for (const auto& [path, interfaces] : objects_) {
    if (interfaces.count(kDevice) == 0) continue;
    const Heard heard = Look(path);
    if (heard.address != known.address && heard.name == known.advertised &&
        heard.entry != nullptr && heard.entry->kind != Selection::Kind::kAddress) {
      return heard.address;
    }
  }
  return "";
}

// Whoever is heard first cannot be the one that is meant: tomorrow it may be the other, and anybody
// can give a device a reader's name.
void Radio::Use(Known& known, const std::string& path) {
  const std::string rival = RivalOf(known);
  if (rival.empty()) {
    known.disputed = false;
    return known.device->Found(path);
  }
  if (std::exchange(known.disputed, true)) return;
  known.device->Suspend(
      FailureStatus(FAILURE_CODE_READERS_NOT_CHOSEN,
                    known.address + " and " + rival + " have the same name \"" + known.advertised +
                        "\": say in the setting readers by its address which one is meant"));
}

void Radio::Mention(const std::string& name, bool own, const std::string& address) {
  const auto at = mentioned_.find(address);
  // Once by an alias and once by its name: who changes names all the time is not followed.
  if (at == mentioned_.end() ? mentioned_.size() == kMostMentioned : at->second.own || !own) return;
  mentioned_[address] = {name, own};
  std::fprintf(stderr, "in reach, and not in the setting readers: %s (%s)\n", name.c_str(),
               address.c_str());
  if (options_.selection.entries().empty()) Publish();
}

std::string Radio::WhoIsInReach() const {
  std::string names;
  int told = 0;
  for (const auto& [address, mentioned] : mentioned_) {
    names += (told == 0 ? "" : ", ") + mentioned.name + " (" + address + ")";
    if (++told == kMostTold) break;
  }
  return names.empty() ? "no reader is in reach" : "in reach: " + names;
}

bool Radio::Found(const Selection::Entry& entry) const {
  return std::any_of(known_.begin(), known_.end(), [&](const Known& known) {
    return Selection::Means(entry, known.address, known.advertised, true);
  });
}

void Radio::Tell(const std::string& path, const std::string& interface, const Properties& changed) {
  for (const Known& known : known_) {
    const std::string& own = known.device->path();
    if (own.empty() || path.compare(0, own.size(), own) != 0) continue;
    if (path.size() > own.size() && path[own.size()] != '/') continue;
    return known.device->Changed(path, interface, changed);
  }
}

void Radio::Added(const std::string& path, const Interfaces& interfaces) {
  if (!up_) return;
  for (const auto& [interface, properties] : interfaces) {
    objects_[path][interface] = properties;
  }
  if (interfaces.count(kAdapter) > 0) ChooseAdapter();
  for (const auto& [interface, properties] : interfaces) Tell(path, interface, properties);
  if (interfaces.count(kDevice) > 0) Consider(path);
}

void Radio::Removed(const std::string& path, const std::vector<std::string>& interfaces) {
  const auto object = objects_.find(path);
  if (object == objects_.end()) return;
  for (const std::string& interface : interfaces) object->second.erase(interface);
  const bool device = std::count(interfaces.begin(), interfaces.end(), kDevice) > 0;
  if (object->second.empty() || device) objects_.erase(object);
  if (device) {
    Tell(path, kDevice, {});
    for (Known& known : known_) {
      if (known.disputed) Use(known, known.device->path());
    }
  }
  if (path != adapter_ || std::count(interfaces.begin(), interfaces.end(), kAdapter) == 0) return;
  adapter_.clear();
  ChooseAdapter();
}

void Radio::Changed(const std::string& path, const std::string& interface,
                    const Properties& changed, const std::vector<std::string>& gone) {
  if (!up_) return;
  // Of an object that is not known nothing is kept: it comes with InterfacesAdded.
  const auto object = objects_.find(path);
  if (object == objects_.end()) return;
  Properties& properties = object->second[interface];
  for (const auto& [name, value] : changed) {
    // What a card answers is passed on, and not kept.
    if (name != "Value") properties[name] = value;
  }
  for (const std::string& name : gone) properties.erase(name);
  if (interface == kAdapter && changed.count("Powered") > 0) ChooseAdapter();
  Tell(path, interface, changed);
  if (interface != kDevice) return;
  if (changed.count("RSSI") + changed.count("Name") + changed.count("UUIDs") > 0) Consider(path);
}

std::optional<uint32_t> Radio::Passkey(const std::string& device) {
  for (const Known& known : known_) {
    if (known.device->path() == device && known.device->connecting()) return options_.passkey;
  }
  return std::nullopt;
}

void Radio::DeviceChanged() {
  // Where nobody was named yet, the log says who is in reach.
  Search::Need need =
      options_.selection.entries().empty() ? Search::Need::kMore : Search::Need::kNone;
  for (const Selection::Entry& entry : options_.selection.entries()) {
    if (entry.kind == Selection::Kind::kPattern) need = std::max(need, Search::Need::kMore);
    if (!Found(entry)) need = std::max(need, Search::Need::kMissing);
  }
  for (const Known& known : known_) {
    if (known.device->lost() && !known.disputed) need = std::max(need, Search::Need::kMissing);
    if (known.device->connecting()) need = std::max(need, Search::Need::kHold);
  }
  search_.Steer(need);
  Publish();
}

void Radio::Publish() {
  reader::v1::Snapshot snapshot;
  const bool running = trouble_.ok();
  snapshot.set_service(running ? reader::v1::SERVICE_RUNNING : reader::v1::SERVICE_DOWN);
  if (!running) {
    snapshot.set_detail(std::string(trouble_.message()));
    *snapshot.mutable_trouble() = FailureOf(trouble_, FAILURE_CODE_READER_SERVICE_DOWN);
  } else if (too_many_) {
    *snapshot.mutable_trouble() =
        Describe(FAILURE_CODE_READERS_TOO_MANY, "more than 16 readers fit the setting readers");
  } else if (options_.selection.entries().empty()) {
    *snapshot.mutable_trouble() = Describe(FAILURE_CODE_READERS_NOT_CHOSEN,
                                           "the setting readers is empty; " + WhoIsInReach());
  }
  for (const Known& known : known_) *snapshot.add_reader() = known.device->State();
  for (const Selection::Entry& entry : options_.selection.entries()) {
    if (Found(entry)) continue;
    auto& state = *snapshot.add_reader();
    state.set_name(PlainLine(entry.text));
    state.set_link(reader::v1::LINK_BLUETOOTH);
    *state.mutable_trouble() = running ? Describe(FAILURE_CODE_READER_OUT_OF_RANGE, "not found yet")
                                       : FailureOf(trouble_, FAILURE_CODE_READER_SERVICE_DOWN);
  }
  publish_(std::move(snapshot));
}

void Radio::Open(uint64_t session, const std::string& reader, uint64_t insertion,
                 Device::Answer answer) {
  if (!trouble_.ok()) {
    return answer(FailureStatus(FAILURE_CODE_READER_SERVICE_DOWN, std::string(trouble_.message())));
  }
  const auto at = std::find_if(known_.begin(), known_.end(),
                               [&](const Known& known) { return known.device->name() == reader; });
  if (at == known_.end()) {
    return answer(FailureStatus(FAILURE_CODE_READER_LOST, "no such reader"));
  }
  sessions_[session] = at->device.get();
  at->device->Open(session, insertion, [this, session, answer = std::move(answer)](auto atr) {
    if (!atr.ok()) sessions_.erase(session);
    answer(std::move(atr));
  });
}

void Radio::Transmit(uint64_t session, Secret command, Device::Answer answer) {
  const auto at = sessions_.find(session);
  if (at == sessions_.end()) {
    return answer(FailureStatus(FAILURE_CODE_READER_LOST, "no such session"));
  }
  at->second->Transmit(session, std::move(command), std::move(answer));
}

void Radio::Close(uint64_t session) {
  const auto at = sessions_.find(session);
  if (at == sessions_.end()) return;
  Device* const device = at->second;
  sessions_.erase(at);
  device->Close(session);
}

void Radio::End(std::function<void()> ended) {
  // Nobody is found or opened any more.
  adapter_.clear();
  search_.Use("");
  again_.Stop();
  trouble_ = FailureStatus(FAILURE_CODE_READER_SERVICE_DOWN, "the plugin ends");
  const auto left = std::make_shared<size_t>(known_.size() + 1);
  const auto one_ended = [this, left, ended = std::move(ended)] {
    if (--*left > 0) return;
    // Whoever answers this has read what was sent before.
    bluez_.Call("/org/bluez", "org.freedesktop.DBus.Peer", "Ping", kPingPatience,
                [ended](const CallError*) { ended(); });
  };
  for (const Known& known : known_) known.device->End(one_ended);
  one_ended();
}

}  // namespace madoguchi::bluetooth
