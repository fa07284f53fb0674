#ifndef MADOGUCHI_READERS_BLUETOOTH_BUS_BLUEZ_H_
#define MADOGUCHI_READERS_BLUETOOTH_BUS_BLUEZ_H_

#include <string>

#include "readers/bluetooth/bluez.h"
#include "readers/bluetooth/bus_connection.h"
#include "readers/bluetooth/loop.h"

struct sd_bus_message;

namespace madoguchi::bluetooth {

// org.bluez on a D-Bus, through libsystemd's sd-bus. It is used bare: it can wipe a message and
// start nobody who does not run, and no C++ binding of Debian 12 can be given the connection that
// bus_connection.h makes.
//
// The bus may come and go as it likes: it is tried again every half second to five seconds. A
// bluetoothd that does not run is not started: it may be off on purpose.
class BusBluez final : public Bluez, public PollLoop::Source {
 public:
  // `socket`: the path of the bus's socket; empty: the system's usual one.
  BusBluez(Loop& loop, const std::string& socket);

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
  // `message` is null with an error.
  using Answered = std::function<void(const CallError* error, sd_bus_message* message)>;
  using Fill = std::function<bool(sd_bus_message* call)>;

  void Connect();
  void Disconnect(const std::string& why);
  // A call to org.bluez; `fill` appends its arguments, and says whether that went well.
  void Ask(const std::string& path, const std::string& interface, const std::string& method,
           const Fill& fill, std::chrono::milliseconds patience, Answered answered);
  static Answered Plain(Done done);
  int AskWhoOwnsIt();
  void OwnerChanged(const std::string& owner);
  void TakeSignal(sd_bus_message* message);
  int TakeAgentCall(sd_bus_message* call);

  Loop& loop_;
  const std::string socket_;
  Listener* listener_ = nullptr;
  BusConnection bus_;
  std::string owner_;
  std::chrono::milliseconds pause_;
  Timer again_;
  Leash leash_;
};

}  // namespace madoguchi::bluetooth

#endif  // MADOGUCHI_READERS_BLUETOOTH_BUS_BLUEZ_H_
