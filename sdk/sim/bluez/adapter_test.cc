// What a client sees of the adapter, of discovery and of devices, as measured with bluetoothd 5.66.

#include <gmock/gmock.h>

#include <chrono>

#include "sdk/sim/bluez/double_test.h"

namespace madoguchi::bluez {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class AdapterTest : public DoubleTest {};

TEST_F(AdapterTest, IsThereWithItsProperties) {
  Start();
  const auto objects = client().ManagedObjects();
  ASSERT_TRUE(objects.contains(sdbus::ObjectPath(kAdapter)));
  EXPECT_TRUE(objects.contains(sdbus::ObjectPath("/org/bluez")));
  const auto& properties = objects.at(sdbus::ObjectPath(kAdapter)).at(kAdapter1);
  for (const char* name :
       {"Address", "AddressType", "Name", "Alias", "Class", "Powered", "Discoverable", "Pairable",
        "Discovering", "UUIDs", "Modalias", "Roles"}) {
    EXPECT_TRUE(properties.contains(name)) << name;
  }
  EXPECT_EQ(client().Get(kAdapter, kAdapter1, "Powered"), "true");
  EXPECT_EQ(client().Call("/", "org.freedesktop.DBus.Introspectable", "Introspect"), "");
  EXPECT_THAT(client().Reply<std::string>(), HasSubstr("<node name=\"org\"/>"));
  EXPECT_EQ(client().Call(kAdapter, "org.freedesktop.DBus.Introspectable", "Introspect"), "");
  EXPECT_THAT(client().Reply<std::string>(), HasSubstr("StartDiscovery"));
}

TEST_F(AdapterTest, PropertiesHaveTheirErrors) {
  Start();
  EXPECT_EQ(client().Set(kAdapter, kAdapter1, "Alias", std::string("desk")), "");
  EXPECT_TRUE(client().AwaitSeen("/org/bluez/hci0 Adapter1.Alias=desk"));
  EXPECT_THAT(client().Set(kAdapter, kAdapter1, "Address", std::string("x")),
              StartsWith("org.freedesktop.DBus.Error.PropertyReadOnly"));
  EXPECT_THAT(client().Set(kAdapter, kAdapter1, "Powered", std::string("yes")),
              StartsWith("org.freedesktop.DBus.Error.InvalidSignature"));
  EXPECT_THAT(client().Set(kAdapter, kAdapter1, "Nothing", true),
              StartsWith("org.freedesktop.DBus.Error.UnknownProperty"));
  EXPECT_THAT(client().Set(kAdapter, "org.example.None", "Powered", true),
              StartsWith("org.freedesktop.DBus.Error.InvalidArgs"));
  EXPECT_THAT(CallAdapter("Explode"), StartsWith("org.freedesktop.DBus.Error.UnknownMethod"));
  EXPECT_THAT(client().Call("/org/bluez/hci7", kAdapter1, "StartDiscovery"),
              StartsWith("org.freedesktop.DBus.Error.UnknownObject"));
}

TEST_F(AdapterTest, DiscoveryIsCountedPerSender) {
  Start();
  EXPECT_EQ(CallAdapter("StopDiscovery"), "Failed: No discovery started");
  EXPECT_EQ(CallAdapter("StartDiscovery"), "");
  EXPECT_TRUE(client().AwaitSeen("/org/bluez/hci0 Adapter1.Discovering=true"));
  EXPECT_EQ(CallAdapter("StartDiscovery"), "InProgress: Operation already in progress");
  {
    BusClient other;
    EXPECT_EQ(other.Call(kAdapter, kAdapter1, "StopDiscovery"), "Failed: No discovery started");
    EXPECT_EQ(other.Call(kAdapter, kAdapter1, "StartDiscovery"), "");
    EXPECT_EQ(CallAdapter("StopDiscovery"), "");
    EXPECT_EQ(client().Get(kAdapter, kAdapter1, "Discovering"), "true");
  }
  // The other has left the bus, and its discovery with it.
  EXPECT_TRUE(client().AwaitSeen("/org/bluez/hci0 Adapter1.Discovering=false"));
}

TEST_F(AdapterTest, FindsReadersAndDecoysAfterATime) {
  Start({"--scan-ms", "150"});
  const auto begin = std::chrono::steady_clock::now();
  Discover();
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(took, std::chrono::milliseconds(140));
  EXPECT_LT(took, std::chrono::milliseconds(2000));
  const auto properties = client().ManagedObjects().at(sdbus::ObjectPath(kReader)).at(kDevice1);
  for (const char* name :
       {"Address", "AddressType", "Name", "Alias", "Paired", "Bonded", "Trusted", "Blocked",
        "LegacyPairing", "RSSI", "Connected", "UUIDs", "Adapter", "ServicesResolved"}) {
    EXPECT_TRUE(properties.contains(name)) << name;
  }
  EXPECT_THAT(TextOf(properties.at("Name")), StartsWith("ACR1255U-J1-"));
  EXPECT_EQ(TextOf(properties.at("UUIDs")), "[3c4afff0-4783-3de5-a983-d348718ef133]");
  EXPECT_TRUE(client().AwaitSeen("+ dev_C0_00_5E_00_54_00 Device1"));
  EXPECT_TRUE(client().AwaitSeen("+ dev_C0_00_5E_00_54_01 Device1"));
  EXPECT_EQ(client().Get("/org/bluez/hci0/dev_C0_00_5E_00_54_01", kDevice1, "Name"), "none")
      << "a beacon without a name";
}

TEST_F(AdapterTest, RssiGoesWithTheDiscoveryAndTheDeviceStays) {
  Start();
  Discover();
  EXPECT_EQ(client().Get(kReader, kDevice1, "RSSI"), "-60");
  EXPECT_EQ(CallAdapter("StopDiscovery"), "");
  EXPECT_TRUE(client().AwaitSeen(std::string(kDev) + " Device1.RSSI gone"));
  EXPECT_EQ(client().Get(kReader, kDevice1, "RSSI"), "none");
  EXPECT_THAT(client().Get(kReader, kDevice1, "Name"), StartsWith("ACR1255U-J1-"));
  client().Forget();
  EXPECT_EQ(CallAdapter("StartDiscovery"), "");
  EXPECT_TRUE(client().AwaitSeen(std::string(kDev) + " Device1.RSSI=-60"));
}

TEST_F(AdapterTest, FiltersSayWhatIsFound) {
  Start();
  using Filter = BusClient::Options;
  const auto set = [&](const Filter& filter) {
    return client().Call(kAdapter, kAdapter1, "SetDiscoveryFilter", filter);
  };
  EXPECT_THAT(set({{"Transport", std::string("wire")}}), StartsWith("InvalidArguments"));
  EXPECT_THAT(set({{"Colour", std::string("red")}}), StartsWith("InvalidArguments"));
  EXPECT_EQ(set({{"Transport", std::string("le")},
                 {"UUIDs", std::vector<std::string>{"3c4afff0-4783-3de5-a983-d348718ef133"}}}),
            "");
  Discover();
  EXPECT_FALSE(client().Has("/org/bluez/hci0/dev_C0_00_5E_00_54_00"));
  EXPECT_EQ(set({}), "");
  EXPECT_TRUE(client().AwaitSeen("+ dev_C0_00_5E_00_54_00 Device1"));
}

TEST_F(AdapterTest, OffNothingGoesAndLinksAreLost) {
  Start();
  Connect();
  client().Forget();
  EXPECT_EQ(client().Set(kAdapter, kAdapter1, "Powered", false), "");
  EXPECT_TRUE(client().AwaitSeen("/org/bluez/hci0 Adapter1.Powered=false"));
  EXPECT_TRUE(client().AwaitSeen(std::string(kDev) + " Device1.Connected=false"));
  EXPECT_EQ(CallAdapter("StartDiscovery"), "NotReady: Resource Not Ready");
  EXPECT_EQ(CallAdapter("StopDiscovery"), "NotReady: Resource Not Ready");
  EXPECT_EQ(CallReader("Connect"), "NotReady: Resource Not Ready");
  EXPECT_EQ(client().Set(kAdapter, kAdapter1, "Powered", true), "");
  EXPECT_EQ(CallReader("Connect"), "");
}

TEST_F(AdapterTest, MayBeOffAbsentOrBlocked) {
  Start({"--fault", "adapter-off"});
  EXPECT_EQ(CallAdapter("StartDiscovery"), "NotReady: Resource Not Ready");
  EXPECT_EQ(Tell("adapter on"), "ok");
  EXPECT_TRUE(client().AwaitSeen("/org/bluez/hci0 Adapter1.Powered=true"));
  EXPECT_EQ(Tell("adapter block"), "ok");
  EXPECT_EQ(client().Set(kAdapter, kAdapter1, "Powered", true), "Blocked: Blocked through rfkill");
  EXPECT_EQ(Tell("adapter unblock"), "ok");
  EXPECT_EQ(client().Set(kAdapter, kAdapter1, "Powered", true), "");
  Discover();
  EXPECT_EQ(Tell("adapter unplug"), "ok");
  EXPECT_TRUE(client().AwaitSeen("- /org/bluez/hci0 Adapter1"));
  EXPECT_TRUE(client().AwaitSeen(std::string("- ") + kDev + " Device1"));
  EXPECT_FALSE(client().Has(kAdapter));
  EXPECT_TRUE(client().Has("/org/bluez"));
  EXPECT_EQ(Tell("adapter plug"), "ok");
  EXPECT_TRUE(client().AwaitSeen("+ /org/bluez/hci0 Adapter1"));
}

TEST_F(AdapterTest, ARemovedDeviceIsGoneUntilItIsFoundAgain) {
  Start();
  Connect();
  const auto remove = [&](const std::string& path) {
    return client().Call(kAdapter, kAdapter1, "RemoveDevice", sdbus::ObjectPath(path));
  };
  EXPECT_EQ(remove("/org/bluez/hci0/dev_nothing"), "DoesNotExist: Does Not Exist");
  EXPECT_EQ(remove(kReader), "");
  EXPECT_TRUE(client().AwaitSeen(std::string("- ") + kDev + " Device1"));
  EXPECT_EQ(client().FindUuid(kReader, kCommandUuid), "") << "its GATT objects went too";
  client().Forget();
  Discover();
}

TEST_F(AdapterTest, ReadersComeIntoRangeAndAreHidden) {
  Start({"--fault", "never-found"});
  EXPECT_EQ(CallAdapter("StartDiscovery"), "");
  EXPECT_TRUE(client().AwaitSeen("+ dev_C0_00_5E_00_54_00 Device1"));
  EXPECT_FALSE(client().Has(kReader));
  EXPECT_EQ(Tell("out-of-range reader1"), "ok");
  EXPECT_EQ(Tell("faults clear"), "ok");
  EXPECT_EQ(Tell("fault no-uuid"), "ok");
  EXPECT_FALSE(client().Has(kReader));
  EXPECT_EQ(Tell("in-range reader1"), "ok");
  EXPECT_TRUE(client().AwaitSeen(std::string("+ ") + kDev + " Device1"));
  EXPECT_EQ(client().Get(kReader, kDevice1, "UUIDs"), "[]");
}

TEST_F(AdapterTest, BluetoothdMayBeRestarted) {
  Start();
  Connect();
  const std::string owner_before = client().Get(kReader, kDevice1, "Connected");
  EXPECT_EQ(owner_before, "true");
  EXPECT_EQ(Tell("bluetoothd stop"), "ok");
  EXPECT_THAT(CallAdapter("StartDiscovery"),
              StartsWith("org.freedesktop.DBus.Error.ServiceUnknown"));
  EXPECT_THAT(Tell("status"), HasSubstr("bluetoothd=0"));
  EXPECT_THAT(Tell("status reader1"), HasSubstr("connected=0"));
  EXPECT_THAT(client().Seen(), Not(Contains(std::string("- ") + kDev + " Device1")))
      << "who crashes says nothing";
  EXPECT_EQ(Tell("bluetoothd start"), "ok");
  EXPECT_TRUE(client().Has(kAdapter));
  EXPECT_FALSE(client().Has(kReader));
  client().Forget();
  Discover();
  EXPECT_EQ(Tell("bluetoothd restart"), "ok");
  EXPECT_FALSE(client().Has(kReader));
}

}  // namespace
}  // namespace madoguchi::bluez
