#include "sdk/sim/pn532/chip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

namespace madoguchi::pn532 {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

Bytes FromHost(const Bytes& data) {
  Bytes frame = EncodeAnswer(data);
  frame[data.size() + 1 <= 255 ? 5 : 8] = kFromHost;
  frame[frame.size() - 2] += kFromChip - kFromHost;
  return frame;
}

class ChipTest : public testing::Test, protected Board {
 protected:
  void SetUp() override { chip_.Heard(Bytes{0x55, 0x55, 0x00, 0x00}, now_); }

  // What the chip said since, whole frames: its ACKs and answers, by their data.
  std::vector<Bytes> Said() {
    std::vector<Bytes> data;
    for (const Bytes& frame : std::exchange(said_, {})) {
      if (frame == EncodeAck()) {
        data.push_back({});
      } else if (frame.size() > 8 && frame[5] == kFromChip) {
        data.push_back(Bytes(frame.begin() + 6, frame.end() - 2));
      } else if (frame.size() > 262) {
        data.push_back(Bytes(frame.begin() + 9, frame.end() - 2));
      } else {
        data.push_back(frame);
      }
    }
    return data;
  }
  // The answer to a command, its ACK before it; empty when there is none.
  Bytes Ask(const Bytes& command) {
    chip_.Heard(FromHost(command), now_);
    const auto said = Said();
    EXPECT_FALSE(said.empty());
    EXPECT_TRUE(said.empty() || said[0].empty()) << "no ACK";
    return said.size() > 1 ? said[1] : Bytes();
  }
  void LayDown() {
    card_ = true;
    chip_.CardCame();
  }
  void TakeAway() {
    card_ = false;
    chip_.CardLeft();
  }
  void Select() {
    LayDown();
    EXPECT_EQ(Ask({0x4A, 0x01, 0x03, 0x00}).size(), 17u);
    apdus_.clear();
  }
  void Pass(milliseconds time) {
    now_ += time;
    chip_.Turn(now_);
  }

  void Say(Bytes bytes) override { said_.push_back(std::move(bytes)); }
  void Unplug(milliseconds away) override { unplugged_.push_back(away); }
  bool HasCard() const override { return card_; }
  const Bytes& Atr() const override { return atr_; }
  void PowerCard(bool on) override { powers_.push_back(on); }
  bool ToCard(std::span<const uint8_t> apdu) override {
    apdus_.emplace_back(apdu.begin(), apdu.end());
    return true;
  }
  void AbandonCard() override { ++abandoned_; }

  const Bytes atr_ = {0x3B, 0x88, 0x80, 0x01, 0x00, 0x00, 0x05, 0xE0, 0xB3, 0x81, 0xA1, 0x00, 0x7F};
  bool card_ = false;
  std::vector<Bytes> said_, apdus_;
  std::vector<bool> powers_;
  std::vector<milliseconds> unplugged_;
  int abandoned_ = 0;
  Chip::Time now_{};
  Chip chip_{*this, 1};
};

TEST_F(ChipTest, SleepsUntilItIsWokenAndAgainWhenItIsTold) {
  EXPECT_EQ(Ask({0x16, 0xF0}), (Bytes{0x17, 0x00}));
  chip_.Heard(FromHost({0x02}), now_);
  EXPECT_THAT(Said(), IsEmpty());
  Bytes both = {0x55, 0x55, 0x00};
  const Bytes frame = FromHost({0x02});
  both.insert(both.end(), frame.begin(), frame.end());
  chip_.Heard(both, now_);
  EXPECT_THAT(Said(), ElementsAre(Bytes{}, Bytes{0x03, 0x32, 0x01, 0x06, 0x07}));
}

TEST_F(ChipTest, KeepsItsRegisters) {
  EXPECT_EQ(Ask({0x06, 0x63, 0x02, 0x63, 0x03}), (Bytes{0x07, 0x00, 0x00}));
  EXPECT_EQ(Ask({0x08, 0x63, 0x03, 0x80}), (Bytes{0x09}));
  EXPECT_EQ(Ask({0x06, 0x63, 0x02, 0x63, 0x03}), (Bytes{0x07, 0x00, 0x80}));
}

TEST_F(ChipTest, EchoesAndSaysWhatItDoesNotKnow) {
  EXPECT_EQ(Ask({0x00, 0x00, 'l', 'i', 'b'}), (Bytes{0x01, 0x00, 'l', 'i', 'b'}));
  EXPECT_EQ(Ask({0x99}), EncodeError());
}

TEST_F(ChipTest, APollWithoutACardTakesItsTries) {
  Ask({0x32, 0x05, 0x00, 0x01, 0x02});
  EXPECT_THAT(Ask({0x4A, 0x01, 0x03, 0x00}), IsEmpty());
  Pass(milliseconds(29));
  EXPECT_THAT(Said(), IsEmpty());
  Pass(milliseconds(1));
  EXPECT_THAT(Said(), ElementsAre(Bytes{0x4B, 0x00}));
}

TEST_F(ChipTest, AnEndlessPollAnswersWhenACardComes) {
  EXPECT_THAT(Ask({0x4A, 0x01, 0x03, 0x00}), IsEmpty());
  EXPECT_EQ(chip_.next(), std::nullopt);
  LayDown();
  const auto said = Said();
  ASSERT_EQ(said.size(), 1u);
  ASSERT_EQ(said[0].size(), 17u);
  EXPECT_EQ(Bytes(said[0].begin(), said[0].begin() + 4), (Bytes{0x4B, 0x01, 0x01, 0x50}));
  // Application data and protocol info are those of the ATR.
  EXPECT_EQ(Bytes(said[0].begin() + 8, said[0].end()),
            (Bytes{0x00, 0x00, 0x05, 0xE0, 0xB3, 0x81, 0xA1, 0x01, 0x01}));
  EXPECT_EQ(powers_.back(), true);
}

TEST_F(ChipTest, OtherTypesAreNotThere) {
  LayDown();
  Ask({0x32, 0x05, 0x00, 0x01, 0x00});
  EXPECT_THAT(Ask({0x4A, 0x01, 0x00}), IsEmpty());
  Pass(milliseconds(10));
  EXPECT_THAT(Said(), ElementsAre(Bytes{0x4B, 0x00}));
}

TEST_F(ChipTest, AutoPollFindsTypesOfB) {
  LayDown();
  Bytes found = Ask({0x60, 0xFF, 0x01, 0x20, 0x23});
  ASSERT_EQ(found.size(), 19u);
  EXPECT_EQ(Bytes(found.begin(), found.begin() + 4), (Bytes{0x61, 0x01, 0x23, 0x0F}));
  TakeAway();
  EXPECT_THAT(Ask({0x60, 0x02, 0x01, 0x23}), IsEmpty());
  Pass(milliseconds(300));
  EXPECT_THAT(Said(), ElementsAre(Bytes{0x61, 0x00}));
}

TEST_F(ChipTest, EachActivationHasAnotherPupi) {
  LayDown();
  const Bytes first = Ask({0x4A, 0x01, 0x03, 0x00}), second = Ask({0x4A, 0x01, 0x03, 0x00});
  EXPECT_NE(Bytes(first.begin() + 4, first.begin() + 8),
            Bytes(second.begin() + 4, second.begin() + 8));
}

TEST_F(ChipTest, ExchangesAndCutsLongAnswers) {
  Select();
  EXPECT_THAT(Ask({0x40, 0x01, 0x00, 0xA4, 0x04, 0x0C}), IsEmpty());
  EXPECT_THAT(apdus_, ElementsAre(Bytes{0x00, 0xA4, 0x04, 0x0C}));
  chip_.CardAnswered(Bytes(600, 0xAB), now_);
  auto said = Said();
  ASSERT_EQ(said.size(), 1u);
  EXPECT_EQ(said[0].size(), 264u);
  EXPECT_EQ(said[0][1], 0x40);
  EXPECT_EQ(Ask({0x40, 0x01})[1], 0x40);
  const Bytes last = Ask({0x40, 0x01});
  EXPECT_EQ(last[1], 0x00);
  EXPECT_EQ(last.size(), 2u + 600 - 2 * 262);
}

TEST_F(ChipTest, TakesLongCommandsInParts) {
  Select();
  EXPECT_EQ(Ask({0x40, 0x41, 0x01, 0x02}), (Bytes{0x41, 0x00}));
  EXPECT_THAT(apdus_, IsEmpty());
  EXPECT_THAT(Ask({0x40, 0x01, 0x03}), IsEmpty());
  EXPECT_THAT(apdus_, ElementsAre(Bytes{0x01, 0x02, 0x03}));
  EXPECT_EQ(chip_.apdus(), 1u);
}

TEST_F(ChipTest, KnowsItsTarget) {
  EXPECT_EQ(Ask({0x40, 0x01, 0x00, 0xA4}), (Bytes{0x41, 0x27}));
  Select();
  EXPECT_EQ(Ask({0x40, 0x02, 0x00, 0xA4}), (Bytes{0x41, 0x27}));
  EXPECT_EQ(Ask({0x44, 0x01}), (Bytes{0x45, 0x00}));
  EXPECT_EQ(Ask({0x40, 0x01, 0x00, 0xA4}), (Bytes{0x41, 0x27}));
  EXPECT_EQ(Ask({0x54, 0x01}), (Bytes{0x55, 0x00}));
  EXPECT_THAT(Ask({0x40, 0x01, 0x00, 0xA4}), IsEmpty());
  for (const Bytes& command : {Bytes{0x52, 0x00}, Bytes{0x32, 0x01, 0x00}}) {
    Select();
    Ask(command);
    EXPECT_EQ(Ask({0x40, 0x01, 0x00, 0xA4}), (Bytes{0x41, 0x27}));
  }
}

TEST_F(ChipTest, ACardForgetsAfterFiveMillisecondsWithoutAField) {
  const Bytes off = {0x32, 0x01, 0x00}, on = {0x32, 0x01, 0x01}, list = {0x4A, 0x01, 0x03, 0x00};
  Select();
  Ask(off);
  Pass(milliseconds(4));
  Ask(on);
  Pass(milliseconds(4));
  EXPECT_EQ(Ask(list).size(), 17u);
  EXPECT_THAT(powers_, ElementsAre(true)) << "nor does another activation reset it";
  Ask(off);
  EXPECT_EQ(chip_.next(), now_ + milliseconds(5));
  Pass(milliseconds(5));
  EXPECT_THAT(powers_, ElementsAre(true, false));
  EXPECT_EQ(Ask(list).size(), 17u);
  EXPECT_THAT(powers_, ElementsAre(true, false, true));
  // Nobody looked at the chip in between.
  Ask(off);
  now_ += milliseconds(6);
  Ask(on);
  EXPECT_THAT(powers_, ElementsAre(true, false, true, false));
  // Without power altogether.
  Ask(list);
  chip_.PowerUp();
  EXPECT_EQ(powers_.back(), false);
}

TEST_F(ChipTest, ACardThatLeavesIsNoticedOnceAndThenUnknown) {
  Select();
  TakeAway();
  EXPECT_EQ(Ask({0x40, 0x01, 0x00, 0xA4}), (Bytes{0x41, 0x01}));
  EXPECT_EQ(Ask({0x40, 0x01, 0x00, 0xA4}), (Bytes{0x41, 0x27}));
  Select();
  EXPECT_THAT(Ask({0x40, 0x01, 0x00, 0xA4}), IsEmpty());
  TakeAway();
  EXPECT_THAT(Said(), ElementsAre(Bytes{0x41, 0x01}));
  // Another one in its place is not the target.
  Select();
  TakeAway();
  LayDown();
  EXPECT_EQ(Ask({0x40, 0x01, 0x00, 0xA4}), (Bytes{0x41, 0x01}));
}

TEST_F(ChipTest, AnAckAndANewCommandAbortWhatIsUnderWay) {
  Select();
  EXPECT_THAT(Ask({0x40, 0x01, 0x00, 0xA4}), IsEmpty());
  chip_.Heard(EncodeAck(), now_);
  EXPECT_EQ(abandoned_, 1);
  chip_.CardAnswered(Bytes{0x90, 0x00}, now_);
  EXPECT_THAT(Said(), IsEmpty());
  EXPECT_THAT(Ask({0x8C, 0x00}), IsEmpty());
  EXPECT_EQ(Ask({0x02}).size(), 5u);
}

TEST_F(ChipTest, ANackHasTheAnswerAgain) {
  const Bytes answer = Ask({0x02});
  chip_.Heard(Bytes{0x00, 0x00, 0xFF, 0xFF, 0x00, 0x00}, now_);
  EXPECT_THAT(Said(), ElementsAre(answer));
}

TEST_F(ChipTest, AnswersAPresenceCheck) {
  Select();
  EXPECT_EQ(Ask({0x42, 0xBA, 0x01}), (Bytes{0x43, 0x00, 0xAB, 0x01}));
  TakeAway();
  EXPECT_EQ(Ask({0x42, 0xBA, 0x01}), (Bytes{0x43, 0x01}));
}

TEST_F(ChipTest, FaultsHappenWithTheirApdu) {
  Select();
  const Bytes apdu = {0x40, 0x01, 0x00, 0xA4};
  const auto exchange = [&] {
    chip_.Heard(FromHost(apdu), now_);
    chip_.CardAnswered(Bytes{0x90, 0x00}, now_);
    return Said();
  };
  const Bytes good = {0x41, 0x00, 0x90, 0x00};
  for (const char* fault :
       {"drop@2", "hang@3", "corrupt@4", "status=14@5", "stray=0102@6", "unplug=50@7"}) {
    const auto parsed = ParseFault(fault);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    chip_.AddFault(*parsed);
  }
  EXPECT_THAT(exchange(), ElementsAre(Bytes{}, good));
  EXPECT_THAT(exchange(), IsEmpty());
  EXPECT_THAT(exchange(), ElementsAre(Bytes{}));
  chip_.Heard(FromHost(apdu), now_);
  chip_.CardAnswered(Bytes{0x90, 0x00}, now_);
  Bytes wrong = EncodeAnswer(good);
  wrong[wrong.size() - 2] ^= 1;
  EXPECT_EQ(said_.back(), wrong);
  said_.clear();
  EXPECT_THAT(exchange(), ElementsAre(Bytes{}, Bytes{0x41, 0x14}));
  EXPECT_THAT(exchange(), ElementsAre(Bytes{}, Bytes{0x01, 0x02}, good));
  EXPECT_THAT(unplugged_, IsEmpty());
  exchange();
  EXPECT_THAT(unplugged_, ElementsAre(milliseconds(50)));
  EXPECT_THAT(exchange(), ElementsAre(Bytes{}, good));
}

TEST_F(ChipTest, ALateAnswerIsInTheWayOfTheNextAcknowledgement) {
  Select();
  chip_.AddFault(*ParseFault("late"));
  EXPECT_THAT(Ask({0x40, 0x01, 0x00, 0xA4}), IsEmpty());
  chip_.CardAnswered(Bytes{0x90, 0x00}, now_);
  EXPECT_THAT(Said(), IsEmpty());
  chip_.Heard(EncodeAck(), now_);
  chip_.Heard(FromHost({0x52, 0x00}), now_);
  EXPECT_THAT(Said(), ElementsAre(Bytes{0x41, 0x00, 0x90, 0x00}, Bytes{}, Bytes{0x53, 0x00}));
  EXPECT_EQ(Ask({0x52, 0x00}), (Bytes{0x53, 0x00}));
}

TEST_F(ChipTest, FaultsThatStayAreCleared) {
  Select();
  chip_.AddFault(*ParseFault("dead"));
  chip_.Heard(FromHost({0x02}), now_);
  EXPECT_THAT(Said(), IsEmpty());
  chip_.ClearFaults();
  EXPECT_EQ(Ask({0x02}).size(), 5u);
  chip_.AddFault(*ParseFault("field-lost"));
  EXPECT_EQ(Ask({0x40, 0x01, 0x00, 0xA4}), (Bytes{0x41, 0x01}));
  chip_.ClearFaults();
  EXPECT_EQ(Ask({0x4A, 0x01, 0x03, 0x00}).size(), 17u);
  chip_.AddFault(*ParseFault("latency=100"));
  EXPECT_THAT(Ask({0x40, 0x01, 0x00, 0xA4}), IsEmpty());
  chip_.CardAnswered(Bytes{0x90, 0x00}, now_);
  Pass(milliseconds(99));
  EXPECT_THAT(Said(), IsEmpty());
  Pass(milliseconds(1));
  EXPECT_THAT(Said(), ElementsAre(Bytes{0x41, 0x00, 0x90, 0x00}));
}

}  // namespace
}  // namespace madoguchi::pn532
