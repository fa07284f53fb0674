// Readers that come and go, with what they hang on.
#include "readers/bluetooth/radio_place.h"

namespace madoguchi::bluetooth {
namespace {

using reader::v1::PRESENCE_ABSENT;
using reader::v1::PRESENCE_PRESENT;
using reader::v1::PRESENCE_UNSPECIFIED;
using reader::v1::SERVICE_DOWN;
using reader::v1::SERVICE_RUNNING;

using RadioTest = RadioPlace;

TEST_F(RadioTest, FindsAReaderAndRests) {
  StartWell();
  EXPECT_EQ(shown_.service(), SERVICE_RUNNING);
  EXPECT_EQ(State().name(), "FT_1");
  EXPECT_EQ(State().maker(), "Feitian");
  EXPECT_EQ(State().link(), reader::v1::LINK_BLUETOOTH);
  EXPECT_EQ(State().battery_percent(), 77u);
  EXPECT_FALSE(State().has_trouble());
  EXPECT_FALSE(bluez_.searching());
  EXPECT_TRUE(loop_.idle()) << "nothing is done while nothing happens";
}

TEST_F(RadioTest, TheServiceMayComeLaterAndInParts) {
  reader_ = &bluez_.Add("00:11:22:33:44:55", "FT_1");
  Start("FT_1");
  EXPECT_EQ(shown_.service(), SERVICE_DOWN);
  EXPECT_EQ(ServiceTrouble(), "READER_SERVICE_DOWN");
  EXPECT_EQ(State().name(), "FT_1");
  EXPECT_EQ(Trouble(), "READER_SERVICE_DOWN");
  EXPECT_EQ(Open(1, 1)->code, "READER_SERVICE_DOWN");

  bluez_.SetRunning(true);
  loop_.Advance(1s);
  EXPECT_EQ(shown_.service(), SERVICE_DOWN);
  EXPECT_EQ(ServiceTrouble(), "BLUETOOTH_ADAPTER_ABSENT");

  bluez_.SetAdapter(true, false);
  loop_.Advance(20s);
  EXPECT_EQ(ServiceTrouble(), "BLUETOOTH_OFF");
  EXPECT_FALSE(bluez_.powered()) << "who switched it off meant it";

  bluez_.SetAdapter(true, true);
  loop_.Advance(3s);
  EXPECT_EQ(shown_.service(), SERVICE_RUNNING);
  EXPECT_FALSE(shown_.has_trouble());
  EXPECT_EQ(State().presence(), PRESENCE_ABSENT);
}

TEST_F(RadioTest, SwitchesBluetoothOnWhereThatIsWanted) {
  bluez_.SetAdapter(true, false);
  bluez_.SetRunning(true);
  reader_ = &bluez_.Add("00:11:22:33:44:55", "FT_1");
  Start("FT_1", true);
  loop_.Advance(3s);
  EXPECT_TRUE(bluez_.powered());
  EXPECT_EQ(State().presence(), PRESENCE_ABSENT);
}

TEST_F(RadioTest, TheAdapterGoesOffAndOn) {
  StartWithCard();
  MustOpen(1);
  reader_->reader.silent = true;
  const auto answer = Transmit(1);
  loop_.Advance(100ms);
  bluez_.SetAdapter(true, false);
  loop_.Settle();
  EXPECT_EQ(answer->code, "READER_LOST");
  EXPECT_EQ(ServiceTrouble(), "BLUETOOTH_OFF");
  EXPECT_EQ(Trouble(), "BLUETOOTH_OFF");
  EXPECT_EQ(State().presence(), PRESENCE_UNSPECIFIED);
  const int connects = bluez_.Called("Connect");
  loop_.Advance(60s);
  EXPECT_EQ(bluez_.Called("Connect"), connects) << "nothing is tried meanwhile";

  reader_->reader.silent = false;
  bluez_.SetAdapter(true, true);
  loop_.Advance(3s);
  EXPECT_EQ(State().presence(), PRESENCE_PRESENT);
  EXPECT_EQ(State().insertion(), 2u);
  EXPECT_TRUE(State().lying()) << "who laid it down, and when?";
}

TEST_F(RadioTest, TheAdapterIsPulledAndPluggedIn) {
  StartWell();
  bluez_.SetAdapter(false, false);
  loop_.Settle();
  EXPECT_EQ(ServiceTrouble(), "BLUETOOTH_ADAPTER_ABSENT");
  bluez_.SetAdapter(true, true);
  loop_.Advance(3s);
  EXPECT_EQ(State().presence(), PRESENCE_ABSENT);
}

TEST_F(RadioTest, AnotherAdapterTakesOver) {
  StartWell();
  const std::string path = "/org/bluez/hci1/dev_00_11_22_33_44_55";
  radio_->Added("/org/bluez/hci1", {{kAdapter, {{"Powered", true}}}});
  radio_->Added(path, {{kDevice, {{"Address", reader_->address}, {"Name", reader_->name}}}});
  EXPECT_EQ(bluez_.Called("Disconnect"), 0);
  radio_->Removed("/org/bluez/hci0", {kAdapter});
  EXPECT_EQ(bluez_.Called("Disconnect"), 1) << "its link hangs on the adapter that went";
  EXPECT_EQ(Trouble(), "READER_OUT_OF_RANGE");
  reader_->path = path;
  loop_.Advance(3s);
  EXPECT_EQ(bluez_.Called("Connect"), 2);
  EXPECT_EQ(State().presence(), PRESENCE_ABSENT);
}

TEST_F(RadioTest, BluetoothdIsRestarted) {
  StartWithCard();
  MustOpen(1);
  reader_->reader.silent = true;
  const auto answer = Transmit(1);
  loop_.Advance(100ms);
  bluez_.SetRunning(false);
  loop_.Settle();
  EXPECT_EQ(answer->code, "READER_SERVICE_DOWN");
  EXPECT_EQ(ServiceTrouble(), "READER_SERVICE_DOWN");
  EXPECT_EQ(Transmit(1)->code, "READER_LOST");
  reader_->reader.silent = false;
  bluez_.SetRunning(true);
  loop_.Advance(3s);
  EXPECT_EQ(State().presence(), PRESENCE_PRESENT);
}

TEST_F(RadioTest, ABluetoothdThatIsTooBusyIsAskedAgain) {
  bluez_.SetAdapter(true, true);
  bluez_.SetRunning(true);
  bluez_.failing_looks = 2;
  reader_ = &bluez_.Add("00:11:22:33:44:55", "FT_1");
  Start("FT_1");
  EXPECT_EQ(ServiceTrouble(), "READER_SERVICE_DOWN");
  loop_.Advance(15s);
  EXPECT_EQ(State().presence(), PRESENCE_ABSENT);
}

TEST_F(RadioTest, AReaderOutOfReachIsSaidAndWaitedFor) {
  bluez_.SetAdapter(true, true);
  bluez_.SetRunning(true);
  reader_ = &bluez_.Add("00:11:22:33:44:55", "FT_1");
  reader_->in_reach = false;
  Start("FT_*");
  loop_.Advance(200s);
  EXPECT_EQ(shown_.service(), SERVICE_RUNNING);
  EXPECT_EQ(State().name(), "FT_*");
  EXPECT_EQ(Trouble(), "READER_OUT_OF_RANGE");
  EXPECT_LT(bluez_.Called("StartDiscovery"), 15) << "less and less often";
  reader_->in_reach = true;
  loop_.Advance(45s);
  ASSERT_EQ(shown_.reader_size(), 1);
  EXPECT_EQ(State().name(), "FT_1");
  EXPECT_EQ(State().presence(), PRESENCE_ABSENT);
}

TEST_F(RadioTest, ALinkThatIsLostIsMadeAgain) {
  StartWell();
  bluez_.DropLink(*reader_);
  loop_.Settle();
  EXPECT_EQ(Trouble(), "READER_OUT_OF_RANGE");
  EXPECT_EQ(State().presence(), PRESENCE_UNSPECIFIED);
  EXPECT_FALSE(State().has_battery_percent());
  loop_.Advance(2s);
  EXPECT_EQ(State().presence(), PRESENCE_ABSENT);
  EXPECT_FALSE(State().has_trouble());
}

TEST_F(RadioTest, ConnectsMayFail) {
  StartWell();
  reader_->failing_connects = 3;
  bluez_.DropLink(*reader_);
  loop_.Advance(15s);
  EXPECT_EQ(State().presence(), PRESENCE_ABSENT);
  EXPECT_EQ(bluez_.Called("Connect"), 5);
}

TEST_F(RadioTest, AReaderThatBluetoothdForgotIsSearchedFor) {
  StartWell();
  reader_->in_reach = false;
  bluez_.Forget(*reader_);
  loop_.Advance(100s);
  EXPECT_EQ(Trouble(), "READER_OUT_OF_RANGE");
  reader_->in_reach = true;
  loop_.Advance(45s);
  EXPECT_EQ(State().presence(), PRESENCE_ABSENT);
}

TEST_F(RadioTest, AReaderThatIsMissedAgainIsSearchedForAtOnce) {
  bluez_.SetAdapter(true, true);
  bluez_.SetRunning(true);
  reader_ = &bluez_.Add("00:11:22:33:44:55", "FT_1");
  reader_->in_reach = false;
  Start("FT_1");
  loop_.Advance(200s);
  reader_->in_reach = true;
  loop_.Advance(45s);
  ASSERT_EQ(State().presence(), PRESENCE_ABSENT);
  const int searches = bluez_.Called("StartDiscovery");
  reader_->in_reach = false;
  bluez_.Forget(*reader_);
  loop_.Advance(12s);
  EXPECT_EQ(bluez_.Called("StartDiscovery"), searches + 2) << "one, a second's rest, and one more";
}

TEST_F(RadioTest, NobodyIsUsedWhoWasNotNamed) {
  bluez_.SetAdapter(true, true);
  bluez_.SetRunning(true);
  bluez_.Add("00:11:22:33:44:55", "FT_1");
  bluez_.Add("00:11:22:33:44:66", "Somebody's headphones");
  testing::internal::CaptureStderr();
  Start("");
  loop_.Advance(90s);
  EXPECT_EQ(bluez_.Called("Connect"), 0);
  EXPECT_EQ(shown_.reader_size(), 0);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "in reach, and not in the setting readers: FT_1 (00:11:22:33:44:55)\n");
  EXPECT_EQ(shown_.service(), SERVICE_RUNNING);
  EXPECT_EQ(ServiceTrouble(), "READERS_NOT_CHOSEN");
  EXPECT_EQ(shown_.trouble().detail(),
            "the setting readers is empty; in reach: FT_1 (00:11:22:33:44:55)");
}

TEST_F(RadioTest, WhoIsInReachIsToldByItsNameOnceThatIsKnown) {
  bluez_.SetAdapter(true, true);
  bluez_.SetRunning(true);
  Start("");
  const std::string path = "/org/bluez/hci0/dev_00_11_22_33_44_66";
  const std::vector<std::string> uuids = {"46540001-0002-00c4-0000-465453414645"};
  radio_->Added(path, {{kDevice,
                        {{"Address", std::string("00:11:22:33:44:66")},
                         {"Alias", std::string("00-11-22-33-44-66")},
                         {"UUIDs", uuids}}}});
  EXPECT_EQ(shown_.trouble().detail(),
            "the setting readers is empty; in reach: 00-11-22-33-44-66 (00:11:22:33:44:66)");
  radio_->Changed(path, kDevice, {{"Name", std::string("FT_2")}}, {});
  EXPECT_EQ(shown_.trouble().detail(),
            "the setting readers is empty; in reach: FT_2 (00:11:22:33:44:66)");
  radio_->Changed(path, kDevice, {{"Name", std::string("FT_3")}}, {});
  EXPECT_EQ(shown_.trouble().detail(),
            "the setting readers is empty; in reach: FT_2 (00:11:22:33:44:66)");
}

TEST_F(RadioTest, ByAddressAndByPatternSeveral) {
  bluez_.SetAdapter(true, true);
  bluez_.SetRunning(true);
  bluez_.Add("00:11:22:33:44:55", "FT_1");
  bluez_.Add("00:11:22:33:44:66", "FT_2");
  bluez_.Add("00:11:22:33:44:77", "Odd name");
  bluez_.Add("00:11:22:33:44:88", "FT headphones");
  Start("00:11:22:33:44:77, FT*");
  loop_.Advance(120s);
  std::vector<std::string> names;
  for (const auto& state : shown_.reader()) {
    names.push_back(state.name());
    EXPECT_EQ(state.presence(), PRESENCE_ABSENT) << state.DebugString();
  }
  EXPECT_THAT(names, testing::UnorderedElementsAre("FT_1", "FT_2", "00:11:22:33:44:77"));
}

// Which of them would be found first is chance, and a counter names its reader.
TEST_F(RadioTest, OfTwoThatHaveOneNameNeitherIsUsed) {
  bluez_.SetAdapter(true, true);
  bluez_.SetRunning(true);
  bluez_.Add("00:11:22:33:44:66", "FT_1");
  Start("FT_*");
  loop_.Advance(3s);
  EXPECT_EQ(State().presence(), PRESENCE_ABSENT);
  auto& other = bluez_.Add("00:11:22:33:44:55", "FT_1");
  loop_.Advance(90s);
  ASSERT_EQ(shown_.reader_size(), 1);
  EXPECT_EQ(State().name(), "FT_1");
  EXPECT_EQ(Trouble(), "READERS_NOT_CHOSEN");
  EXPECT_EQ(
      State().trouble().detail(),
      "00:11:22:33:44:66 and 00:11:22:33:44:55 have the same name \"FT_1\": say in the setting "
      "readers by its address which one is meant");
  other.in_reach = false;
  bluez_.Forget(other);
  loop_.Advance(90s);
  EXPECT_EQ(State().presence(), PRESENCE_ABSENT) << "there is one again";
}

TEST_F(RadioTest, OneThatIsMeantByItsAddressMayHaveAnothersName) {
  bluez_.SetAdapter(true, true);
  bluez_.SetRunning(true);
  bluez_.Add("00:11:22:33:44:55", "FT_1");
  bluez_.Add("00:11:22:33:44:66", "FT_1");
  Start("FT_*, 00:11:22:33:44:66");
  loop_.Advance(90s);
  std::vector<std::string> names;
  for (const auto& state : shown_.reader()) {
    names.push_back(state.name());
    EXPECT_EQ(state.presence(), PRESENCE_ABSENT) << state.DebugString();
  }
  EXPECT_THAT(names, testing::UnorderedElementsAre("FT_1", "00:11:22:33:44:66"));
}

TEST_F(RadioTest, SixteenAreEnough) {
  bluez_.SetAdapter(true, true);
  bluez_.SetRunning(true);
  for (int i = 10; i < 30; ++i) {
    bluez_.Add("00:11:22:33:44:" + std::to_string(i), "FT_" + std::to_string(i));
  }
  Start("FT_*");
  loop_.Advance(200s);
  EXPECT_EQ(shown_.reader_size(), 16);
  EXPECT_EQ(ServiceTrouble(), "READERS_TOO_MANY");
  EXPECT_EQ(shown_.service(), SERVICE_RUNNING);
}

TEST_F(RadioTest, PairsWhereTheReaderWantsIt) {
  bluez_.SetAdapter(true, true);
  bluez_.SetRunning(true);
  reader_ = &bluez_.Add("00:11:22:33:44:55", "FT_1");
  reader_->wants_pairing = true;
  reader_->passkey = 4711;
  Start("FT_1", false, 4711);
  EXPECT_TRUE(bluez_.agent_has_passkey());
  loop_.Advance(23s);
  EXPECT_EQ(State().presence(), PRESENCE_ABSENT);
  EXPECT_EQ(bluez_.Called("Pair"), 1);
  EXPECT_EQ(bluez_.Called("SetTrusted"), 1);
  EXPECT_EQ(radio_->Passkey(reader_->path), std::nullopt) << "only while it is being linked";
  EXPECT_EQ(radio_->Passkey("/org/bluez/hci0/dev_other"), std::nullopt);
}

TEST_F(RadioTest, PairsWhereTheReaderWantsItToBeWrittenTo) {
  bluez_.SetAdapter(true, true);
  bluez_.SetRunning(true);
  reader_ = &bluez_.Add("00:11:22:33:44:55", "FT_1");
  reader_->wants_pairing_to_write = true;
  reader_->passkey = 4711;
  Start("FT_1", false, 4711);
  loop_.Advance(10s);
  EXPECT_EQ(State().presence(), PRESENCE_UNSPECIFIED);
  loop_.Advance(13s);
  EXPECT_EQ(State().presence(), PRESENCE_ABSENT);
  EXPECT_EQ(bluez_.Called("Pair"), 1);
  EXPECT_EQ(bluez_.Called("Connect"), 1);
  bluez_.LayCard(*reader_);
  loop_.Settle();
  EXPECT_EQ(State().presence(), PRESENCE_PRESENT);
}

TEST_F(RadioTest, AWrongPasskeyIsNotTriedAgainSoon) {
  bluez_.SetAdapter(true, true);
  bluez_.SetRunning(true);
  reader_ = &bluez_.Add("00:11:22:33:44:55", "FT_1");
  reader_->wants_pairing = true;
  reader_->passkey = 4711;
  Start("FT_1", false, std::nullopt);
  EXPECT_FALSE(bluez_.agent_has_passkey());
  loop_.Advance(3s);
  EXPECT_EQ(Trouble(), "READER_PAIRING_FAILED");
  loop_.Advance(20s);
  EXPECT_EQ(bluez_.Called("Pair"), 1);
  loop_.Advance(15s);
  EXPECT_EQ(bluez_.Called("Pair"), 2);
}

}  // namespace
}  // namespace madoguchi::bluetooth
