#ifndef MADOGUCHI_TESTS_HOSTILE_HOSTILE_FIXTURE_H_
#define MADOGUCHI_TESTS_HOSTILE_HOSTILE_FIXTURE_H_

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <pty.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "sdk/conformance/private_bus.h"
#include "tests/flows/flow.h"
#include "tests/hostile/attempts.h"
#include "tests/hostile/bus_call.h"

namespace madoguchi::clinic {

using namespace check::v1;  // NOLINT: codes.
using desk::v1::PluginRow;

// A plugin cannot hurt: hostile plugins (hostile_plugin.cc) attack the host they run in. Each
// attempt is denied or contained and stands in the plugin list, and the clinic's checks go on.
class HostileTest : public testing::Test {
 protected:
  void SetUp() override {
    clinic_ = MakeFlowClinic(2, {{"p0"}, {"p1"}});
    ASSERT_EQ(openpty(&terminal_, &terminal_end_, terminal_name_, nullptr, nullptr), 0);
    Listen();
  }
  void TearDown() override {
    // What none of them may do: end the host.
    EXPECT_FALSE(clinic_->host().Wait(std::chrono::milliseconds(0)).has_value());
    clinic_.reset();
    for (const int fd : {terminal_, terminal_end_, server_, bus_}) close(fd);
  }

  // Adds the hostile plugin `name`, with `permissions`, and `more` in its manifest.
  void Add(const std::string& name, const std::vector<std::string>& permissions = {},
           const std::string& more = "") {
    const std::string kind = name.substr(0, name.find('_'));
    const std::filesystem::path folder = clinic_->folder() + "/plugins/" + name;
    std::filesystem::create_directories(folder);
    std::filesystem::create_symlink(MADOGUCHI_HOSTILE_PLUGIN, folder / "program");
    std::ofstream manifest(folder / "plugin.textproto");
    manifest << "name: '" << name << "' kind: KIND_"
             << (kind == "reader"   ? "READER"
                 : kind == "policy" ? "POLICY"
                                    : "AUTHORITY")
             << " version: '6.6.6' maker: 'Strangers' binary: 'program'\n";
    for (const std::string& one : permissions) manifest << "permission: '" << one << "'\n";
    manifest << more;
    auto* const plugin = clinic_->config().add_plugin();
    plugin->set_name(name);
    const std::pair<const char*, std::string> settings[] = {
        {"own_folder", folder.string()},
        {"door", clinic_->folder() + "/" + clinic_->config().desk().socket()},
        {"dbus", clinic_->folder() + "/bus.sock"},
        {"port", std::to_string(port_)}};
    for (const auto& [setting, value] : settings) {
      manifest << "setting { name: '" << setting << "' type: TYPE_STRING }\n";
      auto* const configured = plugin->add_setting();
      configured->set_name(setting);
      configured->set_value(value);
    }
    if (permissions == std::vector<std::string>{"bluetooth"}) {
      manifest << "setting { name: 'bus' type: TYPE_BUS }\n";
    }
    if (permissions == std::vector<std::string>{"serial"}) {
      manifest << "setting { name: 'device' type: TYPE_SERIAL }\n";
      auto* const configured = plugin->add_setting();
      configured->set_name("device");
      configured->set_value(terminal_name_);
    }
    if (std::find(permissions.begin(), permissions.end(), "sockets") != permissions.end()) {
      manifest << "setting { name: 'folder' type: TYPE_SOCKET_FOLDER }\n";
      auto* const configured = plugin->add_setting();
      configured->set_name("folder");
      configured->set_value(clinic_->folder() + "/" + name + ".sockets");
    }
  }
  void AddMethod(const std::string& policy) {
    auto* const method = clinic_->config().add_method();
    method->set_id(policy);
    method->set_plugin(policy);
    method->mutable_label()->set_ja(policy);
    method->mutable_label()->set_en(policy);
  }
  // The words behind `begin` in the first line of the plugin's log that begins so.
  std::multiset<std::string> Words(const std::string& plugin, const std::string& begin) {
    std::multiset<std::string> words;
    EXPECT_TRUE(Await([&] {
      const PluginRow row = clinic_->Plugin(plugin);
      for (const std::string& line : row.log()) {
        if (line.rfind(begin, 0) != 0) continue;
        std::istringstream rest(line.substr(begin.size()));
        for (std::string word; rest >> word;) words.insert(word);
        return true;
      }
      return false;
    })) << clinic_->Plugin(plugin).DebugString();
    return words;
  }
  std::vector<std::string> Incidents(const std::string& plugin) {
    const PluginRow row = clinic_->Plugin(plugin);
    std::vector<std::string> all;
    for (const auto& incident : row.incident()) all.push_back(incident.what());
    return all;
  }
  // What stands in the list of a plugin that made all attempts with these permissions.
  std::vector<std::string> WhatIsToldOf(const std::string& name,
                                        const std::vector<std::string>& permissions) {
    const std::string outside = ", which is outside of its jail",
                      denied = ", which its jail denies";
    const auto has = [&](const std::string& permission) {
      return !permissions.empty() && permissions.front().rfind(permission, 0) == 0;
    };
    const std::string manifest = clinic_->folder() + "/plugins/" + name + "/plugin.textproto";
    const std::string memory = "/proc/" + std::to_string(clinic_->host().pid()) + "/mem";
    std::vector<std::string> told = {"tried to open /etc/passwd" + outside,
                                     "tried to open " + manifest + outside,
                                     "tried to open " + memory + outside};
    for (const char* call :
         {"process_vm_readv", "ptrace", "kill", "prlimit64", "clone", "unshare", "bpf", "socket"}) {
      told.push_back(std::string("tried ") + call + denied);
    }
    told.push_back("tried mount of /tmp" + denied);
    told.push_back("tried openat2 of /etc/passwd" + denied);
    told.push_back("tried clone3" + denied);
    told.push_back("tried io_uring_setup" + denied);
    if (has("serial") || has("usb")) {
      told.push_back("tried to write " + manifest + outside);
      told.push_back("tried to write /tmp/hostile" + outside);
    } else {
      told.push_back("tried openat of " + manifest + denied);
      told.push_back("tried openat of /tmp/hostile" + denied);
    }
    if (has("pcscd") || has("bluetooth") || has("sockets")) {
      const std::string door = clinic_->folder() + "/" + clinic_->config().desk().socket();
      told.push_back("tried to connect to " + door + outside);
      told.push_back("tried to connect to " + clinic_->folder() + "/bus.sock" + outside);
    }
    return told;
  }
  FailureCode Check(const std::string& method) {
    const auto staff = clinic_->Staff("1");
    EXPECT_TRUE(staff->Begin(method).ok());
    const Verdict verdict = staff->AwaitVerdict();
    EXPECT_EQ(verdict.outcome(), OUTCOME_CANNOT_TELL);
    EXPECT_TRUE(staff->Close().ok());
    return verdict.failure().code();
  }
  void ExpectChecksWork() {
    Window window(*clinic_, 1, "p1");
    window.ExpectNextCheckWorks();
  }

  std::unique_ptr<Clinic> clinic_;
  int terminal_ = -1, terminal_end_ = -1, server_ = -1, bus_ = -1, port_ = 0;
  char terminal_name_[64] = {};

 private:
  // A TCP server, and what could be a bus: whoever may connect gets through.
  void Listen() {
    server_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    ASSERT_EQ(bind(server_, reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(listen(server_, 16), 0);
    ASSERT_EQ(getsockname(server_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    bus_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un path{};
    path.sun_family = AF_UNIX;
    (clinic_->folder() + "/bus.sock").copy(path.sun_path, sizeof(path.sun_path) - 1);
    ASSERT_EQ(bind(bus_, reinterpret_cast<sockaddr*>(&path), sizeof(path)), 0);
    ASSERT_EQ(listen(bus_, 16), 0);
  }
};

}  // namespace madoguchi::clinic

#endif  // MADOGUCHI_TESTS_HOSTILE_HOSTILE_FIXTURE_H_
