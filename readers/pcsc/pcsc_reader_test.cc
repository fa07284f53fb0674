#include "readers/pcsc/pcsc_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "readers/pcsc/pcsc_reader_fixture.h"

namespace madoguchi::pcsc {
namespace {

using reader::v1::PRESENCE_ABSENT;
using reader::v1::PRESENCE_PRESENT;
using reader::v1::PRESENCE_UNPOWERED;
using reader::v1::SERVICE_DOWN;
using reader::v1::SERVICE_RUNNING;
using testing::ElementsAre;
using testing::HasSubstr;
using Bytes = std::vector<uint8_t>;
using namespace std::chrono_literals;

const Bytes kSelect = {0x00, 0xA4, 0x00, 0x0C};

TEST_F(PcscReaderTest, SeesReadersAndCardsComeAndGo) {
  Start();
  ASSERT_TRUE(Await([](const auto& s) { return s.service() == SERVICE_RUNNING; }));
  EXPECT_EQ(newest_.reader_size(), 0);
  api_.AddReader("A");
  ASSERT_TRUE(AwaitCard("A", PRESENCE_ABSENT, 0));
  api_.Insert("A");
  ASSERT_TRUE(AwaitCard("A", PRESENCE_PRESENT, 1));
  EXPECT_FALSE(state_.lying());
  EXPECT_EQ(state_.atr().size(), 2u);
  api_.Swap("A");
  ASSERT_TRUE(AwaitCard("A", PRESENCE_PRESENT, 2));
  api_.Pull("A");
  ASSERT_TRUE(AwaitCard("A", PRESENCE_ABSENT, 2));
  api_.Insert("A", true);
  ASSERT_TRUE(AwaitCard("A", PRESENCE_UNPOWERED, 3));
  EXPECT_EQ(Code(Open("A", 3)), "CARD_UNPOWERED");
  api_.RemoveReader("A");
  EXPECT_TRUE(Await([](const auto& s) { return s.reader_size() == 0; }));
  EXPECT_EQ(Code(Open("A", 3)), "READER_LOST");
}

TEST_F(PcscReaderTest, ACardThatWasThereBeforeIsLying) {
  api_.AddReader("A");
  api_.Insert("A");
  Start();
  ASSERT_TRUE(AwaitCard("A", PRESENCE_PRESENT, 1));
  EXPECT_TRUE(state_.lying());
}

TEST_F(PcscReaderTest, ACardThatIsNeverCountedIsSeenNevertheless) {
  StartWithCards();
  api_.Pull("A");
  ASSERT_TRUE(AwaitCard("A", PRESENCE_ABSENT, 1));
  api_.InsertUncounted("A");
  ASSERT_TRUE(AwaitCard("A", PRESENCE_PRESENT, 2));
  const auto session = Open("A", 2);
  EXPECT_EQ(Code(session), "OK");
  reader_.Close(session.value_or(0));
}

TEST_F(PcscReaderTest, PcscdMayBeAbsentDieAndComeBack) {
  api_.SetRunning(false);
  Start();
  ASSERT_TRUE(Await([](const auto& s) { return s.service() == SERVICE_DOWN; }));
  EXPECT_THAT(newest_.detail(), HasSubstr("pcscd"));
  EXPECT_EQ(Code(Open("A", 1)), "READER_SERVICE_DOWN");
  api_.AddReader("A");
  api_.SetRunning(true);
  ASSERT_TRUE(AwaitCard("A", PRESENCE_ABSENT, 0));
  api_.Insert("A");
  ASSERT_TRUE(AwaitCard("A", PRESENCE_PRESENT, 1));
  const auto earlier = Open("A", 1);
  ASSERT_TRUE(earlier.ok()) << earlier.status();
  api_.AddReader("B");
  ASSERT_TRUE(AwaitCard("B", PRESENCE_ABSENT, 0));
  api_.Insert("B");
  ASSERT_TRUE(AwaitCard("B", PRESENCE_PRESENT, 1));
  const auto session = Open("B", 1);
  ASSERT_TRUE(session.ok()) << session.status();
  reader_.Close(*earlier);  // leaves a spare context that will be void

  api_.SetRunning(false);
  ASSERT_TRUE(Await([](const auto& s) { return s.service() == SERVICE_DOWN; }));
  EXPECT_EQ(newest_.reader_size(), 0);
  EXPECT_EQ(Code(reader_.Transmit(*session, kSelect)), "READER_SERVICE_DOWN");

  api_.SetRunning(true);
  ASSERT_TRUE(AwaitCard("A", PRESENCE_PRESENT, 2));
  EXPECT_TRUE(state_.lying());
  // The old session is nobody's obstacle.
  EXPECT_EQ(Code(Open("A", 2)), "OK");
  ASSERT_TRUE(AwaitCard("B", PRESENCE_PRESENT, 2));
  EXPECT_EQ(Code(Open("B", 2)), "OK");
  EXPECT_EQ(Code(reader_.Transmit(*session, kSelect)), "CARD_GONE");
}

TEST_F(PcscReaderTest, OneSessionEndsWithAReset) {
  StartWithCards();
  const auto session = Open("A", 1);
  ASSERT_TRUE(session.ok()) << session.status();
  EXPECT_EQ(Code(reader_.Transmit(*session, kSelect)), "OK");
  EXPECT_EQ(Code(Open("A", 1)), "CARD_BUSY");
  EXPECT_EQ(Code(Open("B", 1)), "OK");
  reader_.Close(*session);
  EXPECT_THAT(api_.Endings(), ElementsAre("reset A"));
  EXPECT_EQ(api_.contexts(), 3u);  // the watch's, that of B, and a spare one
  reader_.Close(*session);
  EXPECT_EQ(Code(reader_.Transmit(*session, kSelect)), "READER_LOST");
  const auto next = Open("A", 1);
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_NE(*next, *session);
}

TEST_F(PcscReaderTest, RefusesAnotherInsertion) {
  StartWithCards();
  EXPECT_EQ(Code(Open("A", 2)), "CARD_GONE");
  EXPECT_EQ(Code(Open("C", 1)), "READER_LOST");
}

TEST_F(PcscReaderTest, ConnectsFailingHaveTheirCodes) {
  StartWithCards();
  for (const auto& [result, code] :
       std::map<LONG, std::string>{{SCARD_E_SHARING_VIOLATION, "CARD_BUSY"},
                                   {SCARD_E_NO_SMARTCARD, "CARD_GONE"},
                                   {SCARD_W_UNRESPONSIVE_CARD, "CARD_UNPOWERED"},
                                   {SCARD_E_UNKNOWN_READER, "READER_LOST"},
                                   {SCARD_W_SECURITY_VIOLATION, "READER_ACCESS_DENIED"},
                                   {SCARD_E_NO_SERVICE, "READER_SERVICE_DOWN"}}) {
    api_.FailConnect(result);
    EXPECT_EQ(Code(Open("A", 1)), code);
  }
  api_.FailConnect(SCARD_S_SUCCESS);
  EXPECT_LE(api_.contexts(), 2u);
  EXPECT_EQ(Code(Open("A", 1)), "OK");
}

TEST_F(PcscReaderTest, ConnectsAgainWhenTheOtherProgramResetTheCard) {
  StartWithCards();
  api_.FailBegin(SCARD_W_RESET_CARD);
  EXPECT_EQ(Code(Open("A", 1)), "OK");
  EXPECT_THAT(api_.Endings(), ElementsAre("leave A"));
}

TEST_F(PcscReaderTest, AnotherProgramsTransactionIsBusyAndIsLeftAlone) {
  StartWithCards();
  api_.HoldByOther("A", true);
  EXPECT_EQ(Code(Open("A", 1)), "CARD_BUSY");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(Code(Open("A", 1)), "CARD_BUSY");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 150ms);  // at once
  EXPECT_EQ(Code(Open("B", 1)), "OK");
  api_.HoldByOther("A", false);
  ASSERT_TRUE(api_.AwaitEndings(1));
  EXPECT_THAT(api_.Endings(), ElementsAre("leave A"));
}

TEST_F(PcscReaderTest, AFrozenPcscdIsDownAndNoBusyCard) {
  StartWithCards();
  api_.Freeze(true);
  EXPECT_EQ(Code(Open("A", 1)), "READER_SERVICE_DOWN");
  ASSERT_TRUE(Await([](const auto& s) { return s.service() == SERVICE_DOWN; }));
  EXPECT_EQ(newest_.trouble().code(), check::v1::FAILURE_CODE_READER_SERVICE_DOWN);
  EXPECT_EQ(Code(Open("B", 1)), "READER_SERVICE_DOWN");
  api_.Freeze(false);
  // The same cards as before: nobody could have looked at them meanwhile.
  ASSERT_TRUE(AwaitCard("A", PRESENCE_PRESENT, 1));
  EXPECT_FALSE(state_.lying());
  EXPECT_FALSE(state_.busy());
  ASSERT_TRUE(api_.AwaitEndings(1));
  EXPECT_THAT(api_.Endings(), ElementsAre("leave A"));
  EXPECT_EQ(Code(Open("B", 1)), "OK");
}

TEST_F(PcscReaderTest, APcscdThatIsFrozenFromTheStartIsDown) {
  api_.Freeze(true);
  Start();
  EXPECT_TRUE(Await([](const auto& s) { return s.service() == SERVICE_DOWN; }));
  api_.Freeze(false);
  EXPECT_TRUE(Await([](const auto& s) { return s.service() == SERVICE_RUNNING; }));
}

TEST_F(PcscReaderTest, APcscdThatLetsNobodyInIsAccessDenied) {
  api_.FailEstablish(SCARD_W_SECURITY_VIOLATION);
  Start();
  ASSERT_TRUE(Await([](const auto& s) { return s.service() == SERVICE_DOWN; }));
  EXPECT_EQ(newest_.trouble().code(), check::v1::FAILURE_CODE_READER_ACCESS_DENIED);
  EXPECT_THAT(newest_.detail(), HasSubstr("does not let this program in"));
  api_.FailEstablish(SCARD_S_SUCCESS);
  EXPECT_TRUE(Await([](const auto& s) { return s.service() == SERVICE_RUNNING; }));
}

TEST_F(PcscReaderTest, AnAnswerUnderTwoBytesIsARemoval) {
  StartWithCards();
  const auto session = Open("A", 1);
  ASSERT_TRUE(session.ok());
  for (const Bytes& shorty : {Bytes{}, Bytes{0x90}}) {
    api_.SetAnswer([&](auto, Bytes* answer) {
      *answer = shorty;
      return SCARD_S_SUCCESS;
    });
    EXPECT_EQ(Code(reader_.Transmit(*session, kSelect)), "CARD_GONE");
  }
  api_.SetAnswer([](auto, Bytes*) { return SCARD_E_NOT_TRANSACTED; });
  EXPECT_EQ(Code(reader_.Transmit(*session, kSelect)), "CARD_GONE");
}

TEST_F(PcscReaderTest, CloseDoesNotWaitForASilentCardWhichIsResetWhenItComesBack) {
  StartWithCards();
  std::promise<void> asked, answer_now;
  auto answered = answer_now.get_future().share();
  api_.SetAnswer([&](auto, Bytes*) {
    asked.set_value();
    answered.wait();
    return SCARD_S_SUCCESS;
  });
  const auto session = Open("A", 1);
  ASSERT_TRUE(session.ok());
  auto stuck = std::async(std::launch::async, [&] { return reader_.Transmit(*session, kSelect); });
  asked.get_future().wait();
  EXPECT_EQ(Code(reader_.Transmit(*session, kSelect)), "REQUEST_INVALID");
  reader_.Close(*session);
  EXPECT_TRUE(api_.Endings().empty());
  EXPECT_EQ(Code(Open("A", 1)), "CARD_BUSY");
  EXPECT_EQ(Code(Open("B", 1)), "OK");
  answer_now.set_value();
  EXPECT_EQ(Code(stuck.get()), "OK");
  EXPECT_THAT(api_.Endings(), ElementsAre("reset A"));
  EXPECT_EQ(Code(Open("A", 1)), "OK");
}

TEST_F(PcscReaderTest, OpenWaitsAMomentForASessionThatWasClosedInMidApdu) {
  StartWithCards();
  std::promise<void> asked, answer_now;
  auto answered = answer_now.get_future().share();
  api_.SetAnswer([&](auto, Bytes*) {
    asked.set_value();
    answered.wait();
    return SCARD_S_SUCCESS;
  });
  const auto session = Open("A", 1);
  ASSERT_TRUE(session.ok());
  auto stuck = std::async(std::launch::async, [&] { return reader_.Transmit(*session, kSelect); });
  asked.get_future().wait();
  reader_.Close(*session);
  auto next = std::async(std::launch::async, [&] { return Open("A", 1); });
  EXPECT_EQ(next.wait_for(20ms), std::future_status::timeout);
  answer_now.set_value();
  EXPECT_EQ(Code(next.get()), "OK");
  stuck.wait();
}

TEST_F(PcscReaderTest, ASessionOfACardThatIsGoneMakesRoomForTheNextCard) {
  StartWithCards();
  const auto old = Open("A", 1);
  ASSERT_TRUE(old.ok());
  api_.Swap("A");
  ASSERT_TRUE(AwaitCard("A", PRESENCE_PRESENT, 2));
  EXPECT_EQ(Code(Open("A", 1)), "CARD_GONE");
  const auto next = Open("A", 2);
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(Code(reader_.Transmit(*old, kSelect)), "CARD_GONE");
  reader_.Close(*old);
  EXPECT_EQ(Code(reader_.Transmit(*next, kSelect)), "OK");
}

TEST_F(PcscReaderTest, LeavesIgnoredReadersAlone) {
  const std::string key = "Yubico YubiKey OTP+FIDO+CCID 00 00", other = "Sony FeliCa 00 00";
  for (const std::string& name : {key, other, std::string("ACS ACR122U 00 00")}) {
    api_.AddReader(name);
    api_.Insert(name);
  }
  Start({{"readers", "*ACR*; *Yubi*"}, {"ignore_readers", "*YubiKey*"}});
  ASSERT_TRUE(AwaitCard("ACS ACR122U 00 00", PRESENCE_PRESENT, 1));
  api_.Swap(key);
  api_.RemoveReader(other);
  api_.Swap("ACS ACR122U 00 00");
  ASSERT_TRUE(AwaitCard("ACS ACR122U 00 00", PRESENCE_PRESENT, 2));
  EXPECT_EQ(newest_.reader_size(), 1);
  EXPECT_EQ(Code(Open(key, 1)), "READER_LOST");
  EXPECT_TRUE(api_.WasTouched("ACS ACR122U 00 00"));
  EXPECT_FALSE(api_.WasTouched(key));
  EXPECT_FALSE(api_.WasTouched(other));
}

TEST_F(PcscReaderTest, SaysThatPcscdShowsNoMoreThanSixteen) {
  for (int i = 0; i < 15; ++i) api_.AddReader("R" + std::to_string(i));
  Start({{"ignore_readers", "R1?"}});
  ASSERT_TRUE(AwaitReader("R9", [](const auto&) { return true; }));
  EXPECT_FALSE(newest_.has_trouble());
  api_.AddReader("R15");  // ignored, and counted all the same: pcscd carries it
  ASSERT_TRUE(Await([](const auto& s) { return s.has_trouble(); }));
  EXPECT_EQ(newest_.trouble().code(), check::v1::FAILURE_CODE_READERS_TOO_MANY);
  EXPECT_THAT(newest_.trouble().detail(), HasSubstr("16 readers is all that pcscd carries"));
  EXPECT_EQ(newest_.service(), SERVICE_RUNNING);
  EXPECT_EQ(newest_.reader_size(), 10);
  api_.Insert("R0");
  ASSERT_TRUE(AwaitCard("R0", PRESENCE_PRESENT, 1));
  const auto session = Open("R0", 1);
  EXPECT_EQ(Code(session), "OK");
  reader_.Close(session.value_or(0));
  api_.RemoveReader("R15");
  EXPECT_TRUE(Await([](const auto& s) { return !s.has_trouble(); }));
}

TEST_F(PcscReaderTest, AnExclusiveConnectionIsBusy) {
  StartWithCards();
  api_.HoldExclusively("A", true);
  ASSERT_TRUE(AwaitReader("A", [](const auto& state) { return state.busy(); }));
  EXPECT_EQ(Code(Open("A", 1)), "CARD_BUSY");
  api_.HoldExclusively("A", false);
  ASSERT_TRUE(AwaitReader("A", [](const auto& state) { return !state.busy(); }));
  EXPECT_EQ(Code(Open("A", 1)), "OK");
}

TEST_F(PcscReaderTest, AnotherProgramsTransactionIsShownOnceItIsMet) {
  StartWithCards();
  api_.HoldByOther("A", true);
  EXPECT_EQ(Code(Open("A", 1)), "CARD_BUSY");
  ASSERT_TRUE(AwaitReader("A", [](const auto& state) { return state.busy(); }));
  api_.HoldByOther("A", false);
  ASSERT_TRUE(AwaitReader("A", [](const auto& state) { return !state.busy(); }));
  EXPECT_EQ(Code(Open("A", 1)), "OK");
}

TEST_F(PcscReaderTest, TellsMakerAndLink) {
  api_.AddReader("A");
  api_.SetAttrib("A", SCARD_ATTR_VENDOR_NAME, {'A', 'C', 0xFF, 'S', 0, 'x'});
  api_.SetAttrib("A", SCARD_ATTR_CHANNEL_ID, {0x04, 0x01, 0x20, 0x00});
  Start();
  ASSERT_TRUE(AwaitReader("A", [](const auto& state) { return !state.maker().empty(); }));
  const auto& state = newest_.reader(0);
  EXPECT_EQ(state.maker(), "AC?S");
  EXPECT_EQ(state.link(), reader::v1::LINK_USB);
  EXPECT_FALSE(state.pin_pad());
}

TEST_F(PcscReaderTest, NamesWhatIsWrongInTheSettings) {
  for (const auto& [name, value] : std::map<std::string, std::string>{{"pcscd_socket", "here"},
                                                                      {"readers", "*A*;;"},
                                                                      {"ignore_readers", ";*B*"},
                                                                      {"pads", "*A*: on"}}) {
    const absl::Status status = StartWith({{name, value}});
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("setting " + name));
  }
}

}  // namespace
}  // namespace madoguchi::pcsc
