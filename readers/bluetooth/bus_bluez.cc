#include "readers/bluetooth/bus_bluez.h"

#include <poll.h>
#include <systemd/sd-bus.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "readers/bluetooth/bus_message.h"

namespace madoguchi::bluetooth {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr char kSystemBus[] = "/run/dbus/system_bus_socket";
constexpr char kBluez[] = "org.bluez";
constexpr char kAgent[] = "org.bluez.Agent1";
constexpr char kAgentPath[] = "/madoguchi/agent";
constexpr char kProperties[] = "org.freedesktop.DBus.Properties";
constexpr char kObjectManager[] = "org.freedesktop.DBus.ObjectManager";
constexpr char kDBus[] = "org.freedesktop.DBus";
constexpr char kSignals[] = "type='signal',sender='org.bluez'";
constexpr char kOwner[] =
    "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
    "member='NameOwnerChanged',arg0='org.bluez'";
constexpr milliseconds kPatience(10'000), kConnectPatience(2'000);
constexpr milliseconds kShortestPause(500), kLongestPause(5'000);
constexpr int kMostInATurn = 64;

uint64_t Microseconds(milliseconds patience) { return microseconds(patience).count(); }

struct Release {
  void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};
using Message = std::unique_ptr<sd_bus_message, Release>;

bool NoArguments(sd_bus_message*) { return true; }

// The daemon says who sends; whom the bus lets call us may send anything.
bool IsFrom(sd_bus_message* message, const std::string& sender) {
  const char* const name = sd_bus_message_get_sender(message);
  return name != nullptr && !sender.empty() && sender == name;
}

}  // namespace

BusBluez::BusBluez(Loop& loop, const std::string& socket)
    : loop_(loop),
      socket_(socket.empty() ? kSystemBus : socket),
      pause_(kShortestPause),
      again_(loop) {}

void BusBluez::Listen(Listener* listener) {
  listener_ = listener;
  loop_.Post([this] { Connect(); });
}

void BusBluez::Connect() {
  auto connected = ConnectBus(socket_, kConnectPatience);
  if (!connected.ok()) {
    return Disconnect("the D-Bus of the system cannot be reached: " +
                      std::string(connected.status().message()));
  }
  bus_ = *std::move(connected);
  sd_bus* const bus = bus_.get();
  int result = sd_bus_add_match_async(
      bus, nullptr, kOwner,
      [](sd_bus_message* message, void* self, sd_bus_error*) {
        std::string name, before, after;
        if (IsFrom(message, kDBus) && ReadText(message, 's', &name) &&
            ReadText(message, 's', &before) && ReadText(message, 's', &after)) {
          if (!before.empty()) static_cast<BusBluez*>(self)->OwnerChanged("");
          if (!after.empty()) static_cast<BusBluez*>(self)->OwnerChanged(after);
        }
        return 0;
      },
      nullptr, this);
  if (result >= 0) {
    result = sd_bus_add_match_async(
        bus, nullptr, kSignals,
        [](sd_bus_message* message, void* self, sd_bus_error*) {
          static_cast<BusBluez*>(self)->TakeSignal(message);
          return 0;
        },
        nullptr, this);
  }
  if (result >= 0) {
    result = sd_bus_add_object(
        bus, nullptr, kAgentPath,
        [](sd_bus_message* call, void* self, sd_bus_error*) {
          return static_cast<BusBluez*>(self)->TakeAgentCall(call);
        },
        this);
  }
  if (result >= 0) result = AskWhoOwnsIt();
  if (result < 0) return Disconnect(std::string("the D-Bus: ") + std::strerror(-result));
  pause_ = kShortestPause;
}

void BusBluez::Disconnect(const std::string& why) {
  leash_.Cut();
  bus_.reset();
  owner_.clear();
  again_.Start(pause_, [this] { Connect(); });
  pause_ = std::min(pause_ * 2, kLongestPause);
  listener_->ServiceDown(why);
}

int BusBluez::AskWhoOwnsIt() {
  return sd_bus_call_method_async(
      bus_.get(), nullptr, kDBus, "/org/freedesktop/DBus", kDBus, "GetNameOwner",
      [](sd_bus_message* answer, void* self, sd_bus_error*) {
        // Nobody's name is an error.
        std::string owner;
        const bool owned =
            sd_bus_message_get_error(answer) == nullptr && ReadText(answer, 's', &owner);
        auto* const bluez = static_cast<BusBluez*>(self);
        if (bluez->owner_.empty()) bluez->OwnerChanged(owned ? owner : "");
        return 0;
      },
      this, "s", kBluez);
}

void BusBluez::OwnerChanged(const std::string& owner) {
  owner_ = owner;
  if (!owner.empty()) return listener_->ServiceUp();
  leash_.Cut();
  listener_->ServiceDown("bluetoothd does not run");
}

void BusBluez::TakeSignal(sd_bus_message* message) {
  if (!IsFrom(message, owner_)) return;
  std::string text;
  if (sd_bus_message_is_signal(message, kProperties, "PropertiesChanged") > 0) {
    Properties changed;
    std::vector<std::string> gone;
    if (ReadText(message, 's', &text) && ReadProperties(message, &changed) &&
        ReadStrings(message, &gone)) {
      listener_->Changed(sd_bus_message_get_path(message), text, changed, gone);
    }
  } else if (sd_bus_message_is_signal(message, kObjectManager, "InterfacesAdded") > 0) {
    Interfaces interfaces;
    if (ReadText(message, 'o', &text) && ReadInterfaces(message, &interfaces)) {
      listener_->Added(text, interfaces);
    }
  } else if (sd_bus_message_is_signal(message, kObjectManager, "InterfacesRemoved") > 0) {
    std::vector<std::string> interfaces;
    if (ReadText(message, 'o', &text) && ReadStrings(message, &interfaces)) {
      listener_->Removed(text, interfaces);
    }
  }
}

int BusBluez::TakeAgentCall(sd_bus_message* call) {
  const auto is = [&](const char* method) {
    return sd_bus_message_is_method_call(call, kAgent, method) > 0;
  };
  if (is("Cancel") || is("Release")) return sd_bus_reply_method_return(call, nullptr);
  std::string device;
  std::optional<uint32_t> passkey;
  if (IsFrom(call, owner_) && ReadText(call, 'o', &device)) passkey = listener_->Passkey(device);
  if (passkey && is("RequestPasskey")) return sd_bus_reply_method_return(call, "u", *passkey);
  if (passkey && is("RequestPinCode")) {
    char digits[16];
    std::snprintf(digits, sizeof(digits), "%06u", *passkey);
    return sd_bus_reply_method_return(call, "s", digits);
  }
  // Whom we pair with is whom we want. Nobody is there to compare numbers (RequestConfirmation).
  if (passkey && (is("RequestAuthorization") || is("AuthorizeService"))) {
    return sd_bus_reply_method_return(call, nullptr);
  }
  return sd_bus_reply_method_errorf(call, "org.bluez.Error.Rejected", "not asked for");
}

BusBluez::Answered BusBluez::Plain(Done done) {
  return [done = std::move(done)](const CallError* error, sd_bus_message*) { done(error); };
}

void BusBluez::Ask(const std::string& path, const std::string& interface, const std::string& method,
                   const Fill& fill, milliseconds patience, Answered answered) {
  auto wanted = std::make_unique<Answered>(leash_.Wrap(std::move(answered)));
  sd_bus_message* made = nullptr;
  int result = -ENOTCONN;
  if (!owner_.empty()) {
    result = sd_bus_message_new_method_call(bus_.get(), &made, kBluez, path.c_str(),
                                            interface.c_str(), method.c_str());
  }
  const Message call(made);
  if (result >= 0) result = sd_bus_message_set_auto_start(made, 0);
  if (result >= 0 && !fill(made)) result = -EINVAL;
  sd_bus_slot* slot = nullptr;
  if (result >= 0) {
    result = sd_bus_call_async(
        bus_.get(), &slot, made,
        [](sd_bus_message* answer, void* wanted, sd_bus_error*) {
          const sd_bus_error* const error = sd_bus_message_get_error(answer);
          if (error == nullptr) {
            (*static_cast<Answered*>(wanted))(nullptr, answer);
            return 0;
          }
          const CallError said{error->name != nullptr ? error->name : "",
                               error->message != nullptr ? error->message : ""};
          (*static_cast<Answered*>(wanted))(&said, nullptr);
          return 0;
        },
        wanted.get(), Microseconds(patience));
  }
  if (result < 0) {
    return loop_.Post([wanted = std::shared_ptr<Answered>(std::move(wanted)), result] {
      const CallError error{"org.freedesktop.DBus.Error.Failed", std::strerror(-result)};
      (*wanted)(&error, nullptr);
    });
  }
  sd_bus_slot_set_destroy_callback(slot,
                                   [](void* wanted) { delete static_cast<Answered*>(wanted); });
  sd_bus_slot_set_floating(slot, 1);
  sd_bus_slot_unref(slot);
  wanted.release();  // NOLINT: the slot's, from now on
}

void BusBluez::GetObjects(std::function<void(const CallError*, Objects)> done) {
  Ask("/", kObjectManager, "GetManagedObjects", NoArguments, kPatience,
      [done = std::move(done)](const CallError* error, sd_bus_message* answer) {
        Objects objects;
        if (error == nullptr) ReadObjects(answer, &objects);
        done(error, std::move(objects));
      });
}

void BusBluez::Call(const std::string& path, const std::string& interface,
                    const std::string& method, milliseconds patience, Done done) {
  Ask(path, interface, method, NoArguments, patience, Plain(std::move(done)));
}

void BusBluez::Set(const std::string& path, const std::string& interface,
                   const std::string& property, bool value, Done done) {
  const auto fill = [&](sd_bus_message* call) {
    return sd_bus_message_append(call, "ssv", interface.c_str(), property.c_str(), "b",
                                 static_cast<int>(value)) >= 0;
  };
  Ask(path, kProperties, "Set", fill, kPatience, Plain(std::move(done)));
}

void BusBluez::SetDiscoveryFilter(const std::string& adapter, Done done) {
  const auto fill = [](sd_bus_message* call) {
    return sd_bus_message_append(call, "a{sv}", 1, "Transport", "s", "le") >= 0;
  };
  Ask(adapter, kAdapter, "SetDiscoveryFilter", fill, kPatience, Plain(std::move(done)));
}

void BusBluez::Write(const std::string& characteristic, std::span<const uint8_t> piece, Done done) {
  const auto fill = [piece](sd_bus_message* call) { return AppendWrite(call, piece); };
  Ask(characteristic, kCharacteristic, "WriteValue", fill, kPatience, Plain(std::move(done)));
}

void BusBluez::Read(const std::string& characteristic,
                    std::function<void(const CallError*, std::vector<uint8_t>)> done) {
  const auto fill = [](sd_bus_message* call) {
    return sd_bus_message_append(call, "a{sv}", 0) >= 0;
  };
  Ask(characteristic, kCharacteristic, "ReadValue", fill, kPatience,
      [done = std::move(done)](const CallError* error, sd_bus_message* answer) {
        std::vector<uint8_t> bytes;
        if (error == nullptr) ReadBytes(answer, &bytes);
        done(error, std::move(bytes));
      });
}

void BusBluez::RegisterAgent(bool has_passkey, Done done) {
  const auto fill = [has_passkey](sd_bus_message* call) {
    return sd_bus_message_append(call, "os", kAgentPath,
                                 has_passkey ? "KeyboardOnly" : "NoInputNoOutput") >= 0;
  };
  Ask("/org/bluez", "org.bluez.AgentManager1", "RegisterAgent", fill, kPatience,
      Plain(std::move(done)));
}

PollLoop::Wanted BusBluez::Turn() {
  PollLoop::Wanted wanted;
  if (bus_ == nullptr) return wanted;
  int result = 1;
  for (int turn = 0; result > 0 && turn < kMostInATurn; ++turn) {
    result = sd_bus_process(bus_.get(), nullptr);
  }
  uint64_t due = UINT64_MAX;
  if (result >= 0) {
    wanted.fd = sd_bus_get_fd(bus_.get());
    const int events = sd_bus_get_events(bus_.get());
    const int timed = sd_bus_get_timeout(bus_.get(), &due);
    result = std::min({result, wanted.fd, events, timed});
    wanted.events = static_cast<short>(events);  // NOLINT(google-runtime-int): poll's
  }
  if (result < 0) {
    Disconnect(std::string("the D-Bus of the system went away: ") + std::strerror(-result));
    return {};
  }
  if (due != UINT64_MAX) wanted.due = Clock::time_point(microseconds(due));
  // Timers and posts have their turn too.
  if (result > 0) wanted.due = loop_.Now();
  return wanted;
}

}  // namespace madoguchi::bluetooth
