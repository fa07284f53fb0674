#ifndef MADOGUCHI_READERS_BLUETOOTH_SDBUS_BLUEZ_H_
#define MADOGUCHI_READERS_BLUETOOTH_SDBUS_BLUEZ_H_

#include <map>
#include <memory>
#include <string>

#include "readers/bluetooth/bluez.h"
#include "readers/bluetooth/loop.h"

namespace sdbus {
class IConnection;
class IObject;
class IProxy;
}  // namespace sdbus

namespace madoguchi::bluetooth {

// org.bluez on a D-Bus, through sdbus-c++ 1.x. All that knows that library, and libsystemd below it
// for what it does not offer, is in sdbus_bluez.cc and sdbus_message.h.
//
// The bus may come and go as it likes: it is tried again every half second to five seconds. A
// bluetoothd that does not run is not started.
class SdbusBluez final : public Bluez, public PollLoop::Source {
 public:
  // `socket`: the path of the bus's socket; empty: DBUS_SYSTEM_BUS_ADDRESS or the system's.
  SdbusBluez(Loop& loop, std::string socket);
  ~SdbusBluez() override;

  void Listen(Listener* listener) override;
  void GetObjects(std::function<void(const CallError*, Objects)> done) override;
  void Call(const std::string& path, const std::string& interface, const std::string& method,
            std::chrono::milliseconds patience, Done done) override;
  void Set(const std::string& path, const std::string& interface, const std::string& property,
           bool value, Done done) override;
  void SetDiscoveryFilter(const std::string& adapter, Done done) override;
  void Write(const std::string& characteristic, std::span<const uint8_t> piece, Done done) override;
  void Read(const std::string& characteristic,
            std::function<void(const CallError*, std::vector<uint8_t>)> done) override;
  void RegisterAgent(bool has_passkey, Done done) override;

  PollLoop::Wanted Turn() override;

 private:
  void Connect();
  void Disconnect(const std::string& why);
  void AskWhetherItRuns();
  void OwnerChanged(bool there);
  void ExportAgent();
  sdbus::IProxy& At(const std::string& path);
  // Says that a call could not even be sent, later.
  void Unsent(Done done, const std::string& why);

  Loop& loop_;
  const std::string socket_;
  Listener* listener_ = nullptr;
  std::unique_ptr<sdbus::IConnection> connection_;
  std::unique_ptr<sdbus::IObject> agent_;
  std::unique_ptr<sdbus::IProxy> daemon_;
  std::map<std::string, std::unique_ptr<sdbus::IProxy>> proxies_;
  bool there_ = false;
  std::chrono::milliseconds pause_;
  Timer again_;
  Leash leash_;
};

}  // namespace madoguchi::bluetooth

#endif  // MADOGUCHI_READERS_BLUETOOTH_SDBUS_BLUEZ_H_
