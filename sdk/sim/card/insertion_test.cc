#include "sdk/sim/card/insertion.h"

#include <gtest/gtest.h>

#include "sdk/sim/card/files.h"
#include "sdk/sim/card/hex.h"
#include "sdk/sim/card/memory_card.h"
#include "sdk/sim/card/trace.h"

namespace madoguchi::sim {
namespace {

const Bytes kAtr = {0x3B, 0x00};
const Bytes kSelectJpki = *FromHex("00A4040C0AD392F000260100000001");
const Bytes kRead = *FromHex("00B08A0000");
const Bytes kVerifyPin = *FromHex("00200098 04 31323334");
const Bytes kSign = *FromHex("802A0097 01 AA 00");

class InsertionTest : public testing::Test {
 protected:
  InsertionTest() : card_(MemoryCard()), insertion_(card_, trace_, kAtr) { insertion_.Begin(); }

  void Fault(const char* text) {
    ASSERT_TRUE(AddFault(text, faults_).ok());
    card_.set_faults(faults_);
    insertion_.set_faults(faults_);
  }
  // "silence", "pulled", or the answer's status word.
  std::string Say(const Bytes& message) {
    const Insertion::Outcome outcome = insertion_.Message(message);
    if (outcome.pulled) return outcome.answer ? "pulled with an answer" : "pulled";
    if (!outcome.answer) return "silence";
    const std::string hex = ToHex(outcome.answer->bytes);
    return hex.substr(hex.size() - 4);
  }

  Faults faults_;
  Card card_;
  Trace trace_;
  Insertion insertion_;
};

TEST_F(InsertionTest, AnswersTheAtrWithoutTouchingAnything) {
  Fault("silent-from=3");
  EXPECT_EQ(Say(kSelectJpki), "9000");
  EXPECT_EQ(Say({4}), "3B00");
  EXPECT_EQ(Say({9}), "silence");
  EXPECT_EQ(Say({}), "silence");
  EXPECT_EQ(Say(kRead), "9000");
  EXPECT_EQ(Say(kRead), "silence");
  EXPECT_EQ(Say({4}), "3B00");
  EXPECT_EQ(insertion_.apdus(), 3u);
}

TEST_F(InsertionTest, EachPowerMessageForgetsTheSession) {
  for (const uint8_t control : {0, 1, 2}) {
    EXPECT_EQ(Say(kSelectJpki), "9000");
    EXPECT_EQ(Say(kVerifyPin), "9000");
    EXPECT_EQ(Say(kSign), "9000");
    EXPECT_EQ(Say({control}), "silence");
    EXPECT_EQ(Say(kSelectJpki), "9000");
    EXPECT_EQ(Say(kSign), "6982");
  }
  // Power does not begin the count anew; an insertion does.
  EXPECT_EQ(insertion_.apdus(), 15u);
  EXPECT_EQ(insertion_.verifies(), 3u);
  EXPECT_EQ(Say(kVerifyPin), "9000");
  insertion_.End();
  insertion_.Begin();
  EXPECT_EQ(insertion_.apdus(), 0u);
  EXPECT_EQ(insertion_.verifies(), 0u);
  EXPECT_EQ(insertion_.apdus_total(), 16u);
  EXPECT_EQ(insertion_.verifies_total(), 4u);
  EXPECT_EQ(Say(kSelectJpki), "9000");
  EXPECT_EQ(Say(kSign), "6982");
}

TEST_F(InsertionTest, PulledBeforeAVerifySpendsNoTry) {
  Fault("pulled-before=2");
  EXPECT_EQ(Say(kSelectJpki), "9000");
  EXPECT_EQ(Say(*FromHex("00200098 04 39393939")), "pulled");
  EXPECT_EQ(card_.state().TriesLeft(kAuthPin), 3);
  EXPECT_EQ(insertion_.verifies(), 1u);
}

TEST_F(InsertionTest, GarbageIsTheSameEachTime) {
  Fault("garbage-from=2");
  std::string first;
  for (int round = 0; round < 2; ++round) {
    insertion_.Begin();
    EXPECT_EQ(Say(kSelectJpki), "9000");
    std::string all;
    for (int i = 0; i < 200; ++i) {
      const Bytes bytes = insertion_.Message(kVerifyPin).answer->bytes;
      EXPECT_GE(bytes.size(), 1u);
      EXPECT_LE(bytes.size(), 270u);
      all += ToHex(bytes);
    }
    if (round == 0) {
      first = all;
    } else {
      EXPECT_EQ(all, first);
    }
  }
}

TEST_F(InsertionTest, DelaysAddUpAtTheSignature) {
  Fault("slow=20");
  Fault("slow-signature=500");
  EXPECT_EQ(insertion_.Message(kSelectJpki).answer->delay.count(), 20);
  EXPECT_EQ(insertion_.Message(kVerifyPin).answer->delay.count(), 20);
  EXPECT_EQ(insertion_.Message(kSign).answer->delay.count(), 520);
  EXPECT_EQ(insertion_.Message(Bytes{4}).answer->delay.count(), 0);
}

TEST_F(InsertionTest, FlippedSignatureDiffersInOneBit) {
  Say(kSelectJpki);
  Say(kVerifyPin);
  const Bytes good = insertion_.Message(kSign).answer->bytes;
  Fault("flipped-signature");
  const Bytes bad = insertion_.Message(kSign).answer->bytes;
  ASSERT_EQ(good.size(), bad.size());
  int bits = 0;
  for (size_t i = 0; i < good.size(); ++i) bits += __builtin_popcount(good[i] ^ bad[i]);
  EXPECT_EQ(bits, 1);
}

TEST(Trace, MasksWhatMayBeASecret) {
  const struct {
    const char* apdu;
    const char* line;
  } rows[] = {
      {"00A4040C02ABCD", "00A4040C02ABCD"},
      {"00200080", "00200080"},
      {"002000800431323334", "0020008004********"},
      {"80200080043132", "8020008004****"},
      {"00200080000004 31323334", "0020008000************"},
      {"002401800435363738", "0024018004********"},
      {"803200800435363738", "8032008004********"},
      {"00", "00"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(TraceLine(*FromHex(row.apdu), false), row.line);
  }
  EXPECT_EQ(TraceLine(kVerifyPin, true), "002000980431323334");
}

TEST(Trace, CanBeReadWhileItIsWritten) {
  char path[] = "/tmp/madoguchi-trace-XXXXXX";
  const int fd = mkstemp(path);
  ASSERT_GE(fd, 0);
  close(fd);
  absl::StatusOr<Trace> trace = Trace::To(path, false);
  ASSERT_TRUE(trace.ok());
  Card card = MemoryCard();
  Insertion insertion(card, *trace, kAtr);
  insertion.Begin();
  insertion.Message(Bytes{1});
  insertion.Message(kSelectJpki);
  insertion.Message(kVerifyPin);
  EXPECT_EQ(*ReadFile(path),
            "# insert\n# power-on\n> 00A4040C0AD392F000260100000001\n< 9000\n"
            "> 0020009804********\n< 9000\n");
  insertion.Message(Bytes{2});
  insertion.Message(Bytes{0});
  insertion.End();
  const std::string all = *ReadFile(path);
  EXPECT_TRUE(all.ends_with("# reset\n# power-off\n# removed\n")) << all;
  unlink(path);
}

}  // namespace
}  // namespace madoguchi::sim
