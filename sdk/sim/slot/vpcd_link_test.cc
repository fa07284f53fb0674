#include "sdk/sim/slot/vpcd_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace madoguchi::vpcd {
namespace {

using Bytes = std::vector<uint8_t>;
using testing::Optional;

TEST(MessageDecoder, TakesMessagesWholeWhateverThePieces) {
  const Bytes stream = {0, 2, 0x90, 0x00, 0, 0, 0, 1, 0x04};
  for (size_t piece = 1; piece <= stream.size(); ++piece) {
    MessageDecoder decoder;
    std::vector<Bytes> messages;
    for (size_t at = 0; at < stream.size(); at += piece) {
      decoder.Feed(std::span(stream).subspan(at, std::min(piece, stream.size() - at)));
      while (auto message = decoder.Next()) messages.push_back(*message);
    }
    EXPECT_EQ(messages, (std::vector<Bytes>{{0x90, 0x00}, {}, {0x04}})) << "pieces of " << piece;
    EXPECT_TRUE(decoder.empty());
  }
}

TEST(MessageDecoder, WaitsForTheLastByte) {
  MessageDecoder decoder;
  EXPECT_EQ(decoder.Next(), std::nullopt);
  decoder.Feed(Bytes{0});
  EXPECT_EQ(decoder.Next(), std::nullopt);
  decoder.Feed(Bytes{3, 1, 2});
  EXPECT_EQ(decoder.Next(), std::nullopt);
  EXPECT_FALSE(decoder.empty());
  decoder.Feed(Bytes{3});
  EXPECT_THAT(decoder.Next(), Optional(Bytes{1, 2, 3}));
}

TEST(MessageDecoder, ReadsTheLengthBigEndian) {
  MessageDecoder decoder;
  decoder.Feed(Bytes{0xFF, 0xFF});
  decoder.Feed(Bytes(kLongestMessage - 1, 0xAB));
  EXPECT_EQ(decoder.Next(), std::nullopt);
  decoder.Feed(Bytes{0xCD});
  const auto message = decoder.Next();
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->size(), kLongestMessage);
  EXPECT_EQ(message->back(), 0xCD);
}

TEST(PutLength, IsReadBack) {
  for (const size_t size : {0u, 1u, 255u, 256u, 261u, 65535u}) {
    std::array<uint8_t, kLengthSize> length;
    PutLength(size, length);
    MessageDecoder decoder;
    decoder.Feed(length);
    decoder.Feed(Bytes(size, 7));
    const auto message = decoder.Next();
    ASSERT_TRUE(message.has_value()) << size;
    EXPECT_EQ(message->size(), size);
  }
}

TEST(IsAtr, KnowsTheForm) {
  EXPECT_TRUE(IsAtr(Bytes{0x3B, 0x00}));
  EXPECT_TRUE(IsAtr(Bytes{0x3F, 0x02, 'o', 'k'}));
  EXPECT_TRUE(IsAtr(Bytes{0x3B, 0x80, 0x01, 0x81}));        // TD1: T=1, and TCK
  EXPECT_TRUE(IsAtr(Bytes{0x3B, 0x80, 0x80, 0x01, 0x01}));  // as contactless cards have it
  EXPECT_FALSE(IsAtr(Bytes{}));
  EXPECT_FALSE(IsAtr(Bytes{0x3B}));
  EXPECT_FALSE(IsAtr(Bytes{0x90, 0x00}));
  EXPECT_FALSE(IsAtr(Bytes{0x3B, 0x03, 'n', 'o'}));    // a historical byte is missing
  EXPECT_FALSE(IsAtr(Bytes{0x3B, 0xF0, 1, 2, 3}));     // TD1 is missing
  EXPECT_FALSE(IsAtr(Bytes{0x3B, 0x80, 0x80, 0x80}));  // TDs without end
  EXPECT_FALSE(IsAtr(Bytes(34, 0x3B)));
}

}  // namespace
}  // namespace madoguchi::vpcd
