#include "sdk/recording/recording.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <utility>

#include "sdk/proof/certificate.h"
#include "sdk/textproto/textproto.h"

namespace madoguchi::recording {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

Bio Over(const std::string& pem) {
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
}

// No PEM of a recording asks anybody for a password.
int NoPassword(char*, int, int, void*) { return -1; }

std::shared_ptr<EVP_PKEY> KeyOf(const std::string& pem) {
  std::shared_ptr<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(Over(pem).get(), nullptr, NoPassword, nullptr), EVP_PKEY_free);
  if (key == nullptr || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA ||
      EVP_PKEY_get_size(key.get()) != kSignatureSize) {
    return nullptr;
  }
  return key;
}

std::vector<uint8_t> CertificateOf(const std::string& pem) {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(Over(pem).get(), nullptr, NoPassword, nullptr), X509_free);
  unsigned char* raw = nullptr;
  const int length = certificate == nullptr ? -1 : i2d_X509(certificate.get(), &raw);
  if (length <= 0) return {};
  std::vector<uint8_t> der(raw, raw + length);
  OPENSSL_free(raw);
  return der;
}

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// What is wrong with an answer; empty when nothing is.
std::string WhyNot(const Recording& recording, const v1::Exchange& told) {
  size_t size = 2;
  for (const v1::Piece& piece : told.piece()) {
    const auto fits = [](const v1::Part& part, size_t whole) {
      return part.from() <= whole && part.bytes() <= whole - part.from();
    };
    switch (piece.kind_case()) {
      case v1::Piece::kCertificate:
        if (!fits(piece.certificate(), recording.certificate.size())) {
          return "the certificate is not that long";
        }
        size += piece.certificate().bytes();
        break;
      case v1::Piece::kSignature:
        if (!fits(piece.signature(), kSignatureSize)) return "a signature has 256 bytes";
        size += piece.signature().bytes();
        break;
      case v1::Piece::kUntold:
        size += piece.untold();
        break;
      default:
        return "a piece is empty";
    }
    if (size > kLongestAnswer) return "an answer has at most 65538 bytes";
  }
  return "";
}

// As WhyNot, and fills `exchange`.
std::string Understand(const Recording& recording, const v1::Exchange& told, Exchange* exchange) {
  auto command = FromHex(told.command());
  if (!command.ok()) return "command: " + std::string(command.status().message());
  const size_t least = told.kind() == v1::Exchange::KIND_SIGN ? 5 : 4;
  if (command->size() < least || command->size() > kLongestCommand) {
    return "a command has " + std::to_string(least) + " to 65544 bytes";
  }
  if (told.kind() == v1::Exchange::KIND_VERIFY_PIN && command->size() != 4) {
    return "of a VERIFY with a PIN there is CLA INS P1 P2 alone";
  }
  if (told.kind() == v1::Exchange::KIND_SIGN && command->size() != 5) {
    return "of a COMPUTE DIGITAL SIGNATURE there is CLA INS P1 P2 and Lc alone";
  }
  if (told.kind() == v1::Exchange::KIND_UNSPECIFIED || !v1::Exchange::Kind_IsValid(told.kind())) {
    return "an exchange says its kind";
  }
  exchange->command = *std::move(command);
  exchange->kind = told.kind();
  exchange->took = std::chrono::microseconds(told.took_us());
  exchange->failure = told.failure();
  if (told.failure() != check::v1::FAILURE_CODE_UNSPECIFIED) {
    return told.status().empty() && told.piece().empty() ? "" : "a failure is no answer";
  }
  const auto status = FromHex(told.status());
  if (!status.ok() || status->size() != 2) return "status: expected four hexadecimal digits";
  exchange->status = static_cast<uint16_t>((*status)[0] << 8 | (*status)[1]);
  exchange->pieces.assign(told.piece().begin(), told.piece().end());
  return WhyNot(recording, told);
}

}  // namespace

absl::StatusOr<std::vector<uint8_t>> FromHex(const std::string& text) {
  std::vector<uint8_t> bytes;
  for (size_t at = 0; at < text.size();) {
    if (text[at] == ' ') {
      ++at;
      continue;
    }
    const int high = DigitOf(text[at]);
    const int low = at + 1 < text.size() ? DigitOf(text[at + 1]) : -1;
    if (high < 0 || low < 0) return absl::InvalidArgumentError("expected hexadecimal bytes");
    bytes.push_back(static_cast<uint8_t>(high << 4 | low));
    at += 2;
  }
  return bytes;
}

std::string ToHex(std::span<const uint8_t> bytes) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string text;
  for (const uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

absl::StatusOr<Recording> Parse(const std::string& text, const std::string& name) {
  v1::Recording file;
  TextPlaces places;
  if (absl::Status read = ParseTextproto(text, name, &file, &places); !read.ok()) return read;
  const auto wrong = [&](const std::string& field, const std::string& why) {
    return absl::InvalidArgumentError(places.Of(field) + ": " + why);
  };
  if (file.version() != 1) return wrong("version", "expected version 1");
  Recording recording;
  recording.key = KeyOf(file.key_pem());
  if (recording.key == nullptr) return wrong("key_pem", "expected an RSA key of 2048 bits");
  recording.certificate = CertificateOf(file.certificate_pem());
  if (recording.certificate.empty()) return wrong("certificate_pem", "expected a certificate");
  recording.trust_anchor_pem = file.trust_anchor_pem();
  if (const auto anchors = TrustAnchors::FromPem(file.trust_anchor_pem()); !anchors.ok()) {
    return wrong("trust_anchor_pem", std::string(anchors.status().message()));
  }
  if (file.event().empty() || static_cast<size_t>(file.event_size()) > kMostEvents) {
    return wrong("event", "expected 1 to 4096 events");
  }
  if (!file.event(0).has_sight()) return wrong("event[0]", "the first event is a sight");
  bool open = false, verified = false;
  for (int i = 0; i < file.event_size(); ++i) {
    const std::string field = "event[" + std::to_string(i) + "]";
    const v1::Event& told = file.event(i);
    Event event{.after = std::chrono::microseconds(told.after_us()), .kind = {}};
    switch (told.kind_case()) {
      case v1::Event::kSight: {
        if (const auto atr = FromHex(told.sight().atr()); !atr.ok() || atr->size() > 33) {
          return wrong(field + ".sight.atr", "expected at most 33 hexadecimal bytes");
        }
        event.kind = told.sight();
        break;
      }
      case v1::Event::kOpen:
        if (open) return wrong(field, "a session is open already");
        open = told.open().failure() == check::v1::FAILURE_CODE_UNSPECIFIED;
        verified = false;
        event.kind = told.open();
        break;
      case v1::Event::kExchange: {
        if (!open) return wrong(field, "no session is open");
        Exchange exchange;
        const std::string why = Understand(recording, told.exchange(), &exchange);
        if (!why.empty()) return wrong(field + ".exchange", why);
        exchange.verified = verified;
        verified = verified ||
                   (exchange.kind == v1::Exchange::KIND_VERIFY_PIN && exchange.status == 0x9000);
        event.kind = std::move(exchange);
        break;
      }
      case v1::Event::kClose:
        if (!open) return wrong(field, "no session is open");
        open = false;
        event.kind = told.close();
        break;
      default:
        return wrong(field, "an event is a sight, open, exchange or close");
    }
    recording.events.push_back(std::move(event));
  }
  return recording;
}

}  // namespace madoguchi::recording
