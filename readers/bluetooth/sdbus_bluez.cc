#include "readers/bluetooth/sdbus_bluez.h"

#include <algorithm>
#include <stdexcept>

#include "readers/bluetooth/sdbus_message.h"

namespace madoguchi::bluetooth {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr char kBluez[] = "org.bluez";
constexpr char kAgent[] = "org.bluez.Agent1";
constexpr char kAgentPath[] = "/madoguchi/agent";
constexpr char kProperties[] = "org.freedesktop.DBus.Properties";
constexpr char kObjectManager[] = "org.freedesktop.DBus.ObjectManager";
constexpr char kDBus[] = "org.freedesktop.DBus";
constexpr milliseconds kPatience(10'000);
constexpr milliseconds kShortestPause(500), kLongestPause(5'000);
constexpr int kMostInATurn = 64;

// A path as a D-Bus address has it.
std::string AddressOf(const std::string& path) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string address = "unix:path=";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || std::string("-_/.\\*").find(c) != std::string::npos) {
      address += c;
    } else {
      address += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return address;
}

uint64_t Microseconds(milliseconds patience) { return microseconds(patience).count(); }

// A call that starts nobody who does not run: bluetoothd may be off on purpose.
sdbus::MethodCall MakeCall(sdbus::IProxy& proxy, const char* interface, const std::string& method) {
  auto call = proxy.createMethodCall(interface, method);
  sd_bus_message_set_auto_start(RawOf(call), 0);
  return call;
}

sdbus::async_reply_handler Answering(Bluez::Done done) {
  return [done = std::move(done)](sdbus::MethodReply&, const sdbus::Error* error) {
    if (error == nullptr) return done(nullptr);
    const CallError said{error->getName(), error->getMessage()};
    done(&said);
  };
}

}  // namespace

SdbusBluez::SdbusBluez(Loop& loop, std::string socket)
    : loop_(loop), socket_(std::move(socket)), pause_(kShortestPause), again_(loop) {}

SdbusBluez::~SdbusBluez() = default;

void SdbusBluez::Listen(Listener* listener) {
  listener_ = listener;
  loop_.Post([this] { Connect(); });
}

void SdbusBluez::Connect() {
  try {
    connection_ = socket_.empty()
                      ? sdbus::createSystemBusConnection()
                      : sdbus::createSessionBusConnectionWithAddress(AddressOf(socket_));
    connection_->setMethodCallTimeout(Microseconds(kPatience));
    connection_->addMatch(
        "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
        "member='NameOwnerChanged',arg0='org.bluez'",
        [this](sdbus::Message& message) {
          sd_bus_message* const raw = RawOf(message);
          std::string name, before, after;
          if (!ReadText(raw, 's', &name) || !ReadText(raw, 's', &before) ||
              !ReadText(raw, 's', &after)) {
            return;
          }
          if (!before.empty()) OwnerChanged(false);
          if (!after.empty()) OwnerChanged(true);
        },
        sdbus::floating_slot);
    connection_->addMatch(
        "type='signal',sender='org.bluez'",
        [this](sdbus::Message& message) {
          if (!there_) return;
          sd_bus_message* const raw = RawOf(message);
          const std::string member = message.getMemberName();
          const std::string interface = message.getInterfaceName();
          std::string text;
          if (interface == kProperties && member == "PropertiesChanged") {
            Properties changed;
            std::vector<std::string> gone;
            if (ReadText(raw, 's', &text) && ReadProperties(raw, &changed) &&
                ReadStrings(raw, &gone)) {
              listener_->Changed(message.getPath(), text, changed, gone);
            }
          } else if (interface == kObjectManager && member == "InterfacesAdded") {
            Interfaces interfaces;
            if (ReadText(raw, 'o', &text) && ReadInterfaces(raw, &interfaces)) {
              listener_->Added(text, interfaces);
            }
          } else if (interface == kObjectManager && member == "InterfacesRemoved") {
            std::vector<std::string> interfaces;
            if (ReadText(raw, 'o', &text) && ReadStrings(raw, &interfaces)) {
              listener_->Removed(text, interfaces);
            }
          }
        },
        sdbus::floating_slot);
    ExportAgent();
    AskWhetherItRuns();
    pause_ = kShortestPause;
  } catch (const sdbus::Error& error) {
    Disconnect("the D-Bus of the system cannot be reached: " + error.getMessage());
  }
}

void SdbusBluez::Disconnect(const std::string& why) {
  leash_.Cut();
  agent_.reset();
  daemon_.reset();
  proxies_.clear();
  connection_.reset();
  there_ = false;
  again_.Start(pause_, [this] { Connect(); });
  pause_ = std::min(pause_ * 2, kLongestPause);
  listener_->ServiceDown(why);
}

void SdbusBluez::AskWhetherItRuns() {
  daemon_ = sdbus::createProxy(*connection_, kDBus, "/org/freedesktop/DBus");
  auto call = daemon_->createMethodCall(kDBus, "NameHasOwner");
  call << kBluez;
  daemon_->callMethod(
      call,
      [this](sdbus::MethodReply& reply, const sdbus::Error* error) {
        bool has = false;
        if (error == nullptr) reply >> has;
        if (!there_) OwnerChanged(has);
      },
      Microseconds(kPatience));
}

void SdbusBluez::OwnerChanged(bool there) {
  there_ = there;
  if (there) return listener_->ServiceUp();
  leash_.Cut();
  listener_->ServiceDown("bluetoothd does not run");
}

void SdbusBluez::ExportAgent() {
  agent_ = sdbus::createObject(*connection_, kAgentPath);
  const auto passkey = [this](const std::string& device) {
    const std::optional<uint32_t> key = listener_->Passkey(device);
    if (!key) throw sdbus::Error("org.bluez.Error.Rejected", "not asked for");
    return *key;
  };
  const auto refuse = [passkey](const std::string& device) { passkey(device); };
  agent_->registerMethod("RequestPasskey")
      .onInterface(kAgent)
      .implementedAs([passkey](const sdbus::ObjectPath& device) { return passkey(device); });
  agent_->registerMethod("RequestPinCode")
      .onInterface(kAgent)
      .implementedAs([passkey](const sdbus::ObjectPath& device) {
        const std::string digits = std::to_string(passkey(device));
        return std::string(6 - std::min<size_t>(6, digits.size()), '0') + digits;
      });
  // Nobody is there to compare numbers. A device that we are pairing with is who we want.
  agent_->registerMethod("RequestAuthorization")
      .onInterface(kAgent)
      .implementedAs([refuse](const sdbus::ObjectPath& device) { refuse(device); });
  agent_->registerMethod("AuthorizeService")
      .onInterface(kAgent)
      .implementedAs(
          [refuse](const sdbus::ObjectPath& device, const std::string&) { refuse(device); });
  agent_->registerMethod("RequestConfirmation")
      .onInterface(kAgent)
      .implementedAs([](const sdbus::ObjectPath&, const uint32_t&) {
        throw sdbus::Error("org.bluez.Error.Rejected", "nobody is there to compare");
      });
  agent_->registerMethod("Cancel").onInterface(kAgent).implementedAs([] {});
  agent_->registerMethod("Release").onInterface(kAgent).implementedAs([] {});
  agent_->finishRegistration();
}

sdbus::IProxy& SdbusBluez::At(const std::string& path) {
  if (!there_) throw std::runtime_error("bluetoothd does not run");
  auto& proxy = proxies_[path];
  if (proxy == nullptr) proxy = sdbus::createProxy(*connection_, kBluez, path);
  return *proxy;
}

void SdbusBluez::Unsent(Done done, const std::string& why) {
  loop_.Post([done = leash_.Wrap(std::function<void(const CallError*)>(std::move(done))), why] {
    const CallError error{"org.freedesktop.DBus.Error.Failed", why};
    done(&error);
  });
}

void SdbusBluez::GetObjects(std::function<void(const CallError*, Objects)> done) {
  const auto wanted = leash_.Wrap(std::move(done));
  try {
    sdbus::IProxy& root = At("/");
    root.callMethod(
        MakeCall(root, kObjectManager, "GetManagedObjects"),
        [wanted](sdbus::MethodReply& reply, const sdbus::Error* error) {
          if (error != nullptr) {
            const CallError said{error->getName(), error->getMessage()};
            return wanted(&said, {});
          }
          Objects objects;
          ReadObjects(RawOf(reply), &objects);
          wanted(nullptr, std::move(objects));
        },
        Microseconds(kPatience));
  } catch (const std::exception& error) {
    Unsent([wanted](const CallError* said) { wanted(said, {}); }, error.what());
  }
}

void SdbusBluez::Call(const std::string& path, const std::string& interface,
                      const std::string& method, milliseconds patience, Done done) {
  const Done wanted = leash_.Wrap(std::function<void(const CallError*)>(std::move(done)));
  try {
    sdbus::IProxy& proxy = At(path);
    proxy.callMethod(MakeCall(proxy, interface.c_str(), method), Answering(wanted),
                     Microseconds(patience));
  } catch (const std::exception& error) {
    Unsent(wanted, error.what());
  }
}

void SdbusBluez::Set(const std::string& path, const std::string& interface,
                     const std::string& property, bool value, Done done) {
  const Done wanted = leash_.Wrap(std::function<void(const CallError*)>(std::move(done)));
  try {
    sdbus::IProxy& proxy = At(path);
    auto call = MakeCall(proxy, kProperties, "Set");
    call << interface << property << sdbus::Variant(value);
    proxy.callMethod(call, Answering(wanted), Microseconds(kPatience));
  } catch (const std::exception& error) {
    Unsent(wanted, error.what());
  }
}

void SdbusBluez::SetDiscoveryFilter(const std::string& adapter, Done done) {
  const Done wanted = leash_.Wrap(std::function<void(const CallError*)>(std::move(done)));
  try {
    sdbus::IProxy& proxy = At(adapter);
    auto call = MakeCall(proxy, kAdapter, "SetDiscoveryFilter");
    call << std::map<std::string, sdbus::Variant>{{"Transport", sdbus::Variant(std::string("le"))}};
    proxy.callMethod(call, Answering(wanted), Microseconds(kPatience));
  } catch (const std::exception& error) {
    Unsent(wanted, error.what());
  }
}

void SdbusBluez::Write(const std::string& characteristic, std::span<const uint8_t> piece,
                       Done done) {
  const Done wanted = leash_.Wrap(std::function<void(const CallError*)>(std::move(done)));
  try {
    sdbus::IProxy& proxy = At(characteristic);
    auto call = MakeCall(proxy, kCharacteristic, "WriteValue");
    if (!AppendWrite(RawOf(call), piece)) return Unsent(wanted, "no message could be made");
    proxy.callMethod(call, Answering(wanted), Microseconds(kPatience));
  } catch (const std::exception& error) {
    Unsent(wanted, error.what());
  }
}

void SdbusBluez::Read(const std::string& characteristic,
                      std::function<void(const CallError*, std::vector<uint8_t>)> done) {
  const auto wanted = leash_.Wrap(std::move(done));
  try {
    sdbus::IProxy& proxy = At(characteristic);
    auto call = MakeCall(proxy, kCharacteristic, "ReadValue");
    call << std::map<std::string, sdbus::Variant>{};
    proxy.callMethod(
        call,
        [wanted](sdbus::MethodReply& reply, const sdbus::Error* error) {
          if (error != nullptr) {
            const CallError said{error->getName(), error->getMessage()};
            return wanted(&said, {});
          }
          std::vector<uint8_t> bytes;
          ReadBytes(RawOf(reply), &bytes);
          wanted(nullptr, std::move(bytes));
        },
        Microseconds(kPatience));
  } catch (const std::exception& error) {
    Unsent([wanted](const CallError* said) { wanted(said, {}); }, error.what());
  }
}

void SdbusBluez::RegisterAgent(bool has_passkey, Done done) {
  const Done wanted = leash_.Wrap(std::function<void(const CallError*)>(std::move(done)));
  try {
    sdbus::IProxy& proxy = At("/org/bluez");
    auto call = MakeCall(proxy, "org.bluez.AgentManager1", "RegisterAgent");
    call << sdbus::ObjectPath(kAgentPath) << (has_passkey ? "KeyboardOnly" : "NoInputNoOutput");
    proxy.callMethod(call, Answering(wanted), Microseconds(kPatience));
  } catch (const std::exception& error) {
    Unsent(wanted, error.what());
  }
}

PollLoop::Wanted SdbusBluez::Turn() {
  PollLoop::Wanted wanted;
  if (connection_ == nullptr) return wanted;
  try {
    int turns = 0;
    while (connection_->processPendingRequest()) {
      // Timers and posts have their turn too.
      if (++turns < kMostInATurn) continue;
      wanted.due = loop_.Now();
      break;
    }
    const auto data = connection_->getEventLoopPollData();
    wanted.fd = data.fd;
    wanted.events = data.events;
    if (!wanted.due && data.timeout_usec != UINT64_MAX) {
      wanted.due = Clock::time_point(microseconds(data.timeout_usec));
    }
  } catch (const sdbus::Error& error) {
    Disconnect("the D-Bus of the system went away: " + error.getMessage());
    wanted = {};
    wanted.due = loop_.Now();
  }
  return wanted;
}

}  // namespace madoguchi::bluetooth
