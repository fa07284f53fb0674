// What goes wrong on the air and around it, with the plugin's own program in its jail.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "readers/bluetooth/bluetooth_place.h"
#include "sdk/failure/failure.h"

namespace madoguchi::bluetooth {
namespace {

using namespace std::chrono_literals;
using reader::v1::PRESENCE_ABSENT;
using reader::v1::PRESENCE_PRESENT;
using reader::v1::Snapshot;
using Bytes = std::vector<uint8_t>;

const Bytes kSelectJpki = {0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0,
                           0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01};
const Bytes kOk = {0x90, 0x00};
// madoguchi-bluez's other-key: ASCII "Not The Same Key".
constexpr char kOtherKey[] = "4e6f74205468652053616d65204b6579";

template <typename T>
std::string Code(const absl::StatusOr<T>& status) {
  return status.ok() ? "OK" : NameOf(CodeOf(status.status()));
}

class EmulatedFaultsTest : public testing::Test {
 protected:
  void Start(const std::vector<std::string>& faults,
             std::map<std::string, std::string> settings = {}) {
    std::vector<std::string> further;
    for (const std::string& fault : faults) further.insert(further.end(), {"--fault", fault});
    place_.StartBluez({"acr1255"}, further);
    settings.emplace("readers", kAcrName);
    place_.StartPlugin(settings);
  }
  bool Await(const std::function<bool(const Snapshot&)>& wanted,
             std::chrono::milliseconds patience = 15s) {
    return place_.client().Await(wanted, patience).has_value();
  }
  bool AwaitUsable() {
    return Await([](const Snapshot& snapshot) {
      return snapshot.reader_size() == 1 && snapshot.reader(0).presence() == PRESENCE_ABSENT;
    });
  }
  bool AwaitTrouble(const std::string& code) {
    return Await([&](const Snapshot& snapshot) {
      return snapshot.reader_size() == 1 && NameOf(snapshot.reader(0).trouble().code()) == code;
    });
  }
  bool AwaitDown(const std::string& code) {
    return Await([&](const Snapshot& snapshot) {
      return snapshot.service() == reader::v1::SERVICE_DOWN &&
             NameOf(snapshot.trouble().code()) == code;
    });
  }
  std::string Shown() {
    const auto shown = place_.client().Await([](const Snapshot&) { return true; });
    return (shown ? shown->DebugString() : "nothing") + place_.process().log();
  }
  uint64_t MustOpen() {
    const auto state = place_.client().AwaitPresence(kAcrName, PRESENCE_PRESENT, 15s);
    EXPECT_TRUE(state.has_value()) << Shown();
    if (!state) return 0;
    const auto opened = place_.client().Open(kAcrName, state->insertion());
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? opened->session() : 0;
  }
  void ExpectReads() {
    place_.LayCard();
    const uint64_t session = MustOpen();
    const auto answer = place_.client().Transmit(session, kSelectJpki);
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(*answer, kOk);
  }

  BluetoothPlace place_;
};

TEST_F(EmulatedFaultsTest, AReaderThatCannotProveItself) {
  Start({"wrong-proof"});
  EXPECT_TRUE(AwaitTrouble("READER_KEY_WRONG")) << Shown();
}

TEST_F(EmulatedFaultsTest, AReaderThatRefusesUs) {
  Start({"refuse-authentication"});
  EXPECT_TRUE(AwaitTrouble("READER_KEY_WRONG")) << Shown();
  // It counts, and locks itself: not again soon.
  const int connects = place_.StatusOf("reader1", "connects");
  EXPECT_FALSE(Await([](const Snapshot& s) { return !s.reader(0).has_trouble(); }, 2s));
  EXPECT_EQ(place_.StatusOf("reader1", "connects"), connects);
}

TEST_F(EmulatedFaultsTest, AnotherMasterKey) {
  Start({"other-key"});
  EXPECT_TRUE(AwaitTrouble("READER_KEY_WRONG")) << Shown();
}

TEST_F(EmulatedFaultsTest, TheMasterKeyOfTheSettings) {
  Start({"other-key"}, {{"master_key", kOtherKey}});
  EXPECT_TRUE(AwaitUsable()) << Shown();
  ExpectReads();
}

TEST_F(EmulatedFaultsTest, GarbledAnswersAreNotTaken) {
  Start({});
  ASSERT_TRUE(AwaitUsable()) << Shown();
  place_.LayCard();
  const uint64_t session = MustOpen();
  EXPECT_EQ(place_.TellBluez("fault reader1 flip-every=1"), "ok");
  EXPECT_EQ(Code(place_.client().Transmit(session, kSelectJpki)), "READER_LOST");
  EXPECT_TRUE(AwaitTrouble("READER_ANSWER_INVALID")) << Shown();
  EXPECT_EQ(place_.TellBluez("faults clear reader1"), "ok");
  const auto answer = place_.client().Transmit(MustOpen(), kSelectJpki);
  EXPECT_EQ(Code(answer), "OK");
}

TEST_F(EmulatedFaultsTest, TheLinkIsLostInMidApduAndComesBack) {
  Start({"drop-at-apdu=1"});
  ASSERT_TRUE(AwaitUsable()) << Shown();
  place_.LayCard();
  const uint64_t session = MustOpen();
  EXPECT_EQ(Code(place_.client().Transmit(session, kSelectJpki)), "READER_LOST");
  EXPECT_EQ(Code(place_.client().Transmit(session, kSelectJpki)), "READER_LOST");
  place_.TellBluez("faults clear reader1");
  ASSERT_TRUE(Await([](const Snapshot& snapshot) {
    return snapshot.reader(0).presence() == PRESENCE_PRESENT &&
           snapshot.reader(0).insertion() == 2 && snapshot.reader(0).lying();
  })) << Shown();
  EXPECT_EQ(Code(place_.client().Transmit(MustOpen(), kSelectJpki)), "OK");
}

TEST_F(EmulatedFaultsTest, NoReader) {
  Start({"never-found"});
  EXPECT_TRUE(AwaitTrouble("READER_OUT_OF_RANGE")) << Shown();
  EXPECT_EQ(Code(place_.client().Open(kAcrName, 1)), "READER_LOST");
  EXPECT_EQ(place_.TellBluez("faults clear reader1"), "ok");
  EXPECT_TRUE(AwaitUsable()) << Shown();
}

TEST_F(EmulatedFaultsTest, OutOfRangeAndBack) {
  Start({});
  ASSERT_TRUE(AwaitUsable()) << Shown();
  EXPECT_EQ(place_.TellBluez("out-of-range reader1"), "ok");
  EXPECT_TRUE(AwaitTrouble("READER_OUT_OF_RANGE")) << Shown();
  EXPECT_EQ(place_.TellBluez("in-range reader1"), "ok");
  EXPECT_TRUE(AwaitUsable()) << Shown();
}

TEST_F(EmulatedFaultsTest, TheAdapterGoesOffAndOn) {
  Start({});
  ASSERT_TRUE(AwaitUsable()) << Shown();
  EXPECT_EQ(place_.TellBluez("adapter off"), "ok");
  EXPECT_TRUE(AwaitDown("BLUETOOTH_OFF")) << Shown();
  EXPECT_EQ(place_.TellBluez("adapter on"), "ok");
  EXPECT_TRUE(AwaitUsable()) << Shown();
  EXPECT_EQ(place_.TellBluez("adapter unplug"), "ok");
  EXPECT_TRUE(AwaitDown("BLUETOOTH_ADAPTER_ABSENT")) << Shown();
  EXPECT_EQ(place_.TellBluez("adapter plug"), "ok");
  EXPECT_TRUE(AwaitUsable()) << Shown();
}

TEST_F(EmulatedFaultsTest, AnAdapterThatIsOffStaysOff) {
  Start({"adapter-off"});
  EXPECT_TRUE(AwaitDown("BLUETOOTH_OFF")) << Shown();
  EXPECT_THAT(place_.TellBluez("status"), testing::HasSubstr("adapter=off"));
}

TEST_F(EmulatedFaultsTest, AnAdapterThatIsOffIsSwitchedOnWhereThatIsWanted) {
  Start({"adapter-off"}, {{"power_on", "true"}});
  EXPECT_TRUE(AwaitUsable()) << Shown();
}

TEST_F(EmulatedFaultsTest, BluetoothdIsRestarted) {
  Start({});
  ASSERT_TRUE(AwaitUsable()) << Shown();
  place_.LayCard();
  const uint64_t session = MustOpen();
  EXPECT_EQ(place_.TellBluez("bluetoothd stop"), "ok");
  EXPECT_TRUE(AwaitDown("READER_SERVICE_DOWN")) << Shown();
  EXPECT_EQ(Code(place_.client().Open(kAcrName, 1)), "READER_SERVICE_DOWN");
  EXPECT_EQ(Code(place_.client().Transmit(session, kSelectJpki)), "READER_LOST");
  EXPECT_EQ(place_.TellBluez("bluetoothd start"), "ok");
  EXPECT_EQ(Code(place_.client().Transmit(MustOpen(), kSelectJpki)), "OK");
}

TEST_F(EmulatedFaultsTest, SlowAnswersAreWaitedFor) {
  Start({"slow=300"});
  ASSERT_TRUE(AwaitUsable()) << Shown();
  ExpectReads();
}

TEST_F(EmulatedFaultsTest, AReaderThatAdvertisesItsNameAlone) {
  Start({"no-uuid"});
  EXPECT_TRUE(AwaitUsable()) << Shown();
}

// Of "Connected" no signal comes, as with bluetoothd now and then.
TEST_F(EmulatedFaultsTest, AConnectionThatIsNotToldOf) {
  Start({"quiet-connect"});
  EXPECT_TRUE(AwaitUsable()) << Shown();
  ExpectReads();
}

TEST_F(EmulatedFaultsTest, ConnectsThatFailAtFirst) {
  Start({"fail-connects=3"});
  EXPECT_TRUE(AwaitUsable()) << Shown();
}

TEST_F(EmulatedFaultsTest, PairsThroughTheProxy) {
  place_.StartBluez({"acr1255,passkey=4711"}, {"--fault", "pairing"});
  place_.StartPlugin({{"readers", kAcrName}, {"passkey", "004711"}});
  EXPECT_TRUE(AwaitUsable()) << Shown();
  EXPECT_EQ(place_.StatusOf("reader1", "paired"), 1);
  ExpectReads();
}

TEST_F(EmulatedFaultsTest, AWrongPasskey) {
  place_.StartBluez({"acr1255,passkey=4711"}, {"--fault", "pairing"});
  place_.StartPlugin({{"readers", kAcrName}});
  EXPECT_TRUE(AwaitTrouble("READER_PAIRING_FAILED")) << Shown();
}

// Another program on the D-Bus, where its policy lets that one speak to us.
class StrangerTest : public EmulatedFaultsTest {
 protected:
  std::string Send(const std::string& whom, const std::vector<std::string>& what) {
    std::vector<std::string> words = {"/usr/bin/dbus-send", "--bus=" + place_.bus_address(),
                                      "--dest=" + whom};
    words.insert(words.end(), what.begin(), what.end());
    const auto sent = conformance::Program::Run(words, place_.folder() + "/sent", false);
    EXPECT_TRUE(sent.ok()) << sent.status();
    if (!sent.ok()) return "";
    (*sent)->Wait();
    return (*sent)->Output();
  }
  // The unique names that are on it.
  std::vector<std::string> Names() {
    const std::string listed =
        Send("org.freedesktop.DBus", {"--print-reply", "/", "org.freedesktop.DBus.ListNames"});
    std::vector<std::string> names;
    for (int i = 0; i < 8; ++i) {
      const std::string name = ":1." + std::to_string(i);
      if (listed.find('"' + name + '"') != std::string::npos) names.push_back(name);
    }
    return names;
  }
  const std::string device_ = "objpath:/org/bluez/hci0/dev_00_00_5E_00_53_11";
};

TEST_F(StrangerTest, IsNotGivenThePasskey) {
  Start({"silent-from=1"}, {{"passkey", "004711"}});
  // While it is being linked bluetoothd would be told.
  ASSERT_TRUE(Await([&](const Snapshot&) { return place_.StatusOf("reader1", "connected") == 1; }));
  int refused = 0;
  for (const std::string& name : Names()) {
    const std::string said =
        Send(name, {"--print-reply", "--reply-timeout=5000", "/madoguchi/agent",
                    "org.bluez.Agent1.RequestPasskey", device_});
    EXPECT_THAT(said, testing::Not(testing::HasSubstr("4711")));
    if (said.find("org.bluez.Error.Rejected") != std::string::npos) ++refused;
  }
  EXPECT_EQ(refused, 1);
}

TEST_F(StrangerTest, IsNotBelieved) {
  Start({});
  ASSERT_TRUE(AwaitUsable()) << Shown();
  for (const std::string& name : Names()) {
    Send(name, {"--type=signal", "/", "org.freedesktop.DBus.ObjectManager.InterfacesRemoved",
                device_, "array:string:org.bluez.Device1"});
    Send(name, {"--type=signal", "/org/freedesktop/DBus", "org.freedesktop.DBus.NameOwnerChanged",
                "string:org.bluez", "string::1.0", "string:"});
  }
  // The plugin hears of the card after that.
  ExpectReads();
  EXPECT_EQ(place_.StatusOf("reader1", "connects"), 1);
}

TEST_F(EmulatedFaultsTest, ServicesThatAreRemovedWithEachLink) {
  Start({"remove-gatt"});
  ASSERT_TRUE(AwaitUsable()) << Shown();
  place_.TellBluez("drop reader1");
  EXPECT_TRUE(AwaitTrouble("READER_OUT_OF_RANGE")) << Shown();
  EXPECT_TRUE(AwaitUsable()) << Shown();
}

TEST_F(EmulatedFaultsTest, TheBatteryIsFollowed) {
  for (const bool claimed : {false, true}) {
    BluetoothPlace place;
    std::vector<std::string> further;
    if (claimed) further = {"--fault", "battery-claimed"};
    place.StartBluez({"acr1255,battery=80"}, further);
    place.StartPlugin({{"readers", kAcrName}});
    const auto level = [&](uint32_t wanted) {
      return place.client()
          .Await(
              [&](const Snapshot& snapshot) {
                return snapshot.reader_size() == 1 && snapshot.reader(0).has_battery_percent() &&
                       snapshot.reader(0).battery_percent() == wanted;
              },
              10s)
          .has_value();
    };
    EXPECT_TRUE(level(80)) << claimed;
    EXPECT_EQ(place.TellBluez("battery reader1 15"), "ok");
    EXPECT_TRUE(level(15)) << claimed;
  }
}

TEST_F(EmulatedFaultsTest, ASilentReaderStopsNobodyElse) {
  place_.StartBluez({"acr1255", "br301"});
  place_.StartPlugin({{"readers", "ACR*, FT_*"}});
  ASSERT_TRUE(Await([](const Snapshot& snapshot) {
    return snapshot.reader_size() == 2 && snapshot.reader(0).presence() == PRESENCE_ABSENT &&
           snapshot.reader(1).presence() == PRESENCE_ABSENT;
  })) << Shown();
  place_.LayCard(1);
  place_.LayCard(2);
  const uint64_t silent = MustOpen();
  EXPECT_EQ(place_.TellBluez("fault reader1 silent-from=1"), "ok");
  auto answer = std::async(std::launch::async,
                           [&] { return Code(place_.client().Transmit(silent, kSelectJpki)); });
  const auto other = place_.client().AwaitPresence("FT_000000000002", PRESENCE_PRESENT);
  ASSERT_TRUE(other.has_value()) << Shown();
  const auto opened = place_.client().Open(other->name(), other->insertion());
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(Code(place_.client().Transmit(opened->session(), kSelectJpki)), "OK");
  // Close ends what waits, and the reader that owes an answer is linked anew.
  ASSERT_TRUE(place_.client().Close(silent).ok());
  EXPECT_EQ(answer.get(), "READER_LOST");
  place_.TellBluez("faults clear reader1");
  ASSERT_TRUE(Await([](const Snapshot& snapshot) {
    return snapshot.reader(0).presence() == PRESENCE_PRESENT && snapshot.reader(0).insertion() == 2;
  })) << Shown();
  EXPECT_EQ(Code(place_.client().Transmit(MustOpen(), kSelectJpki)), "OK");
}

TEST_F(EmulatedFaultsTest, TheBusMayComeLater) {
  place_.StartPlugin({{"readers", kAcrName}});
  EXPECT_TRUE(AwaitDown("READER_SERVICE_DOWN")) << Shown();
  place_.StartBluez({"acr1255"});
  EXPECT_TRUE(AwaitUsable()) << Shown();
}

TEST_F(EmulatedFaultsTest, SettingsThatCannotBeUsed) {
  for (const auto& [name, value] : std::map<std::string, std::string>{
           {"master_key", "00"}, {"passkey", "1234567"}, {"power_on", "perhaps"}}) {
    auto process = conformance::PluginProcess::StartFolder(
        BuildFolder() / "plugins/reader_bluetooth", {{name, value}});
    EXPECT_TRUE(absl::IsInvalidArgument(process.status())) << process.status();
    EXPECT_THAT(std::string(process.status().message()), testing::HasSubstr(name));
  }
}

}  // namespace
}  // namespace madoguchi::bluetooth
