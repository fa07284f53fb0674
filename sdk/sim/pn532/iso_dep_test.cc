#include "sdk/sim/pn532/iso_dep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace madoguchi::pn532 {
namespace {

using testing::Optional;

TEST(IsoDep, ExchangesAnApduOfOneBlock) {
  IsoDep card;
  EXPECT_THAT(card.Heard(Bytes{0x0A, 0x01, 0x00, 0xA4}).apdu, Optional(Bytes{0x00, 0xA4}));
  EXPECT_EQ(card.Answered(Bytes{0x90, 0x00}), (Bytes{0x0A, 0x01, 0x90, 0x00}));
  EXPECT_THAT(card.Heard(Bytes{0x0B, 0x01, 0x00, 0xB0}).apdu, Optional(Bytes{0x00, 0xB0}));
  EXPECT_EQ(card.Answered(Bytes{0x90, 0x00}), (Bytes{0x0B, 0x01, 0x90, 0x00}));
}

TEST(IsoDep, ChainsBothWays) {
  IsoDep card;
  EXPECT_THAT(card.Heard(Bytes{0x1A, 0x01, 0x00, 0xA4}).block, Optional(Bytes{0xAA, 0x01}));
  EXPECT_THAT(card.Heard(Bytes{0x0B, 0x01, 0x04}).apdu, Optional(Bytes{0x00, 0xA4, 0x04}));
  Bytes answer(130);
  for (size_t i = 0; i < answer.size(); ++i) answer[i] = static_cast<uint8_t>(i);
  Bytes got;
  Bytes block = card.Answered(answer);
  uint8_t number = 1;
  for (;;) {
    EXPECT_LE(block.size(), 62u);
    EXPECT_EQ(block[0] & 1, number);
    got.insert(got.end(), block.begin() + 2, block.end());
    if ((block[0] & 0x10) == 0) break;
    number ^= 1;
    const Bytes ack = {static_cast<uint8_t>(0xAA | number), 0x01};
    const auto next = card.Heard(ack).block;
    ASSERT_TRUE(next.has_value());
    block = *next;
  }
  EXPECT_EQ(got, answer);
}

TEST(IsoDep, RepeatsTheLastBlockOrSaysThatItIsThere) {
  IsoDep card;
  EXPECT_THAT(card.Heard(Bytes{0xBA, 0x01}).block, Optional(Bytes{0xAB, 0x01}));
  card.Heard(Bytes{0x0A, 0x01, 0x00, 0xA4});
  const Bytes block = card.Answered(Bytes{0x90, 0x00});
  EXPECT_THAT(card.Heard(Bytes{0xBA, 0x01}).block, Optional(block));
  EXPECT_THAT(card.Heard(Bytes{0xBB, 0x01}).block, Optional(Bytes{0xAA, 0x01}));
  // The chip's own exchanges count as well.
  card.Activate();
  card.Exchanged(Bytes{0x6A, 0x82});
  EXPECT_THAT(card.Heard(Bytes{0xBA, 0x01}).block, Optional(Bytes{0x0A, 0x01, 0x6A, 0x82}));
}

TEST(IsoDep, IsDeselectedAndHearsOnlyItsOwnCid) {
  IsoDep card;
  EXPECT_EQ(card.Heard(Bytes{0xBA, 0x02}).block, std::nullopt);
  EXPECT_EQ(card.Heard(Bytes{}).block, std::nullopt);
  EXPECT_EQ(card.Heard(Bytes{0xBA}).block, std::nullopt);
  const auto reply = card.Heard(Bytes{0xCA, 0x01});
  EXPECT_THAT(reply.block, Optional(Bytes{0xCA, 0x01}));
  EXPECT_TRUE(reply.deselected);
}

}  // namespace
}  // namespace madoguchi::pn532
