#include "sdk/tools/record/made_up.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "sdk/proof/certificate.h"
#include "sdk/proof/test_pki.h"

namespace madoguchi::record {
namespace {

constexpr int kDeepest = 24;
constexpr char kText[] = "SYNTHETIC";
constexpr char kBegin[] = "200101000000Z", kEnd[] = "491231235959Z";
constexpr char kBeganLongAgo[] = "000101000000Z", kEndedLongAgo[] = "010101000000Z";
constexpr char kBeginsLate[] = "480101000000Z";
constexpr const char* kTimes[] = {kBegin, kEnd, kBeganLongAgo, kEndedLongAgo, kBeginsLate};
constexpr size_t kSignatureSize = 256;

using Span = std::span<uint8_t>;

// One DER object: where its content begins and ends.
struct Object {
  uint8_t tag = 0;
  Span whole, content;
};

// The objects that fill `bytes` one after another; nothing when they do not.
std::optional<std::vector<Object>> ObjectsIn(Span bytes) {
  std::vector<Object> objects;
  while (!bytes.empty()) {
    if (bytes.size() < 2 || (bytes[0] & 0x1f) == 0x1f) return std::nullopt;
    size_t length = bytes[1], head = 2;
    if (length >= 0x80) {
      const size_t count = length & 0x7f;
      if (count == 0 || count > 2 || bytes.size() < 2 + count) return std::nullopt;
      length = 0;
      for (size_t i = 0; i < count; ++i) length = length << 8 | bytes[2 + i];
      head += count;
    }
    if (length > bytes.size() - head) return std::nullopt;
    objects.push_back({bytes[0], bytes.first(head + length), bytes.subspan(head, length)});
    bytes = bytes.subspan(head + length);
  }
  return objects;
}

void Fill(Span bytes) {
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(kText[i % 9]);
}

void PutTime(Span content, const char* utc) {
  // GeneralizedTime has the century before.
  const std::string text = (content.size() == 15 ? "20" : "") + std::string(utc);
  if (content.size() == text.size()) {
    std::copy(text.begin(), text.end(), content.begin());
  } else {
    std::fill(content.begin(), content.end(), '0');
  }
}

// What a leaf of these says is kept; of bit strings the short ones (key usage).
bool IsKept(uint8_t tag, std::span<const uint8_t> content) {
  return (tag == 0x01 && content.size() <= 1) || (tag == 0x05 && content.empty()) || tag == 0x06 ||
         (tag == 0x03 && content.size() <= 3);
}

// Whether a replacement may have left this: what is played may be recorded again.
bool IsMadeUp(std::span<const uint8_t> content) {
  Bytes text(content.size());
  Fill(text);
  const std::string as_text(content.begin(), content.end());
  return std::equal(content.begin(), content.end(), text.begin()) ||
         std::all_of(content.begin(), content.end() - std::min<ptrdiff_t>(2, std::ssize(content)),
                     [](uint8_t byte) { return byte == 0x01; }) ||
         std::any_of(std::begin(kTimes), std::end(kTimes), [&](const char* time) {
           return as_text == time || as_text == "20" + std::string(time);
         });
}

// A leaf of which nothing is known but its tag.
void ReplaceLeaf(uint8_t tag, Span content) {
  if (IsKept(tag, content)) return;
  switch (tag) {
    case 0x02:  // INTEGER
    case 0x0A:  // ENUMERATED
      return std::fill(content.begin(), content.end(), 0x01);
    case 0x03:  // BIT STRING, the number of unused bits first
      std::fill(content.begin() + 1, content.end(), 0x01);
      content[0] = 0;
      return;
    case 0x12:  // NumericString
      return std::fill(content.begin(), content.end(), '0');
    case 0x17:
    case 0x18:
      return PutTime(content, kBegin);
    case 0x1E:  // BMPString
      for (size_t i = 0; i < content.size(); ++i) {
        content[i] = static_cast<uint8_t>(i % 2 == 0 ? 0 : kText[i / 2 % 9]);
      }
      return;
    default:
      return Fill(content);
  }
}

// Of octet strings only those of extensions hold DER; those inside hold a hash or the like, which
// may look like DER by chance: `inside`.
void Walk(Span bytes, int depth, bool inside, std::vector<Bytes>* taken_out) {
  const auto objects = depth < kDeepest ? ObjectsIn(bytes) : std::nullopt;
  if (!objects) {
    taken_out->emplace_back(bytes.begin(), bytes.end());
    return Fill(bytes);
  }
  for (const Object& object : *objects) {
    const bool wraps = (object.tag & 0x20) != 0 ||
                       (object.tag == 0x04 && !inside && ObjectsIn(object.content).has_value());
    if (wraps) {
      Walk(object.content, depth + 1, inside || object.tag == 0x04, taken_out);
      continue;
    }
    if (!IsKept(object.tag, object.content) && !IsMadeUp(object.content)) {
      taken_out->emplace_back(object.content.begin(), object.content.end());
    }
    ReplaceLeaf(object.tag, object.content);
  }
}

// The parts of a Certificate (RFC 5280, 4.1).
struct Form {
  Span tbs, serial, issuer, not_before, not_after, key, signature;
};

bool Is(const Object& object, uint8_t tag) { return object.tag == tag; }

std::optional<Form> FormOf(Span der) {
  const auto outer = ObjectsIn(der);
  if (!outer || outer->size() != 1 || !Is((*outer)[0], 0x30)) return std::nullopt;
  const auto parts = ObjectsIn((*outer)[0].content);
  if (!parts || parts->size() != 3 || !Is((*parts)[0], 0x30) || !Is((*parts)[2], 0x03)) {
    return std::nullopt;
  }
  const auto fields = ObjectsIn((*parts)[0].content);
  // version, serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo
  if (!fields || fields->size() < 7 || !Is((*fields)[0], 0xA0) || !Is((*fields)[1], 0x02) ||
      !Is((*fields)[4], 0x30) || !Is((*fields)[6], 0x30)) {
    return std::nullopt;
  }
  const auto validity = ObjectsIn((*fields)[4].content);
  if (!validity || validity->size() != 2) return std::nullopt;
  Form form;
  form.tbs = (*parts)[0].whole;
  form.serial = (*fields)[1].content;
  form.issuer = (*fields)[3].whole;
  form.not_before = (*validity)[0].content;
  form.not_after = (*validity)[1].content;
  form.key = (*fields)[6].whole;
  form.signature = (*parts)[2].content;
  return form;
}

absl::Status OtherForm() {
  return absl::InvalidArgumentError(
      "the card's certificate is not of RSA-2048, signed with RSA-2048 and SHA-256: it cannot be "
      "replaced");
}

Bytes PublicKeyOf(const test::Key& key) {
  unsigned char* raw = nullptr;
  const int length = i2d_PUBKEY(key.get(), &raw);
  Bytes der(raw, raw + std::max(length, 0));
  OPENSSL_free(raw);
  return der;
}

// A CA with the name that now stands as the issuer's.
std::shared_ptr<X509> Anchor(const test::Key& key, std::span<const uint8_t> name) {
  std::shared_ptr<X509> anchor(X509_new(), X509_free);
  const unsigned char* at = name.data();
  const std::unique_ptr<X509_NAME, decltype(&X509_NAME_free)> subject(
      d2i_X509_NAME(nullptr, &at, static_cast<long>(name.size())), X509_NAME_free);
  X509* const x509 = anchor.get();
  if (subject == nullptr || X509_set_version(x509, X509_VERSION_3) != 1 ||
      ASN1_INTEGER_set(X509_get_serialNumber(x509), 1) != 1 ||
      ASN1_TIME_set_string_X509(X509_getm_notBefore(x509), kBeganLongAgo) != 1 ||
      ASN1_TIME_set_string_X509(X509_getm_notAfter(x509), kEnd) != 1 ||
      X509_set_subject_name(x509, subject.get()) != 1 ||
      X509_set_issuer_name(x509, subject.get()) != 1 || X509_set_pubkey(x509, key.get()) != 1) {
    return nullptr;
  }
  for (const auto& [nid, value] : {std::pair(NID_basic_constraints, "critical,CA:TRUE"),
                                   std::pair(NID_key_usage, "critical,keyCertSign,cRLSign")}) {
    const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, nid, value), X509_EXTENSION_free);
    if (extension == nullptr || X509_add_ext(x509, extension.get(), -1) != 1) return nullptr;
  }
  return X509_sign(x509, key.get(), EVP_sha256()) > 0 ? anchor : nullptr;
}

}  // namespace

Keys MakeKeys() { return {test::RsaKey(), test::RsaKey()}; }

absl::StatusOr<Replaced> ReplaceCertificate(std::span<const uint8_t> der, uint16_t number,
                                            std::chrono::system_clock::time_point now,
                                            const Keys& keys) {
  const auto parsed = Certificate::Parse(der);
  if (!parsed.ok()) return OtherForm();
  X509* const own = parsed->x509();
  if (X509_get_signature_nid(own) != NID_sha256WithRSAEncryption) return OtherForm();
  // What stands behind the last valid second is no time of the form of RFC 5280 any more.
  time_t at = std::chrono::system_clock::to_time_t(now);
  const bool expired = X509_cmp_time(X509_get0_notAfter(own), &at) < 0;
  const bool early = X509_cmp_time(X509_get0_notBefore(own), &at) > 0;

  Replaced replaced;
  replaced.certificate.assign(der.begin(), der.end());
  const auto form = FormOf(replaced.certificate);
  const Bytes public_key = PublicKeyOf(keys.holder);
  if (!form || form->signature.size() != 1 + kSignatureSize ||
      form->key.size() != public_key.size()) {
    return OtherForm();
  }
  replaced.taken_out.emplace_back(form->signature.begin() + 1, form->signature.end());
  // The modulus, which Walk does not look into a bit string for.
  replaced.taken_out.emplace_back(form->key.begin() + 40, form->key.end() - 8);
  // The version stays: it stands first, and Walk would make a 1 of the 2 that is v3.
  const auto fields = ObjectsIn((*ObjectsIn(form->tbs))[0].content);
  for (size_t i = 1; i < fields->size(); ++i)
    Walk((*fields)[i].whole, 0, false, &replaced.taken_out);
  for (size_t i = 0; i < std::min<size_t>(2, form->serial.size()); ++i) {
    form->serial[form->serial.size() - 1 - i] = static_cast<uint8_t>(number >> 8 * i);
  }
  if (form->serial.size() == 1) form->serial[0] &= 0x7f;
  if (form->serial.size() == 2) form->serial[0] = 0x01;
  PutTime(form->not_before, expired ? kBeganLongAgo : early ? kBeginsLate : kBegin);
  PutTime(form->not_after, expired ? kEndedLongAgo : kEnd);
  std::copy(public_key.begin(), public_key.end(), form->key.begin());

  const std::shared_ptr<X509> anchor = Anchor(keys.issuer, form->issuer);
  if (anchor == nullptr) return OtherForm();
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> signing(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  size_t size = kSignatureSize;
  if (EVP_DigestSignInit(signing.get(), nullptr, EVP_sha256(), nullptr, keys.issuer.get()) != 1 ||
      EVP_DigestSign(signing.get(), form->signature.data() + 1, &size, form->tbs.data(),
                     form->tbs.size()) != 1) {
    return OtherForm();
  }
  const unsigned char* raw = replaced.certificate.data();
  const std::shared_ptr<X509> certificate(
      d2i_X509(nullptr, &raw, static_cast<long>(replaced.certificate.size())), X509_free);
  if (certificate == nullptr || !Certificate::Parse(replaced.certificate).ok()) return OtherForm();
  replaced.certificate_pem = test::Pem(certificate);
  replaced.key_pem = test::Pem(keys.holder);
  replaced.trust_anchor_pem = test::Pem(anchor);
  return replaced;
}

Bytes ReplaceAtr(std::span<const uint8_t> atr) {
  const Bytes none = {0x3B, 0x00};
  if (atr.size() < 2 || atr.size() > 33) return none;
  // T0 and each TDi say with their upper half which of TA, TB, TC, TD follow.
  size_t at = 1;
  bool check_byte = false;
  for (size_t says = 1; says != 0;) {
    const uint8_t which = atr[says] >> 4;
    size_t next = 0;
    for (int i = 0; i < 4; ++i) {
      if ((which >> i & 1) == 0) continue;
      if (++at >= atr.size()) return none;
      if (i == 3) next = at;
    }
    // TCK is there when another protocol than T=0 is told.
    if (next != 0) check_byte = check_byte || (atr[next] & 0x0f) != 0;
    says = next;
  }
  const size_t historical = at + 1, count = atr[1] & 0x0f;
  if (atr.size() != historical + count + (check_byte ? 1 : 0)) return none;
  Bytes replaced(atr.begin(), atr.end());
  Fill(std::span(replaced).subspan(historical, count));
  if (check_byte) {
    replaced.back() = 0;
    uint8_t sum = 0;
    for (size_t i = 1; i + 1 < replaced.size(); ++i) sum ^= replaced[i];
    replaced.back() = sum;
  }
  return replaced;
}

}  // namespace madoguchi::record
