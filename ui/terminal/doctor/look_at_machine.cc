#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <sstream>

#include "madoguchi/check/v1/failure.pb.h"
#include "ui/terminal/doctor/look.h"

namespace madoguchi::terminal::doctor {
namespace {

constexpr char kUsb[] = "/sys/bus/usb/devices";

// NFC readers with a chip of their own instead of CCID. Sources: the id tables of the kernel's
// drivers pn533_usb and port100.
constexpr const char* kNfcReaders[] = {"04cc:2533", "04e6:5591", "054c:02e1",
                                       "054c:06c1", "054c:06c3", "072f:2200"};
constexpr const char* kNfcModules[] = {"pn533_usb", "pn533", "port100"};

std::string Trimmed(std::string text) {
  text.erase(0, text.find_first_not_of(" \t\n"));
  text.erase(text.find_last_not_of(" \t\n") + 1);
  return text;
}

std::string Line(const Machine& machine, const std::string& path) {
  return Trimmed(machine.Read(path).value_or(""));
}

std::string LastPart(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool IsNumber(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isdigit(static_cast<unsigned char>(c)) != 0;
  });
}

std::vector<Process> Processes(const Machine& machine) {
  std::vector<Process> processes;
  for (const std::string& name : machine.List("/proc").value_or(std::vector<std::string>())) {
    if (!IsNumber(name) || name.size() > 9) continue;
    const auto comm = machine.Read("/proc/" + name + "/comm");
    if (comm) processes.push_back({std::stoi(name), Trimmed(*comm)});
  }
  return processes;
}

std::optional<Process> Named(const std::vector<Process>& processes, const std::string& name) {
  for (const Process& process : processes) {
    if (process.name == name) return process;
  }
  return std::nullopt;
}

bool IsThere(const Machine& machine, std::initializer_list<const char*> paths) {
  return std::any_of(paths.begin(), paths.end(),
                     [&](const char* path) { return machine.Stat(path).has_value(); });
}

std::vector<UsbReader> UsbReaders(const Machine& machine) {
  std::map<std::string, UsbReader> devices;
  const auto names = machine.List(kUsb).value_or(std::vector<std::string>());
  for (const std::string& name : names) {
    const std::string folder = std::string(kUsb) + "/" + name;
    const std::string vendor = Line(machine, folder + "/idVendor");
    if (vendor.empty()) continue;
    UsbReader& device = devices[name];
    device.id = vendor + ":" + Line(machine, folder + "/idProduct");
    const std::string maker = Line(machine, folder + "/manufacturer");
    const std::string product = Line(machine, folder + "/product");
    device.name = product.rfind(maker, 0) == 0 ? product : Trimmed(maker + " " + product);
  }
  // Interfaces lie beside their devices, as NAME:CONFIGURATION.NUMBER.
  for (const std::string& name : names) {
    const auto device = devices.find(name.substr(0, name.find(':')));
    if (device == devices.end() || name.find(':') == std::string::npos) continue;
    const std::string folder = std::string(kUsb) + "/" + name;
    const std::string kind = Line(machine, folder + "/bInterfaceClass");
    device->second.ccid = device->second.ccid || kind == "0b" || kind == "0B";
    const std::string driver = LastPart(machine.Link(folder + "/driver").value_or(""));
    for (const char* const module : kNfcModules) {
      if (driver == module) device->second.module = driver;
    }
  }
  std::vector<UsbReader> readers;
  for (const auto& [name, device] : devices) {
    const bool known = std::count(std::begin(kNfcReaders), std::end(kNfcReaders), device.id) > 0;
    if (device.ccid || known || !device.module.empty()) readers.push_back(device);
  }
  return readers;
}

// Who a process runs as, by /proc/PID/status.
struct Person {
  uid_t uid = 0;
  std::set<gid_t> groups;
};

std::optional<Person> PersonOf(const Machine& machine, const std::string& pid) {
  const auto status = machine.Read("/proc/" + pid + "/status");
  if (!status) return std::nullopt;
  Person person;
  std::istringstream lines(*status);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word;
    words >> word;
    if (word != "Uid:" && word != "Gid:" && word != "Groups:") continue;
    unsigned long id = 0;
    // Of the four of Uid and Gid the second is the effective one.
    for (int n = 0; words >> id; ++n) {
      if (word == "Uid:" && n == 1) person.uid = static_cast<uid_t>(id);
      if (word == "Groups:" || (word == "Gid:" && n == 1)) {
        person.groups.insert(static_cast<gid_t>(id));
      }
    }
  }
  return person;
}

// The name of number `id` in /etc/passwd or /etc/group; the number where it has none there.
std::string NameOfId(const Machine& machine, const std::string& path, unsigned long id) {
  std::istringstream lines(machine.Read(path).value_or(""));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string name, password, number;
    std::getline(fields, name, ':');
    std::getline(fields, password, ':');
    std::getline(fields, number, ':');
    if (number == std::to_string(id)) return name;
  }
  return std::to_string(id);
}

bool MayUse(const Machine::Facts& facts, const Person& person) {
  if (person.uid == 0) return true;
  const mode_t bits = facts.uid == person.uid              ? facts.mode >> 6
                      : person.groups.count(facts.gid) > 0 ? facts.mode >> 3
                                                           : facts.mode;
  return (bits & 6) == 6;
}

std::vector<std::string> PortsThatAreThere(const Machine& machine) {
  std::vector<std::string> ports;
  for (const std::string& name : machine.List("/dev").value_or(std::vector<std::string>())) {
    if (name.rfind("ttyUSB", 0) == 0 || name.rfind("ttyACM", 0) == 0) {
      ports.push_back("/dev/" + name);
    }
  }
  return ports;
}

class Files {
 public:
  Files(const Machine& machine, const std::vector<Process>& processes) {
    for (const Process& process : processes) {
      const std::string folder = "/proc/" + std::to_string(process.pid) + "/fd";
      const auto files = machine.List(folder);
      if (!files) {
        ++hidden_;
        continue;
      }
      for (const std::string& file : *files) {
        const auto target = machine.Link(folder + "/" + file);
        if (target && target->rfind("/dev/", 0) == 0) holders_[*target].insert(process.pid);
      }
    }
  }
  const std::set<int>& HoldersOf(const std::string& path) { return holders_[path]; }
  int hidden() const { return hidden_; }

 private:
  std::map<std::string, std::set<int>> holders_;
  int hidden_ = 0;
};

// The serial ports of a plugin: those that its permissions name, and the devices that its readers
// are named after (NFC /dev/ttyUSB0). A plugin names its readers as it likes: what is no device is
// not looked at.
std::set<std::string> PortsOf(const desk::v1::PluginRow& plugin, const HostSeen& host) {
  constexpr char kSerial[] = "serial:";
  std::set<std::string> paths;
  for (const auto* const list : {&plugin.asked(), &plugin.granted()}) {
    for (const std::string& permission : *list) {
      if (permission.rfind(kSerial, 0) == 0) paths.insert(permission.substr(sizeof(kSerial) - 1));
    }
  }
  if (!host.readers.ok()) return paths;
  for (const auto& row : host.readers->reader()) {
    const std::string& name = row.state().name();
    const bool serial = row.state().link() == reader::v1::LINK_SERIAL;
    if (row.plugin() != plugin.name() || !serial || name.find('/') == std::string::npos) continue;
    const std::string path = name.substr(name.find('/'));
    if (path.rfind("/dev/", 0) == 0 && path.find("..") == std::string::npos) paths.insert(path);
  }
  return paths;
}

bool Works(const std::string& path, const std::string& plugin, const HostSeen& host) {
  if (!host.readers.ok()) return false;
  return std::any_of(host.readers->reader().begin(), host.readers->reader().end(),
                     [&](const auto& row) {
                       const std::string& name = row.state().name();
                       return row.plugin() == plugin && name.size() > path.size() &&
                              name.compare(name.size() - path.size(), path.size(), path) == 0 &&
                              row.state().trouble().code() == check::v1::FAILURE_CODE_UNSPECIFIED;
                     });
}

void LookAtSerial(const Machine& machine, const HostSeen& host,
                  const std::vector<Process>& processes, MachineSeen* seen) {
  std::optional<Files> files;
  for (const auto& row : host.plugins->plugin()) {
    if (row.state() == desk::v1::PluginRow::STATE_UNUSED) continue;
    const std::set<std::string> paths = PortsOf(row, host);
    for (const std::string& path : paths) {
      SerialPort& port = seen->serial.emplace_back();
      port.path = path;
      port.plugin = row.name();
      port.works = Works(path, row.name(), host);
      const auto facts = machine.Stat(path);
      port.there = facts.has_value();
      port.others = PortsThatAreThere(machine);
      if (!facts) continue;
      // Only of the plugin's own user: who runs this program may be anybody.
      const auto person =
          row.pid() > 0 ? PersonOf(machine, std::to_string(row.pid())) : std::nullopt;
      port.usable = !person || MayUse(*facts, *person);
      port.group_may = facts->gid != 0 && (facts->mode & 0060) == 0060;
      if (person) port.user = NameOfId(machine, "/etc/passwd", person->uid);
      port.group = NameOfId(machine, "/etc/group", facts->gid);
      if (!files) files.emplace(machine, processes);
      const std::string real = machine.Real(path).value_or(path);
      port.device = LastPart(real);
      for (const int pid : files->HoldersOf(real)) {
        if (pid == row.pid()) continue;
        const auto who = std::find_if(processes.begin(), processes.end(),
                                      [&](const Process& process) { return process.pid == pid; });
        port.holders.push_back(*who);
      }
    }
  }
  if (files) seen->hidden_processes = files->hidden();
}

Bluetooth LookAtBluetooth(const Machine& machine, const std::vector<Process>& processes) {
  Bluetooth seen;
  seen.installed = IsThere(machine, {"/usr/libexec/bluetooth/bluetoothd",
                                     "/usr/lib/bluetooth/bluetoothd", "/usr/sbin/bluetoothd"});
  seen.process = Named(processes, "bluetoothd");
  for (const std::string& name :
       machine.List("/sys/class/bluetooth").value_or(std::vector<std::string>())) {
    // Connections stand there as well, as hci0:12.
    if (name.rfind("hci", 0) == 0 && name.find(':') == std::string::npos) {
      seen.adapters.push_back(name);
    }
  }
  for (const std::string& name :
       machine.List("/sys/class/rfkill").value_or(std::vector<std::string>())) {
    const std::string folder = "/sys/class/rfkill/" + name;
    if (Line(machine, folder + "/type") != "bluetooth") continue;
    seen.soft_blocked = seen.soft_blocked || Line(machine, folder + "/soft") == "1";
    seen.hard_blocked = seen.hard_blocked || Line(machine, folder + "/hard") == "1";
  }
  return seen;
}

}  // namespace

MachineSeen LookAt(const Machine& machine, const HostSeen& host) {
  MachineSeen seen;
  seen.now = host.told_at != 0 ? host.told_at : machine.Now();
  const auto self = machine.Stat("/proc/self/exe");
  seen.built = self ? self->changed : 0;
  const auto person = PersonOf(machine, "self");
  if (person) seen.user = NameOfId(machine, "/etc/passwd", person->uid);
  if (!host.local) return seen;
  const auto socket = machine.Stat(host.address);
  if (socket) seen.host_user = NameOfId(machine, "/etc/passwd", socket->uid);
  const auto processes = Processes(machine);
  seen.pcscd.installed = IsThere(machine, {"/usr/sbin/pcscd", "/usr/local/sbin/pcscd"});
  seen.pcscd.process = Named(processes, "pcscd");
  seen.pcscd.socket = machine.Environment("PCSCLITE_CSOCK_NAME");
  if (seen.pcscd.socket.empty()) seen.pcscd.socket = "/run/pcscd/pcscd.comm";
  seen.pcscd.connect_errno = machine.Connect(seen.pcscd.socket);
  seen.usb = UsbReaders(machine);
  if (host.plugins.ok()) LookAtSerial(machine, host, processes, &seen);
  seen.bluetooth = LookAtBluetooth(machine, processes);
  return seen;
}

}  // namespace madoguchi::terminal::doctor
