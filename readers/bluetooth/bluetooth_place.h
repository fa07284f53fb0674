#ifndef MADOGUCHI_READERS_BLUETOOTH_BLUETOOTH_PLACE_H_
#define MADOGUCHI_READERS_BLUETOOTH_BLUETOOTH_PLACE_H_

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sdk/conformance/plugin_process.h"
#include "sdk/conformance/private_bus.h"
#include "sdk/conformance/program.h"
#include "sdk/conformance/reader_client.h"
#include "sdk/launch/bus_proxy.h"
#include "sdk/launch/image.h"

// For tests: a D-Bus of their own, madoguchi-bluez on it with emulated readers and cards, and the
// plugin's own program in its jail, behind its proxy, as the host runs it.
namespace madoguchi::bluetooth {

// The programs of the build, of which the test's lies in tests/.
std::filesystem::path BuildFolder();

// One line to the control socket at `path`; the answer's line.
std::string TellControl(const std::string& path, const std::string& line);

// The name that madoguchi-bluez gives to its first ACR1255U-J1.
constexpr char kAcrName[] = "ACR1255U-J1-000001";

class BluetoothPlace {
 public:
  // Makes a folder for everything, and the daemon.
  BluetoothPlace();
  ~BluetoothPlace();
  BluetoothPlace(const BluetoothPlace&) = delete;
  BluetoothPlace& operator=(const BluetoothPlace&) = delete;

  // madoguchi-bluez with `readers` ("acr1255" and the like; the sockets for cards are added) and
  // further arguments ("--fault", "other-key").
  void StartBluez(const std::vector<std::string>& readers,
                  const std::vector<std::string>& further = {});
  std::string TellBluez(const std::string& line) { return TellControl(control_, line); }
  // A number in the answer to "status": StatusOf("reader1", "apdus").
  int StatusOf(const std::string& reader, const std::string& what);

  // The plugin, with `settings` over its defaults.
  void StartPlugin(std::map<std::string, std::string> settings);
  void EndPlugin();
  conformance::PluginProcess& process() { return *process_; }
  conformance::ReaderClient& client() { return *client_; }

  // A card on the reader of this number, which counts from 1; "insert", "remove", "fault ..." then
  // go to TellCard.
  void LayCard(int reader = 1);
  std::string TellCard(const std::string& line, int reader = 1) {
    return TellControl(CardControl(reader), line);
  }

  std::string bus_address() const { return bus_->address(); }
  std::string folder() const { return folder_; }

 private:
  std::string CardControl(int reader) const {
    return folder_ + "/card" + std::to_string(reader) + ".control";
  }

  std::string folder_, control_;
  std::unique_ptr<conformance::PrivateBus> bus_;
  std::unique_ptr<conformance::Program> bluez_;
  std::map<int, std::unique_ptr<conformance::Program>> cards_;
  std::unique_ptr<BusProxy> proxy_;
  std::unique_ptr<PluginImage> image_;
  std::unique_ptr<conformance::PluginProcess> process_;
  std::unique_ptr<conformance::ReaderClient> client_;
};

}  // namespace madoguchi::bluetooth

#endif  // MADOGUCHI_READERS_BLUETOOTH_BLUETOOTH_PLACE_H_
