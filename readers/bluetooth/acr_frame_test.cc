#include "readers/bluetooth/acr_frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "readers/bluetooth/acr_peer.h"

namespace madoguchi::bluetooth {
namespace {

using testing::HasSubstr;

// Examples of the Reference Manual.
const char kAskChallenge[] = "6b0005000000cbe000004500";
const char kHostProof[] =
    "6b0025000000eae000004600"
    "a68117919f4607aeae4e948e0514e8c825f7900576f8de7d6ded553f8010c2ca";
const char kReaderProof[] = "83001500000253e10000460047d55054f349d417b16540219bdac9b2";
const char kPollingOn[] = "6b0005000000cfe000004001";

Bytes AllOf(AcrFrameStream& stream) {
  Bytes all;
  while (true) {
    const auto next = stream.Next();
    if (!next.ok() || !next->has_value()) return all;
    all.insert(all.end(), (*next)->begin(), (*next)->end());
  }
}

TEST(AcrBlock, IsMadeAsInTheManual) {
  const auto ask = MakeAcrBlock(AcrType::kEscape, 0, FromHex("e000004500"));
  EXPECT_EQ(BytesOf(*ask), FromHex(kAskChallenge));
  const auto polling = MakeAcrBlock(AcrType::kEscape, 0, FromHex("e000004001"));
  EXPECT_EQ(BytesOf(*polling), FromHex(kPollingOn));
}

TEST(AcrBlock, IsReadAsInTheManual) {
  size_t used = 0;
  auto block = ParseAcrBlock(FromHex(kReaderProof), &used);
  ASSERT_TRUE(block.ok()) << block.status();
  EXPECT_EQ(block->type, AcrType::kEscapeAnswer);
  EXPECT_EQ(block->parameter, 0x02);
  EXPECT_EQ(block->data, FromHex("e10000460047d55054f349d417b16540219bdac9b2"));
  EXPECT_EQ(used, 28u);
  block = ParseAcrBlock(FromHex(kHostProof), &used);
  ASSERT_TRUE(block.ok()) << block.status();
  EXPECT_EQ(block->data.size(), 37u);
}

TEST(AcrBlock, AXorLikeTheManualsMisprintsIsRefused) {
  size_t used = 0;
  // Its examples of the first answer and of an ATR say 2C and 08, which is not the xor of their
  // bytes; these have their form.
  for (const char* misprint : {"83001500 00002ce1000045000102030405060708090a0b0c0d0e0f10",
                               "80000800 0000083b8880010000000009"}) {
    std::string hex = misprint;
    std::erase(hex, ' ');
    const auto block = ParseAcrBlock(FromHex(hex), &used);
    EXPECT_THAT(std::string(block.status().message()), HasSubstr("xor"));
  }
}

TEST(AcrBlock, WhatIsNoneIsRefused) {
  size_t used = 0;
  for (const char* wrong : {"", "80", "800000000000", "80000100000081", "80ffff00000080"}) {
    EXPECT_TRUE(absl::IsDataLoss(ParseAcrBlock(FromHex(wrong), &used).status())) << wrong;
  }
  const auto other_slot = ParseAcrBlock(FromHex("80000001000081"), &used);
  EXPECT_THAT(std::string(other_slot.status().message()), HasSubstr("another slot"));
}

TEST(AcrFrame, HoldsAPayload) {
  const auto frame = MakeAcrFrame(FromHex(kAskChallenge));
  ASSERT_TRUE(frame.ok());
  Bytes expected = FromHex(std::string("05000c") + kAskChallenge);
  // 00 ^ 0c, and the block's own xor is 0.
  expected.push_back(0x0C);
  expected.push_back(0x0A);
  EXPECT_EQ(BytesOf(*frame), expected);
  EXPECT_FALSE(MakeAcrFrame(Bytes(508)).ok());
}

TEST(AcrFrame, PiecesMeanNothing) {
  Bytes two = AcrPeer::Frame(FromHex(kReaderProof));
  const Bytes second = AcrPeer::Frame(FromHex(kPollingOn));
  two.insert(two.end(), second.begin(), second.end());
  const Bytes expected = FromHex(std::string(kReaderProof) + kPollingOn);
  for (size_t piece = 1; piece <= two.size(); ++piece) {
    AcrFrameStream stream;
    Bytes all;
    for (size_t at = 0; at < two.size(); at += piece) {
      stream.Feed(std::span(two).subspan(at, std::min(piece, two.size() - at)));
      const Bytes some = AllOf(stream);
      all.insert(all.end(), some.begin(), some.end());
    }
    EXPECT_EQ(all, expected) << piece;
  }
}

TEST(AcrFrame, WhatIsNoneIsRefusedForEver) {
  const Bytes right = AcrPeer::Frame(FromHex(kPollingOn));
  for (size_t bit = 0; bit < right.size() * 8; ++bit) {
    Bytes wrong = right;
    wrong[bit / 8] ^= 1 << bit % 8;
    AcrFrameStream stream;
    stream.Feed(wrong);
    auto next = stream.Next();
    // A longer length is one of a frame that is not all there yet; never is one accepted.
    if (next.ok()) {
      EXPECT_FALSE(next->has_value()) << bit;
      continue;
    }
    stream.Feed(right);
    EXPECT_TRUE(absl::IsDataLoss(stream.Next().status())) << bit;
  }
}

TEST(AcrFrame, NoFrameIsLongerThanAReaderSends) {
  AcrFrameStream stream;
  stream.Feed(FromHex("050801"));
  EXPECT_THAT(std::string(stream.Next().status().message()), HasSubstr("2048"));
}

}  // namespace
}  // namespace madoguchi::bluetooth
