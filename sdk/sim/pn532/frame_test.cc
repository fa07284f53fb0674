#include "sdk/sim/pn532/frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace madoguchi::pn532 {
namespace {

using Kind = Token::Kind;

// A host's frame: the chip's with the other TFI.
Bytes FromHost(const Bytes& data) {
  Bytes frame = EncodeAnswer(data);
  const size_t tfi = data.size() + 1 <= 255 ? 5 : 8;
  frame[tfi] = kFromHost;
  frame[frame.size() - 2] += kFromChip - kFromHost;
  return frame;
}

std::vector<Token> TokensOf(const Bytes& stream, size_t piece = 1000) {
  FrameDecoder decoder;
  std::vector<Token> tokens;
  for (size_t at = 0; at < stream.size(); at += piece) {
    decoder.Feed(std::span(stream).subspan(at, std::min(piece, stream.size() - at)));
    while (auto token = decoder.Next()) tokens.push_back(*token);
  }
  return tokens;
}

TEST(FrameDecoder, TakesWhatLibnfcSendsWhateverThePieces) {
  // Waking up, SAMConfiguration, an ACK, GetFirmwareVersion.
  Bytes stream = {0x55, 0x55, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  for (const Bytes& part : {Bytes{0, 0, 0xFF, 0x03, 0xFD, 0xD4, 0x14, 0x01, 0x17, 0}, EncodeAck(),
                            Bytes{0, 0, 0xFF, 0x02, 0xFE, 0xD4, 0x02, 0x2A, 0}}) {
    stream.insert(stream.end(), part.begin(), part.end());
  }
  for (size_t piece = 1; piece <= stream.size(); ++piece) {
    const auto tokens = TokensOf(stream, piece);
    ASSERT_EQ(tokens.size(), 3u) << "pieces of " << piece;
    EXPECT_EQ(tokens[0].data, (Bytes{0x14, 0x01}));
    EXPECT_EQ(tokens[1].kind, Kind::kAck);
    EXPECT_EQ(tokens[2].data, (Bytes{0x02}));
  }
}

TEST(FrameDecoder, TakesEveryLengthInTheFormThatItNeeds) {
  for (const size_t size : {1u, 2u, 253u, 254u, 255u, 256u, 263u, 264u}) {
    Bytes data(size, 0xFF);
    data[0] = 0x40;
    const Bytes frame = FromHost(data);
    EXPECT_EQ(frame[3] == 0xFF && frame[4] == 0xFF, size > 254) << size;
    const auto tokens = TokensOf(frame);
    ASSERT_EQ(tokens.size(), 1u) << size;
    EXPECT_EQ(tokens[0].data, data) << size;
  }
}

TEST(FrameDecoder, KnowsNack) {
  const auto tokens = TokensOf({0, 0, 0xFF, 0xFF, 0, 0});
  ASSERT_EQ(tokens.size(), 1u);
  EXPECT_EQ(tokens[0].kind, Kind::kNack);
}

TEST(FrameDecoder, SkipsWhatIsNoFrame) {
  const Bytes good = FromHost({0x02});
  for (Bytes bad : {Bytes{0, 0, 0xFF, 0x02, 0xFD, 0xD4, 0x02, 0x2A, 0},  // LCS
                    Bytes{0, 0, 0xFF, 0x02, 0xFE, 0xD4, 0x02, 0x2B, 0},  // DCS
                    Bytes{0, 0, 0xFF, 0x02, 0xFE, 0xD5, 0x02, 0x29, 0},  // TFI
                    Bytes{0, 0, 0xFF, 0x01, 0xFF, 0xD4, 0x2C, 0},        // no command
                    Bytes{0, 0, 0xFF, 0xFF, 0xFF, 0x10, 0x00, 0xF0},     // too long
                    Bytes{0x12, 0xFF, 0x00, 0xAB}}) {
    EXPECT_TRUE(TokensOf(bad).empty());
    bad.insert(bad.end(), good.begin(), good.end());
    const auto tokens = TokensOf(bad);
    ASSERT_EQ(tokens.size(), 1u);
    EXPECT_EQ(tokens[0].data, (Bytes{0x02}));
  }
}

TEST(FrameDecoder, KeepsNoMoreThanOneFrame) {
  FrameDecoder decoder;
  for (int i = 0; i < 1000; ++i) {
    decoder.Feed(Bytes(100, 0x55));
    EXPECT_EQ(decoder.Next(), std::nullopt);
    EXPECT_EQ(decoder.kept(), 0u);
  }
}

TEST(EncodeAnswer, IsAsDocumented) {
  EXPECT_EQ(EncodeAnswer(Bytes{0x03, 0x32, 0x01, 0x06, 0x07}),
            (Bytes{0, 0, 0xFF, 0x06, 0xFA, 0xD5, 0x03, 0x32, 0x01, 0x06, 0x07, 0xE8, 0}));
  const Bytes longest = EncodeAnswer(Bytes(264, 0));
  EXPECT_EQ(Bytes(longest.begin(), longest.begin() + 9),
            (Bytes{0, 0, 0xFF, 0xFF, 0xFF, 0x01, 0x09, 0xF6, 0xD5}));
}

}  // namespace
}  // namespace madoguchi::pn532
