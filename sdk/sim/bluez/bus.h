#ifndef MADOGUCHI_SDK_SIM_BLUEZ_BUS_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_BUS_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sdk/sim/bluez/loop.h"
#include "sdk/sim/bluez/value.h"

// All that knows libsystemd's sd-bus is bus.cc. It is used bare, and not through a C++ binding,
// because bluetoothd has properties that come and go (RSSI), which the bindings do not offer.

struct sd_bus;
struct sd_bus_message;
struct sd_bus_slot;

namespace madoguchi::bluez {

// A method call that somebody made, answered once, at once or later. Copies are the same call. One
// that is let go without an answer is answered as failed.
class Call {
 public:
  const std::string& path() const;
  const std::string& interface() const;
  const std::string& member() const;
  const std::string& sender() const;     // its unique name
  const std::string& signature() const;  // of the arguments, as they came
  // Those of types that Value has; nullopt when another is among them.
  const std::optional<std::vector<Value>>& arguments() const;

  void Reply(const std::vector<Value>& values = {}) const;
  // Answers h, and q after it.
  void ReplyDescriptor(int fd, uint16_t number) const;
  // {path: {interface: {property: value}}}: what GetManagedObjects answers.
  using Interfaces = std::map<std::string, Dict>;
  void ReplyObjects(const std::map<std::string, Interfaces>& objects) const;
  // A variant with the value in it.
  void ReplyVariant(const Value& value) const;
  void Fail(const std::string& error, const std::string& text) const;
  // The errors of bluetoothd: "org.bluez.Error." + `error`.
  void FailBluez(const std::string& error, const std::string& text) const {
    Fail("org.bluez.Error." + error, text);
  }

 private:
  friend class Bus;
  struct State;
  std::shared_ptr<State> state_;
};

// A connection to a D-Bus daemon that owns a name and takes every call to it.
class Bus {
 public:
  // Connects to `address`, and takes `name` unless it is empty. UNAVAILABLE when the daemon is not
  // there, ALREADY_EXISTS when the name has an owner, PERMISSION_DENIED when it may not be had.
  static absl::StatusOr<std::unique_ptr<Bus>> Open(const std::string& address,
                                                   const std::string& name, Loop& loop);
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;
  // Closes the connection; calls that are not answered by then never are.
  ~Bus();

  // Who takes the calls; false: nobody does, and the caller is told so.
  void OnCall(std::function<bool(const Call&)> take) { on_call_ = std::move(take); }
  // Told the unique name of each connection that leaves the bus.
  void OnGone(std::function<void(const std::string&)> gone) { on_gone_ = std::move(gone); }
  // Called when the daemon closes the connection.
  void OnClosed(std::function<void()> closed) { on_closed_ = std::move(closed); }

  // Sends no signals any more, and answers no calls: the connection is about to break.
  void Mute();

  // Reads, writes, and calls the above until there is nothing to do. To be called before each wait;
  // returns when to call again at the latest.
  std::optional<Timers::Clock::time_point> Process();

  void PropertiesChanged(const std::string& path, const std::string& interface, const Dict& changed,
                         const std::vector<std::string>& invalidated);
  void InterfacesAdded(const std::string& path, const Call::Interfaces& interfaces);
  void InterfacesRemoved(const std::string& path, const std::vector<std::string>& interfaces);

  // What somebody answered: an error's name, or a u (0 when it answered nothing).
  struct Answer {
    std::string error;
    uint32_t number = 0;
  };
  // Calls a method of somebody else. Waits 60 s for the answer.
  void Ask(const std::string& destination, const std::string& path, const std::string& interface,
           const std::string& member, const std::vector<Value>& arguments,
           std::function<void(const Answer&)> answered);

  struct Signal {
    std::string path, interface, member;
    std::optional<std::vector<Value>> arguments;  // see Call::arguments
  };
  // Told every signal of `sender`.
  void OnSignal(const std::string& sender, std::function<void(const Signal&)> heard);

 private:
  explicit Bus(Loop& loop) : loop_(loop) {}
  static int TakeCall(sd_bus_message* message, void* self, void*);
  static int TakeGone(sd_bus_message* message, void* self, void*);
  static int TakeSignal(sd_bus_message* message, void* self, void*);
  static int TakeAnswer(sd_bus_message* message, void* asked, void*);

  Loop& loop_;
  sd_bus* bus_ = nullptr;
  std::function<bool(const Call&)> on_call_;
  std::function<void(const std::string&)> on_gone_;
  std::function<void()> on_closed_;
  std::function<void(const Signal&)> on_signal_;
};

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_BUS_H_
