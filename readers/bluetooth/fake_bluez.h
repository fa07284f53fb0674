#ifndef MADOGUCHI_READERS_BLUETOOTH_FAKE_BLUEZ_H_
#define MADOGUCHI_READERS_BLUETOOTH_FAKE_BLUEZ_H_

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "readers/bluetooth/bluez.h"
#include "readers/bluetooth/fake_loop.h"

namespace madoguchi::bluetooth {

// A CCID reader as the far end of a link, for tests: what it is told comes whole to `Hear`.
class FakeReader {
 public:
  bool card = false;
  bool powered = false;
  bool mute_card = false;  // lies there, and gives no ATR
  bool silent = false;     // answers nothing, and owes what it would have said last
  std::vector<uint8_t> owed;
  std::vector<uint8_t> atr = {0x3B, 0x80, 0x80, 0x01, 0x01};
  std::vector<uint8_t> answer = {0x90, 0x00};
  std::vector<std::vector<uint8_t>> apdus;  // that came
  std::vector<uint8_t> types;               // of all messages that came

  std::vector<uint8_t> Hear(const std::vector<uint8_t>& message) {
    const uint8_t type = message[0], sequence = message[6];
    types.push_back(type);
    std::vector<uint8_t> data;
    bool failed = false;
    if (type == 0x62) {
      powered = card && !mute_card;
      failed = !powered;
      if (powered) data = atr;
    }
    if (type == 0x63) powered = false;
    if (type == 0x6F) {
      apdus.emplace_back(message.begin() + 10, message.end());
      failed = !powered;
      if (powered) data = answer;
    }
    const uint8_t slot = !card ? 2 : powered ? 0 : 1;
    std::vector<uint8_t> said = {static_cast<uint8_t>(type == 0x62 || type == 0x6F ? 0x80 : 0x81),
                                 static_cast<uint8_t>(data.size()),
                                 static_cast<uint8_t>(data.size() >> 8),
                                 0,
                                 0,
                                 0,
                                 sequence,
                                 static_cast<uint8_t>(slot | (failed ? 0x40 : 0)),
                                 static_cast<uint8_t>(failed ? 0xFE : 0),
                                 0};
    said.insert(said.end(), data.begin(), data.end());
    if (!silent) return said;
    owed = said;
    return {};
  }
};

// bluetoothd in memory, for tests, with what it was measured to do where it matters. Answers and
// signals come through the loop, never from within a call.
class FakeBluez final : public Bluez {
 public:
  struct Device {
    std::string path, address, name;
    bool in_reach = true;
    bool known = false;          // has an object
    bool wants_pairing = false;  // before it lets itself be listened to
    bool wants_pairing_to_write = false;
    bool paired = false;
    uint32_t passkey = 0;  // the reader's own
    int failing_connects = 0;
    bool connected = false;
    FakeReader reader;
    std::vector<uint8_t> heard;
  };

  explicit FakeBluez(FakeLoop& loop) : loop_(loop) {}

  int failing_looks = 0;  // how often GetObjects fails from now on

  // What a test does to the world.
  Device& Add(const std::string& address, const std::string& name) {
    devices_.push_back(std::make_unique<Device>());
    Device& device = *devices_.back();
    device.address = address;
    device.name = name;
    device.path = "/org/bluez/hci0/dev_" + address;
    std::replace(device.path.begin(), device.path.end(), ':', '_');
    return device;
  }
  void SetRunning(bool running) {
    if (running == running_) return;
    running_ = running;
    searching_ = false;
    for (auto& device : devices_) device->known = device->connected = false;
    objects_.clear();
    if (running && has_adapter_) MakeAdapter();
    ++life_;
    Later([this, running] {
      if (running) listener_->ServiceUp();
      if (!running) listener_->ServiceDown("bluetoothd does not run");
    });
  }
  void SetAdapter(bool there, bool powered) {
    const bool was = has_adapter_;
    has_adapter_ = there;
    powered_ = powered;
    if (!running_) return;
    if (!powered) DropAll();
    if (there && !was) {
      MakeAdapter();
      Later([this] { listener_->Added(kHci, objects_[kHci]); });
    } else if (there) {
      Change(kHci, kAdapter, {{"Powered", powered}});
    } else if (was) {
      for (auto& device : devices_) Forget(*device);
      objects_.erase(kHci);
      Later([this] { listener_->Removed(kHci, {kAdapter}); });
    }
  }
  void DropLink(Device& device) {
    if (!device.connected) return;
    device.connected = false;
    device.heard.clear();
    device.reader.powered = false;
    Change(device.path, kDevice, {{"ServicesResolved", false}});
    Change(device.path, kDevice, {{"Connected", false}});
  }
  // Removes its object, as bluetoothd does with what it has not heard for long.
  void Forget(Device& device) {
    DropLink(device);
    if (!device.known) return;
    device.known = false;
    for (auto at = objects_.begin(); at != objects_.end();) {
      at = at->first.compare(0, device.path.size(), device.path) == 0 ? objects_.erase(at)
                                                                      : std::next(at);
    }
    Later([this, path = device.path] { listener_->Removed(path, {kDevice}); });
  }
  void Say(Device& device, const std::vector<uint8_t>& bytes) {
    for (size_t at = 0; at < bytes.size(); at += 20) {
      const size_t end = std::min(at + 20, bytes.size());
      Change(device.path + "/service0010/char0013", kCharacteristic,
             {{"Value", std::vector<uint8_t>(bytes.begin() + at, bytes.begin() + end)}});
    }
  }
  void LayCard(Device& device) {
    device.reader.card = true;
    if (device.connected) Say(device, {0x50, 0x03});
  }
  void TakeCard(Device& device) {
    device.reader.card = device.reader.powered = false;
    if (device.connected) Say(device, {0x50, 0x02});
  }
  bool searching() const { return searching_; }
  bool powered() const { return powered_; }
  // "Connect", "StartDiscovery", ...: how often it was called.
  int Called(const std::string& method) const {
    return static_cast<int>(std::count(calls_.begin(), calls_.end(), method));
  }
  bool agent_has_passkey() const { return agent_has_passkey_; }

  // Bluez
  void Listen(Listener* listener) override {
    listener_ = listener;
    Later([this] {
      if (running_) listener_->ServiceUp();
      if (!running_) listener_->ServiceDown("bluetoothd does not run");
    });
  }
  void GetObjects(std::function<void(const CallError*, Objects)> done) override {
    if (failing_looks > 0) {
      --failing_looks;
      return Fail([done](const CallError* error) { done(error, {}); },
                  "org.freedesktop.DBus.Error.NoReply", "Method call timed out");
    }
    Later([this, done] { done(nullptr, objects_); });
  }
  void Call(const std::string& path, const std::string&, const std::string& method,
            std::chrono::milliseconds, Done done) override {
    calls_.push_back(method);
    if (method == "StartDiscovery") return StartDiscovery(done);
    if (method == "StopDiscovery") searching_ = false;
    if (method == "Connect") return Connect(At(path), done);
    if (method == "Disconnect") DropLink(At(path));
    if (method == "Pair") return Pair(At(path), done);
    if (method == "StartNotify" && At(path).wants_pairing && !At(path).paired) {
      return Fail(done, "org.bluez.Error.NotPermitted", "Not paired");
    }
    Later([done] { done(nullptr); });
  }
  void Set(const std::string& path, const std::string&, const std::string& property, bool value,
           Done done) override {
    calls_.push_back("Set" + property);
    Later([done] { done(nullptr); });
    if (path == kHci && property == "Powered") SetAdapter(true, value);
  }
  void SetDiscoveryFilter(const std::string&, Done done) override {
    Later([done] { done(nullptr); });
  }
  void Write(const std::string& path, std::span<const uint8_t> piece, Done done) override {
    Device& device = At(path);
    if (!device.connected) return Fail(done, "org.bluez.Error.Failed", "Not connected");
    if (device.wants_pairing_to_write && !device.paired) {
      return Fail(done, "org.bluez.Error.Failed",
                  "Operation failed with ATT error: 0x05 (Insufficient Authentication)");
    }
    Later([done] { done(nullptr); });
    device.heard.insert(device.heard.end(), piece.begin(), piece.end());
    if (device.heard.size() < 10) return;
    const size_t size = 10 + (device.heard[1] | device.heard[2] << 8);
    if (device.heard.size() < size) return;
    std::vector<uint8_t> message;
    message.swap(device.heard);
    const auto answer = device.reader.Hear(message);
    if (!answer.empty()) Say(device, answer);
  }
  void Read(const std::string&,
            std::function<void(const CallError*, std::vector<uint8_t>)> done) override {
    Later([done] { done(nullptr, {77}); });
  }
  void RegisterAgent(bool has_passkey, Done done) override {
    agent_has_passkey_ = has_passkey;
    Later([done] { done(nullptr); });
  }

 private:
  static constexpr char kHci[] = "/org/bluez/hci0";
  static constexpr std::chrono::milliseconds kMoment{50};

  // Not from an earlier life of the daemon.
  void Later(std::function<void()> what) {
    loop_.Post([this, life = life_, what = std::move(what)] {
      if (life == life_) what();
    });
  }
  void In(std::chrono::milliseconds delay, std::function<void()> what) {
    loop_.After(delay, [this, life = life_, what = std::move(what)] {
      if (life == life_) what();
    });
  }
  void Fail(const Done& done, const std::string& name, const std::string& text) {
    Later([=] {
      const CallError error{name, text};
      done(&error);
    });
  }
  Device& At(const std::string& path) {
    for (auto& device : devices_) {
      if (path.compare(0, device->path.size(), device->path) == 0) return *device;
    }
    return *devices_.front();
  }
  void Change(const std::string& path, const std::string& interface, Properties changed) {
    for (const auto& [name, value] : changed) objects_[path][interface][name] = value;
    Later([=, this] { listener_->Changed(path, interface, changed, {}); });
  }
  void MakeAdapter() { objects_[kHci] = {{kAdapter, {{"Powered", powered_}}}}; }
  void DropAll() {
    searching_ = false;
    for (auto& device : devices_) DropLink(*device);
  }
  void StartDiscovery(const Done& done) {
    if (!powered_) return Fail(done, "org.bluez.Error.NotReady", "Resource Not Ready");
    searching_ = true;
    Later([done] { done(nullptr); });
    In(3 * kMoment, [this] {
      for (auto& device : devices_) {
        if (!searching_ || !device->in_reach) continue;
        if (device->known) {
          Change(device->path, kDevice, {{"RSSI", int64_t{-60}}});
          continue;
        }
        device->known = true;
        objects_[device->path] = {
            {kDevice,
             {{"Address", device->address}, {"Name", device->name}, {"Connected", false}}}};
        Later([this, path = device->path] { listener_->Added(path, objects_[path]); });
      }
    });
  }
  void Connect(Device& device, const Done& done) {
    if (!device.in_reach || device.failing_connects > 0) {
      device.failing_connects = std::max(0, device.failing_connects - 1);
      return In(kMoment, [this, done] {
        Fail(done, "org.bluez.Error.Failed", "le-connection-abort-by-local");
      });
    }
    In(kMoment, [this, &device, done] {
      device.connected = true;
      Change(device.path, kDevice, {{"Connected", true}});
      Later([done] { done(nullptr); });
      In(2 * kMoment, [this, &device] {
        if (device.connected) Resolve(device);
      });
    });
  }
  void Resolve(Device& device) {
    // As the real one was measured: the objects are there, and told of later.
    const std::string service = device.path + "/service0010";
    std::vector<std::function<void()>> told;
    const auto add = [&](const std::string& path, const char* interface, Properties properties) {
      objects_[path][interface] = properties;
      told.push_back([=, this] { listener_->Added(path, {{interface, properties}}); });
    };
    add(service, kService, {{"UUID", std::string("46540001-0002-00c4-0000-465453414645")}});
    add(service + "/char0011", kCharacteristic,
        {{"UUID", std::string("46540002-0002-00c4-0000-465453414645")}, {"Service", service}});
    add(service + "/char0013", kCharacteristic,
        {{"UUID", std::string("46540003-0002-00c4-0000-465453414645")}, {"Service", service}});
    add(device.path + "/service0020/char0021", kCharacteristic,
        {{"UUID", std::string("00002a19-0000-1000-8000-00805f9b34fb")},
         {"Service", device.path + "/service0020"}});
    Change(device.path, kDevice, {{"ServicesResolved", true}});
    for (auto& tell : told) Later(std::move(tell));
  }
  void Pair(Device& device, const Done& done) {
    const auto key = listener_->Passkey(device.path);
    if (!key || *key != device.passkey) {
      return Fail(done, "org.bluez.Error.AuthenticationFailed", "Authentication Failed");
    }
    device.paired = true;
    // A person presses a button.
    In(std::chrono::seconds(20), [done] { done(nullptr); });
  }

  FakeLoop& loop_;
  Listener* listener_ = nullptr;
  bool running_ = false, has_adapter_ = false, powered_ = false;
  bool searching_ = false, agent_has_passkey_ = false;
  int life_ = 0;
  Objects objects_;
  std::vector<std::unique_ptr<Device>> devices_;
  std::vector<std::string> calls_;
};

}  // namespace madoguchi::bluetooth

#endif  // MADOGUCHI_READERS_BLUETOOTH_FAKE_BLUEZ_H_
