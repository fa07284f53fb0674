#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>

#include "ui/terminal/doctor/examine.h"

namespace madoguchi::terminal::doctor {
namespace {

using namespace check::v1;  // NOLINT: the codes.

constexpr Phrase kNobodyNeeds("使うプラグインがありません", "no plugin uses it");
constexpr Phrase kOfAnotherMachine("窓口システムは別のパソコンにあります",
                                   "the host is on another machine");

// PC/SC
constexpr Phrase kPcscWell("pcscd は動いています", "pcscd is running");
constexpr Phrase kPcscAbsent("pcscd が見つかりません。", "There is no pcscd.");
constexpr Phrase kInstallPcscd("`sudo apt install pcscd` で導入できます。",
                               "`sudo apt install pcscd` installs it.");
constexpr Phrase kPcscDown("pcscd は入っていますが、動いていません（{}）。",
                           "pcscd is installed and does not run ({}).");
constexpr Phrase kStartPcscd("`sudo systemctl enable --now pcscd.socket` で起動できます。",
                             "`sudo systemctl enable --now pcscd.socket` starts it.");
constexpr Phrase kPcscDeaf("pcscd（プロセス {}）は動いていますが、{} で応答しません。",
                           "pcscd (process {}) runs, and does not answer at {}.");
constexpr Phrase kPcscSilent("pcscd は {} で応答しません。", "pcscd does not answer at {}.");
constexpr Phrase kRestartPcscd("`sudo systemctl restart pcscd.socket pcscd` で起動し直せます。",
                               "`sudo systemctl restart pcscd.socket pcscd` starts it anew.");
constexpr Phrase kPcscDenied("この利用者は pcscd のソケット {} を使えません。",
                             "This user may not use pcscd's socket {}.");
constexpr Phrase kAllowPcscd(
    "ソケットとそのフォルダーの権限を、窓口システムの利用者が使えるように直してください。",
    "Set the mode of the socket and its folder so that the host's user may use them.");

// USB
constexpr Phrase kUsbCount("リーダー {}台", "readers: {}");
constexpr Phrase kClaimed("USB の {}（{}）を、カーネルのモジュール {} が使っています。",
                          "{} ({}) at the USB has been taken by the kernel's module {}.");
constexpr Phrase kRemoveModule(
    "`sudo modprobe -r {}` を実行し、/etc/modprobe.d/madoguchi.conf に `blacklist {}` "
    "と書いてから、リーダーを挿し直してください。",
    "Run `sudo modprobe -r {}`, write `blacklist {}` into /etc/modprobe.d/madoguchi.conf, and plug "
    "the reader in again.");
constexpr Phrase kUnseen("USB の {}（{}）が、PC/SC のリーダーの一覧にありません。",
                         "{} ({}) is at the USB, and not among the readers of PC/SC.");
constexpr Phrase kInstallDriver(
    "libccid（`sudo apt install libccid`）かメーカーのドライバーを入れ、"
    "リーダーを挿し直してください。プラグインの設定（除外するリーダー"
    "）も"
    "確かめてください。",
    "Install libccid (`sudo apt install libccid`) or the maker's driver, and plug the reader in "
    "again. Check the plugin's settings too: they may leave this reader out.");
constexpr Phrase kNoDriver("USB の {}（{}）には、Linux で使えるドライバーが知られていません。",
                           "{} ({}) is at the USB; no driver for Linux is known.");
constexpr Phrase kAnotherReader("別のリーダーを使ってください（PaSoRi なら RC-S300）。",
                                "Use another reader (of the PaSoRi: RC-S300).");

// Serial ports
constexpr Phrase kPorts("ポート {}個", "ports: {}");
constexpr Phrase kPortAbsent("{} がありません。", "There is no {}.");
constexpr Phrase kPortAbsentOthers("{} がありません。今あるポート: {}",
                                   "There is no {}. Ports that are there: {}");
constexpr Phrase kRenamePort(
    "リーダーを挿し直してください。ポートの名前が変わったときは、プラグイン {} "
    "の設定を直してください。",
    "Plug the reader in again. Where the port's name has changed, mend the settings of plugin {}.");
constexpr Phrase kPortDenied("利用者 {} は {} を使えません（グループ {}）。",
                             "The user {} may not use {} (group {}).");
constexpr Phrase kJoinGroup(
    "`sudo usermod -aG {} {}` を実行し、窓口システムを起動し直してください。",
    "Run `sudo usermod -aG {} {}`, and start the host again.");
constexpr Phrase kGiveToDialout(
    "/etc/udev/rules.d/70-madoguchi.rules に `SUBSYSTEM==\"tty\", KERNEL==\"{}\", "
    "GROUP=\"dialout\", MODE=\"0660\"` と書いてリーダーを挿し直し、`sudo usermod -aG dialout {}` "
    "を実行して、窓口システムを起動し直してください。",
    "Write `SUBSYSTEM==\"tty\", KERNEL==\"{}\", GROUP=\"dialout\", MODE=\"0660\"` into "
    "/etc/udev/rules.d/70-madoguchi.rules, plug the reader in again, run `sudo usermod -aG dialout "
    "{}`, and start the host again.");
constexpr Phrase kPortHeld("{} を、{}（プロセス {}）が使っています。",
                           "{} is held by {} (process {}).");
constexpr Phrase kEndModemManager("`sudo systemctl disable --now ModemManager` で止められます。",
                                  "`sudo systemctl disable --now ModemManager` ends it.");

// Bluetooth
constexpr Phrase kBluetoothWell("アダプター: {}", "adapter: {}");
constexpr Phrase kBluetoothWorks("プラグインから使えています", "the plugin can use it");
constexpr Phrase kNoAdapter("Bluetooth のアダプターが見つかりません。",
                            "No Bluetooth adapter is to be seen.");
constexpr Phrase kHardBlocked("パソコンのスイッチか機内モードで切られています。",
                              "A switch of the computer, or its flight mode, has it off.");
constexpr Phrase kSoftBlocked("rfkill で切られています。", "rfkill has it off.");
constexpr Phrase kUnblock("`rfkill unblock bluetooth` で入れられます。",
                          "`rfkill unblock bluetooth` switches it on.");
constexpr Phrase kPoweredOff("Bluetooth の電源が切れています。", "Its power is off.");
constexpr Phrase kPowerOn("`bluetoothctl power on` で入れられます。",
                          "`bluetoothctl power on` switches it on.");
constexpr Phrase kNoBluetoothd("bluetoothd が見つかりません。", "There is no bluetoothd.");
constexpr Phrase kInstallBluez("`sudo apt install bluez` で導入できます。",
                               "`sudo apt install bluez` installs it.");
constexpr Phrase kBluetoothdDown("bluetoothd が動いていません。", "bluetoothd does not run.");
constexpr Phrase kStartBluetoothd("`sudo systemctl enable --now bluetooth` で起動できます。",
                                  "`sudo systemctl enable --now bluetooth` starts it.");

// Smart cards that are keys of their own, at the USB with class 0B: no readers for patients.
constexpr const char* kTokens[] = {"1050:", "20a0:", "234b:"};        // Yubico, Nitrokey, Gnuk
constexpr const char* kWithoutDriver[] = {"054c:06c1", "054c:06c3"};  // PaSoRi RC-S380

std::string Joined(const std::vector<std::string>& parts) {
  std::string all;
  for (const std::string& part : parts) all += (all.empty() ? "" : ", ") + part;
  return all;
}

std::string Letters(const std::string& text) {
  std::string letters;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte)) letters += static_cast<char>(std::tolower(byte));
  }
  return letters;
}

// Whether `reader` is named after `device`: they share a word with a digit in it, as models have.
bool IsNamedAfter(const std::string& reader, const std::string& device) {
  std::string word;
  const std::string letters = Letters(reader);
  for (const char c : device + " ") {
    if (c != ' ' && c != '/') {
      word += c;
      continue;
    }
    const std::string model = Letters(word);
    word.clear();
    const bool digit = std::any_of(model.begin(), model.end(), [](char d) {
      return std::isdigit(static_cast<unsigned char>(d)) != 0;
    });
    if (digit && model.size() >= 4 && letters.find(model) != std::string::npos) return true;
  }
  return false;
}

// The names of the readers that the plugins with the permission pcscd see; nothing when they cannot
// say.
std::optional<std::vector<std::string>> PcscReaders(const HostSeen& host) {
  if (!host.readers.ok() || !host.plugins.ok()) return std::nullopt;
  std::vector<std::string> names;
  bool told = false;
  for (const auto& plugin : host.plugins->plugin()) {
    if (std::count(plugin.granted().begin(), plugin.granted().end(), "pcscd") == 0) continue;
    for (const auto& source : host.readers->source()) {
      told = told ||
             (source.plugin() == plugin.name() && source.service() == reader::v1::SERVICE_RUNNING);
    }
    for (const auto& row : host.readers->reader()) {
      if (row.plugin() == plugin.name()) names.push_back(row.state().name());
    }
  }
  if (!told) return std::nullopt;
  return names;
}

absl::Status WhyNoPlugins(const HostSeen& host) {
  return host.host.ok() ? host.plugins.status() : host.host.status();
}

bool IsToken(const UsbReader& device) {
  return std::any_of(std::begin(kTokens), std::end(kTokens),
                     [&](const char* vendor) { return device.id.rfind(vendor, 0) == 0; });
}

}  // namespace

Part ExaminePcsc(const Seen& seen, const Diagnosis&) {
  if (!seen.host.local) return NotExamined(kOfAnotherMachine);
  const Pcscd& pcscd = seen.machine.pcscd;
  const Wanted wanted = IsWanted(seen.host, "pcscd");
  const bool ccid =
      std::any_of(seen.machine.usb.begin(), seen.machine.usb.end(),
                  [](const UsbReader& device) { return device.ccid && !IsToken(device); });
  if (wanted == Wanted::kNo) return NotUsed(kNobodyNeeds);
  if (wanted == Wanted::kUnknown && !ccid) return NotAnswered(WhyNoPlugins(seen.host));
  if (ComesThrough(seen.host, "pcscd")) return Well(kPcscWell);
  // Of a pcscd that hangs the kernel takes the connection all the same.
  const bool deaf =
      ToldOf(seen.host, "pcscd", {FAILURE_CODE_READER_SERVICE_DOWN}) != FAILURE_CODE_UNSPECIFIED;
  if (pcscd.connect_errno == 0 && !deaf) return Well(kPcscWell);
  if (pcscd.connect_errno == EACCES || pcscd.connect_errno == EPERM) {
    return Judged({Found(FAILURE_CODE_READER_ACCESS_DENIED, Both(kPcscDenied, {pcscd.socket}),
                         Both(kAllowPcscd))},
                  {});
  }
  if (pcscd.process || pcscd.connect_errno == 0) {
    return Judged(
        {Found(FAILURE_CODE_READER_SERVICE_DOWN,
               pcscd.process ? Both(kPcscDeaf, {std::to_string(pcscd.process->pid), pcscd.socket})
                             : Both(kPcscSilent, {pcscd.socket}),
               Both(kRestartPcscd))},
        {});
  }
  if (!pcscd.installed) {
    return Judged(
        {Found(FAILURE_CODE_READER_SERVICE_ABSENT, Both(kPcscAbsent), Both(kInstallPcscd))}, {});
  }
  return Judged({Found(FAILURE_CODE_READER_SERVICE_DOWN,
                       Both(kPcscDown, {pcscd.socket + ": " + std::strerror(pcscd.connect_errno)}),
                       Both(kStartPcscd))},
                {});
}

Part ExamineUsb(const Seen& seen, const Diagnosis& before) {
  if (!seen.host.local) return NotExamined(kOfAnotherMachine);
  std::vector<Finding> findings;
  std::vector<UsbReader> unseen;
  auto readers = FoundAt(before, "pcsc") ? std::nullopt : PcscReaders(seen.host);
  int count = 0;
  for (const UsbReader& device : seen.machine.usb) {
    if (IsToken(device)) continue;
    ++count;
    const std::string name = device.name.empty() ? "USB" : device.name;
    // Also where the kernel has a module for it: without that it is read by nothing at all.
    if (std::count(std::begin(kWithoutDriver), std::end(kWithoutDriver), device.id) > 0) {
      findings.push_back(Found(FAILURE_CODE_READER_WITHOUT_DRIVER,
                               Both(kNoDriver, {name, device.id}), Both(kAnotherReader)));
      continue;
    }
    if (!device.module.empty()) {
      findings.push_back(Found(FAILURE_CODE_READER_PORT_BUSY,
                               Both(kClaimed, {name, device.id, device.module}),
                               Both(kRemoveModule, {device.module, device.module})));
      continue;
    }
    if (!readers || !device.ccid) continue;
    const auto named = std::find_if(readers->begin(), readers->end(), [&](const std::string& one) {
      return IsNamedAfter(one, device.name);
    });
    if (named == readers->end()) {
      unseen.push_back(device);
    } else {
      readers->erase(named);
    }
  }
  // Drivers name readers as they like: a reader without a device may be any device without a
  // reader.
  const size_t unnamed = readers ? readers->size() : 0;
  for (size_t i = unnamed; i < unseen.size(); ++i) {
    findings.push_back(Found(FAILURE_CODE_READER_WITHOUT_DRIVER,
                             Both(kUnseen, {unseen[i].name, unseen[i].id}), Both(kInstallDriver)));
  }
  return Judged(std::move(findings), Well(kUsbCount, {std::to_string(count)}));
}

Part ExamineSerial(const Seen& seen, const Diagnosis&) {
  if (!seen.host.local) return NotExamined(kOfAnotherMachine);
  if (!seen.host.plugins.ok()) return NotAnswered(WhyNoPlugins(seen.host));
  std::vector<Finding> findings;
  for (const SerialPort& port : seen.machine.serial) {
    if (port.works) continue;
    const auto find = [&](FailureCode code, Text what, Text remedy) {
      findings.push_back(
          Of(port.plugin, port.path, Found(code, std::move(what), std::move(remedy))));
    };
    if (!port.there) {
      const std::string others = Joined(port.others);
      find(FAILURE_CODE_READER_PORT_ABSENT,
           others.empty() ? Both(kPortAbsent, {port.path})
                          : Both(kPortAbsentOthers, {port.path, others}),
           Both(kRenamePort, {port.plugin}));
      continue;
    }
    if (!port.usable) {
      find(FAILURE_CODE_READER_ACCESS_DENIED, Both(kPortDenied, {port.user, port.path, port.group}),
           port.group_may ? Both(kJoinGroup, {port.group, port.user})
                          : Both(kGiveToDialout, {port.device, port.user}));
    }
    for (const Process& holder : port.holders) {
      find(FAILURE_CODE_READER_PORT_BUSY,
           Both(kPortHeld, {port.path, holder.name, std::to_string(holder.pid)}),
           holder.name == "ModemManager" ? Both(kEndModemManager) : Nothing());
    }
  }
  if (seen.machine.serial.empty()) return NotUsed(kNobodyNeeds);
  return Judged(std::move(findings), Well(kPorts, {std::to_string(seen.machine.serial.size())}));
}

Part ExamineBluetooth(const Seen& seen, const Diagnosis&) {
  if (!seen.host.local) return NotExamined(kOfAnotherMachine);
  if (!seen.host.plugins.ok()) return NotAnswered(WhyNoPlugins(seen.host));
  if (IsWanted(seen.host, "bluetooth") != Wanted::kYes) return NotUsed(kNobodyNeeds);
  // The plugin's own word goes before what this user sees of the machine.
  const FailureCode told = ToldOf(
      seen.host, "bluetooth", {FAILURE_CODE_BLUETOOTH_OFF, FAILURE_CODE_BLUETOOTH_ADAPTER_ABSENT});
  const bool unsaid = told == FAILURE_CODE_UNSPECIFIED;
  if (unsaid && ComesThrough(seen.host, "bluetooth")) return Well(kBluetoothWorks);
  const Bluetooth& bluetooth = seen.machine.bluetooth;
  std::vector<Finding> findings;
  if (told == FAILURE_CODE_BLUETOOTH_ADAPTER_ABSENT) {
    findings.push_back(Found(told, Both(kNoAdapter)));
  } else if (bluetooth.hard_blocked) {
    findings.push_back(Found(FAILURE_CODE_BLUETOOTH_OFF, Both(kHardBlocked)));
  } else if (bluetooth.soft_blocked) {
    findings.push_back(Found(FAILURE_CODE_BLUETOOTH_OFF, Both(kSoftBlocked), Both(kUnblock)));
  } else if (!unsaid) {
    findings.push_back(Found(told, Both(kPoweredOff), Both(kPowerOn)));
  } else if (bluetooth.adapters.empty()) {
    findings.push_back(Found(FAILURE_CODE_BLUETOOTH_ADAPTER_ABSENT, Both(kNoAdapter)));
  }
  if (unsaid && !bluetooth.process) {
    findings.push_back(
        bluetooth.installed
            ? Found(FAILURE_CODE_READER_SERVICE_DOWN, Both(kBluetoothdDown), Both(kStartBluetoothd))
            : Found(FAILURE_CODE_READER_SERVICE_ABSENT, Both(kNoBluetoothd), Both(kInstallBluez)));
  }
  return Judged(std::move(findings), Well(kBluetoothWell, {Joined(bluetooth.adapters)}));
}

}  // namespace madoguchi::terminal::doctor
