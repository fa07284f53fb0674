// A plugin cannot hurt: one of each kind and permission attacks the host it runs in. Each attempt
// is denied or contained and stands in the plugin list, and the clinic's checks go on.
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
namespace {

using namespace check::v1;  // NOLINT: codes.
using desk::v1::PluginRow;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

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

TEST_F(HostileTest, WhatEatsMemoryEndsItselfAlone) {
  Add("policy_eats");
  clinic_->Start();
  EXPECT_TRUE(Await([&] { return !Incidents("policy_eats").empty(); }));
  EXPECT_THAT(Incidents("policy_eats"),
              Contains(AllOf(HasSubstr("killed by Segmentation fault"),
                             HasSubstr("most of the 512 MiB of memory that it may have"))));
  ExpectChecksWork();
}

TEST_F(HostileTest, DescriptorsAreFew) {
  Add("policy_opens");
  clinic_->StartAuthority();
  clinic_->StartHost();
  const auto opened = Words("policy_opens", "opened");
  ASSERT_EQ(opened.size(), 1u);
  EXPECT_LE(std::stoi(*opened.begin()), 256);
}

TEST_F(HostileTest, AHoarderOfDescriptorsIsNamed) {
  Add("policy_hoards");
  AddMethod("policy_hoards");
  clinic_->Start();
  (void)Check("policy_hoards");
  EXPECT_TRUE(Await([&] { return !Incidents("policy_hoards").empty(); }));
  EXPECT_THAT(Incidents("policy_hoards"), Contains("took all 256 descriptors that it may have"));
  ExpectChecksWork();
}

// The figure of /proc/PID/status, in KiB.
long MemoryOf(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmRSS:", 0) == 0) return std::stol(line.substr(6));
  }
  return -1;
}

TEST_F(HostileTest, AHundredMegabytesOfLogFillNothing) {
  Add("policy_floods");
  clinic_->Start();
  ExpectChecksWork();
  const auto flooded = [&] {
    const PluginRow row = clinic_->Plugin("policy_floods");
    return row.log_size() > 0 && row.log(row.log_size() - 1) == "flooded";
  };
  EXPECT_TRUE(Await(flooded, std::chrono::seconds(60)));
  EXPECT_LE(clinic_->Plugin("policy_floods").log_size(), 20);
  EXPECT_LT(MemoryOf(clinic_->host().pid()), 100 * 1024);
  EXPECT_THAT(Incidents("policy_floods"), ElementsAre(HasSubstr("of log in a second")));
}

TEST_F(HostileTest, ChecksGoOnBesideOneThatTakesAllTheTime) {
  Add("policy_spins");
  clinic_->Start();
  ExpectChecksWork();
  EXPECT_TRUE(Await([&] { return !Incidents("policy_spins").empty(); }, std::chrono::seconds(60)));
  EXPECT_THAT(Incidents("policy_spins"), Contains("took a whole processor for 10 s"));
}

TEST_F(HostileTest, APolicyGetsNothingThatItDidNotEarn) {
  for (const char* name :
       {"policy_claims", "policy_asks_without_end", "policy_talks", "policy_sleeps"}) {
    Add(name);
    AddMethod(name);
  }
  clinic_->Start();
  EXPECT_EQ(Check("policy_claims"), FAILURE_CODE_POLICY_OVERSTEPPED);
  EXPECT_THAT(Incidents("policy_claims"),
              ElementsAre(HasSubstr("asked for a step that it may not have")));
  EXPECT_EQ(Check("policy_talks"), FAILURE_CODE_POLICY_FAILED);
  EXPECT_THAT(Incidents("policy_talks"), ElementsAre(HasSubstr("larger than max")));
  EXPECT_EQ(Check("policy_sleeps"), FAILURE_CODE_POLICY_FAILED);
  EXPECT_THAT(Incidents("policy_sleeps"), ElementsAre(HasSubstr("Deadline Exceeded")));
  // Its questions are answered, over and over.
  const auto staff = clinic_->Staff("1");
  EXPECT_TRUE(staff->Begin("policy_asks_without_end").ok());
  uint64_t answered = 0;
  for (int asked = 0; asked < 40; ++asked) {
    const auto view = staff->Await([&](const desk::v1::View& v) {
      return v.stage() == desk::v1::STAGE_DONE || v.question() > answered;
    });
    if (view.stage() == desk::v1::STAGE_DONE) break;
    answered = view.question();
    desk::v1::Reply reply;
    reply.set_question(answered);
    reply.mutable_answer()->set_choice_id("yes");
    EXPECT_TRUE(staff->Send(reply).ok());
  }
  EXPECT_EQ(staff->AwaitVerdict().failure().code(), FAILURE_CODE_TOO_MANY_STEPS);
  EXPECT_TRUE(staff->Close().ok());
  EXPECT_THAT(Incidents("policy_asks_without_end"), ElementsAre(HasSubstr("more than 32 steps")));
  ExpectChecksWork();
}

TEST_F(HostileTest, AnAuthorityGetsNoSignatureForAnother) {
  Add("authority_lies");
  clinic_->config().mutable_authority()->set_plugin("authority_lies");
  clinic_->Start();
  Window window(*clinic_, 0, "p0");
  window.BeginByPin();
  window.Lay();
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_AUTHORITY_ANSWER_INVALID);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 0);
  EXPECT_THAT(Incidents("authority_lies"), ElementsAre(HasSubstr("for another authority")));
  EXPECT_TRUE(window.staff().Close().ok());
  window.BeginByEyes();
  EXPECT_TRUE(window.SameCard(true).ok());
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_AUTHORITY_ANSWER_INVALID);
  EXPECT_THAT(Incidents("authority_lies"), Contains(HasSubstr("a validity that no table has")));
}

TEST_F(HostileTest, AReaderThatAnswersAsItLikesProvesNothing) {
  for (const char* name : {"reader_talks", "reader_nothing", "reader_nonsense"}) {
    Add(name);
    auto* const counter = clinic_->config().add_counter();
    counter->set_name(name);
    counter->add_reader(std::string(name) + "/trap");
  }
  clinic_->Start();
  for (const auto& [name, code] : {std::pair("reader_talks", FAILURE_CODE_READER_LOST),
                                   std::pair("reader_nothing", FAILURE_CODE_CARD_GONE),
                                   std::pair("reader_nonsense", FAILURE_CODE_CERTIFICATE_ABSENT)}) {
    const auto staff = clinic_->Staff(name), patient = clinic_->PatientScreen(name);
    EXPECT_TRUE(staff->Begin("pin").ok());
    const auto view = patient->Await([](const desk::v1::View& v) {
      return v.stage() == desk::v1::STAGE_DONE || v.stage() == desk::v1::STAGE_ASK_PIN;
    });
    if (view.stage() == desk::v1::STAGE_ASK_PIN) (void)patient->Pin("1234");
    EXPECT_EQ(staff->AwaitVerdict().failure().code(), code)
        << name << ": " << staff->AwaitVerdict().DebugString();
    EXPECT_TRUE(staff->Close().ok());
  }
  EXPECT_THAT(Incidents("reader_talks"), Contains(HasSubstr("larger than max")));
  ExpectChecksWork();
}

TEST_F(HostileTest, ASessionIsItsPluginsOwnWhateverItsNumber) {
  Add("reader_twins");
  for (const char* trap : {"trap", "other-trap"}) {
    auto* const counter = clinic_->config().add_counter();
    counter->set_name(trap);
    counter->add_reader(std::string("reader_twins/") + trap);
  }
  clinic_->Start();
  std::vector<std::unique_ptr<Screen>> staff, patients;
  for (const char* trap : {"trap", "other-trap"}) {
    staff.push_back(clinic_->Staff(trap));
    patients.push_back(clinic_->PatientScreen(trap));
    EXPECT_TRUE(staff.back()->Begin("pin").ok());
  }
  // Beside a card in a session of an honest reader.
  ExpectChecksWork();
  for (size_t i = 0; i < staff.size(); ++i) {
    const auto view = patients[i]->Await([](const desk::v1::View& v) {
      return v.stage() == desk::v1::STAGE_DONE || v.stage() == desk::v1::STAGE_ASK_PIN;
    });
    if (view.stage() == desk::v1::STAGE_ASK_PIN) (void)patients[i]->Pin("1234");
    EXPECT_EQ(staff[i]->AwaitVerdict().failure().code(), FAILURE_CODE_CERTIFICATE_ABSENT);
    EXPECT_TRUE(staff[i]->Close().ok());
  }
  ExpectChecksWork();
}

}  // namespace
}  // namespace madoguchi::clinic
