#include "sdk/proof/certificate.h"

#include <gtest/gtest.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <thread>

#include "sdk/failure/failure.h"
#include "sdk/proof/test_pki.h"

namespace madoguchi {
namespace {

using std::chrono::system_clock;

const test::Authority& TrustedAuthority() {
  static const auto* const authority = new test::Authority(test::MakeAuthority());
  return *authority;
}

const test::Key& CardKey() {
  static const auto* const key = new test::Key(test::RsaKey());
  return *key;
}

TrustAnchors Anchors() { return *TrustAnchors::FromPem(test::Pem(TrustedAuthority().certificate)); }

std::vector<uint8_t> CardDer(const test::CertificateForm& form = test::ValidNow()) {
  return test::Der(test::Issue(TrustedAuthority(), CardKey(), form));
}

FailureCode ParseFailure(const std::vector<uint8_t>& der) {
  return CodeOf(Certificate::Parse(der).status());
}

TEST(Certificate, TellsSerialIssuerAndHash) {
  test::CertificateForm form = test::ValidNow();
  form.serial = 0x0133c349;
  const std::vector<uint8_t> der = CardDer(form);
  const auto certificate = Certificate::Parse(der);
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  EXPECT_EQ(certificate->serial(), "133c349");
  EXPECT_EQ(certificate->issuer(), "OU=Synthetic CA,O=JPKI-TEST,C=JP");
  EXPECT_EQ(certificate->der(), der);
  std::string sha256(32, '\0');
  unsigned length = 0;
  EVP_Digest(der.data(), der.size(), reinterpret_cast<unsigned char*>(sha256.data()), &length,
             EVP_sha256(), nullptr);
  EXPECT_EQ(certificate->sha256(), sha256);
}

TEST(Certificate, KeepsASerialOfZeroAsOneDigit) {
  test::CertificateForm form = test::ValidNow();
  form.serial = 0;
  EXPECT_EQ(Certificate::Parse(CardDer(form))->serial(), "0");
}

TEST(Certificate, RefusesTrailingBytesAndEveryCut) {
  std::vector<uint8_t> longer = CardDer();
  const std::vector<uint8_t> whole = longer;
  longer.push_back(0);
  EXPECT_EQ(ParseFailure(longer), check::v1::FAILURE_CODE_CARD_ANSWER_INVALID);
  EXPECT_EQ(ParseFailure({}), check::v1::FAILURE_CODE_CARD_ANSWER_INVALID);
  for (size_t length = 1; length < whole.size(); ++length) {
    const std::vector<uint8_t> cut(whole.begin(), whole.begin() + static_cast<long>(length));
    ASSERT_EQ(ParseFailure(cut), check::v1::FAILURE_CODE_CARD_ANSWER_INVALID) << length;
  }
  std::vector<uint8_t> padded = whole;
  padded.resize(8193);
  EXPECT_EQ(ParseFailure(padded), check::v1::FAILURE_CODE_CARD_ANSWER_INVALID);
}

TEST(Certificate, RefusesKeysThatNoCardHas) {
  const test::CertificateForm form = test::ValidNow();
  for (const test::Key& key :
       {test::RsaKey(1024), test::RsaKey(3072), test::RsaKey(2048, 3), test::EcKey()}) {
    EXPECT_EQ(ParseFailure(test::Der(test::Issue(TrustedAuthority(), key, form))),
              check::v1::FAILURE_CODE_CARD_ANSWER_INVALID);
  }
}

TEST(TrustAnchors, BelievesWhatItsAuthoritySigned) {
  EXPECT_EQ(Anchors().Check(*Certificate::Parse(CardDer()), system_clock::now()), absl::OkStatus());
}

TEST(TrustAnchors, TellsAuthoritiesOfOneNameApart) {
  const test::Authority older = test::MakeAuthority();
  const test::Authority stranger = test::MakeAuthority();
  const auto anchors = TrustAnchors::FromPem(test::Pem(older.certificate) +
                                             test::Pem(TrustedAuthority().certificate));
  ASSERT_TRUE(anchors.ok());
  const auto now = system_clock::now();
  EXPECT_TRUE(anchors->Check(*Certificate::Parse(CardDer()), now).ok());
  const auto of_older = test::Der(test::Issue(older, CardKey(), test::ValidNow()));
  EXPECT_TRUE(anchors->Check(*Certificate::Parse(of_older), now).ok());
  const auto of_stranger = test::Der(test::Issue(stranger, CardKey(), test::ValidNow()));
  EXPECT_EQ(CodeOf(anchors->Check(*Certificate::Parse(of_stranger), now)),
            check::v1::FAILURE_CODE_CERTIFICATE_UNKNOWN_ISSUER);
}

TEST(TrustAnchors, RefusesAnotherIssuerNameUnderTheRightKey) {
  test::Authority renamed = test::MakeAuthority("Another CA");
  renamed.key = TrustedAuthority().key;
  const auto der = test::Der(test::Issue(renamed, CardKey(), test::ValidNow()));
  EXPECT_EQ(CodeOf(Anchors().Check(*Certificate::Parse(der), system_clock::now())),
            check::v1::FAILURE_CODE_CERTIFICATE_UNKNOWN_ISSUER);
}

TEST(TrustAnchors, TheDatesAreInclusiveToTheSecond) {
  test::CertificateForm form = test::ValidNow();
  const auto certificate = *Certificate::Parse(CardDer(form));
  const auto begin = system_clock::from_time_t(form.not_before);
  const auto end = system_clock::from_time_t(form.not_after);
  const std::chrono::seconds second(1);
  EXPECT_TRUE(Anchors().Check(certificate, begin).ok());
  EXPECT_TRUE(Anchors().Check(certificate, end).ok());
  EXPECT_EQ(CodeOf(Anchors().Check(certificate, begin - second)),
            check::v1::FAILURE_CODE_CERTIFICATE_NOT_YET_VALID);
  EXPECT_EQ(CodeOf(Anchors().Check(certificate, end + second)),
            check::v1::FAILURE_CODE_CERTIFICATE_EXPIRED);
}

TEST(TrustAnchors, AnUnknownIssuerIsSaidBeforeTheDates) {
  test::CertificateForm form = test::ValidNow();
  form.not_after = form.not_before + 1;
  const auto der = test::Der(test::Issue(test::MakeAuthority(), CardKey(), form));
  EXPECT_EQ(CodeOf(Anchors().Check(*Certificate::Parse(der), system_clock::now())),
            check::v1::FAILURE_CODE_CERTIFICATE_UNKNOWN_ISSUER);
}

TEST(TrustAnchors, RefusesASignatureOverSha1) {
  test::CertificateForm form = test::ValidNow();
  form.digest = EVP_sha1();
  EXPECT_EQ(CodeOf(Anchors().Check(*Certificate::Parse(CardDer(form)), system_clock::now())),
            check::v1::FAILURE_CODE_CERTIFICATE_UNKNOWN_ISSUER);
}

// Whatever bit is flipped, the result is never believed.
TEST(TrustAnchors, NoFlippedBitIsBelieved) {
  const std::vector<uint8_t> der = CardDer();
  const TrustAnchors anchors = Anchors();
  const auto now = system_clock::now();
  int parsed = 0;
  for (size_t bit = 0; bit < der.size() * 8; bit += 3) {
    std::vector<uint8_t> flipped = der;
    flipped[bit / 8] ^= static_cast<uint8_t>(1U << (bit % 8));
    const auto certificate = Certificate::Parse(flipped);
    if (!certificate.ok()) continue;
    ++parsed;
    ASSERT_FALSE(anchors.Check(*certificate, now).ok()) << "bit " << bit;
  }
  EXPECT_GT(parsed, 100);  // otherwise nothing but the parser was asked
}

TEST(TrustAnchors, SaysWhichBlockIsNotAnAuthority) {
  const std::string good = test::Pem(TrustedAuthority().certificate);
  const std::string leaf = test::Pem(test::Issue(TrustedAuthority(), CardKey(), test::ValidNow()));
  const auto message = [](const std::string& pem) {
    const auto anchors = TrustAnchors::FromPem(pem);
    EXPECT_EQ(anchors.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(anchors.status().message());
  };
  EXPECT_NE(message(good + leaf).find("block 2"), std::string::npos);
  EXPECT_NE(message(good + good + test::Pem(CardKey())).find("block 3"), std::string::npos);
  EXPECT_NE(message(good + good.substr(0, good.size() / 2)).find("block 2"), std::string::npos);
  std::string broken = good;
  broken[broken.size() / 2] = '!';
  EXPECT_NE(message(broken).find("block 1"), std::string::npos);
  EXPECT_NE(message("no certificate here\n").find("found none"), std::string::npos);
}

TEST(TrustAnchors, MayBeAskedFromSeveralThreads) {
  const auto certificate = *Certificate::Parse(CardDer());
  const TrustAnchors anchors = Anchors();
  std::vector<std::thread> threads;
  std::atomic<int> believed = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 50; ++j) {
        if (anchors.Check(certificate, system_clock::now()).ok()) ++believed;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(believed, 200);
}

}  // namespace
}  // namespace madoguchi
