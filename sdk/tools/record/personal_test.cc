// What madoguchi-record writes holds nothing of the card.
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <map>

#include "sdk/tools/record/record_fixture.h"

namespace madoguchi::record {
namespace {

std::string Base64(const std::string& bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  text.resize(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                              reinterpret_cast<const unsigned char*>(bytes.data()),
                              static_cast<int>(bytes.size())));
  return text;
}

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(c));
  return text;
}

// The ways in which `secret` could stand in a file.
std::vector<std::pair<std::string, std::string>> EncodingsOf(const std::string& secret) {
  const std::string hex = recording::ToHex(BytesOf(secret));
  std::string spaced, colons, little, big, octal;
  for (size_t i = 0; i < secret.size(); ++i) {
    spaced += (i > 0 ? " " : "") + hex.substr(2 * i, 2);
    colons += (i > 0 ? ":" : "") + hex.substr(2 * i, 2);
    little += secret[i], little += '\0';
    big += '\0', big += secret[i];
    char escape[8];
    std::snprintf(escape, sizeof(escape), "\\%03o", static_cast<uint8_t>(secret[i]));
    octal += escape;
  }
  std::vector<std::pair<std::string, std::string>> all = {
      {"bytes", secret},
      {"HEX", hex},
      {"hex", Lower(hex)},
      {"HE X", spaced},
      {"he:x", Lower(colons)},
      {"UTF-16LE", little},
      {"UTF-16BE", big},
      {"octal", octal},
      {"reversed", std::string(secret.rbegin(), secret.rend())},
  };
  // Whatever stands before it in the same base64: the characters that depend on it alone.
  for (size_t before = 0; before < 3; ++before) {
    const std::string whole = Base64(std::string(before, 'x') + secret);
    const size_t from = before == 0 ? 0 : before + 1;
    const size_t until = (before + secret.size()) * 8 / 6;
    all.emplace_back("base64+" + std::to_string(before), whole.substr(from, until - from));
  }
  return all;
}

std::string WithoutBreaks(std::string text) {
  for (const std::string piece : {"\\n", "\n", "\""}) {
    for (size_t at; (at = text.find(piece)) != std::string::npos;) text.erase(at, piece.size());
  }
  return text;
}

// The encodings in which `secret` stands in one of `texts`.
std::vector<std::string> Found(const std::string& secret, const std::vector<std::string>& texts) {
  std::vector<std::string> found;
  for (const auto& [name, encoded] : EncodingsOf(secret)) {
    for (const std::string& text : texts) {
      if (text.find(encoded) != std::string::npos) {
        found.push_back(name);
        break;
      }
    }
  }
  return found;
}

// Where somebody would look for the card in a recording.
std::vector<std::string> TextsOf(const recording::v1::Recording& recording) {
  std::string text;
  google::protobuf::TextFormat::PrintToString(recording, &text);
  return {text,
          WithoutBreaks(text),
          recording.SerializeAsString(),
          DerOf(recording.certificate_pem()),
          DerOf(recording.key_pem()),
          DerOf(recording.trust_anchor_pem())};
}

// The same of what was taken, as a recorder without replacement would write it.
std::vector<std::string> TextsOf(const Taken& taken) {
  std::string text = "certificate: " + recording::ToHex(taken.certificate) + "\n";
  std::string bytes = TextOf(taken.certificate);
  for (const Event& event : taken.events) {
    if (const auto* state = std::get_if<reader::v1::ReaderState>(&event.kind)) {
      text += state->DebugString();
      bytes += state->SerializeAsString();
    }
    if (const auto* exchange = std::get_if<Exchange>(&event.kind)) {
      text +=
          recording::ToHex(exchange->command) + " " + recording::ToHex(exchange->response) + "\n";
      bytes += TextOf(exchange->command) + TextOf(exchange->response);
    }
  }
  return {text, bytes};
}

// By name, everything that tells of this card or its holder.
std::map<std::string, std::string> Canaries(const Taken& taken) {
  const Bytes& der = taken.certificate;
  const unsigned char* at = der.data();
  const std::shared_ptr<X509> x509(d2i_X509(nullptr, &at, static_cast<long>(der.size())),
                                   X509_free);
  std::map<std::string, std::string> canaries = {{"PIN", kPin}, {"serial in digits", kSerial}};
  const auto octets = [](const ASN1_STRING* string) {
    return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
                       ASN1_STRING_length(string));
  };
  canaries["serial"] = octets(X509_get0_serialNumber(x509.get()));
  canaries["begin"] = octets(X509_get0_notBefore(x509.get()));
  canaries["end"] = octets(X509_get0_notAfter(x509.get()));
  canaries["subject key id"] = octets(X509_get0_subject_key_id(x509.get()));
  canaries["authority key id"] = octets(X509_get0_authority_key_id(x509.get()));
  const X509_NAME* const subject = X509_get_subject_name(x509.get());
  canaries["common name"] = octets(X509_NAME_ENTRY_get_data(
      X509_NAME_get_entry(subject, X509_NAME_get_index_by_NID(subject, NID_commonName, -1))));
  const X509_NAME* const issuer = X509_get_issuer_name(x509.get());
  canaries["issuer"] = octets(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(
      issuer, X509_NAME_get_index_by_NID(issuer, NID_organizationalUnitName, -1))));
  canaries["municipality"] = "Mihon-shi CRLDP";
  canaries["responder"] = "auth.jpki-test.invalid";
  canaries["name in Japanese"] = "公的個人認証サービス利用者証明用（模擬）";
  canaries["notice"] = "A certificate of a virtual card";
  const ASN1_BIT_STRING* const key = X509_get0_pubkey_bitstr(x509.get());
  const ASN1_BIT_STRING* signature = nullptr;
  X509_get0_signature(&signature, nullptr, x509.get());
  // In the middle too: a piece of it would tell as much.
  for (const size_t from : {20, 100, 200}) {
    canaries["public key at " + std::to_string(from)] = octets(key).substr(from, 12);
    canaries["signature at " + std::to_string(from)] = octets(signature).substr(from, 12);
  }
  for (const Event& event : taken.events) {
    if (const auto* state = std::get_if<reader::v1::ReaderState>(&event.kind)) {
      canaries["reader"] = state->name();
      if (!state->atr().empty()) canaries["ATR"] = state->atr().substr(4, 8);
    }
    const auto* exchange = std::get_if<Exchange>(&event.kind);
    if (exchange != nullptr && exchange->role == Exchange::Role::kSign) {
      canaries["the card's signature"] = TextOf(exchange->response).substr(50, 12);
    }
  }
  return canaries;
}

TEST_F(RecordTest, HoldsNothingOfTheCard) {
  Taken taken;
  ASSERT_TRUE(Record(kPin, &taken).ok());
  const auto texts = TextsOf(Replaced(taken));
  const auto canaries = Canaries(taken);
  EXPECT_EQ(canaries.size(), 22u);
  for (const auto& [name, secret] : canaries) {
    EXPECT_GE(secret.size(), 4u) << name;
    EXPECT_THAT(Found(secret, texts), testing::IsEmpty()) << name;
  }
}

// The control: without the replacement the same search finds each of them; but for the PIN, which
// is in nothing that the recorder holds.
TEST_F(RecordTest, TheSearchFindsWhatIsNotReplaced) {
  Taken taken;
  ASSERT_TRUE(Record(kPin, &taken).ok());
  const auto texts = TextsOf(taken);
  for (const auto& [name, secret] : Canaries(taken)) {
    if (name == "PIN" || name == "serial in digits") {
      // The certificate has these digits in its common name.
      EXPECT_EQ(Found(secret, texts).empty(), name == "PIN") << name;
    } else {
      EXPECT_THAT(Found(secret, texts), testing::Not(testing::IsEmpty())) << name;
    }
    // And in every way in which it could be written, wherever it stands.
    for (const auto& [encoding, encoded] : EncodingsOf(secret)) {
      EXPECT_THAT(Found(secret, {"before" + encoded + "behind"}), testing::Contains(encoding))
          << name;
    }
  }
  // Base64 is found in the middle of more of it.
  const std::string long_text = Base64("0123456" + std::string(kPin) + "89");
  EXPECT_THAT(Found(kPin, {long_text}), testing::Contains("base64+1"));
  // One field that is not replaced is enough to be found.
  auto leaky = Replaced(taken);
  leaky.mutable_event(1)->mutable_sight()->set_atr(
      recording::ToHex(BytesOf(std::get<reader::v1::ReaderState>(taken.events[1].kind).atr())));
  EXPECT_THAT(Found(Canaries(taken)["ATR"], TextsOf(leaky)), testing::Contains("HEX"));
}

}  // namespace
}  // namespace madoguchi::record
