#include "sdk/sim/card/vpcd.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "sdk/sim/card/hex.h"

namespace madoguchi::sim {
namespace {

void Put(VpcdDecoder& decoder, const Bytes& bytes) {
  const std::span<uint8_t> space = decoder.Space();
  ASSERT_GE(space.size(), bytes.size());
  std::copy(bytes.begin(), bytes.end(), space.begin());
  decoder.Received(bytes.size());
}

std::string Next(VpcdDecoder& decoder) {
  const auto message = decoder.Message();
  if (!message) return "none";
  const std::string hex = ToHex(*message);
  decoder.Pop();
  return hex;
}

TEST(Vpcd, CutsAStreamWhereverItBreaks) {
  const Bytes stream = *FromHex("000104 0004 00A40000 0000 0002 ABCD");
  for (size_t step = 1; step <= stream.size(); ++step) {
    const auto decoder = std::make_unique<VpcdDecoder>();
    std::string seen;
    for (size_t at = 0; at < stream.size(); at += step) {
      Put(*decoder,
          Bytes(stream.begin() + at, stream.begin() + std::min(at + step, stream.size())));
      while (decoder->Message()) seen += Next(*decoder) + " ";
    }
    EXPECT_EQ(seen, "04 00A40000  ABCD ") << step;
  }
}

TEST(Vpcd, TakesTheLongestMessage) {
  const auto decoder = std::make_unique<VpcdDecoder>();
  Bytes stream(2 + kLongestVpcdMessage, 0xAA);
  stream[0] = stream[1] = 0xFF;
  Put(*decoder, stream);
  EXPECT_TRUE(decoder->Space().empty());
  ASSERT_TRUE(decoder->Message());
  EXPECT_EQ(decoder->Message()->size(), kLongestVpcdMessage);
  decoder->Pop();
  EXPECT_FALSE(decoder->Message());
  EXPECT_EQ(decoder->Space().size(), 2 + kLongestVpcdMessage);
}

TEST(Vpcd, WipesWhatIsDone) {
  const auto decoder = std::make_unique<VpcdDecoder>();
  Put(*decoder, *FromHex("0009 00200080 04 39393939 0001 04"));
  const uint8_t* begin = decoder->Message()->data() - 2;
  decoder->Pop();
  EXPECT_EQ(Next(*decoder), "04");
  EXPECT_TRUE(std::all_of(begin, begin + 14, [](uint8_t byte) { return byte == 0; }));
  Put(*decoder, *FromHex("0009 00200080 04 3939"));
  decoder->Clear();
  EXPECT_TRUE(std::all_of(begin, begin + 14, [](uint8_t byte) { return byte == 0; }));
}

TEST(Vpcd, Encodes) {
  EXPECT_EQ(ToHex(EncodeVpcdMessage(Bytes{0x90, 0x00})), "00029000");
  EXPECT_EQ(ToHex(EncodeVpcdMessage(Bytes(258, 1))).substr(0, 6), "010201");
}

}  // namespace
}  // namespace madoguchi::sim
