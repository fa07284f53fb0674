#include "readers/nfc/nfc_slot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <future>

#include "readers/nfc/contactless_atr.h"
#include "readers/nfc/fake_nfc.h"
#include "readers/nfc/libnfc_ports.h"
#include "sdk/failure/failure.h"

namespace madoguchi::nfc {
namespace {

using reader::v1::PRESENCE_ABSENT;
using reader::v1::PRESENCE_PRESENT;
using reader::v1::PRESENCE_UNSPECIFIED;
using Bytes = std::vector<uint8_t>;
using Script = FakePorts::Script;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

const Bytes kCommand = {0x00, 0xA4, 0x04, 0x0C};

template <typename T>
std::string Code(const absl::StatusOr<T>& status) {
  return status.ok() ? "OK" : NameOf(CodeOf(status.status()));
}

class NfcSlotTest : public testing::Test {
 protected:
  void Start() {
    slot_ = std::make_unique<NfcSlot>(ports_, "/dev/ttyUSB0", timing_, [this] {
      std::lock_guard<std::mutex> lock(mutex_);
      changed_.notify_all();
    });
  }
  void TearDown() override {
    slot_.reset();
    EXPECT_EQ(ports_.counts().wrong, 0);
    EXPECT_EQ(ports_.counts().opened, ports_.counts().closed);
  }
  template <typename Wanted>
  bool Await(Wanted wanted) {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto deadline = Clock::now() + 5s;
    while (!wanted()) {
      if (Clock::now() > deadline) return false;
      changed_.wait_for(lock, 2ms);
    }
    return true;
  }
  bool AwaitPresence(reader::v1::Presence presence) {
    return Await([&] { return slot_->State() && slot_->State()->presence() == presence; });
  }
  bool AwaitInsertion(uint64_t insertion) {
    return Await([&] {
      const auto state = slot_->State();
      return state && state->presence() == PRESENCE_PRESENT && state->insertion() == insertion;
    });
  }
  bool AwaitTrouble(FailureCode code) {
    return Await([&] { return slot_->State() && slot_->State()->trouble().code() == code; });
  }
  void Card(bool there) {
    ports_.Tell([&](Script& script) {
      script.find = there ? Outcome::kDone : Outcome::kNoCard;
      script.ping = there ? Outcome::kDone : Outcome::kCardGone;
    });
  }
  // Session 1 on a card that came while it was watched.
  void StartSession() {
    Start();
    ASSERT_TRUE(AwaitPresence(PRESENCE_ABSENT));
    Card(true);
    ASSERT_TRUE(AwaitInsertion(1));
    ASSERT_EQ(Code(slot_->Open(1, 1)), "OK");
  }
  std::future<absl::StatusOr<Bytes>> TransmitAside(uint64_t session) {
    auto answer = std::async(std::launch::async,
                             [=, this] { return slot_->Transmit(session, kCommand, false); });
    EXPECT_TRUE(Await([&] { return ports_.counts().hanging; }));
    return answer;
  }

  Timing timing_{.poll = 2ms,
                 .ping = 4ms,
                 .first_retry = 2ms,
                 .last_retry = 8ms,
                 .exchange = 5000ms,
                 .reset = 200ms};
  FakePorts ports_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::unique_ptr<NfcSlot> slot_;
};

TEST_F(NfcSlotTest, CardsComeAndGoAndAreCounted) {
  Start();
  ASSERT_TRUE(AwaitPresence(PRESENCE_ABSENT));
  EXPECT_EQ(slot_->State()->name(), "NFC /dev/ttyUSB0");
  for (uint64_t insertion = 1; insertion <= 1000; ++insertion) {
    Card(true);
    ASSERT_TRUE(AwaitInsertion(insertion));
    ASSERT_FALSE(slot_->State()->lying());
    Card(false);
    ASSERT_TRUE(AwaitPresence(PRESENCE_ABSENT));
    ASSERT_EQ(slot_->State()->atr(), "");
  }
}

TEST_F(NfcSlotTest, ACardThatIsThereAtTheFirstLookLies) {
  Card(true);
  Start();
  ASSERT_TRUE(AwaitInsertion(1));
  EXPECT_TRUE(slot_->State()->lying());
  EXPECT_EQ(slot_->State()->maker(), "FAKE v1");
}

TEST_F(NfcSlotTest, OneFaultOfAPingIsNoRemovalAndTwoAreAReaderThatIsGone) {
  // Long enough to be seen.
  timing_.first_retry = 100ms;
  Card(true);
  Start();
  ASSERT_TRUE(AwaitInsertion(1));
  ports_.Tell([](Script& script) { script.ping = Outcome::kSilent; });
  ASSERT_TRUE(AwaitTrouble(FailureCode::FAILURE_CODE_READER_SILENT));
  EXPECT_EQ(slot_->State()->presence(), PRESENCE_UNSPECIFIED);
  ports_.Tell([](Script& script) { script.ping = Outcome::kDone; });
  ASSERT_TRUE(AwaitInsertion(2));
  EXPECT_TRUE(slot_->State()->lying());
  EXPECT_FALSE(slot_->State()->has_trouble());
}

TEST_F(NfcSlotTest, AFailedOpenIsTroubleAndTriedAgainEverMoreSeldom) {
  ports_.Tell([](Script& script) {
    script.open = FailureStatus(FailureCode::FAILURE_CODE_READER_PORT_BUSY, "busy");
  });
  Start();
  ASSERT_TRUE(AwaitTrouble(FailureCode::FAILURE_CODE_READER_PORT_BUSY));
  EXPECT_EQ(Code(slot_->Open(1, 1)), "READER_LOST");
  ports_.Tell([](Script& script) { script.open = absl::OkStatus(); });
  EXPECT_TRUE(AwaitPresence(PRESENCE_ABSENT));
  EXPECT_FALSE(slot_->State()->has_trouble());
}

TEST_F(NfcSlotTest, ASessionIsOneAtATimeAndEndsWithAReset) {
  StartSession();
  EXPECT_EQ(Code(slot_->Open(2, 1)), "CARD_BUSY");
  const auto answer = slot_->Transmit(1, kCommand, false);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(*answer, (Bytes{0x90, 0x00}));
  EXPECT_EQ(Code(slot_->Transmit(2, kCommand, false)), "READER_LOST");
  const int before = ports_.counts().fields_off;
  slot_->Close(1);
  EXPECT_EQ(ports_.counts().fields_off, before + 1) << "Close waits for it";
  slot_->Close(1);
  EXPECT_EQ(Code(slot_->Transmit(1, kCommand, false)), "READER_LOST");
  EXPECT_EQ(Code(slot_->Open(2, 1)), "OK") << "it is the same card";
  EXPECT_EQ(slot_->State()->insertion(), 1u);
}

TEST_F(NfcSlotTest, NothingLongerThanAShortApduReachesTheDevice) {
  StartSession();
  for (const size_t size : {262u, 263u, 65544u}) {
    EXPECT_EQ(Code(slot_->Transmit(1, Bytes(size), false)), "REQUEST_INVALID");
    EXPECT_EQ(Code(slot_->Transmit(1, Bytes(size), true)), "REQUEST_INVALID");
  }
  EXPECT_EQ(ports_.counts().exchanges, 0);
  EXPECT_EQ(Code(slot_->Transmit(1, Bytes(261), false)), "OK");
  EXPECT_EQ(Code(slot_->Transmit(1, Bytes(261), true)), "OK");
}

TEST_F(NfcSlotTest, AFailedCommandIsNeverRepeatedAndEndsTheSession) {
  const struct {
    Outcome outcome;
    const char* code;
    bool lying;
  } cases[] = {{Outcome::kCardGone, "CARD_GONE", true},
               {Outcome::kGarbled, "READER_ANSWER_INVALID", true},
               {Outcome::kTooLong, "CARD_ANSWER_INVALID", true},
               {Outcome::kSilent, "CARD_SILENT", true},
               {Outcome::kLost, "READER_LOST", true}};
  StartSession();
  uint64_t session = 1;
  for (const auto& one : cases) {
    const auto before = *slot_->State();
    ports_.Tell([&](Script& script) { script.exchange = one.outcome; });
    const int exchanges = ports_.counts().exchanges;
    const int fields_off = ports_.counts().fields_off;
    EXPECT_EQ(Code(slot_->Transmit(session, kCommand, false)), one.code);
    EXPECT_EQ(Code(slot_->Transmit(session, kCommand, false)), one.code);
    EXPECT_EQ(ports_.counts().exchanges, exchanges + 1);
    ports_.Tell([](Script& script) { script.exchange = Outcome::kDone; });
    ASSERT_TRUE(AwaitInsertion(before.insertion() + 1)) << one.code;
    EXPECT_EQ(slot_->State()->lying(), one.lying) << one.code;
    // A device that is lost needs none.
    const int off = one.outcome == Outcome::kLost ? 0 : 1;
    EXPECT_EQ(ports_.counts().fields_off, fields_off + off) << one.code;
    // Without a Close: the card of that session is no more.
    ASSERT_EQ(Code(slot_->Open(++session, before.insertion() + 1)), "OK") << one.code;
  }
}

TEST_F(NfcSlotTest, ACardThatIsPulledInMidApduAndLaidDownAgainIsFresh) {
  StartSession();
  ports_.Tell([](Script& script) {
    script.exchange = Outcome::kCardGone;
    script.find = Outcome::kNoCard;
  });
  EXPECT_EQ(Code(slot_->Transmit(1, kCommand, false)), "CARD_GONE");
  ASSERT_TRUE(AwaitPresence(PRESENCE_ABSENT));
  Card(true);
  ASSERT_TRUE(AwaitInsertion(2));
  EXPECT_FALSE(slot_->State()->lying());
}

TEST_F(NfcSlotTest, WhoIsSilentIsWhatThePingSays) {
  const struct {
    Outcome ping;
    const char* code;
  } cases[] = {{Outcome::kDone, "CARD_SILENT"},
               // One that still thinks hears no ping.
               {Outcome::kCardGone, "CARD_SILENT"},
               {Outcome::kSilent, "READER_SILENT"},
               {Outcome::kGarbled, "READER_ANSWER_INVALID"},
               {Outcome::kLost, "READER_LOST"}};
  timing_.ping = 60000ms;
  StartSession();
  uint64_t session = 1;
  for (const auto& one : cases) {
    const uint64_t insertion = slot_->State()->insertion();
    const int closed = ports_.counts().closed;
    ports_.Tell([&](Script& script) {
      script.exchange = Outcome::kSilent;
      script.ping = one.ping;
    });
    EXPECT_EQ(Code(slot_->Transmit(session, kCommand, false)), one.code);
    ports_.Tell([](Script& script) {
      script.exchange = Outcome::kDone;
      script.ping = Outcome::kDone;
    });
    ASSERT_TRUE(AwaitInsertion(insertion + 1)) << one.code;
    EXPECT_TRUE(slot_->State()->lying()) << one.code;
    const bool useless = one.ping == Outcome::kSilent || one.ping == Outcome::kLost;
    EXPECT_EQ(ports_.counts().closed, closed + (useless ? 1 : 0)) << one.code;
    ASSERT_EQ(Code(slot_->Open(++session, insertion + 1)), "OK") << one.code;
  }
}

TEST_F(NfcSlotTest, AnAnswerWithoutAStatusWordIsNone) {
  StartSession();
  ports_.Tell([](Script& script) { script.answer = {0x90}; });
  EXPECT_EQ(Code(slot_->Transmit(1, kCommand, false)), "CARD_ANSWER_INVALID");
}

TEST_F(NfcSlotTest, CloseEndsATransmitAndTheCardIsFreeAfterwards) {
  StartSession();
  ports_.Tell([](Script& script) { script.hang = true; });
  auto answer = TransmitAside(1);
  EXPECT_EQ(Code(slot_->Transmit(1, kCommand, false)), "REQUEST_INVALID");
  const auto begin = Clock::now();
  slot_->Close(1);
  EXPECT_EQ(Code(answer.get()), "CANCELLED");
  EXPECT_LT(Clock::now() - begin, 100ms);
  ports_.Tell([](Script& script) { script.hang = false; });
  EXPECT_EQ(Code(slot_->Open(2, 1)), "OK");
  EXPECT_EQ(ports_.counts().aborts, 1);
}

TEST_F(NfcSlotTest, AnAbortThatIsLostIsNotRepeatedAndTheExchangeCutOff) {
  StartSession();
  ports_.Tell([](Script& script) { script.hang = script.deaf = true; });
  auto answer = TransmitAside(1);
  slot_->Close(1);
  EXPECT_EQ(Code(answer.get()), "CANCELLED");
  ports_.Tell([](Script& script) { script.hang = false; });
  EXPECT_EQ(Code(slot_->Open(2, 1)), "OK") << "it is the same card";
  EXPECT_EQ(ports_.counts().aborts, 1) << "each costs a descriptor";
  EXPECT_EQ(ports_.counts().cuts, 1);
  ports_.Tell([](Script& script) { script.hang = true; });
  answer = TransmitAside(2);
  slot_->Stop();
  EXPECT_TRUE(slot_->AwaitStopped(5000ms));
  EXPECT_FALSE(answer.get().ok());
  EXPECT_EQ(ports_.counts().cuts, 2);
}

TEST_F(NfcSlotTest, AChipThatHearsNothingHoldsUpNobodyButThisCard) {
  StartSession();
  ports_.Tell([](Script& script) { script.hang = script.deaf = script.dead = true; });
  auto answer = TransmitAside(1);
  const auto begin = Clock::now();
  slot_->Close(1);
  EXPECT_EQ(Code(answer.get()), "CANCELLED");
  EXPECT_LT(Clock::now() - begin, 1000ms);
  EXPECT_EQ(Code(slot_->Open(2, 1)), "CARD_BUSY");
  ports_.Tell([](Script& script) { script.hang = script.deaf = script.dead = false; });
  EXPECT_TRUE(Await([&] { return Code(slot_->Open(2, 1)) == "OK"; }));
}

TEST_F(NfcSlotTest, ACardThatGoesWhileASessionIsIdleIsFoundOut) {
  StartSession();
  Card(false);
  ASSERT_TRUE(AwaitPresence(PRESENCE_ABSENT));
  EXPECT_EQ(Code(slot_->Transmit(1, kCommand, false)), "CARD_GONE");
  EXPECT_EQ(ports_.counts().exchanges, 0);
}

TEST_F(NfcSlotTest, OpenMakesSureThatTheCardIsThere) {
  timing_.ping = 60000ms;
  Start();
  ASSERT_TRUE(AwaitPresence(PRESENCE_ABSENT));
  Card(true);
  ASSERT_TRUE(AwaitInsertion(1));
  EXPECT_EQ(Code(slot_->Open(1, 2)), "CARD_GONE");
  Card(false);
  EXPECT_EQ(Code(slot_->Open(1, 1)), "CARD_GONE");
  EXPECT_EQ(Code(slot_->Transmit(1, kCommand, false)), "READER_LOST");
}

TEST_F(NfcSlotTest, ACardThatIsGoneAfterTheResetIsGone) {
  StartSession();
  ports_.Tell([](Script& script) { script.find = Outcome::kNoCard; });
  slot_->Close(1);
  ASSERT_TRUE(AwaitPresence(PRESENCE_ABSENT));
  Card(true);
  ASSERT_TRUE(AwaitInsertion(2));
  EXPECT_FALSE(slot_->State()->lying()) << "it was laid down later";
}

TEST_F(NfcSlotTest, ACardThatWakesSlowlyAfterTheResetWasNotLaidDown) {
  StartSession();
  ports_.Tell([](Script& script) { script.finds_missed = 1; });
  slot_->Close(1);
  EXPECT_EQ(Code(slot_->Open(2, 1)), "OK") << "it is the same card";
  ports_.Tell([](Script& script) { script.finds_missed = 2; });
  slot_->Close(2);
  ASSERT_TRUE(AwaitInsertion(2));
  EXPECT_TRUE(slot_->State()->lying());
}

TEST_F(NfcSlotTest, ACardThatMissesAPingIsSwitchedOffAndWasNotLaidDown) {
  StartSession();
  ports_.Tell([](Script& script) { script.pings_missed = 1; });
  ASSERT_TRUE(AwaitInsertion(2));
  EXPECT_TRUE(slot_->State()->lying());
  EXPECT_EQ(ports_.counts().fields_off, 1) << "a PIN may have been verified";
  EXPECT_EQ(Code(slot_->Transmit(1, kCommand, false)), "CARD_GONE");
  Card(false);
  ASSERT_TRUE(AwaitPresence(PRESENCE_ABSENT));
  Card(true);
  ASSERT_TRUE(AwaitInsertion(3));
  EXPECT_FALSE(slot_->State()->lying());
}

TEST_F(NfcSlotTest, WhatASessionWantsReachesNoCardButItsOwn) {
  StartSession();
  ports_.Tell([](Script& script) {
    script.pings_missed = 1;
    script.hold = true;
  });
  ASSERT_TRUE(Await([&] { return ports_.counts().held; }));
  auto answer =
      std::async(std::launch::async, [this] { return slot_->Transmit(1, kCommand, false); });
  // It waits until it is known what lies there.
  EXPECT_EQ(answer.wait_for(50ms), std::future_status::timeout);
  ports_.Tell([](Script& script) { script.hold = false; });
  EXPECT_EQ(Code(answer.get()), "CARD_GONE");
  EXPECT_EQ(ports_.counts().exchanges, 0);
}

TEST_F(NfcSlotTest, AFieldThatStaysOnIsSwitchedOffOnceMoreOrTheDeviceIsClosed) {
  StartSession();
  ports_.Tell([](Script& script) { script.fields_stuck = 1; });
  slot_->Close(1);
  EXPECT_EQ(ports_.counts().fields_off, 2);
  EXPECT_EQ(Code(slot_->Open(2, 1)), "OK");
  ports_.Tell([](Script& script) { script.fields_stuck = 2; });
  slot_->Close(2);
  ASSERT_TRUE(AwaitInsertion(2));
  EXPECT_TRUE(slot_->State()->lying());
  EXPECT_EQ(ports_.counts().closed, 1);
  EXPECT_EQ(ports_.counts().fields_off, 4);
  // Lost while it is switched off for a card that does not answer.
  ports_.Tell([](Script& script) {
    script.pings_missed = 1;
    script.field_off = Outcome::kLost;
  });
  ASSERT_TRUE(AwaitInsertion(3));
  EXPECT_EQ(ports_.counts().closed, 2);
  EXPECT_EQ(ports_.counts().fields_off, 5);
}

TEST_F(NfcSlotTest, StopEndsWhatIsUnderWayAndClosesTheDevice) {
  StartSession();
  ports_.Tell([](Script& script) { script.hang = true; });
  auto answer = TransmitAside(1);
  slot_->Stop();
  EXPECT_TRUE(slot_->AwaitStopped(100ms));
  EXPECT_FALSE(answer.get().ok());
  EXPECT_EQ(ports_.counts().closed, 1);
  EXPECT_EQ(Code(slot_->Open(2, 1)), "READER_LOST");
}

TEST(OutcomeOf, IsTheTableOfLibnfc) {
  EXPECT_EQ(OutcomeOf(258), Outcome::kDone);
  EXPECT_EQ(OutcomeOf(-1), Outcome::kGarbled);    // NFC_EIO
  EXPECT_EQ(OutcomeOf(-2), Outcome::kCardGone);   // NFC_EINVARG: the chip knows no target
  EXPECT_EQ(OutcomeOf(-4), Outcome::kLost);       // NFC_ENOTSUCHDEV
  EXPECT_EQ(OutcomeOf(-5), Outcome::kTooLong);    // NFC_EOVFLOW
  EXPECT_EQ(OutcomeOf(-6), Outcome::kSilent);     // NFC_ETIMEOUT
  EXPECT_EQ(OutcomeOf(-7), Outcome::kAborted);    // NFC_EOPABORTED
  EXPECT_EQ(OutcomeOf(-10), Outcome::kCardGone);  // NFC_ETGRELEASED
  EXPECT_EQ(OutcomeOf(-20), Outcome::kCardGone);  // NFC_ERFTRANS
  EXPECT_EQ(OutcomeOf(-30), Outcome::kGarbled);   // NFC_EMFCAUTHFAIL
  EXPECT_EQ(OutcomeOf(-90), Outcome::kTooLong);   // NFC_ECHIP
  EXPECT_EQ(OutcomeOf(-12345), Outcome::kGarbled);
}

TEST(LibnfcPorts, WithoutADescriptorThePortIsNotAbsent) {
#if defined(__has_feature)
#if __has_feature(undefined_behavior_sanitizer)
  GTEST_SKIP() << "the sanitizer needs descriptors for its look at objects";
#endif
#endif
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  LibnfcPorts ports("pn532_uart", 115200);
  const absl::Status status = ports.Open("/dev/null").status();
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(NameOf(CodeOf(status)), "READER_LOST");
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("Too many open files"));
}

TEST(ContactlessAtr, IsThatOfThePcscSpecification) {
  const uint8_t application_data[] = {0x00, 0x00, 0x05, 0xE0};
  const uint8_t protocol_info[] = {0xB3, 0x81, 0xA1};
  EXPECT_EQ(ContactlessAtr(application_data, protocol_info, 0),
            (Bytes{0x3B, 0x88, 0x80, 0x01, 0x00, 0x00, 0x05, 0xE0, 0xB3, 0x81, 0xA1, 0x00, 0x7F}));
}

}  // namespace
}  // namespace madoguchi::nfc
