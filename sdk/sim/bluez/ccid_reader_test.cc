#include "sdk/sim/bluez/ccid_reader.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "sdk/sim/bluez/hex.h"
#include "sdk/sim/bluez/sim_host.h"

namespace madoguchi::bluez {
namespace {

using namespace std::chrono_literals;
using Make = CcidReader::Make;

Bytes Hex(const char* text) { return FromHex(text).value(); }

class CcidReaderTest : public testing::TestWithParam<Make> {
 protected:
  CcidReaderTest() {
    radio_.firmware = &reader_;
    reader_.LinkUp(radio_);
  }
  Bytes Ask(const Bytes& frame) {
    for (size_t at = 0; at < frame.size(); at += 20) {
      reader_.Take(std::span(frame).subspan(at, std::min<size_t>(20, frame.size() - at)));
    }
    return radio_.Heard();
  }
  Bytes Ask(const char* frame) { return Ask(Hex(frame)); }
  bool spring() const { return GetParam() == Make::kSpringCore; }

  Faults faults_;
  Timers timers_;
  SimCard card_;
  SimRadio radio_;
  CcidReader reader_{card_, timers_, faults_, 5000ms, GetParam()};
};

TEST_P(CcidReaderTest, PowersAndTransfers) {
  EXPECT_EQ(Ask("65 00000000 00 01 000000"), Hex("81 00000000 00 01 01 00 00"));
  EXPECT_EQ(Ask("62 00000000 00 02 000000"), Hex("80 05000000 00 02 00 00 00 3B80800101"));
  EXPECT_EQ(Ask("6F 0C000000 00 03 000000 00A4040C07D3921000310101"), Bytes());
  ASSERT_EQ(card_.sent.size(), 1u);
  EXPECT_EQ(card_.sent[0], Hex("00A4040C07D3921000310101"));
  reader_.CardAnswered(Hex("9000"));
  EXPECT_EQ(radio_.Heard(), Hex("80 02000000 00 03 00 00 00 9000"));
  EXPECT_EQ(Ask("63 00000000 00 04 000000"), Hex("81 00000000 00 04 01 00 00"));
}

TEST_P(CcidReaderTest, WhatFailsSaysWhy) {
  const char* transfer_unpowered =
      spring() ? "81 00000000 00 03 41 FE 00" : "80 00000000 00 03 41 FE 00";
  EXPECT_EQ(Ask("6F 02000000 00 03 000000 00A4"), Hex(transfer_unpowered));
  card_.lies = false;
  EXPECT_EQ(Ask("62 00000000 00 02 000000"),
            Hex(spring() ? "81 00000000 00 02 42 FE 00" : "80 00000000 00 02 42 FE 00"));
  EXPECT_EQ(Ask("65 00000000 00 01 000000"), Hex("81 00000000 00 01 02 00 00"));
  EXPECT_EQ(Ask("77 00000000 00 05 000000"), Hex("81 00000000 00 05 42 00 00"));
  EXPECT_EQ(Ask("65 00000000 01 05 000000"), Hex("81 00000000 01 05 42 05 00"));
  EXPECT_EQ(Ask("65 FF00FF00 00 05 000000"), Hex("81 00000000 00 00 42 01 00"));
  EXPECT_EQ(Ask("65 00000000 00 09 000000"), Hex("81 00000000 00 09 02 00 00")) << "listens on";
}

TEST_P(CcidReaderTest, SlotChangesComeUnasked) {
  card_.lies = false;
  reader_.CardLeft();
  card_.lies = true;
  reader_.CardArrived();
  if (spring()) {
    EXPECT_EQ(radio_.Heard(Pipe::kStatus), Hex("01 02 01 03"));
    EXPECT_EQ(reader_.Status(), Hex("01 01"));
  } else {
    EXPECT_EQ(radio_.Heard(), Hex("50 02 50 03"));
  }
}

TEST_P(CcidReaderTest, ACardThatLeavesOrIsSilentEndsItsApdu) {
  Ask("62 00000000 00 02 000000");
  Ask("6F 02000000 00 03 000000 00A4");
  timers_.AdvanceTo(timers_.now() + 5000ms);
  EXPECT_EQ(radio_.Heard(),
            Hex(spring() ? "81 00000000 00 03 40 FE 00" : "80 00000000 00 03 40 FE 00"));
  Ask("6F 02000000 00 04 000000 00A4");
  card_.lies = false;
  reader_.CardLeft();
  const Bytes heard = radio_.Heard();
  EXPECT_EQ(Bytes(heard.begin(), heard.begin() + 10),
            Hex(spring() ? "81 00000000 00 04 42 FE 00" : "80 00000000 00 04 42 FE 00"));
}

TEST_P(CcidReaderTest, GivesLongResponsesInParts) {
  faults_.chained = 3;
  Ask("62 00000000 00 02 000000");
  Ask("6F 05000000 00 03 000000 00B0000003");
  reader_.CardAnswered(Hex("010203 9000"));
  EXPECT_EQ(radio_.Heard(), Hex("80 03000000 00 03 00 00 01 010203"));
  EXPECT_EQ(Ask("6F 00000000 00 04 001000"), Hex("80 02000000 00 04 00 00 02 9000"));
}

TEST_P(CcidReaderTest, TakesLongCommandsInParts) {
  Ask("62 00000000 00 02 000000");
  EXPECT_EQ(Ask("6F 02000000 00 03 000100 00A4"), Hex("80 00000000 00 03 00 00 10"));
  Ask("6F 02000000 00 04 000200 040C");
  ASSERT_EQ(card_.sent.size(), 1u);
  EXPECT_EQ(card_.sent[0], Hex("00A4040C"));
}

TEST_P(CcidReaderTest, TheEndOfTheLinkForgetsEverything) {
  Ask("62 00000000 00 02 000000");
  Ask("6F 0C0000");
  reader_.LinkDown();
  EXPECT_EQ(card_.power_offs, 1);
  reader_.LinkUp(radio_);
  EXPECT_EQ(Ask("65 00000000 00 01 000000"), Hex("81 00000000 00 01 01 00 00"));
}

INSTANTIATE_TEST_SUITE_P(Makes, CcidReaderTest, testing::Values(Make::kFeitian, Make::kSpringCore),
                         [](const auto& info) {
                           return info.param == Make::kFeitian ? "Feitian" : "SpringCore";
                         });

}  // namespace
}  // namespace madoguchi::bluez
