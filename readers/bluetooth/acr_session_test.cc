#include "readers/bluetooth/acr_session.h"

#include <gtest/gtest.h>

#include "readers/bluetooth/acr_peer.h"

namespace madoguchi::bluetooth {
namespace {

// The manual's example, with the maker's key.
const char kProof[] = "a68117919f4607aeae4e948e0514e8c825f7900576f8de7d6ded553f8010c2ca";
const char kB[] = "15674582433ffb64257682ac360b4889";
const char kReaderProof[] = "47d55054f349d417b16540219bdac9b2";

// A of the example: the second half of what its proof becomes when the reader encrypts it back.
Bytes ManualsA() {
  Bytes both = FromHex(kProof);
  EXPECT_TRUE(AesEncrypt(SecretOf(kMakersKey), both).ok());
  return Bytes(both.begin() + 16, both.end());
}

AcrSession::Random Always(const Bytes& bytes) {
  return [bytes](std::span<uint8_t> to) {
    std::copy(bytes.begin(), bytes.end(), to.begin());
    return true;
  };
}

AcrSession ManualsSession() {
  AcrSession session(SecretOf(kMakersKey), Always(FromHex(kB)));
  Bytes challenge = ManualsA();
  EXPECT_TRUE(AesEncrypt(SecretOf(kMakersKey), challenge).ok());
  const auto proof = session.Prove(challenge);
  EXPECT_TRUE(proof.ok()) << proof.status();
  EXPECT_EQ(BytesOf(*proof), FromHex(kProof));
  return session;
}

TEST(AcrSession, ProvesAsInTheManual) {
  AcrSession session = ManualsSession();
  EXPECT_TRUE(session.Believe(FromHex(kReaderProof)).ok());
}

TEST(AcrSession, TheKeyIsHalfAndHalf) {
  AcrSession session = ManualsSession();
  ASSERT_TRUE(session.Believe(FromHex(kReaderProof)).ok());
  Bytes key = ManualsA();
  key.resize(8);
  const Bytes b = FromHex(kB);
  key.insert(key.end(), b.begin(), b.begin() + 8);
  const auto block = MakeAcrBlock(AcrType::kApdu, 0, FromHex("00a4040c0ad392f000260100000001"));
  const auto sealed = session.Seal(*block);
  ASSERT_TRUE(sealed.ok());
  ASSERT_EQ(sealed->size(), 32u);
  Bytes opened = BytesOf(*sealed);
  ASSERT_TRUE(AesDecrypt(SecretOf(key), opened).ok());
  Bytes expected = BytesOf(*block);
  expected.resize(32, 0xFF);
  EXPECT_EQ(opened, expected);
  const auto again = session.Open(BytesOf(*sealed));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->data, FromHex("00a4040c0ad392f000260100000001"));
}

TEST(AcrSession, BelievesNoOtherProof) {
  for (size_t bit = 0; bit < 128; ++bit) {
    AcrSession session = ManualsSession();
    Bytes proof = FromHex(kReaderProof);
    proof[bit / 8] ^= 1 << bit % 8;
    EXPECT_TRUE(absl::IsUnauthenticated(session.Believe(proof))) << bit;
  }
  EXPECT_TRUE(absl::IsDataLoss(ManualsSession().Believe(Bytes(15))));
  AcrSession unasked(SecretOf(kMakersKey), Always(FromHex(kB)));
  EXPECT_FALSE(unasked.Believe(FromHex(kReaderProof)).ok());
}

TEST(AcrSession, WithoutRandomBytesThereIsNoProof) {
  AcrSession session(SecretOf(kMakersKey), [](std::span<uint8_t>) { return false; });
  EXPECT_FALSE(session.Prove(Bytes(16)).ok());
}

TEST(AcrSession, OnlyErrorsArePlain) {
  AcrSession session = ManualsSession();
  ASSERT_TRUE(session.Believe(FromHex(kReaderProof)).ok());
  const auto error = session.Open(AcrPeer::Block(0x51, 0x02, {}));
  ASSERT_TRUE(error.ok()) << error.status();
  EXPECT_EQ(error->parameter, 0x02);
  EXPECT_TRUE(absl::IsDataLoss(session.Open(AcrPeer::Block(0x50, 0x02, {})).status()));
  Bytes wrong = AcrPeer::Block(0x51, 0x02, {});
  wrong[6] ^= 1;
  EXPECT_TRUE(absl::IsDataLoss(session.Open(wrong).status()));
  for (const size_t size : {0, 6, 8, 15, 17}) {
    EXPECT_TRUE(absl::IsDataLoss(session.Open(Bytes(size)).status())) << size;
  }
  EXPECT_TRUE(absl::IsDataLoss(session.Open(Bytes(16)).status())) << "nonsense when decrypted";
}

}  // namespace
}  // namespace madoguchi::bluetooth
