// What a client relies on of bluetoothd, as one client that knows nothing of who is at the other
// end: the double here, the real bluetoothd where MADOGUCHI_REAL_BLUETOOTHD is set (uml/README.md).
// Whatever passes on both is what the double is for.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/socket.h>

#include <algorithm>

#include "sdk/sim/bluez/double_test.h"

namespace madoguchi::bluez {
namespace {

using testing::AnyOf;
using testing::StartsWith;

using Bytes = std::vector<uint8_t>;

const Bytes kAsk = {0x05, 0x00, 0x0C, 0x6B, 0x00, 0x05, 0x00, 0x00, 0x00,
                    0xCB, 0xE0, 0x00, 0x00, 0x45, 0x00, 0x0C, 0x0A};
constexpr size_t kAnswerSize = 33;

class ConductTest : public DoubleTest {
 protected:
  void SetUp() override {
    if (getenv("MADOGUCHI_REAL_BLUETOOTHD") != nullptr) {
      client_ = std::make_unique<BusClient>();
      return;
    }
    DoubleTest::SetUp();
    Start();
  }
  void TearDown() override {
    client().Call(reader_, kDevice1, "Disconnect");
    client().Call(kAdapter, kAdapter1, "RemoveDevice", sdbus::ObjectPath(reader_));
    if (bus_ == nullptr) {
      client_.reset();
    } else {
      DoubleTest::TearDown();
    }
  }

  // The path of the reader, by its name; "" while it was not found.
  std::string FindReader() {
    for (const auto& [path, interfaces] : client().ManagedObjects()) {
      const auto device = interfaces.find(kDevice1);
      if (!path.starts_with(kAdapter) || device == interfaces.end()) continue;
      const auto name = device->second.find("Name");
      if (name != device->second.end() && TextOf(name->second).starts_with("ACR1255U-J1-")) {
        return path;
      }
    }
    return "";
  }
  void FindAndConnect() {
    ASSERT_EQ(client().Call(kAdapter, kAdapter1, "SetDiscoveryFilter",
                            BusClient::Options{{"Transport", std::string("le")}}),
              "");
    ASSERT_EQ(CallAdapter("StartDiscovery"), "");
    ASSERT_TRUE(conformance::Await([&] { return !(reader_ = FindReader()).empty(); }));
    ASSERT_EQ(CallAdapter("StopDiscovery"), "");
    ConnectAgain();
  }
  void ConnectAgain() {
    ASSERT_EQ(client().Call(reader_, kDevice1, "Connect"), "");
    ASSERT_TRUE(AwaitDevice("ServicesResolved", "true"));
    command_ = client().FindUuid(reader_, kCommandUuid);
    answer_ = client().FindUuid(reader_, kAnswerUuid);
    ASSERT_NE(command_, "");
    ASSERT_NE(answer_, "");
  }
  bool AwaitDevice(const std::string& property, const std::string& value) {
    return conformance::Await([&] { return client().Get(reader_, kDevice1, property) == value; });
  }
  std::string Short(const std::string& path) const { return path.substr(sizeof kAdapter); }
  // How many bytes were notified since the last Forget.
  size_t Notified() {
    const std::string begin = Short(answer_) + " GattCharacteristic1.Value=";
    size_t digits = 0;
    for (const std::string& line : client().Seen()) {
      if (line.starts_with(begin)) digits += line.size() - begin.size();
    }
    return digits / 2;
  }
  bool AwaitAnswer() {
    return conformance::Await([&] { return Notified() == kAnswerSize; });
  }

  std::string reader_ = kReader;
};

TEST_F(ConductTest, Discovery) {
  EXPECT_EQ(CallAdapter("StopDiscovery"), "Failed: No discovery started");
  EXPECT_EQ(CallAdapter("StartDiscovery"), "");
  EXPECT_THAT(CallAdapter("StartDiscovery"), StartsWith("InProgress: "));
  ASSERT_TRUE(conformance::Await([&] { return !(reader_ = FindReader()).empty(); }));
  EXPECT_NE(client().Get(reader_, kDevice1, "RSSI"), "none");
  EXPECT_EQ(CallAdapter("StopDiscovery"), "");
  EXPECT_TRUE(AwaitDevice("RSSI", "none"));
  EXPECT_THAT(client().Get(reader_, kDevice1, "Name"), StartsWith("ACR1255U-J1-"));
  EXPECT_EQ(client().Set(kAdapter, kAdapter1, "Powered", false), "");
  EXPECT_EQ(CallAdapter("StartDiscovery"), "NotReady: Resource Not Ready");
  EXPECT_EQ(client().Set(kAdapter, kAdapter1, "Powered", true), "");
}

TEST_F(ConductTest, Properties) {
  EXPECT_THAT(client().Set(kAdapter, kAdapter1, "Address", std::string("x")),
              StartsWith("org.freedesktop.DBus.Error.PropertyReadOnly"));
  EXPECT_THAT(client().Set(kAdapter, kAdapter1, "Powered", std::string("yes")),
              StartsWith("org.freedesktop.DBus.Error.InvalidSignature"));
  EXPECT_THAT(client().Set(kAdapter, kAdapter1, "Nothing", true),
              StartsWith("org.freedesktop.DBus.Error.UnknownProperty"));
  EXPECT_THAT(CallAdapter("Explode"), StartsWith("org.freedesktop.DBus.Error.UnknownMethod"));
  EXPECT_THAT(client().Call("/org/bluez/hci7", kAdapter1, "StartDiscovery"),
              StartsWith("org.freedesktop.DBus.Error.UnknownObject"));
  const auto agent = [&](const char* method, const auto&... more) {
    return client().Call("/org/bluez", "org.bluez.AgentManager1", method,
                         sdbus::ObjectPath("/test/agent"), more...);
  };
  EXPECT_EQ(agent("UnregisterAgent"), "DoesNotExist: Does Not Exist");
  EXPECT_EQ(agent("RegisterAgent", std::string("KeyboardOnly")), "");
  EXPECT_EQ(agent("RegisterAgent", std::string("KeyboardOnly")), "AlreadyExists: Already Exists");
  EXPECT_EQ(agent("UnregisterAgent"), "");
}

TEST_F(ConductTest, Characteristics) {
  FindAndConnect();
  EXPECT_EQ(client().Call(reader_, kDevice1, "Connect"), "") << "connected already";
  EXPECT_EQ(CallAnswer("StopNotify"), "Failed: No notify session started");
  EXPECT_EQ(CallAnswer("StartNotify"), "");
  EXPECT_EQ(CallAnswer("StartNotify"), "") << "twice";
  EXPECT_EQ(Write(kAsk, BusClient::Options{{"type", std::string("request")}}), "");
  EXPECT_TRUE(AwaitAnswer());
  EXPECT_EQ(Acquire(answer_, "AcquireNotify"), "InProgress: In Progress");
  EXPECT_EQ(client().Call(command_, kCharacteristic1, "StartNotify"),
            "NotSupported: Operation is not supported");
  EXPECT_EQ(Write(kAsk, BusClient::Options{{"type", std::string("command")}}),
            "NotSupported: Operation is not supported");
  EXPECT_EQ(Write(Bytes(513)), "InvalidArguments: Invalid Length");
  EXPECT_EQ(Acquire(command_, "AcquireWrite"), "NotSupported: Operation is not supported");
  EXPECT_EQ(CallAnswer("StopNotify"), "");
}

TEST_F(ConductTest, Sockets) {
  FindAndConnect();
  EXPECT_EQ(Acquire(answer_, "AcquireNotify"), "");
  const sdbus::UnixFd socket = client().Reply<sdbus::UnixFd>();
  EXPECT_GE(client().Reply<uint16_t>(), 23);
  int type = 0;
  socklen_t size = sizeof type;
  EXPECT_EQ(getsockopt(socket.get(), SOL_SOCKET, SO_TYPE, &type, &size), 0);
  EXPECT_EQ(type, SOCK_SEQPACKET);
  EXPECT_NE(fcntl(socket.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(Acquire(answer_, "AcquireNotify"), "NotPermitted: Notify acquired");
  EXPECT_EQ(CallAnswer("StartNotify"), "NotPermitted: Notify acquired");
}

TEST_F(ConductTest, Loss) {
  FindAndConnect();
  EXPECT_EQ(CallAnswer("StartNotify"), "");
  client().Forget();
  EXPECT_EQ(client().Call(reader_, kDevice1, "Disconnect"), "");
  ASSERT_TRUE(client().AwaitSeen(Short(reader_) + " Device1.Connected=false"));
  const auto seen = client().Seen();
  EXPECT_LT(std::find(seen.begin(), seen.end(), Short(reader_) + " Device1.ServicesResolved=false"),
            std::find(seen.begin(), seen.end(), Short(reader_) + " Device1.Connected=false"));
  EXPECT_EQ(client().Call(reader_, kDevice1, "Disconnect"), "") << "not connected";
  EXPECT_EQ(client().FindUuid(reader_, kCommandUuid), command_) << "GATT objects stay";
  EXPECT_EQ(Write(kAsk), "Failed: Not connected");
  EXPECT_EQ(Acquire(answer_, "AcquireNotify"), "Failed: Not connected");
  ConnectAgain();
  // Whether or not the session is still there, asking for it makes sure.
  EXPECT_EQ(CallAnswer("StartNotify"), "");
  client().Forget();
  EXPECT_EQ(Write(kAsk), "");
  EXPECT_TRUE(AwaitAnswer());
}

}  // namespace
}  // namespace madoguchi::bluez
