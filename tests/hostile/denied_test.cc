// What no plugin may do, whatever its kind and permission.
#include "tests/hostile/hostile_fixture.h"

namespace madoguchi::clinic {
namespace {

using testing::HasSubstr;
using testing::IsSupersetOf;

TEST_F(HostileTest, WhatNoPluginMayDoIsDeniedToEachKindAndPermission) {
  struct Case {
    std::string name;
    std::vector<std::string> permissions;
    std::multiset<std::string> done;  // what the permission is for
  };
  const std::vector<Case> cases = {
      {"policy_attempts", {}, {}},
      {"authority_attempts", {}, {}},
      {"authority_attempts_network", {"network"}, {"tcp", "udp"}},
      {"reader_attempts", {}, {}},
      {"reader_attempts_pcscd", {"pcscd"}, {}},
      {"reader_attempts_usb", {"usb"}, {"device-events"}},
      {"reader_attempts_bluetooth", {"bluetooth"}, {"own-bus", "bus-bluez"}},
      {"reader_attempts_sockets", {"sockets"}, {}},
      {"reader_attempts_serial", {"serial:" + std::string(terminal_name_)}, {}},
      {"reader_attempts_devices", {"serial"}, {}}};
  for (const Case& one : cases) Add(one.name, one.permissions);
  // The system's bus: bluetoothd's name, and another's.
  const std::string folder = clinic_->folder() + "/system";
  std::filesystem::create_directory(folder);
  const auto bus = conformance::PrivateBus::Start(folder);
  ASSERT_TRUE(bus.ok()) << bus.status();
  std::vector<std::unique_ptr<Program>> services;
  for (const std::string name : {"org.bluez", "org.freedesktop.login1"}) {
    auto service = Program::Run({"/usr/bin/dbus-test-tool", "echo", "--system", "--name=" + name},
                                folder + "/" + name, /*await_ready=*/false);
    ASSERT_TRUE(service.ok()) << service.status();
    services.push_back(*std::move(service));
    EXPECT_TRUE(Await([&] {
      return hostile::Call(folder + "/bus.sock",
                           {name, "/", "org.example.Anything", "Ask", "", ""}) == 0;
    })) << name;
  }
  // On the bus itself each is done, so that none is denied because it is broken.
  for (const hostile::Attempt& attempt : hostile::Attempts()) {
    hostile::Aims aims;
    aims.own_bus = folder + "/bus.sock";
    if (std::string(attempt.name).starts_with("bus-")) {
      EXPECT_GE(attempt.run(aims), 0) << attempt.name;
    }
  }
  clinic_->Start();
  for (const Case& one : cases) {
    EXPECT_EQ(Words(one.name, "done:"), one.done) << one.name;
    EXPECT_EQ(Words(one.name, "denied:").size() + one.done.size(), hostile::Attempts().size())
        << one.name;
    EXPECT_THAT(Incidents(one.name), IsSupersetOf(WhatIsToldOf(one.name, one.permissions)))
        << one.name;
    // Each attempt leaves a sentence, and nothing else of the plugin does.
    EXPECT_LE(Incidents(one.name).size(), hostile::Attempts().size()) << one.name;
    EXPECT_EQ(clinic_->Plugin(one.name).state(), PluginRow::STATE_RUNNING) << one.name;
  }
  ExpectChecksWork();
}

// With it the host would open to a plugin that asks for nothing what its maker wrote down.
TEST_F(HostileTest, AManifestOpensNothingByADefault) {
  const auto with = [](const std::string& type, const std::string& value) {
    return "setting { name: 'place' type: " + type + " default_value: '" + value + "' }\n";
  };
  Add("policy_file", {}, with("TYPE_FILE", "state/host-key.pem"));
  Add("policy_socket", {}, with("TYPE_SOCKET", clinic_->folder() + "/bus.sock"));
  Add("policy_socket_asked", {}, "setting { name: 'place' type: TYPE_SOCKET }\n");
  Add("authority_file", {"network"}, with("TYPE_FILE", "state/host-key.pem"));
  Add("reader_folder", {"sockets"}, with("TYPE_SOCKET_FOLDER", clinic_->folder() + "/state"));
  Add("reader_device", {"serial"}, with("TYPE_SERIAL", terminal_name_));
  clinic_->StartAuthority();
  clinic_->StartHost();
  for (const char* name :
       {"policy_file", "policy_socket", "authority_file", "reader_folder", "reader_device"}) {
    EXPECT_TRUE(Await([&] { return clinic_->Plugin(name).state() == PluginRow::STATE_REFUSED; }))
        << clinic_->Plugin(name).DebugString();
    const PluginRow row = clinic_->Plugin(name);
    EXPECT_THAT(row.detail(), HasSubstr("setting place is a TYPE_")) << name;
    EXPECT_THAT(row.detail(), HasSubstr("and has a default_value; expected none")) << name;
  }
  EXPECT_THAT(clinic_->Plugin("policy_socket_asked").detail(),
              HasSubstr("is a TYPE_SOCKET, and a policy reaches no socket"));
}

TEST_F(HostileTest, DescriptorsThatNobodyReceivesKeepNoPluginFromStartingAgain) {
  Add("policy_sends");
  clinic_->Start();
  const auto sent = Words("policy_sends", "sent");
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_GE(std::stoi(*sent.begin()), 1);
  const pid_t killed = clinic_->Plugin("policy_pin").pid();
  ASSERT_EQ(kill(killed, SIGKILL), 0);
  EXPECT_TRUE(Await([&] {
    const PluginRow row = clinic_->Plugin("policy_pin");
    return row.state() == PluginRow::STATE_RUNNING && row.pid() != killed;
  })) << clinic_->Plugin("policy_pin").DebugString();
  ExpectChecksWork();
}

}  // namespace
}  // namespace madoguchi::clinic
