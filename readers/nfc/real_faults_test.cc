// The same, when board, line, card or host fail.
#include "readers/nfc/board_fixture.h"

namespace madoguchi::nfc {
namespace {

TEST_F(RealLibnfcTest, ACardPulledInMidApduIsGone) {
  const uint64_t session = StartSession();
  card_->Tell("fault pulled-before=2");
  EXPECT_EQ(Code(client_->Transmit(session, kSelectJpki)), "OK");
  EXPECT_EQ(Code(client_->Transmit(session, kSelectCertificate)), "CARD_GONE");
  EXPECT_EQ(Code(client_->Transmit(session, kRead256)), "CARD_GONE");
  EXPECT_TRUE(client_->AwaitPresence(name_, PRESENCE_ABSENT).has_value());
  EXPECT_TRUE(client_->Close(session).ok());
}

TEST_F(RealLibnfcTest, ACardOutOfTheFieldIsGoneAndComesBack) {
  const uint64_t session = StartSession();
  ExpectReads(session);
  board_->Tell("fault field-lost@4");
  EXPECT_EQ(Code(client_->Transmit(session, kSelectJpki)), "CARD_GONE");
  EXPECT_TRUE(client_->AwaitPresence(name_, PRESENCE_ABSENT).has_value());
  board_->Tell("faults clear");
  const auto again = AwaitInsertionAbove(1);
  ASSERT_TRUE(again.has_value());
  EXPECT_FALSE(again->lying());
}

TEST_F(RealLibnfcTest, AWrongChecksumEndsTheSessionAndTheCardLies) {
  const uint64_t session = StartSession();
  board_->Tell("fault corrupt");
  EXPECT_EQ(Code(client_->Transmit(session, kSelectJpki)), "READER_ANSWER_INVALID");
  EXPECT_EQ(Code(client_->Transmit(session, kSelectJpki)), "READER_ANSWER_INVALID");
  const auto again = AwaitInsertionAbove(1);
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->lying()) << "nobody laid it down";
  ExpectReads(MustOpen());
}

TEST_F(RealLibnfcTest, AStatusByteAndStrayBytesAreNoAnswers) {
  uint64_t session = StartSession();
  for (const auto& [fault, code] : std::vector<std::pair<std::string, std::string>>{
           {"status=14", "READER_ANSWER_INVALID"},
           {"status=27", "CARD_GONE"},
           {"status=29", "CARD_GONE"},
           {"status=01", "CARD_GONE"},
           {"status=02", "CARD_GONE"},
           {"stray=55AA00", "READER_ANSWER_INVALID"}}) {
    const auto before = client_->AwaitPresence(name_, PRESENCE_PRESENT);
    ASSERT_TRUE(before.has_value());
    board_->Tell("fault " + fault);
    EXPECT_EQ(Code(client_->Transmit(session, kSelectJpki)), code) << fault;
    const auto again = AwaitInsertionAbove(before->insertion());
    ASSERT_TRUE(again.has_value()) << fault;
    EXPECT_TRUE(again->lying()) << fault << ": nobody laid it down";
    session = MustOpen();
    EXPECT_EQ(Code(client_->Transmit(session, kSelectJpki)), "OK") << fault;
  }
}

TEST_F(RealLibnfcTest, AnAnswerThatDoesNotComeIsASilentCardAndAllGoesOn) {
  const uint64_t session = StartSession();
  board_->Tell("fault hang");
  const auto begin = Clock::now();
  EXPECT_EQ(Code(client_->Transmit(session, kSelectJpki)), "CARD_SILENT");
  EXPECT_GE(Clock::now() - begin, 5s);
  ASSERT_TRUE(AwaitInsertionAbove(1).has_value());
  ExpectReads(MustOpen());
}

TEST_F(RealLibnfcTest, ACommandThatIsLostOnTheLineIsASilentCardAndAllGoesOn) {
  const uint64_t session = StartSession();
  board_->Tell("fault drop");
  EXPECT_EQ(Code(client_->Transmit(session, kSelectJpki)), "CARD_SILENT");
  const auto again = AwaitInsertionAbove(1);
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->lying());
  ExpectReads(MustOpen());
}

TEST_F(RealLibnfcTest, ADeviceThatIsUnpluggedAndPluggedInAgain) {
  const uint64_t session = StartSession();
  ExpectReads(session);
  board_->Tell("unplug");
  EXPECT_EQ(Code(client_->Transmit(session, kSelectJpki)), "READER_LOST");
  EXPECT_EQ(AwaitTrouble(check::v1::FAILURE_CODE_READER_PORT_ABSENT), "READER_PORT_ABSENT");
  EXPECT_EQ(client_->AwaitPresence(name_, PRESENCE_UNSPECIFIED)->name(), name_);
  EXPECT_EQ(Code(client_->Open(name_, 1)), "READER_LOST");
  board_->Tell("replug");
  const auto again = AwaitInsertionAbove(1);
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->lying()) << "it lay there when the reader was seen again";
  EXPECT_FALSE(again->has_trouble());
  ExpectReads(MustOpen());
}

TEST_F(RealLibnfcTest, UnpluggedWhileIdleAndInMidApdu) {
  StartEmpty();
  board_->Tell("unplug");
  EXPECT_EQ(AwaitTrouble(check::v1::FAILURE_CODE_READER_PORT_ABSENT), "READER_PORT_ABSENT");
  board_->Tell("replug");
  ASSERT_TRUE(client_->AwaitPresence(name_, PRESENCE_ABSENT).has_value());
  LayDown();
  const uint64_t session = MustOpen();
  board_->Tell("fault latency=3000");
  auto answer =
      std::async(std::launch::async, [&] { return client_->Transmit(session, kSelectJpki); });
  ASSERT_TRUE(conformance::Await([&] { return board_->Status("apdus") == "1"; }));
  board_->Tell("unplug");
  EXPECT_EQ(Code(answer.get()), "READER_LOST");
}

TEST_F(RealLibnfcTest, AChipThatIsDeadIsSilentUntilItIsWell) {
  StartBoard({"--fault", "dead"});
  StartPlugin();
  EXPECT_EQ(AwaitTrouble(check::v1::FAILURE_CODE_READER_SILENT), "READER_SILENT");
  board_->Tell("faults clear");
  ASSERT_TRUE(client_->AwaitPresence(name_, PRESENCE_ABSENT, 10s).has_value());
  board_->Tell("fault dead");
  EXPECT_EQ(AwaitTrouble(check::v1::FAILURE_CODE_READER_SILENT), "READER_SILENT");
}

TEST_F(RealLibnfcTest, ADeviceThatIsNotThereYet) {
  StartBoard({"--unplugged"});
  StartPlugin();
  EXPECT_EQ(AwaitTrouble(check::v1::FAILURE_CODE_READER_PORT_ABSENT), "READER_PORT_ABSENT");
  board_->Tell("replug");
  EXPECT_TRUE(client_->AwaitPresence(name_, PRESENCE_ABSENT).has_value());
}

TEST_F(RealLibnfcTest, ASecondOpenerIsRefused) {
  StartEmpty();
  // Another plugin, by another name of the device.
  fs::create_symlink(folder_ / "pn532", folder_ / "other");
  auto second = PluginProcess::Spawn(BuildFolder() / "plugins/reader_nfc/reader_nfc");
  ASSERT_TRUE(second.ok()) << second.status();
  auto settings = Settings();
  settings["devices"] = (folder_ / "other").string();
  ASSERT_TRUE((*second)->Start(settings).ok());
  {
    ReaderClient client(**second);
    const auto snapshot = client.Await([&](const auto& s) {
      return s.reader_size() == 1 &&
             s.reader(0).trouble().code() == check::v1::FAILURE_CODE_READER_PORT_BUSY;
    });
    EXPECT_TRUE(snapshot.has_value());
    LayDown();
    ExpectReads(MustOpen());
    // The first one crashes: nothing is left of its lock.
    client_.reset();
    process_->Kill();
    const auto free = client.Await(
        [&](const auto& s) {
          return s.reader_size() == 1 && s.reader(0).presence() == PRESENCE_PRESENT;
        },
        10s);
    EXPECT_TRUE(free.has_value());
  }
  EXPECT_EQ((*second)->End(), 0);
}

TEST_F(RealLibnfcTest, ClosingASessionEndsItsApduWithinATenthOfASecond) {
  uint64_t session = StartSession();
  const size_t before = Descriptors();
  for (int i = 0; i < 5; ++i) {
    board_->Tell("fault hang");
    const std::string apdus = board_->Status("apdus-total");
    auto answer =
        std::async(std::launch::async, [&] { return client_->Transmit(session, kSelectJpki); });
    ASSERT_TRUE(conformance::Await([&] { return board_->Status("apdus-total") != apdus; }));
    const auto begin = Clock::now();
    EXPECT_TRUE(client_->Close(session).ok());
    EXPECT_EQ(Code(answer.get()), "CANCELLED");
    EXPECT_LT(Clock::now() - begin, 100ms);
    // The card is reset and free, and still the same one.
    session = MustOpen();
    EXPECT_EQ(Code(client_->Transmit(session, kSelectJpki)), "OK");
  }
  EXPECT_EQ(client_->AwaitPresence(name_, PRESENCE_PRESENT)->insertion(), 1u);
  EXPECT_LE(Descriptors(), before + 2);
}

TEST_F(RealLibnfcTest, ClosingASessionEndsItsApduWhateverTheChipOwes) {
  uint64_t session = StartSession();
  for (const char* fault : {"hang", "drop", "late"}) {
    auto answer = TransmitWith(fault, session);
    EXPECT_TRUE(client_->Close(session).ok());
    EXPECT_EQ(Code(answer.get()), "CANCELLED") << fault;
    session = MustOpen();
    ExpectReads(session);
  }
  EXPECT_EQ(client_->AwaitPresence(name_, PRESENCE_PRESENT)->insertion(), 1u);
}

TEST_F(RealLibnfcTest, SwitchesTheFieldOffAtTheEndWhateverTheChipOwes) {
  for (const char* fault : {"hang", "drop", "late"}) {
    const uint64_t session = StartSession();
    auto answer = TransmitWith(fault, session);
    EXPECT_EQ(process_->End(), 0);
    EXPECT_FALSE(answer.get().ok());
    EXPECT_EQ(board_->Status("field"), "0") << fault;
    TearDown();
  }
}

// libnfc loses one with each abort that it does not hear, and nothing gives them back.
TEST_F(RealLibnfcTest, EndsBeforeItRunsOutOfDescriptors) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
  GTEST_SKIP()
      << "on a sanitizer's stack libnfc ends the process by a status byte that nobody wrote";
#endif
#endif
  uint64_t session = StartSession();
  for (int i = 0; i < 16; ++i) {
    ASSERT_EQ(process_->Wait(0ms), std::nullopt) << i;
    auto answer = TransmitWith("drop", session);
    (void)client_->Close(session);
    EXPECT_EQ(Code(answer.get()), "CANCELLED");
    if (i < 15) session = MustOpen();
  }
  EXPECT_EQ(process_->Wait(5000ms), 0) << process_->log();
  EXPECT_EQ(board_->Status("field"), "0");
  client_.reset();
  StartPlugin();
  ExpectReads(MustOpen());
}

TEST_F(RealLibnfcTest, EndsAtOnceWhileAnApduIsUnderWay) {
  const uint64_t session = StartSession();
  board_->Tell("fault hang");
  auto answer =
      std::async(std::launch::async, [&] { return client_->Transmit(session, kSelectJpki); });
  ASSERT_TRUE(conformance::Await([&] { return board_->Status("apdus") == "1"; }));
  std::future<void> off = std::async(std::launch::async, [&, begin = Clock::now()] {
    EXPECT_TRUE(conformance::Await([&] { return board_->Status("field") == "0"; }));
    EXPECT_LT(Clock::now() - begin, 100ms) << "until the field is off";
  });
  EXPECT_EQ(process_->End(1000ms), 0);
  off.get();
  EXPECT_FALSE(answer.get().ok());
  client_.reset();
}

TEST_F(RealLibnfcTest, AStatusThatKillsLibnfcKillsThisProcessAlone) {
  const uint64_t session = StartSession();
  board_->Tell("fault status=80");
  EXPECT_FALSE(client_->Transmit(session, kSelectJpki).ok());
  EXPECT_EQ(process_->Fell(5000ms), 128 + SIGABRT);
  client_.reset();
  // As the host starts it again.
  StartPlugin();
  const auto state = client_->AwaitPresence(name_, PRESENCE_PRESENT);
  ASSERT_TRUE(state.has_value());
  EXPECT_TRUE(state->lying());
  ExpectReads(MustOpen());
}

}  // namespace
}  // namespace madoguchi::nfc
