#include "sdk/proof/proof.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <numeric>

#include "sdk/failure/failure.h"
#include "sdk/proof/test_pki.h"

namespace madoguchi {
namespace {

std::string Counting(int first) {
  std::string bytes(32, '\0');
  std::iota(bytes.begin(), bytes.end(), static_cast<char>(first));
  return bytes;
}

std::string Hex(const std::string& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

ProofSubject Subject() {
  return {"authority.test", "clinic-1", "00112233445566778899aabbccddeeff", Counting(0),
          Counting(32)};
}

// Computed apart from this code, from the layout that authority.v1.Proof writes down.
TEST(ProofDigest, FollowsTheWrittenLayout) {
  EXPECT_EQ(Hex(ProofDigest(Subject())),
            "1d85b1175ed1f7ca994a30ccf771bc25f83190ae52b13d1623f6b0deaf88429b");
}

TEST(ProofDigest, NoByteMayMoveFromOneFieldToTheNext) {
  ProofSubject moved = Subject();
  moved.authority_id = "authority.testc";
  moved.host_id = "linic-1";
  EXPECT_NE(ProofDigest(moved), ProofDigest(Subject()));
}

TEST(DigestInfo, IsTheTemplateForSha256) {
  EXPECT_EQ(Hex(DigestInfo(Counting(0))),
            "3031300d060960864801650304020105000420"
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
}

class Signature : public ::testing::Test {
 protected:
  const test::Authority authority_ = test::MakeAuthority();
  const test::Key key_ = test::RsaKey();
  const Certificate certificate_ =
      *Certificate::Parse(test::Der(test::Issue(authority_, key_, test::ValidNow())));
  const std::string digest_ = ProofDigest(Subject());
  const std::string signature_ = test::SignDigest(key_, digest_);

  FailureCode Check(const std::string& digest, const std::string& signature) const {
    return CodeOf(CheckSignature(certificate_, digest, signature));
  }
};

TEST_F(Signature, OfTheCardVerifies) {
  EXPECT_EQ(CheckSignature(certificate_, digest_, signature_), absl::OkStatus());
}

// A card is handed the DigestInfo and pads it as type 1 without looking inside.
TEST_F(Signature, OverTheDigestInfoThatACardIsHandedVerifies) {
  std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> card(
      EVP_PKEY_CTX_new(key_.get(), nullptr), EVP_PKEY_CTX_free);
  const std::string info = DigestInfo(digest_);
  ASSERT_EQ(info.size(), 51u);
  std::string raw(256, '\0');
  size_t length = raw.size();
  ASSERT_EQ(EVP_PKEY_sign_init(card.get()), 1);
  ASSERT_EQ(EVP_PKEY_sign(card.get(), reinterpret_cast<unsigned char*>(raw.data()), &length,
                          reinterpret_cast<const unsigned char*>(info.data()), info.size()),
            1);
  EXPECT_EQ(CheckSignature(certificate_, digest_, raw), absl::OkStatus());
}

TEST_F(Signature, OfAnotherDigestOrKeyOrFormIsWrong) {
  constexpr auto kWrong = check::v1::FAILURE_CODE_SIGNATURE_WRONG;
  ProofSubject other = Subject();
  other.check_id[0] = 'f';
  EXPECT_EQ(Check(ProofDigest(other), signature_), kWrong);
  EXPECT_EQ(Check(digest_, test::SignDigest(test::RsaKey(), digest_)), kWrong);
  EXPECT_EQ(Check(digest_, ""), kWrong);
  EXPECT_EQ(Check(digest_, signature_.substr(1)), kWrong);
  EXPECT_EQ(Check(digest_, signature_ + '\0'), kWrong);
  EXPECT_EQ(Check(digest_.substr(1), signature_), kWrong);
  EXPECT_EQ(Check("", signature_), kWrong);
}

TEST_F(Signature, NoFlippedBitVerifies) {
  for (size_t bit = 0; bit < signature_.size() * 8; bit += 5) {
    std::string flipped = signature_;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    ASSERT_FALSE(CheckSignature(certificate_, digest_, flipped).ok()) << bit;
  }
}

TEST_F(Signature, AndChainTogetherTakeWellUnderAMillisecond) {
  const auto anchors = TrustAnchors::FromPem(test::Pem(authority_.certificate));
  std::vector<double> microseconds;
  for (int i = 0; i < 101; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_TRUE(anchors->Check(certificate_, std::chrono::system_clock::now()).ok());
    ASSERT_TRUE(CheckSignature(certificate_, digest_, signature_).ok());
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
    microseconds.push_back(took.count());
  }
  std::nth_element(microseconds.begin(), microseconds.begin() + 50, microseconds.end());
  RecordProperty("median_us", std::to_string(microseconds[50]));
  std::printf("median of chain and signature: %.0f us\n", microseconds[50]);
  EXPECT_LT(microseconds[50], 1000);
}

}  // namespace
}  // namespace madoguchi
