#include "sdk/launch/bus_proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "sdk/conformance/private_bus.h"
#include "sdk/conformance/program.h"

// A real dbus-daemon, private to the test, with two services on it.
namespace madoguchi {
namespace {

using conformance::Await;
using conformance::Program;
using testing::HasSubstr;

class BusProxyTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/madoguchi-bus-XXXXXX";
    folder_ = mkdtemp(folder);
    auto bus = conformance::PrivateBus::Start(folder_);
    ASSERT_TRUE(bus.ok()) << bus.status();
    bus_ = *std::move(bus);
    address_ = bus_->address();
    for (const char* name : {"org.bluez", "org.freedesktop.login1"}) {
      services_.push_back(
          Run({"/usr/bin/dbus-test-tool", "echo", "--system", std::string("--name=") + name}));
      ASSERT_TRUE(Await([&] { return Send(address_, name).first == 0; })) << name;
    }
  }
  void TearDown() override {
    services_.clear();
    bus_.reset();
    std::filesystem::remove_all(folder_);
  }
  std::unique_ptr<Program> Run(const std::vector<std::string>& arguments) {
    auto program = Program::Run(arguments, folder_ + "/log" + std::to_string(++runs_), false);
    EXPECT_TRUE(program.ok()) << program.status();
    return *std::move(program);
  }
  // One call to `name` over the bus at `address`: the status of dbus-send, and what it said.
  std::pair<int, std::string> Send(const std::string& address, const std::string& name,
                                   const std::string& method = "org.example.Anything.Ask") {
    const auto program = Run({"/usr/bin/dbus-send", "--bus=" + address, "--print-reply",
                              "--reply-timeout=5000", "--dest=" + name, "/", method});
    return {program->Wait().value_or(-1), program->Output()};
  }

  std::string folder_, address_;
  int runs_ = 0;
  std::unique_ptr<conformance::PrivateBus> bus_;
  std::vector<std::unique_ptr<Program>> services_;
};

TEST_F(BusProxyTest, LetsThroughWhatConcernsBluezAndNothingElse) {
  const std::string socket = folder_ + "/mine/bus.sock";
  auto proxy = BusProxy::Start(socket);
  ASSERT_TRUE(proxy.ok()) << proxy.status();
  struct stat facts {};
  ASSERT_EQ(stat((folder_ + "/mine").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0700u);
  const std::string proxied = "unix:path=" + socket;
  const auto [bluez, answer] = Send(proxied, "org.bluez");
  EXPECT_EQ(bluez, 0) << answer;
  EXPECT_EQ(Send(address_, "org.freedesktop.login1").first, 0) << "it is there";
  const auto [other, refused] = Send(proxied, "org.freedesktop.login1");
  EXPECT_NE(other, 0);
  EXPECT_THAT(refused, HasSubstr("ServiceUnknown"));
  const auto [listed, names] =
      Send(proxied, "org.freedesktop.DBus", "org.freedesktop.DBus.ListNames");
  EXPECT_EQ(listed, 0) << names;
  EXPECT_THAT(names, HasSubstr("org.bluez"));
  EXPECT_THAT(names, testing::Not(HasSubstr("login1")));
  EXPECT_FALSE((*proxy)->HasEnded());
  proxy->reset();
  EXPECT_NE(Send(proxied, "org.bluez").first, 0);
}

TEST_F(BusProxyTest, ABusThatComesLaterWillDo) {
  services_.clear();
  bus_.reset();
  setenv("DBUS_SYSTEM_BUS_ADDRESS", address_.c_str(), 1);
  auto proxy = BusProxy::Start(folder_ + "/mine/bus.sock");
  ASSERT_TRUE(proxy.ok()) << proxy.status();
  EXPECT_NE(Send("unix:path=" + folder_ + "/mine/bus.sock", "org.bluez").first, 0);
  EXPECT_FALSE((*proxy)->HasEnded());
}

TEST_F(BusProxyTest, SaysWhatIsWrong) {
  const auto proxy = BusProxy::Start(folder_ + "/" + std::string(120, 'a') + "/bus.sock");
  EXPECT_THAT(std::string(proxy.status().message()), HasSubstr("expected at most 107 bytes"));
}

}  // namespace
}  // namespace madoguchi
