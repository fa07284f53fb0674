#include "tests/clinic/stand.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "sdk/conformance/private_bus.h"
#include "sdk/conformance/program.h"

namespace madoguchi::clinic {
namespace {

using conformance::PrivateBus;
using conformance::Program;

std::vector<std::string> LinesOf(const char* variable) {
  std::vector<std::string> lines;
  const char* const text = std::getenv(variable);
  std::istringstream in(text == nullptr ? "" : text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string Bin() {
  const auto self = std::filesystem::read_symlink("/proc/self/exe");
  return self.parent_path().parent_path() / "bin";
}

std::unique_ptr<Program> Started(const std::vector<std::string>& words, const std::string& log) {
  auto program = Program::Run(words, log);
  EXPECT_TRUE(program.ok()) << program.status();
  return program.ok() ? *std::move(program) : nullptr;
}

class VirtualStand final : public Stand {
 public:
  VirtualStand(int readers, std::string folder) : readers_(readers), folder_(std::move(folder)) {}
  std::map<std::string, std::string> Settings() const override {
    return {{"directory", folder_}, {"readers", std::to_string(readers_)}};
  }
  std::string NameOf(int reader) const override {
    return "Virtual Reader " + std::to_string(reader);
  }
  std::vector<std::string> WhereOf(int reader) const override {
    return {"--socket", folder_ + "/reader-" + std::to_string(reader) + ".sock"};
  }

 private:
  const int readers_;
  const std::string folder_;
};

// On the private pcscd of the environment.
class PcscStand final : public Stand {
 public:
  explicit PcscStand(int readers) : names_(LinesOf("MADOGUCHI_PCSCD_READERS")) {
    for (const std::string& line : LinesOf("MADOGUCHI_PCSCD_PORTS")) {
      std::istringstream words(line);
      for (std::string port; words >> port;) ports_.push_back(port);
    }
    EXPECT_LE(static_cast<size_t>(readers), names_.size()) << "run this test by private-pcscd";
    names_.resize(std::max(names_.size(), static_cast<size_t>(readers)));
    ports_.resize(names_.size());
  }
  std::map<std::string, std::string> Settings() const override {
    const char* const socket = std::getenv("PCSCLITE_CSOCK_NAME");
    return {{"pcscd_socket", socket == nullptr ? "" : socket}};
  }
  std::string NameOf(int reader) const override { return names_.at(reader); }
  std::vector<std::string> WhereOf(int reader) const override {
    return {"--port", ports_.at(reader)};
  }
  bool DisturbAll() override {
    const std::string folder = std::getenv("MADOGUCHI_PCSCD_DIR");
    auto ran =
        Program::Run({folder + "/private-pcscd-ctl", "restart"}, folder + "/restart.log", false);
    return ran.ok() && (*ran)->Wait() == 0;
  }

 private:
  std::vector<std::string> names_, ports_;
};

// A board of its own for each reader.
class NfcStand final : public Stand {
 public:
  NfcStand(int readers, std::string folder) : folder_(std::move(folder)) {
    for (int i = 0; i < readers; ++i) {
      boards_.push_back(Started({Bin() + "/madoguchi-pn532", "--link", Of("board", i), "--slot",
                                 Of("slot", i), "--control", Of("ctl", i)},
                                Of("log", i)));
    }
  }
  std::map<std::string, std::string> Settings() const override {
    std::string devices;
    for (size_t i = 0; i < boards_.size(); ++i) {
      devices += (i == 0 ? "" : " ") + Of("board", static_cast<int>(i));
    }
    // Quicker than a clinic needs it, so that no test waits for a look.
    return {{"devices", devices}, {"poll_ms", "50"}};
  }
  std::string NameOf(int reader) const override { return "NFC " + Of("board", reader); }
  std::vector<std::string> WhereOf(int reader) const override {
    return {"--socket", Of("slot", reader)};
  }
  bool Unplug(int reader) override { return AskSocket(Of("ctl", reader), "unplug") == "ok"; }
  bool Replug(int reader) override { return AskSocket(Of("ctl", reader), "replug") == "ok"; }
  bool Disturb(int reader, uint32_t dice) override {
    const std::string control = Of("ctl", reader);
    if (dice % 2 == 0) return AskSocket(control, "fault unplug=200") == "ok";
    return AskSocket(control, "fault field-lost") == "ok" &&
           AskSocket(control, "faults clear") == "ok";
  }

 private:
  std::string Of(const std::string& what, int reader) const {
    return folder_ + "/" + what + std::to_string(reader);
  }
  const std::string folder_;
  std::vector<std::unique_ptr<Program>> boards_;
};

// All at one adapter.
class BluetoothStand final : public Stand {
 public:
  BluetoothStand(int readers, std::string folder) : folder_(std::move(folder)) {
    auto bus = PrivateBus::Start(folder_);
    EXPECT_TRUE(bus.ok()) << bus.status();
    if (!bus.ok()) return;
    bus_ = *std::move(bus);
    std::vector<std::string> words = {Bin() + "/madoguchi-bluez", "--control", folder_ + "/ctl"};
    for (int i = 0; i < readers; ++i) {
      words.insert(words.end(), {"--reader", "acr1255,id=" + IdOf(i) + ",name=" + NameOf(i) +
                                                 ",card=" + folder_ + "/" + IdOf(i)});
    }
    bluez_ = Started(words, folder_ + "/log");
  }
  std::map<std::string, std::string> Settings() const override {
    // The bus is the host's own system bus, which is the private one here.
    return {{"readers", "ACR1255U-J1-*"}};
  }
  std::string NameOf(int reader) const override {
    const std::string digits = std::to_string(reader + 1);
    return "ACR1255U-J1-" + std::string(6 - digits.size(), '0') + digits;
  }
  std::vector<std::string> WhereOf(int reader) const override {
    return {"--socket", folder_ + "/" + IdOf(reader)};
  }
  bool Unplug(int reader) override { return Tell("out-of-range " + IdOf(reader)); }
  bool Replug(int reader) override { return Tell("in-range " + IdOf(reader)); }
  bool Disturb(int reader, uint32_t dice) override {
    if (dice % 2 == 0) return Tell("drop " + IdOf(reader));
    return Unplug(reader) && Replug(reader);
  }

 private:
  static std::string IdOf(int reader) { return "r" + std::to_string(reader); }
  bool Tell(const std::string& line) const { return AskSocket(folder_ + "/ctl", line) == "ok"; }

  const std::string folder_;
  std::unique_ptr<PrivateBus> bus_;
  std::unique_ptr<Program> bluez_;
};

}  // namespace

ReaderKind KindOfThisRun() {
  const char* const asked = std::getenv("MADOGUCHI_READERS");
  const std::string kind = asked != nullptr                                ? asked
                           : std::getenv("MADOGUCHI_PCSCD_DIR") != nullptr ? "pcsc"
                                                                           : "virtual";
  if (kind == "virtual") return ReaderKind::kVirtual;
  if (kind == "pcsc") return ReaderKind::kPcsc;
  if (kind == "nfc") return ReaderKind::kNfc;
  EXPECT_EQ(kind, "bluetooth") << "MADOGUCHI_READERS";
  return ReaderKind::kBluetooth;
}

std::string PluginOf(ReaderKind kind) {
  switch (kind) {
    case ReaderKind::kVirtual:
      return "reader_virtual";
    case ReaderKind::kPcsc:
      return "reader_pcsc";
    case ReaderKind::kNfc:
      return "reader_nfc";
    case ReaderKind::kBluetooth:
      return "reader_bluetooth";
  }
  return "";
}

std::unique_ptr<Stand> Stand::Make(ReaderKind kind, int readers, const std::string& folder) {
  std::filesystem::create_directory(folder);
  switch (kind) {
    case ReaderKind::kVirtual:
      return std::make_unique<VirtualStand>(readers, folder);
    case ReaderKind::kPcsc:
      return std::make_unique<PcscStand>(readers);
    case ReaderKind::kNfc:
      return std::make_unique<NfcStand>(readers, folder);
    case ReaderKind::kBluetooth:
      return std::make_unique<BluetoothStand>(readers, folder);
  }
  return nullptr;
}

std::string AskSocket(const std::string& path, const std::string& line) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::string answer;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    const std::string text = line + "\n";
    (void)!write(fd, text.data(), text.size());
    char c = 0;
    while (read(fd, &c, 1) == 1 && c != '\n') answer += c;
  }
  close(fd);
  return answer;
}

}  // namespace madoguchi::clinic
