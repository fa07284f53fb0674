#include "sdk/tools/record/made_up.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509v3.h>

#include "sdk/failure/failure.h"
#include "sdk/proof/certificate.h"
#include "sdk/tools/record/record_fixture.h"

namespace madoguchi::record {

namespace {

TEST_F(RecordTest, CertificateKeepsItsLengthAndForm) {
  Taken taken;
  ASSERT_TRUE(Record("", &taken).ok());
  const auto file = Replaced(taken);
  const auto own = Certificate::Parse(taken.certificate);
  const auto made = Certificate::Parse(BytesOf(DerOf(file.certificate_pem())));
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->der().size(), own->der().size());
  EXPECT_EQ(X509_get_ext_count(made->x509()), X509_get_ext_count(own->x509()));
  EXPECT_EQ(X509_get_key_usage(made->x509()), X509_get_key_usage(own->x509()));
  EXPECT_EQ(X509_get_extended_key_usage(made->x509()), X509_get_extended_key_usage(own->x509()));
  EXPECT_THAT(made->serial(), testing::EndsWith("0007"));
  EXPECT_THAT(made->issuer(), testing::HasSubstr("SYNTHETIC"));
  const auto anchors = TrustAnchors::FromPem(file.trust_anchor_pem());
  ASSERT_TRUE(anchors.ok());
  EXPECT_TRUE(anchors->Check(*made, std::chrono::system_clock::now()).ok());
}

TEST_F(RecordTest, AnExpiredCardStaysOne) {
  Taken taken;
  ASSERT_TRUE(Record("", &taken, {"--fault", "certificate=expired"}).ok());
  const auto file = Replaced(taken);
  const auto made = Certificate::Parse(BytesOf(DerOf(file.certificate_pem())));
  const auto anchors = TrustAnchors::FromPem(file.trust_anchor_pem());
  EXPECT_EQ(CodeOf(anchors->Check(*made, std::chrono::system_clock::now())),
            check::v1::FAILURE_CODE_CERTIFICATE_EXPIRED);
}

TEST(Replacement, Atr) {
  const auto replaced = [](const std::string& hex) {
    return recording::ToHex(ReplaceAtr(*recording::FromHex(hex)));
  };
  // Nothing historical in it: it stays, its check byte too.
  EXPECT_EQ(replaced("3BE000FF8131FE4514"), "3BE000FF8131FE4514");
  // Eight historical bytes become SYNTHETI, and TCK is the exclusive or of all but TS.
  EXPECT_EQ(replaced("3B8880010000 05E0B381A1007F"), "3B88800153594E544845544909");
  // T=0 alone has no TCK.
  EXPECT_EQ(replaced("3B0454657374"), "3B0453594E54");
  for (const char* const no_atr : {"", "3B", "3B04546573", "3B045465737400", "3B80", "3BF0"}) {
    EXPECT_EQ(replaced(no_atr), "3B00") << no_atr;
  }
}

TEST(Replacement, RefusesWhatItCannotReplace) {
  EXPECT_FALSE(ReplaceCertificate(Bytes{0x30, 0x00}, 1, {}, MakeKeys()).ok());
  EXPECT_FALSE(ReplaceCertificate(Bytes(), 1, {}, MakeKeys()).ok());
}

}  // namespace
}  // namespace madoguchi::record
