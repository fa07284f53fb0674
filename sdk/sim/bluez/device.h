#ifndef MADOGUCHI_SDK_SIM_BLUEZ_DEVICE_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_DEVICE_H_

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "sdk/sim/bluez/agents.h"
#include "sdk/sim/bluez/gatt.h"
#include "sdk/sim/bluez/peripheral.h"

namespace madoguchi::bluez {

// What bluetoothd keeps on the disk: it is there again after a restart.
struct Storage {
  std::set<std::string> paired, trusted;  // addresses
};

// org.bluez.Device1 (and Battery1) of a peripheral that was found once: it stays until it is
// removed, whether or not the peripheral is there.
class Device : public Central {
 public:
  struct Daemon {
    Tree& tree;
    Loop& loop;
    Agents& agents;
    Storage& storage;
    const Timing& timing;
  };

  // All outlive the device.
  Device(const Daemon& daemon, std::string adapter, Peripheral& peripheral);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  // Drops the link, and takes its objects from the bus.
  ~Device() override;

  const std::string& path() const { return path_; }
  Peripheral& peripheral() { return peripheral_; }

  // It was heard while discovering, or is not to be any more.
  void Heard();
  void Forgotten() { daemon_.tree.Clear(path_, kInterface, "RSSI"); }
  // The adapter goes off: whatever is under way ends.
  void PowerLost();
  // The pairing is forgotten with it.
  void Forget() { daemon_.storage.paired.erase(peripheral_.identity().address); }
  // A connection left the bus.
  void Gone(const std::string& sender) { gatt_.Gone(sender); }

  void Notified(Pipe pipe, const Bytes& value) override;
  void LinkLost() override;

 private:
  static constexpr char kInterface[] = "org.bluez.Device1";

  void Show();
  void Connect(const Call& call);
  void Disconnect(const Call& call);
  void Pair(const Call& call);
  void CancelPairing(const Call& call);
  void Write(const Call& call, const std::string& property, const Value& value);

  void BeginConnecting();
  void Connected();
  void Resolved();
  // Answers whoever waits for the connection; `error` empty: it is there.
  void EndConnecting(const std::string& error);
  void AskPasskey();
  void EndPairing(const std::string& error, const std::string& text);
  bool paired() const;
  bool may_access() const { return paired() || !peripheral_.faults().pairing; }

  const Daemon daemon_;
  const std::string adapter_, path_;
  Peripheral& peripheral_;
  GattTree gatt_;
  Link* link_ = nullptr;
  bool resolved_ = false;
  Timer progress_;  // of connecting, then of resolving
  std::optional<Call> connecting_, pairing_;
  std::shared_ptr<bool> asked_;  // the passkey; gone: the answer is of no use any more
};

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_DEVICE_H_
