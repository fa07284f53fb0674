#ifndef MADOGUCHI_READERS_BLUETOOTH_RADIO_H_
#define MADOGUCHI_READERS_BLUETOOTH_RADIO_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "madoguchi/reader/v1/reader.pb.h"
#include "readers/bluetooth/bluez.h"
#include "readers/bluetooth/device.h"
#include "readers/bluetooth/loop.h"
#include "readers/bluetooth/search.h"
#include "readers/bluetooth/selection.h"

namespace madoguchi::bluetooth {

// All readers of this plugin, and what they hang on: bluetoothd and an adapter that is on. What it
// shows is a snapshot of the selection: each reader that was asked for is in it, with its trouble
// where it cannot be used. Of the loop's thread.
class Radio final : public Bluez::Listener {
 public:
  struct Options {
    Selection selection;
    // Switch an adapter on that is off. Otherwise it stays as whoever switched it off wanted it.
    bool power_on = false;
    std::optional<uint32_t> passkey;  // for pairing, 0..999999
  };

  // `publish` is called with each snapshot, the first in Start. `bluez` and `loop` outlive this.
  Radio(Bluez& bluez, Loop& loop, Options options, Device::CodecMaker make_codec,
        std::function<void(reader::v1::Snapshot)> publish);
  ~Radio() override;

  void Start();

  // As madoguchi.reader.v1.Reader has them; the answer comes later, or at once.
  void Open(uint64_t session, const std::string& reader, uint64_t insertion, Device::Answer answer);
  void Transmit(uint64_t session, Secret command, Device::Answer answer);
  void Close(uint64_t session);
  // For good: all devices as Device::End. `ended` is called when bluetoothd has heard everything,
  // or never, where it does not answer.
  void End(std::function<void()> ended);

  // Bluez::Listener
  void ServiceUp() override;
  void ServiceDown(const std::string& why) override;
  void Added(const std::string& path, const Interfaces& interfaces) override;
  void Removed(const std::string& path, const std::vector<std::string>& interfaces) override;
  void Changed(const std::string& path, const std::string& interface, const Properties& changed,
               const std::vector<std::string>& gone) override;
  std::optional<uint32_t> Passkey(const std::string& device) override;

 private:
  struct Known {
    std::string address, advertised;
    bool by_address;  // is meant by its address, so that its name does not matter
    std::unique_ptr<Device> device;
    bool disputed = false;  // another device has that name, so neither is used
  };
  struct Mentioned {
    std::string name;
    bool own;  // which it told
  };

  void ChooseAdapter();
  void Suspend(FailureCode code, const std::string& why);
  // A device that BlueZ tells of: one of ours?
  void Consider(const std::string& path);
  // `own`: the device told its name.
  void Mention(const std::string& name, bool own, const std::string& address);
  std::string WhoIsInReach() const;
  // What BlueZ tells of the device at `path`.
  struct Heard {
    std::string address, name;
    bool own_name = false;  // it told it itself
    bool looks_like_reader = false;
    const Selection::Entry* entry = nullptr;  // that means it
  };
  Heard Look(const std::string& path) const;
  // The address of another device that the settings mean by the name of `known`; empty: none.
  std::string RivalOf(const Known& known) const;
  // Uses it, unless it has a rival.
  void Use(Known& known, const std::string& path);
  bool Found(const Selection::Entry& entry) const;
  // The devices whose objects these are.
  void Tell(const std::string& path, const std::string& interface, const Properties& changed);
  void DeviceChanged();
  void Publish();

  Bluez& bluez_;
  Loop& loop_;
  const Options options_;
  const Device::CodecMaker make_codec_;
  const std::function<void(reader::v1::Snapshot)> publish_;

  bool up_ = false;      // bluetoothd runs and its objects are known
  std::string adapter_;  // that is on; empty: none
  absl::Status trouble_;
  bool too_many_ = false;
  Objects objects_;
  std::vector<Known> known_;
  std::map<uint64_t, Device*> sessions_;
  std::map<std::string, Mentioned> mentioned_;  // by address
  Timer again_;
  Search search_;
  Leash leash_;
};

}  // namespace madoguchi::bluetooth

#endif  // MADOGUCHI_READERS_BLUETOOTH_RADIO_H_
