// Connections, pairing and the battery, as a client sees them.

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>

#include "sdk/sim/bluez/double_test.h"

namespace madoguchi::bluez {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class DeviceTest : public DoubleTest {
 protected:
  // Where that line stands among those seen; beyond the end when it is not there.
  size_t Place(const std::string& line) {
    const auto seen = client().Seen();
    return static_cast<size_t>(std::find(seen.begin(), seen.end(), line) - seen.begin());
  }
  const std::string dev_ = kDev;
};

// An Agent1 that types what it is told to.
class TypingAgent {
 public:
  static constexpr char kPath[] = "/test/agent";

  TypingAgent(BusClient& client, uint32_t passkey, std::string error = "")
      : object_(sdbus::createObject(client.connection(), kPath)) {
    object_->registerMethod("RequestPasskey")
        .onInterface("org.bluez.Agent1")
        .implementedAs([passkey, error](const sdbus::ObjectPath&) {
          if (!error.empty()) throw sdbus::Error(error, "no");
          return passkey;
        });
    object_->finishRegistration();
  }

 private:
  std::unique_ptr<sdbus::IObject> object_;
};

TEST_F(DeviceTest, ConnectsThenShowsItsServices) {
  Start();
  Discover();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(CallReader("Connect"), "");
  const auto connected = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(connected, std::chrono::milliseconds(45));
  EXPECT_EQ(client().Get(kReader, kDevice1, "Connected"), "true");
  EXPECT_EQ(client().Get(kReader, kDevice1, "ServicesResolved"), "false");
  AwaitResolved();
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(140));
  const size_t up = Place(dev_ + " Device1.Connected=true");
  const size_t added = Place("+ " + dev_ + "/service000a GattService1");
  const size_t resolved = Place(dev_ + " Device1.ServicesResolved=true");
  EXPECT_LT(up, added);
  EXPECT_LT(added, resolved);
  EXPECT_LT(resolved, client().Seen().size());
  EXPECT_THAT(client().Get(kReader, kDevice1, "UUIDs"), HasSubstr("0000180f-0000-1000"));
  EXPECT_EQ(CallReader("Connect"), "") << "connected already";
}

TEST_F(DeviceTest, GattObjectsOutliveTheLink) {
  Start();
  Connect();
  client().Forget();
  EXPECT_EQ(CallReader("Disconnect"), "");
  EXPECT_TRUE(client().AwaitSeen(dev_ + " Device1.Connected=false"));
  EXPECT_LT(Place(dev_ + " Device1.ServicesResolved=false"),
            Place(dev_ + " Device1.Connected=false"));
  EXPECT_EQ(client().FindUuid(kReader, kCommandUuid), command_);
  EXPECT_EQ(CallReader("Disconnect"), "") << "not connected";
  client().Forget();
  EXPECT_EQ(CallReader("Connect"), "");
  AwaitResolved();
  EXPECT_THAT(client().Seen(), Not(Contains("+ " + dev_ + "/service000a GattService1")));
}

TEST_F(DeviceTest, GattObjectsMayGoWithTheLink) {
  Start({"--fault", "remove-gatt"});
  Connect();
  EXPECT_EQ(CallReader("Disconnect"), "");
  EXPECT_TRUE(client().AwaitSeen("- " + dev_ + "/service000a GattService1"));
  EXPECT_EQ(client().FindUuid(kReader, kCommandUuid), "");
  client().Forget();
  EXPECT_EQ(CallReader("Connect"), "");
  AwaitResolved();
}

TEST_F(DeviceTest, ConnectingMayFail) {
  Start({"--fault", "reader1:fail-connects=2", "--give-up-ms", "100"});
  Discover();
  EXPECT_EQ(CallReader("Connect"), "Failed: le-connection-abort-by-local");
  EXPECT_EQ(CallReader("Connect"), "Failed: le-connection-abort-by-local");
  EXPECT_EQ(CallReader("Connect"), "");
  EXPECT_EQ(CallReader("Disconnect"), "");
  EXPECT_EQ(Tell("out-of-range reader1"), "ok");
  EXPECT_EQ(CallReader("Connect"), "Failed: le-connection-abort-by-local");
  EXPECT_EQ(client().Call("/org/bluez/hci0/dev_C0_00_5E_00_54_00", kDevice1, "Connect"),
            "Failed: le-connection-abort-by-local")
      << "a decoy";
}

TEST_F(DeviceTest, WhatIsUnderWayIsNotBegunTwice) {
  Start({"--connect-ms", "100"});
  Discover();
  auto first = client().CallLater(kReader, kDevice1, "Connect");
  EXPECT_EQ(CallReader("Connect"), "InProgress: Operation already in progress");
  EXPECT_EQ(CallReader("Pair"), "InProgress: Operation already in progress");
  EXPECT_EQ(first.get(), "");
  EXPECT_EQ(CallReader("Disconnect"), "");
  auto second = client().CallLater(kReader, kDevice1, "Connect");
  EXPECT_EQ(CallReader("Disconnect"), "");
  EXPECT_EQ(second.get(), "Failed: br-connection-canceled");
  EXPECT_EQ(client().Get(kReader, kDevice1, "Connected"), "false");
  auto third = client().CallLater(kReader, kDevice1, "Connect");
  EXPECT_EQ(client().Set(kAdapter, kAdapter1, "Powered", false), "");
  EXPECT_EQ(third.get(), "Failed: le-connection-abort-by-local");
}

TEST_F(DeviceTest, TheLinkMayBeLost) {
  Start();
  Connect();
  for (const char* command : {"drop reader1", "out-of-range reader1"}) {
    client().Forget();
    EXPECT_EQ(Tell(command), "ok");
    EXPECT_TRUE(client().AwaitSeen(dev_ + " Device1.Connected=false")) << command;
    EXPECT_LT(Place(dev_ + " Device1.ServicesResolved=false"),
              Place(dev_ + " Device1.Connected=false"));
    EXPECT_EQ(Tell("in-range reader1"), "ok");
    client().Forget();
    EXPECT_EQ(CallReader("Connect"), "");
    AwaitResolved();
  }
}

TEST_F(DeviceTest, TheBatteryIsReadShownAndMoved) {
  Start({}, {"acr1255,battery=87"});
  Connect();
  EXPECT_EQ(client().Get(kReader, "org.bluez.Battery1", "Percentage"), "87");
  const std::string level = client().FindUuid(kReader, "00002a19-0000-1000-8000-00805f9b34fb");
  EXPECT_EQ(Acquire(level, "ReadValue"), "");
  EXPECT_EQ(client().Reply<std::vector<uint8_t>>(), std::vector<uint8_t>{87});
  EXPECT_EQ(client().Call(level, kCharacteristic1, "StartNotify"), "");
  EXPECT_EQ(Tell("battery reader1 12"), "ok");
  EXPECT_TRUE(client().AwaitSeen(dev_ + " Battery1.Percentage=12"));
  EXPECT_TRUE(client().AwaitSeen(level.substr(sizeof kAdapter) + " GattCharacteristic1.Value=0C"));
  EXPECT_EQ(Tell("battery reader1 101"), "error: expected 0 to 100");
  EXPECT_EQ(CallReader("Disconnect"), "");
  EXPECT_TRUE(client().AwaitSeen("- " + dev_ + " Battery1"));
}

TEST_F(DeviceTest, ReadersThatAskForNoPasskeyJustPair) {
  Start();
  Connect();
  EXPECT_EQ(CallReader("Pair"), "");
  EXPECT_EQ(client().Get(kReader, kDevice1, "Paired"), "true");
  EXPECT_EQ(CallReader("Pair"), "AlreadyExists: Already Exists");
  EXPECT_EQ(CallReader("CancelPairing"), "DoesNotExist: Does Not Exist");
}

TEST_F(DeviceTest, AgentsTypePasskeys) {
  Start({"--fault", "pairing"}, {"acr1255,passkey=123456"});
  Connect();
  EXPECT_EQ(Write({0x05}), "NotPermitted: Not paired");
  EXPECT_EQ(CallAnswer("StartNotify"), "NotPermitted: Not paired");
  EXPECT_EQ(CallReader("Pair"), "AuthenticationFailed: Authentication Failed") << "no agent";
  const sdbus::ObjectPath path(TypingAgent::kPath);
  const auto agents = [&](BusClient& who, const char* method, const auto&... arguments) {
    return who.Call("/org/bluez", "org.bluez.AgentManager1", method, path, arguments...);
  };
  {
    BusClient wrong;
    const TypingAgent agent(wrong, 654321);
    EXPECT_EQ(agents(wrong, "RegisterAgent", std::string("KeyboardOnly")), "");
    EXPECT_EQ(agents(wrong, "RegisterAgent", std::string("KeyboardOnly")),
              "AlreadyExists: Already Exists");
    // Not with Call, which does not let the agent of its own connection answer meanwhile.
    EXPECT_EQ(wrong.CallLater(kReader, kDevice1, "Pair").get(),
              "AuthenticationFailed: Authentication Failed");
    EXPECT_EQ(agents(wrong, "UnregisterAgent"), "");
    EXPECT_EQ(agents(wrong, "UnregisterAgent"), "DoesNotExist: Does Not Exist");
    EXPECT_EQ(agents(wrong, "RequestDefaultAgent"), "DoesNotExist: Does Not Exist");
    EXPECT_EQ(agents(wrong, "RegisterAgent", std::string("Telepathic")),
              "InvalidArguments: Invalid arguments in method call");
  }
  {
    BusClient cancelling;
    const TypingAgent agent(cancelling, 0, "org.bluez.Error.Canceled");
    EXPECT_EQ(agents(cancelling, "RegisterAgent", std::string("")), "");
    EXPECT_EQ(cancelling.CallLater(kReader, kDevice1, "Pair").get(),
              "AuthenticationCanceled: Authentication Canceled");
  }
  BusClient right;
  const TypingAgent agent(right, 123456);
  EXPECT_EQ(agents(right, "RegisterAgent", std::string("KeyboardDisplay")), "");
  EXPECT_EQ(agents(right, "RequestDefaultAgent"), "");
  EXPECT_EQ(CallReader("Pair"), "") << "the default agent serves who has none";
  EXPECT_EQ(client().Get(kReader, kDevice1, "Paired"), "true");
  EXPECT_EQ(client().Get(kReader, kDevice1, "Bonded"), "true");
  EXPECT_EQ(Write({0x05}), "");
  EXPECT_EQ(CallAnswer("StartNotify"), "");
  EXPECT_THAT(Tell("status reader1"), HasSubstr("paired=1"));

  // Kept over a restart; the device is there without being found again.
  EXPECT_EQ(Tell("bluetoothd restart"), "ok");
  EXPECT_EQ(client().Get(kReader, kDevice1, "Paired"), "true");
  EXPECT_EQ(client().Call(kAdapter, kAdapter1, "RemoveDevice", sdbus::ObjectPath(kReader)), "");
  EXPECT_THAT(Tell("status reader1"), HasSubstr("paired=0"));
}

}  // namespace
}  // namespace madoguchi::bluez
