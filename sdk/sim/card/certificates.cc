#include "sdk/sim/card/certificates.h"

#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <time.h>

#include <cstdio>
#include <utility>
#include <vector>

#include "sdk/sim/card/extensions.h"

namespace madoguchi::sim {
namespace {

constexpr time_t kDay = 86400;
constexpr time_t kYear = 365 * kDay;
constexpr int kYears = 5;

absl::Status OpensslFailure(const char* what) {
  char reason[160];
  ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
  return absl::InternalError(std::string(what) + ": " + reason);
}

std::vector<NamePart> IssuerName(Purpose purpose) {
  return {{NID_countryName, "JP"},
          {NID_organizationName, "JPKI-TEST"},
          {NID_organizationalUnitName, purpose == Purpose::kAuthentication
                                           ? "JPKI for user authentication"
                                           : "JPKI for digital signature"},
          {NID_organizationalUnitName, "Japan Agency for Local Authority Information Systems"}};
}

std::vector<NamePart> JapaneseIssuerName(Purpose purpose) {
  return {{NID_countryName, "JP"},
          {NID_organizationName, "公的個人認証サービス（模擬）"},
          {NID_organizationalUnitName, purpose == Purpose::kAuthentication
                                           ? "公的個人認証サービス利用者証明用（模擬）"
                                           : "公的個人認証サービス署名用（模擬）"}};
}

// 23 characters, as on real cards: 14 of a random look, 5 of the municipality, 4 of the generation.
std::string CommonName(Purpose purpose, uint64_t serial) {
  char text[64];
  snprintf(text, sizeof text, "TEST%010llu99999001%c",
           static_cast<unsigned long long>(serial % 10'000'000'000ULL),
           purpose == Purpose::kAuthentication ? 'A' : 'B');
  return text;
}

int BirthMonth(uint64_t serial) { return static_cast<int>(1 + serial % 12); }
int BirthDay(uint64_t serial) { return static_cast<int>(1 + serial / 12 % 28); }

// The end of the birthday in that year, Japan time.
time_t EndOfBirthday(uint64_t serial, int year) {
  tm date{};
  date.tm_year = year - 1900;
  date.tm_mon = BirthMonth(serial) - 1;
  date.tm_mday = BirthDay(serial);
  date.tm_hour = 14;
  date.tm_min = 59;
  date.tm_sec = 59;
  return timegm(&date);
}

int YearOf(time_t time) {
  tm date{};
  gmtime_r(&time, &date);
  return date.tm_year + 1900;
}

std::pair<time_t, time_t> PeriodOf(uint64_t serial, Period period) {
  const time_t now = time(nullptr);
  if (period == Period::kExpired) {
    int year = YearOf(now);
    if (EndOfBirthday(serial, year) >= now) --year;
    const time_t end = EndOfBirthday(serial, year);
    return {EndOfBirthday(serial, year - kYears) + static_cast<time_t>(40 + serial % 200) * kDay,
            end};
  }
  const time_t begin = period == Period::kNotYetValid
                           ? now + 30 * kDay
                           : now - static_cast<time_t>(30 + serial % 300) * kDay;
  int year = YearOf(begin);
  if (EndOfBirthday(serial, year) < begin) ++year;  // Its first birthday.
  return {begin, EndOfBirthday(serial, year + kYears - 1)};
}

absl::StatusOr<CertificatePtr> Draft(EVP_PKEY* key, uint64_t serial, time_t begin, time_t end) {
  CertificatePtr certificate(X509_new(), X509_free);
  X509* x = certificate.get();
  if (x == nullptr || X509_set_version(x, X509_VERSION_3) != 1 ||
      ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial) != 1 ||
      ASN1_TIME_set(X509_getm_notBefore(x), begin) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(x), end) == nullptr || X509_set_pubkey(x, key) != 1) {
    return OpensslFailure("cannot begin a certificate");
  }
  return certificate;
}

}  // namespace

Person PersonOf(uint64_t serial) {
  Person person;
  person.name = serial % 2 == 0 ? "模擬　花子" : "模擬　太郎";
  person.address = "架空県見本市試験町０－０－" + std::to_string(serial % 10000);
  char date[16];
  snprintf(date, sizeof date, "%04d%02d%02d", static_cast<int>(1950 + serial % 50),
           BirthMonth(serial), BirthDay(serial));
  person.birth_date = date;
  person.sex = serial % 2 == 0 ? '2' : '1';
  return person;
}

absl::StatusOr<KeyPtr> MakeKey() {
  KeyPtr key(EVP_RSA_gen(2048), EVP_PKEY_free);
  if (key == nullptr) return OpensslFailure("cannot make a key");
  return key;
}

absl::StatusOr<Issuer> MakeIssuer(Purpose purpose) {
  absl::StatusOr<KeyPtr> key = MakeKey();
  if (!key.ok()) return key.status();
  const time_t begin = time(nullptr) - 4 * kYear;
  absl::StatusOr<CertificatePtr> draft = Draft(key->get(), 1, begin, begin + 10 * kYear);
  if (!draft.ok()) return draft.status();
  X509* x = draft->get();
  const NamePtr name = MakeName(IssuerName(purpose));
  if (name == nullptr || X509_set_subject_name(x, name.get()) != 1 ||
      X509_set_issuer_name(x, name.get()) != 1 ||
      !AddExtension(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !AddDirectoryName(x, NID_subject_alt_name, JapaneseIssuerName(purpose)) ||
      !AddExtension(x, x, NID_basic_constraints, "critical,CA:TRUE") ||
      !AddCrlDirectoryName(x, IssuerName(purpose)) ||
      !AddExtension(x, x, NID_subject_key_identifier, "hash") ||
      X509_sign(x, key->get(), EVP_sha256()) == 0) {
    return OpensslFailure("cannot make a CA certificate");
  }
  return Issuer{purpose, *draft, *key};
}

absl::StatusOr<CertificatePtr> MakeCertificate(const Issuer& issuer, EVP_PKEY* holder_key,
                                               uint64_t serial, Period period) {
  const bool authentication = issuer.purpose == Purpose::kAuthentication;
  const auto [begin, end] = PeriodOf(serial, period);
  absl::StatusOr<CertificatePtr> draft = Draft(holder_key, serial, begin, end);
  if (!draft.ok()) return draft.status();
  X509* x = draft->get();
  X509* ca = issuer.certificate.get();

  std::vector<NamePart> subject = {{NID_countryName, "JP"}};
  if (!authentication) subject.emplace_back(NID_localityName, "Mihon-shi");
  subject.emplace_back(NID_commonName, CommonName(issuer.purpose, serial));
  std::vector<NamePart> crl = IssuerName(issuer.purpose);
  crl.pop_back();
  crl.emplace_back(NID_organizationalUnitName, "CRL Distribution Points");
  crl.emplace_back(NID_organizationalUnitName, "Kakuu-ken");
  crl.emplace_back(NID_commonName, "Mihon-shi CRLDP");
  const std::string host = authentication ? "auth.jpki-test.invalid" : "sign.jpki-test.invalid";
  const std::string policies =
      "[madoguchi]\n"
      "policy = @statement\n"
      "[statement]\n"
      "policyIdentifier = " +
      std::string(authentication ? "1.2.392.200149.8.5.1.3.30" : "1.2.392.200149.8.5.1.0.20") +
      "\nCPS.1 = http://" + host + "/certification-practice-statement.html\n" +
      // The rest of the length of a real certificate; nothing reads it.
      (authentication ? "userNotice.1 = @notice\n[notice]\n"
                        "explicitText = \"A certificate of a virtual card, made for tests of "
                        "software. It names nobody and proves nothing, and no service on earth "
                        "honours it.\"\n"
                      : "");

  const NamePtr subject_name = MakeName(subject);
  bool made = subject_name != nullptr && X509_set_subject_name(x, subject_name.get()) == 1 &&
              X509_set_issuer_name(x, X509_get_subject_name(ca)) == 1 &&
              AddExtension(x, ca, NID_key_usage,
                           authentication ? "critical,digitalSignature"
                                          : "critical,digitalSignature,nonRepudiation") &&
              AddPolicies(x, policies) &&
              AddDirectoryName(x, NID_issuer_alt_name, JapaneseIssuerName(issuer.purpose)) &&
              AddCrlDirectoryName(x, crl) &&
              AddExtension(x, ca, NID_info_access, "OCSP;URI:http://ocsp." + host + "/") &&
              AddExtension(x, ca, NID_authority_key_identifier, "keyid") &&
              AddExtension(x, ca, NID_subject_key_identifier, "hash");
  if (authentication) {
    made = made && AddExtension(x, ca, NID_ext_key_usage, "clientAuth");
  } else {
    const Person person = PersonOf(serial);
    // The era digit before the date: 3 for 昭和, 4 for 平成; 0 (unknown) keeps it out of the
    // matter.
    made = made && AddPerson(x, {{"1.2.392.200149.8.5.5.1", person.name},
                                 {"1.2.392.200149.8.5.5.4", "0" + person.birth_date},
                                 {"1.2.392.200149.8.5.5.3", std::string(1, person.sex)},
                                 {"1.2.392.200149.8.5.5.5", person.address}});
  }
  if (!made || X509_sign(x, issuer.key.get(), EVP_sha256()) == 0) {
    return OpensslFailure("cannot make a certificate");
  }
  return *draft;
}

std::string DerOf(X509* certificate) {
  unsigned char* der = nullptr;
  const int length = i2d_X509(certificate, &der);
  if (length <= 0) return {};
  std::string bytes(reinterpret_cast<char*>(der), static_cast<size_t>(length));
  OPENSSL_free(der);
  return bytes;
}

}  // namespace madoguchi::sim
