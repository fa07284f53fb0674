// Every call on a characteristic and its errors, as measured with bluetoothd 5.66.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>

#include "sdk/sim/bluez/double_test.h"

namespace madoguchi::bluez {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

using Bytes = std::vector<uint8_t>;

// The first frame of an authentication, which is answered with 33 bytes: pieces of 20 and 13.
const Bytes kAsk = {0x05, 0x00, 0x0C, 0x6B, 0x00, 0x05, 0x00, 0x00, 0x00,
                    0xCB, 0xE0, 0x00, 0x00, 0x45, 0x00, 0x0C, 0x0A};
constexpr size_t kAnswerSize = 33;

class CharacteristicTest : public DoubleTest {
 protected:
  // The values of the answer characteristic that were notified so far.
  std::vector<std::string> Values() {
    const std::string begin = answer_.substr(sizeof kAdapter) + " GattCharacteristic1.Value=";
    std::vector<std::string> values;
    for (const std::string& line : client().Seen()) {
      if (line.starts_with(begin)) values.push_back(line.substr(begin.size()));
    }
    return values;
  }
  bool AwaitValues(size_t count) {
    return conformance::Await([&] { return Values().size() >= count; });
  }
  // One packet of a socket that was acquired; empty when the other end has closed it.
  Bytes Packet(int fd) {
    pollfd polled{fd, POLLIN, 0};
    EXPECT_EQ(poll(&polled, 1, 10000), 1);
    Bytes packet(600);
    const ssize_t count = recv(fd, packet.data(), packet.size(), 0);
    packet.resize(count < 0 ? 0 : static_cast<size_t>(count));
    return packet;
  }
};

TEST_F(CharacteristicTest, TheTreeIsWhole) {
  Start();
  Connect();
  const auto objects = client().ManagedObjects();
  const std::string service = answer_.substr(0, answer_.rfind('/'));
  const auto& shown = objects.at(sdbus::ObjectPath(service)).at("org.bluez.GattService1");
  EXPECT_EQ(TextOf(shown.at("UUID")), "3c4afff0-4783-3de5-a983-d348718ef133");
  EXPECT_EQ(TextOf(shown.at("Device")), kReader);
  EXPECT_EQ(TextOf(shown.at("Primary")), "true");
  const auto& answer = objects.at(sdbus::ObjectPath(answer_)).at(kCharacteristic1);
  EXPECT_EQ(TextOf(answer.at("Service")), service);
  EXPECT_EQ(TextOf(answer.at("Flags")), "[notify]");
  EXPECT_EQ(TextOf(answer.at("Notifying")), "false");
  EXPECT_EQ(TextOf(answer.at("NotifyAcquired")), "false");
  EXPECT_EQ(TextOf(answer.at("MTU")), "23");
  EXPECT_FALSE(answer.contains("WriteAcquired"));
  EXPECT_FALSE(answer.contains("Value"));
  const auto& command = objects.at(sdbus::ObjectPath(command_)).at(kCharacteristic1);
  EXPECT_EQ(TextOf(command.at("Flags")), "[write]");
  EXPECT_FALSE(command.contains("Notifying"));
  int descriptors = 0;
  for (const auto& [path, interfaces] : objects) {
    const auto found = interfaces.find("org.bluez.GattDescriptor1");
    if (!path.starts_with(answer_) || found == interfaces.end()) continue;
    ++descriptors;
    EXPECT_EQ(TextOf(found->second.at("UUID")), "00002902-0000-1000-8000-00805f9b34fb");
    EXPECT_EQ(TextOf(found->second.at("Characteristic")), answer_);
  }
  EXPECT_EQ(descriptors, 1);
  EXPECT_NE(client().FindUuid(kReader, "00002a26-0000-1000-8000-00805f9b34fb"), "");
}

TEST_F(CharacteristicTest, TheBatteryServiceMayBeBluetoothdsOwn) {
  Start({"--fault", "battery-claimed"});
  Connect();
  EXPECT_EQ(client().FindUuid(kReader, "00002a19-0000-1000-8000-00805f9b34fb"), "");
  EXPECT_EQ(client().Get(kReader, "org.bluez.Battery1", "Percentage"), "100");
}

TEST_F(CharacteristicTest, WritesAndTheirErrors) {
  Start();
  Connect();
  using Options = BusClient::Options;
  EXPECT_EQ(Write(kAsk), "");
  EXPECT_EQ(Write(kAsk, Options{{"type", std::string("request")}}), "");
  EXPECT_THAT(Tell("status reader1"), HasSubstr("frames=2"));
  EXPECT_EQ(Write(kAsk, Options{{"type", std::string("command")}}),
            "NotSupported: Operation is not supported");
  EXPECT_EQ(Write(kAsk, Options{{"type", uint32_t{1}}}),
            "InvalidArguments: Invalid arguments in method call");
  EXPECT_EQ(Write(Bytes(513)), "InvalidArguments: Invalid Length");
  EXPECT_EQ(Write(kAsk, Options{{"offset", uint16_t{513}}}), "InvalidArguments: Invalid Offset");
  EXPECT_EQ(Write(Bytes(21)),
            "Failed: Operation failed with ATT error: 0x06 (Request Not Supported)");
  EXPECT_EQ(client().Call(answer_, kCharacteristic1, "WriteValue", kAsk, Options{}),
            "NotSupported: Operation is not supported");
  EXPECT_EQ(Acquire(command_, "ReadValue"), "NotPermitted: Read not permitted");
  const std::string model = client().FindUuid(kReader, "00002a24-0000-1000-8000-00805f9b34fb");
  EXPECT_EQ(Acquire(model, "ReadValue"), "");
  const Bytes text = client().Reply<Bytes>();
  EXPECT_EQ(std::string(text.begin(), text.end()), "ACR1255U-J1");
  EXPECT_EQ(CallReader("Disconnect"), "");
  EXPECT_EQ(Write(kAsk), "Failed: Not connected");
  EXPECT_EQ(Acquire(model, "ReadValue"), "Failed: Not connected");
}

TEST_F(CharacteristicTest, AWriteTakesItsTime) {
  Start({"--write-ms", "100"});
  Connect();
  auto first =
      client().CallLater(command_, kCharacteristic1, "WriteValue", kAsk, BusClient::Options{});
  EXPECT_EQ(Write(kAsk), "InProgress: In Progress");
  EXPECT_EQ(first.get(), "");
  EXPECT_THAT(Tell("status reader1"), HasSubstr("frames=1"));
  auto second =
      client().CallLater(command_, kCharacteristic1, "WriteValue", kAsk, BusClient::Options{});
  EXPECT_EQ(CallReader("Disconnect"), "");
  EXPECT_EQ(second.get(), "Failed: Operation failed with ATT error: 0x0e (Unlikely Error)");
}

TEST_F(CharacteristicTest, NotificationsAreValuesThatChange) {
  Start();
  Connect();
  EXPECT_EQ(CallAnswer("StopNotify"), "Failed: No notify session started");
  EXPECT_EQ(client().Call(command_, kCharacteristic1, "StartNotify"),
            "NotSupported: Operation is not supported");
  EXPECT_EQ(Write(kAsk), "");
  EXPECT_EQ(CallAnswer("StartNotify"), "");
  EXPECT_TRUE(Values().empty()) << "nobody had asked for it";
  EXPECT_EQ(CallAnswer("StartNotify"), "") << "twice";
  EXPECT_EQ(client().Get(answer_, kCharacteristic1, "Notifying"), "true");
  EXPECT_EQ(Write(kAsk), "");
  ASSERT_TRUE(AwaitValues(2));
  EXPECT_EQ(Values()[0].size() + Values()[1].size(), 2 * kAnswerSize);
  EXPECT_THAT(Values()[0], StartsWith("0500"));
  EXPECT_EQ(Acquire(answer_, "AcquireNotify"), "InProgress: In Progress");
  EXPECT_EQ(CallAnswer("StopNotify"), "");
  EXPECT_EQ(client().Get(answer_, kCharacteristic1, "Notifying"), "false");
}

TEST_F(CharacteristicTest, EqualValuesAreToldToo) {
  Start({"--fault", "flip-every=1000"});
  Connect();
  EXPECT_EQ(CallAnswer("StartNotify"), "");
  // An error of the reader, which is the same each time.
  EXPECT_EQ(Write({0xFF}), "");
  EXPECT_EQ(Write({0xFF}), "");
  ASSERT_TRUE(AwaitValues(2));
  EXPECT_EQ(Values()[0], Values()[1]);
}

TEST_F(CharacteristicTest, SessionsEndWithTheLinkAndWithTheirOwner) {
  Start();
  Connect();
  EXPECT_EQ(CallAnswer("StartNotify"), "");
  EXPECT_EQ(Tell("drop reader1"), "ok");
  EXPECT_TRUE(client().AwaitSeen(std::string(kDev) + " Device1.Connected=false"));
  EXPECT_EQ(client().Get(answer_, kCharacteristic1, "Notifying"), "false");
  EXPECT_EQ(CallAnswer("StartNotify"), "") << "allowed when down";
  client().Forget();
  EXPECT_EQ(CallReader("Connect"), "");
  AwaitResolved();
  EXPECT_EQ(Write(kAsk), "");
  EXPECT_TRUE(AwaitValues(2));
  EXPECT_EQ(CallAnswer("StopNotify"), "");
  {
    BusClient other;
    EXPECT_EQ(other.Call(answer_, kCharacteristic1, "StartNotify"), "");
    EXPECT_EQ(client().Get(answer_, kCharacteristic1, "Notifying"), "true");
  }
  EXPECT_TRUE(conformance::Await(
      [&] { return client().Get(answer_, kCharacteristic1, "Notifying") == "false"; }));
}

TEST_F(CharacteristicTest, NotificationsMayComeOverASocket) {
  Start({"--fault", "mtu=64"});
  Connect();
  EXPECT_EQ(client().Get(answer_, kCharacteristic1, "MTU"), "64");
  EXPECT_EQ(Acquire(command_, "AcquireNotify"), "NotSupported: Operation is not supported");
  EXPECT_EQ(Acquire(answer_, "AcquireNotify"), "");
  sdbus::UnixFd socket = client().Reply<sdbus::UnixFd>();
  EXPECT_EQ(client().Reply<uint16_t>(), 64);
  int type = 0;
  socklen_t size = sizeof type;
  EXPECT_EQ(getsockopt(socket.get(), SOL_SOCKET, SO_TYPE, &type, &size), 0);
  EXPECT_EQ(type, SOCK_SEQPACKET);
  EXPECT_NE(fcntl(socket.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(client().Get(answer_, kCharacteristic1, "NotifyAcquired"), "true");
  EXPECT_EQ(Acquire(answer_, "AcquireNotify"), "NotPermitted: Notify acquired");
  EXPECT_EQ(CallAnswer("StartNotify"), "NotPermitted: Notify acquired");
  EXPECT_EQ(Write(kAsk), "");
  EXPECT_EQ(Packet(socket.get()).size(), kAnswerSize);
  EXPECT_TRUE(Values().empty());
  EXPECT_EQ(Tell("drop reader1"), "ok");
  EXPECT_TRUE(Packet(socket.get()).empty()) << "closed with the link";
  EXPECT_EQ(client().Get(answer_, kCharacteristic1, "NotifyAcquired"), "false");
  EXPECT_EQ(Acquire(answer_, "AcquireNotify"), "Failed: Not connected");
}

TEST_F(CharacteristicTest, AClosedSocketIsReleased) {
  Start();
  Connect();
  EXPECT_EQ(Acquire(answer_, "AcquireNotify"), "");
  { const sdbus::UnixFd socket = client().Reply<sdbus::UnixFd>(); }
  client().Call(kAdapter, kAdapter1, "StopDiscovery");  // Lets the last answer go, and its socket.
  EXPECT_TRUE(conformance::Await(
      [&] { return client().Get(answer_, kCharacteristic1, "NotifyAcquired") == "false"; }));
  EXPECT_EQ(CallAnswer("StartNotify"), "");
}

TEST_F(CharacteristicTest, WritesMayGoOverASocketWhereThatIsOffered) {
  Start();
  Connect();
  EXPECT_EQ(Acquire(command_, "AcquireWrite"), "NotSupported: Operation is not supported");
  EXPECT_EQ(CallReader("Disconnect"), "");
  EXPECT_EQ(Tell("fault reader1 write-without-response"), "ok");
  client().Forget();
  EXPECT_EQ(CallReader("Connect"), "");
  AwaitResolved();
  EXPECT_EQ(client().Get(command_, kCharacteristic1, "Flags"), "[write-without-response write]");
  EXPECT_EQ(Write(kAsk, BusClient::Options{{"type", std::string("command")}}), "");
  EXPECT_EQ(Acquire(command_, "AcquireWrite"), "");
  const sdbus::UnixFd socket = client().Reply<sdbus::UnixFd>();
  EXPECT_EQ(client().Get(command_, kCharacteristic1, "WriteAcquired"), "true");
  EXPECT_EQ(Acquire(command_, "AcquireWrite"), "NotPermitted: Write acquired");
  EXPECT_EQ(Write(kAsk), "NotPermitted: Write acquired");
  EXPECT_EQ(CallAnswer("StartNotify"), "");
  EXPECT_EQ(send(socket.get(), kAsk.data(), kAsk.size(), 0), static_cast<ssize_t>(kAsk.size()));
  EXPECT_TRUE(AwaitValues(2));
}

TEST_F(CharacteristicTest, LossInTheMiddleIsTheDevicesToTell) {
  Start({"--fault", "drop-at=2"});
  Connect();
  EXPECT_EQ(CallAnswer("StartNotify"), "");
  EXPECT_EQ(Write(kAsk), "");
  ASSERT_TRUE(AwaitValues(2));
  client().Forget();
  EXPECT_EQ(Write(kAsk), "") << "the bytes had arrived";
  EXPECT_TRUE(client().AwaitSeen(std::string(kDev) + " Device1.Connected=false"));
  EXPECT_TRUE(Values().empty());
  EXPECT_EQ(Write(kAsk), "Failed: Not connected");
}

}  // namespace
}  // namespace madoguchi::bluez
