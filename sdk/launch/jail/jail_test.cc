#include "sdk/launch/jail/jail.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "madoguchi/plugin/v1/plugin.grpc.pb.h"
#include "sdk/launch/jail/jailed_process.h"
#include "sdk/textproto/textproto.h"

namespace madoguchi {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MADOGUCHI_SHADOW
#endif
#endif

TEST(PermissionsTest, AreThoseOfTheManifest) {
  const auto all = ParsePermissions(
      {"pcscd", "usb", "bluetooth", "network", "sockets", "serial:/dev/serial/by-id/usb-A_1"});
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_TRUE(all->pcscd && all->usb && all->bluetooth && all->network && all->sockets);
  EXPECT_EQ(all->serial, "/dev/serial/by-id/usb-A_1");
  const auto none = ParsePermissions({});
  ASSERT_TRUE(none.ok());
  EXPECT_FALSE(none->pcscd || none->usb || none->bluetooth || none->network || none->sockets);
  EXPECT_EQ(none->serial, "");
  EXPECT_FALSE(all->serial_of_settings);
  EXPECT_TRUE(ParsePermissions({"serial"})->serial_of_settings);
}

TEST(PermissionsTest, NameWhatWasExpected) {
  for (const std::vector<std::string>& asked :
       std::vector<std::vector<std::string>>{{"files"},
                                             {""},
                                             {"PCSCD"},
                                             {"pcscd", "pcscd"},
                                             {"serial", "serial"},
                                             {"serial:"},
                                             {"serial:ttyUSB0"},
                                             {"serial:/dev/"},
                                             {"serial:/etc/passwd"},
                                             {"serial:/dev/../etc/passwd"},
                                             {"serial:/dev/serial/.."},
                                             {"serial:/dev/ttyUSB0", "serial:/dev/ttyUSB1"}}) {
    const auto parsed = ParsePermissions(asked);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << asked.back();
    EXPECT_THAT(std::string(parsed.status().message()),
                HasSubstr("permission \"" + asked.back() + "\": expected pcscd"));
  }
}

TEST(PermissionsTest, FitTheKind) {
  Permissions none, pcscd, network, serial, settings;
  settings.serial_of_settings = true;
  pcscd.pcscd = true;
  network.network = true;
  serial.serial = "/dev/ttyUSB0";
  using plugin::v1::KIND_AUTHORITY, plugin::v1::KIND_POLICY, plugin::v1::KIND_READER;
  for (const auto kind : {KIND_AUTHORITY, KIND_POLICY, KIND_READER}) {
    EXPECT_TRUE(PermissionsFitKind(none, kind).ok());
    EXPECT_EQ(PermissionsFitKind(pcscd, kind).ok(), kind == KIND_READER);
    EXPECT_EQ(PermissionsFitKind(serial, kind).ok(), kind == KIND_READER);
    EXPECT_EQ(PermissionsFitKind(settings, kind).ok(), kind == KIND_READER);
    EXPECT_EQ(PermissionsFitKind(network, kind).ok(), kind == KIND_AUTHORITY);
  }
}

TEST(LayersTest, SayWhatIsMissing) {
  for (const int abi : {0, 1, 3, 4, 5, 6, 7}) {
    for (const bool seccomp : {false, true}) {
      const std::vector<Layer> layers = LayersOf(abi, seccomp, !seccomp);
      ASSERT_EQ(layers.size(), 5u);
      EXPECT_EQ(layers[3].there, abi > 0);
      EXPECT_EQ(layers[4].there, seccomp);
      EXPECT_EQ(layers[2].there, !seccomp);
      EXPECT_EQ(layers[3].sentence.find("before ABI 4") != std::string::npos, 0 < abi && abi < 4);
      EXPECT_EQ(layers[3].sentence.find("before ABI 6") != std::string::npos,
                seccomp && 0 < abi && abi < 6);
    }
  }
  EXPECT_THAT(LayersOf(0, true, true)[3].sentence, HasSubstr("no Landlock"));
  EXPECT_EQ(Layers().size(), 5u);
}

class JailTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/madoguchi-jail-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  int Run(const std::string& program, Jail jail, std::string* log) {
    const int fd = JailedProcess::SealedCopy(program);
    auto process = JailedProcess::Spawn(MADOGUCHI_LAUNCHER, jail, fd);
    close(fd);
    if (!process.ok()) return -1;
    return (*process)->Wait(log);
  }
  std::string Written(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ + "/" + name) << bytes;
    return folder_ + "/" + name;
  }

  std::string folder_;
};

TEST_F(JailTest, RefusesWhatIsNoElfProgram) {
  Jail jail;
  jail.name = "policy_script";
  std::string log;
  EXPECT_EQ(Run(Written("a", "#!/bin/sh\necho ran\n"), jail, &log), kRefusedByJail);
  EXPECT_EQ(log, "jail: only ELF programs run, and this is a script: policy_script\n");
  log.clear();
  EXPECT_EQ(Run(Written("b", ""), jail, &log), kRefusedByJail);
  EXPECT_EQ(log, "jail: only ELF programs run, and this is none: policy_script\n");
  log.clear();
  EXPECT_EQ(Run(Written("c", "\177ELF nothing more"), jail, &log), kRefusedByJail);
  EXPECT_THAT(log, StartsWith("jail: cannot execute policy_script: "));
}

TEST_F(JailTest, RefusesWhatItCannotDo) {
  Jail jail;
  jail.name = "environment";
  std::string log;
  jail.without = {"walls"};
  EXPECT_EQ(Run(MADOGUCHI_HOSTILE, jail, &log), kRefusedByJail);
  EXPECT_EQ(log, "jail: no such layer: walls\n");
}

TEST_F(JailTest, RunsNoOrphan) {
  Jail jail;
  jail.name = "environment";
  const int fd = JailedProcess::SealedCopy(MADOGUCHI_HOSTILE);
  auto process = JailedProcess::Spawn(MADOGUCHI_LAUNCHER, jail, fd, getppid());
  close(fd);
  ASSERT_TRUE(process.ok());
  std::string log;
  EXPECT_EQ((*process)->Wait(&log), kRefusedByJail);
  EXPECT_EQ(log, "jail: the host is gone\n");
}

TEST_F(JailTest, ExecutesTheBytesOfTheDescriptor) {
  const std::string path = folder_ + "/plugin";
  std::filesystem::copy_file(MADOGUCHI_HOSTILE, path);
  const int fd = JailedProcess::SealedCopy(path);
  // Another program takes the file's place, and another its bytes.
  std::filesystem::copy_file("/bin/true", folder_ + "/other");
  std::filesystem::rename(folder_ + "/other", path);
  Jail jail;
  jail.name = "environment";
  auto process = JailedProcess::Spawn(MADOGUCHI_LAUNCHER, jail, fd);
  ASSERT_TRUE(process.ok());
  std::string log;
  EXPECT_EQ((*process)->Wait(&log), 0);
  EXPECT_EQ(log, "denied: ENOENT\n");
  close(fd);
  // The control: what lies there now is silent.
  log.clear();
  EXPECT_EQ(Run(path, jail, &log), 0);
  EXPECT_EQ(log, "");
}

TEST_F(JailTest, LeavesThePinLaneToReadersAlone) {
  Jail jail;
  jail.name = "other-descriptor 4";
  std::string log;
  EXPECT_EQ(Run(MADOGUCHI_HOSTILE, jail, &log), 0);
  EXPECT_EQ(log, "denied: EBADF\n");
  jail.pin_lane = true;
  log.clear();
  EXPECT_EQ(Run(MADOGUCHI_HOSTILE, jail, &log), 0);
  EXPECT_EQ(log, "DONE IT\n");
  jail.name = "other-descriptor 5";
  log.clear();
  EXPECT_EQ(Run(MADOGUCHI_HOSTILE, jail, &log), 0);
  EXPECT_EQ(log, "denied: EBADF\n");
}

TEST_F(JailTest, CannotWriteBeyondItsLog) {
  Jail jail;
  jail.name = "create " + folder_ + "/new";
  jail.without = {"seccomp", "landlock", "room"};
  std::string log;
  EXPECT_EQ(Run(MADOGUCHI_HOSTILE, jail, &log), 0);
  EXPECT_EQ(log, "DONE IT\n");
  jail.name = "write " + folder_ + "/new";
  EXPECT_EQ(Run(MADOGUCHI_HOSTILE, jail, &log), 128 + SIGXFSZ);
  EXPECT_EQ(std::filesystem::file_size(folder_ + "/new"), 0u);
  jail.without.push_back("limits");
  EXPECT_EQ(Run(MADOGUCHI_HOSTILE, jail, &log), 0);
  EXPECT_EQ(std::filesystem::file_size(folder_ + "/new"), 1u);
}

TEST_F(JailTest, SaysWhatAnOldKernelLacks) {
  Jail jail;
  jail.name = "read /etc/hostname";
  const int fd = JailedProcess::SealedCopy(MADOGUCHI_HOSTILE);
  auto process = JailedProcess::Spawn(MADOGUCHI_OLD_KERNEL, jail, fd);
  ASSERT_TRUE(process.ok());
  std::string log;
  EXPECT_EQ((*process)->Wait(&log), 0);
  EXPECT_THAT(log, HasSubstr("jail: this system lets us make no namespaces: "));
  EXPECT_THAT(log, HasSubstr("jail: this kernel has no Landlock: "));
  EXPECT_THAT(log, EndsWith("DONE IT\n"));
  // What is left still holds.
  jail.name = "create " + folder_ + "/new";
  process = JailedProcess::Spawn(MADOGUCHI_OLD_KERNEL, jail, fd);
  log.clear();
  EXPECT_EQ((*process)->Wait(&log), 0);
  EXPECT_THAT(log, EndsWith("denied: EPERM\n"));
  close(fd);
}

TEST_F(JailTest, NoticesThatItsSurroundingsChanged) {
  Jail jail;
  jail.sockets = {folder_ + "/run/server.sock"};
  const std::string without = Surroundings(jail);
  EXPECT_THAT(without, HasSubstr(folder_ + "/run missing"));
  std::filesystem::create_directory(folder_ + "/run");
  const std::string with = Surroundings(jail);
  EXPECT_NE(with, without);
  // Another socket in the same folder is none.
  std::ofstream(folder_ + "/run/server.sock");
  EXPECT_EQ(Surroundings(jail), with);
  std::filesystem::rename(folder_ + "/run", folder_ + "/old");
  std::filesystem::create_directory(folder_ + "/run");
  EXPECT_NE(Surroundings(jail), with);
  Jail serial;
  serial.permissions.serial = folder_ + "/ttyUSB0";
  const std::string unplugged = Surroundings(serial);
  std::ofstream(serial.permissions.serial.c_str());
  EXPECT_NE(Surroundings(serial), unplugged);
  Jail devices;
  devices.serial_devices = {folder_ + "/ttyUSB0"};
  const std::string plugged = Surroundings(devices);
  std::filesystem::remove(folder_ + "/ttyUSB0");
  EXPECT_NE(Surroundings(devices), plugged);
  EXPECT_EQ(Surroundings(Jail()), "");
}

TEST_F(JailTest, DiesWithTheThreadThatSpawnedIt) {
  const int fd = JailedProcess::SealedCopy(MADOGUCHI_HOSTILE);
  std::unique_ptr<JailedProcess> process;
  std::thread([&] {
    Jail jail;
    jail.name = "wait";
    process = *JailedProcess::Spawn(MADOGUCHI_LAUNCHER, jail, fd);
    // Until it says that it runs.
    process->AwaitLog();
  }).join();
  close(fd);
  std::string log;
  EXPECT_EQ(process->Wait(&log), 128 + SIGKILL);
}

// Each of our plugins, with what its manifest asks and nothing more.
class RealPluginTest : public JailTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(RealPluginTest, Answers) {
  const std::string folder = std::string(MADOGUCHI_PLUGINS) + "/" + GetParam();
  plugin::v1::Manifest manifest;
  ASSERT_TRUE(ReadTextproto(folder + "/plugin.textproto", &manifest).ok());
  Jail jail;
  jail.name = manifest.name();
  std::vector<std::string> asked(manifest.permission().begin(), manifest.permission().end());
  // Until its manifest says so itself.
  const bool has_sockets = std::find(asked.begin(), asked.end(), "sockets") != asked.end();
  if (manifest.name() == "reader_virtual" && !has_sockets) asked.push_back("sockets");
  const auto permissions = ParsePermissions(asked);
  ASSERT_TRUE(permissions.ok()) << permissions.status();
  EXPECT_TRUE(PermissionsFitKind(*permissions, manifest.kind()).ok());
  jail.permissions = *permissions;
  jail.pin_lane = manifest.kind() == plugin::v1::KIND_READER;
  jail.sockets_folder = folder_;
#ifdef MADOGUCHI_SHADOW
  // Its shadow memory, and the maps that it lays it out by.
  jail.memory_mib = 0;
  jail.read = {"/proc"};
#endif
  plugin::v1::StartRequest start;
  for (const auto& declared : manifest.setting()) {
    (*start.mutable_setting())[declared.name()] = declared.default_value();
  }
  if (manifest.name() == "reader_virtual") (*start.mutable_setting())["directory"] = folder_;
  if (manifest.name() == "authority_online") jail.sockets = {"/a.sock"};
  if (manifest.name() == "authority_online") (*start.mutable_setting())["socket"] = "/a.sock";

  const int fd = JailedProcess::SealedCopy(folder + "/" + manifest.name());
  ASSERT_GE(fd, 0);
  auto process = JailedProcess::Spawn(MADOGUCHI_LAUNCHER, jail, fd);
  close(fd);
  ASSERT_TRUE(process.ok()) << process.status();
  const auto channel =
      grpc::CreateInsecureChannelFromFd(manifest.name(), (*process)->TakeService());
  const auto stub = plugin::v1::Plugin::NewStub(channel);
  const auto deadline = std::chrono::system_clock::now() + std::chrono::seconds(10);
  const auto call = [&](auto method, const auto& request, auto* reply) {
    grpc::ClientContext context;
    context.set_deadline(deadline);
    const grpc::Status status = (stub.get()->*method)(&context, request, reply);
    if (status.ok()) return true;
    std::string log;
    kill((*process)->pid(), SIGKILL);
    (*process)->Wait(&log);
    ADD_FAILURE() << status.error_message() << "\n" << log;
    return false;
  };
  plugin::v1::HelloRequest hello;
  hello.add_host_version(1);
  plugin::v1::HelloReply greeted;
  plugin::v1::StartReply started;
  plugin::v1::HealthReply well;
  using Stub = plugin::v1::Plugin::Stub;
  ASSERT_TRUE(call(&Stub::Hello, hello, &greeted));
  EXPECT_EQ(greeted.name(), manifest.name());
  ASSERT_TRUE(call(&Stub::Start, start, &started));
  ASSERT_TRUE(call(&Stub::Health, plugin::v1::HealthRequest(), &well));
}

INSTANTIATE_TEST_SUITE_P(Plugins, RealPluginTest,
                         ::testing::Values("policy_pin", "policy_visual", "authority_online",
                                           "reader_pcsc", "reader_virtual"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace madoguchi
