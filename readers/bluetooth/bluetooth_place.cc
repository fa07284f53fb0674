#include "readers/bluetooth/bluetooth_place.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "sdk/launch/launch.h"
#include "sdk/launch/manifest.h"

namespace madoguchi::bluetooth {
namespace {

namespace fs = std::filesystem;
using conformance::PluginProcess;
using conformance::Program;

// A card takes long to make: one for the whole run of the program, copied for each place.
const std::string& MadeCard() {
  static const struct Made {
    Made() {
      char name[] = "/tmp/madoguchi-card-XXXXXX";
      folder = mkdtemp(name);
      const auto made = Program::Run(
          {BuildFolder() / "bin/madoguchi-card", "--dir", folder + "/card", "--make-only"},
          folder + "/log", false);
      EXPECT_TRUE(made.ok() && (*made)->Wait() == 0);
    }
    ~Made() { fs::remove_all(folder); }
    std::string folder;
  } made;
  static const std::string card = made.folder + "/card";
  return card;
}

std::unique_ptr<Program> MustRun(const std::vector<std::string>& words, const std::string& log) {
  auto program = Program::Run(words, log);
  EXPECT_TRUE(program.ok()) << program.status();
  return program.ok() ? *std::move(program) : nullptr;
}

}  // namespace

fs::path BuildFolder() { return fs::canonical("/proc/self/exe").parent_path().parent_path(); }

std::string TellControl(const std::string& path, const std::string& line) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), address.sun_path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{5, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  std::string answer;
  const std::string command = line + "\n";
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
      send(fd, command.data(), command.size(), MSG_NOSIGNAL) > 0) {
    char byte;
    while (recv(fd, &byte, 1, 0) == 1 && byte != '\n') answer += byte;
  }
  close(fd);
  return answer;
}

BluetoothPlace::BluetoothPlace() {
  char name[] = "/tmp/madoguchi-bt-XXXXXX";
  folder_ = mkdtemp(name);
  control_ = folder_ + "/bluez.control";
  auto bus = conformance::PrivateBus::Start(folder_);
  EXPECT_TRUE(bus.ok()) << bus.status();
  if (bus.ok()) bus_ = *std::move(bus);
}

BluetoothPlace::~BluetoothPlace() {
  EndPlugin();
  cards_.clear();
  bluez_.reset();
  bus_.reset();
  fs::remove_all(folder_);
}

void BluetoothPlace::StartBluez(const std::vector<std::string>& readers,
                                const std::vector<std::string>& further) {
  std::vector<std::string> words = {BuildFolder() / "bin/madoguchi-bluez", "--control", control_};
  for (size_t i = 0; i < readers.size(); ++i) {
    words.insert(words.end(),
                 {"--reader", readers[i] + ",card=" + folder_ + "/slot" + std::to_string(i + 1)});
  }
  words.insert(words.end(), further.begin(), further.end());
  bluez_ = MustRun(words, folder_ + "/bluez.log");
}

int BluetoothPlace::StatusOf(const std::string& reader, const std::string& what) {
  const std::string status = " " + TellBluez("status " + reader);
  const size_t at = status.find(" " + what + "=");
  return at == std::string::npos ? -1 : std::atoi(status.c_str() + at + what.size() + 2);
}

void BluetoothPlace::StartPlugin(std::map<std::string, std::string> settings) {
  auto image = ReadPluginImage(BuildFolder() / "plugins/reader_bluetooth");
  ASSERT_TRUE(image.ok()) << image.status();
  image_ = std::make_unique<PluginImage>(*std::move(image));
  const auto& manifest = image_->folder.manifest;
  plugin::v1::StartRequest start;
  for (const auto& setting : manifest.setting()) {
    const auto given = settings.find(setting.name());
    (*start.mutable_setting())[setting.name()] =
        given != settings.end() ? given->second : setting.default_value();
  }
  const std::string socket = folder_ + "/proxy/bus.sock";
  ASSERT_TRUE(FillInBus(manifest, socket, &start));
  if (proxy_ == nullptr) {
    auto proxy = BusProxy::Start(socket);
    ASSERT_TRUE(proxy.ok()) << proxy.status();
    proxy_ = *std::move(proxy);
  }
  const std::vector<std::string> granted(manifest.permission().begin(),
                                         manifest.permission().end());
  const auto jail = JailOf(manifest, start, granted);
  ASSERT_TRUE(jail.ok()) << jail.status();
  auto process = PluginProcess::SpawnJailed(*image_, *jail, BuildFolder() / "bin/madoguchi-jail");
  ASSERT_TRUE(process.ok()) << process.status();
  process_ = *std::move(process);
  std::map<std::string, std::string> values(start.setting().begin(), start.setting().end());
  const absl::Status started = process_->Start(values);
  ASSERT_TRUE(started.ok()) << started << process_->log();
  client_ = std::make_unique<conformance::ReaderClient>(*process_);
}

void BluetoothPlace::EndPlugin() {
  client_.reset();
  process_.reset();
  proxy_.reset();
}

void BluetoothPlace::LayCard(int reader) {
  const std::string card = folder_ + "/card" + std::to_string(reader);
  fs::copy(MadeCard(), card, fs::copy_options::recursive);
  cards_[reader] =
      MustRun({BuildFolder() / "bin/madoguchi-card", "--dir", card, "--socket",
               folder_ + "/slot" + std::to_string(reader), "--control", CardControl(reader)},
              folder_ + "/card" + std::to_string(reader) + ".log");
}

}  // namespace madoguchi::bluetooth
