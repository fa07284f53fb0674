#ifndef MADOGUCHI_READERS_BLUETOOTH_BLUEZ_H_
#define MADOGUCHI_READERS_BLUETOOTH_BLUEZ_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace madoguchi::bluetooth {

// What org.bluez says of itself, as far as this plugin reads it; a property of another type is
// monostate. All integers are int64_t; object paths are strings.
using Value = std::variant<std::monostate, bool, int64_t, std::string, std::vector<std::string>,
                           std::vector<uint8_t>>;
using Properties = std::map<std::string, Value>;       // by name
using Interfaces = std::map<std::string, Properties>;  // by interface
using Objects = std::map<std::string, Interfaces>;     // by path

constexpr char kAdapter[] = "org.bluez.Adapter1";
constexpr char kDevice[] = "org.bluez.Device1";
constexpr char kBattery[] = "org.bluez.Battery1";
constexpr char kService[] = "org.bluez.GattService1";
constexpr char kCharacteristic[] = "org.bluez.GattCharacteristic1";

// An error that a call came back with: "org.bluez.Error.Failed" and its text.
struct CallError {
  std::string name;
  std::string text;
};

// The service org.bluez, as a seam: tests put a fake here (fake_bluez.h); the real one is
// in bus_bluez.h. Everything, callbacks too, is of the loop's thread. No
// callback is called from within the call that it is given to.
class Bluez {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    // The service is there, perhaps anew: what was known of its objects is void.
    virtual void ServiceUp() = 0;
    // It is not; `why` is one English line. Calls under way never come back.
    virtual void ServiceDown(const std::string& why) = 0;
    virtual void Added(const std::string& path, const Interfaces& interfaces) = 0;
    virtual void Removed(const std::string& path, const std::vector<std::string>& interfaces) = 0;
    // `gone`: properties that have no value any more.
    virtual void Changed(const std::string& path, const std::string& interface,
                         const Properties& changed, const std::vector<std::string>& gone) = 0;
    // The passkey (0..999999) for pairing with the device at this path; nullopt refuses.
    virtual std::optional<uint32_t> Passkey(const std::string& device) = 0;
  };

  // `error` is null when it worked.
  using Done = std::function<void(const CallError* error)>;

  virtual ~Bluez() = default;
  // Begins. `listener` outlives this object.
  virtual void Listen(Listener* listener) = 0;

  virtual void GetObjects(std::function<void(const CallError*, Objects)> done) = 0;
  // A method without arguments.
  virtual void Call(const std::string& path, const std::string& interface,
                    const std::string& method, std::chrono::milliseconds patience, Done done) = 0;
  virtual void Set(const std::string& path, const std::string& interface,
                   const std::string& property, bool value, Done done) = 0;
  // Low energy alone.
  virtual void SetDiscoveryFilter(const std::string& adapter, Done done) = 0;
  // WriteValue with a response, so that order and loss are known. `piece` may hold a part of a PIN,
  // and is not kept: the message that carries it is wiped when it is let go.
  virtual void Write(const std::string& characteristic, std::span<const uint8_t> piece,
                     Done done) = 0;
  virtual void Read(const std::string& characteristic,
                    std::function<void(const CallError*, std::vector<uint8_t>)> done) = 0;
  // Makes this program the one that is asked when it pairs itself (not the agent of all others).
  // With `has_passkey` it can give one; without, only pairing without a passkey works.
  virtual void RegisterAgent(bool has_passkey, Done done) = 0;
};

// The value of type T, or `otherwise` where there is none, or one of another type.
template <typename T>
T ValueOr(const Objects& objects, const std::string& path, const std::string& interface,
          const std::string& property, T otherwise) {
  const auto object = objects.find(path);
  if (object == objects.end()) return otherwise;
  const auto properties = object->second.find(interface);
  if (properties == object->second.end()) return otherwise;
  const auto value = properties->second.find(property);
  if (value == properties->second.end() || !std::holds_alternative<T>(value->second)) {
    return otherwise;
  }
  return std::get<T>(value->second);
}

}  // namespace madoguchi::bluetooth

#endif  // MADOGUCHI_READERS_BLUETOOTH_BLUEZ_H_
