#ifndef MADOGUCHI_SDK_SIM_BLUEZ_BUS_CLIENT_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_BUS_CLIENT_H_

#include <sdbus-c++/sdbus-c++.h>

#include <condition_variable>
#include <cstdint>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace madoguchi::bluez {

// What the tests of the double look at it with: a connection of its own to the system bus, through a
// library that neither the double nor our Bluetooth reader uses. Signals come on a thread of its
// own; the rest is for one thread.
class BusClient {
 public:
  using Options = std::map<std::string, sdbus::Variant>;
  using Objects =
      std::map<sdbus::ObjectPath, std::map<std::string, std::map<std::string, sdbus::Variant>>>;

  BusClient();
  ~BusClient();

  // "" when it went well, else "ERROR: TEXT", where org.bluez.Error. is left out.
  template <typename... Arguments>
  std::string Call(const std::string& path, const std::string& interface, const std::string& method,
                   const Arguments&... arguments) {
    try {
      const auto proxy = sdbus::createProxy(*connection_, "org.bluez", path);
      auto call = proxy->createMethodCall(interface, method);
      ((call << arguments), ...);
      reply_ = proxy->callMethod(call, 5'000'000);
      return "";
    } catch (const sdbus::Error& error) {
      return Text(error);
    }
  }
  // The same, sent before this returns; the answer comes when it comes.
  template <typename... Arguments>
  std::future<std::string> CallLater(const std::string& path, const std::string& interface,
                                     const std::string& method, const Arguments&... arguments) {
    const auto ended = std::make_shared<std::promise<std::string>>();
    proxies_.push_back(sdbus::createProxy(*connection_, "org.bluez", path));
    auto call = proxies_.back()->createMethodCall(interface, method);
    ((call << arguments), ...);
    proxies_.back()->callMethod(call, [ended](sdbus::MethodReply&, const sdbus::Error* error) {
      ended->set_value(error == nullptr ? "" : Text(*error));
    });
    return ended->get_future();
  }
  // What the last call was answered.
  template <typename T>
  T Reply() {
    T value;
    reply_ >> value;
    return value;
  }

  std::string Set(const std::string& path, const std::string& interface,
                  const std::string& property, const sdbus::Variant& value) {
    return Call(path, "org.freedesktop.DBus.Properties", "Set", interface, property, value);
  }
  // As text; "none" when there is no such property or object.
  std::string Get(const std::string& path, const std::string& interface,
                  const std::string& property);
  Objects ManagedObjects();
  bool Has(const std::string& path) { return ManagedObjects().contains(sdbus::ObjectPath(path)); }
  // The path of the characteristic with that UUID below a path; "" when there is none.
  std::string FindUuid(const std::string& below, const std::string& uuid);

  // Each signal of the double as a line, in the order in which they came:
  //   "+ PATH INTERFACE", "- PATH INTERFACE", "PATH INTERFACE.PROPERTY=VALUE" and, for one that
  // exists no more, "PATH INTERFACE.PROPERTY gone". org.bluez and the adapter's path are left out.
  std::vector<std::string> Seen();
  // Waits until that line was seen, since the start or the last Forget.
  bool AwaitSeen(const std::string& line);
  void Forget();

  sdbus::IConnection& connection() { return *connection_; }
  std::string name() const { return connection_->getUniqueName(); }

 private:
  static std::string Text(const sdbus::Error& error);
  void Note(sdbus::Message& message);
  void Add(const std::string& line);

  std::unique_ptr<sdbus::IConnection> connection_;
  std::vector<std::unique_ptr<sdbus::IProxy>> proxies_;  // of calls that are under way
  sdbus::MethodReply reply_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> seen_;
};

// A property's value as text: true, 42, words, [a b], hex digits for bytes.
std::string TextOf(const sdbus::Variant& value);

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_BUS_CLIENT_H_
