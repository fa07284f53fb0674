#include "sdk/tools/record/card_play.h"

#include <algorithm>
#include <string>
#include <utility>

#include "sdk/failure/failure.h"
#include "sdk/proof/proof.h"

namespace madoguchi::record {
namespace {

using Role = Exchange::Role;
using std::chrono::steady_clock;

constexpr uint8_t kByShortId = 0x80;
constexpr uint8_t kToken = 0x06;  // EF 0006
constexpr uint8_t kLabelSize = 32;
constexpr uint8_t kCertificate = 0x0A;  // EF 000A
constexpr uint8_t kKey = 0x17;          // EF 0017
constexpr uint8_t kPin = 0x18;          // EF 0018
constexpr size_t kReadSize = 256;
constexpr size_t kLongestCertificate = 8192;
constexpr int kMostParts = 16;

const Bytes kSelectJpki = {0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0,
                           0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01};

struct Answer {
  Bytes data;
  uint16_t sw = 0;
};

absl::Status Unexpected(const std::string& where, uint16_t sw) {
  const std::string digits = "0123456789ABCDEF";
  std::string text = where + " answered ";
  for (int shift = 12; shift >= 0; shift -= 4) text += digits[sw >> shift & 15];
  return absl::FailedPreconditionError(text);
}

bool RefusesShortId(uint16_t sw) { return sw == 0x6A82 || sw == 0x6A86 || sw == 0x6986; }

// Of a DER SEQUENCE, header included; 0 for anything else.
size_t DerLength(const Bytes& head) {
  if (head.size() < 4 || head[0] != 0x30) return 0;
  if (head[1] < 0x80) return 2u + head[1];
  if (head[1] == 0x81) return 3u + head[2];
  if (head[1] == 0x82) return 4u + (head[2] << 8 | head[3]);
  return 0;
}

class Play {
 public:
  Play(const CardLine& line, Taken* taken) : line_(line), taken_(*taken) {}

  absl::Status Check() {
    const auto selected = Send(kSelectJpki, Role::kOther, 0);
    if (!selected.ok()) return selected.status();
    if (selected->sw != 0x9000) return Unexpected("SELECT of the JPKI application", selected->sw);
    if (absl::Status read = Read(); !read.ok()) return read;
    if (short_ids_) {
      // Whatever it answers: a card without a label is none the worse for it.
      const auto label = Send({0x00, 0xB0, kByShortId | kToken, 0x00, kLabelSize}, Role::kOther, 0);
      if (!label.ok()) return label.status();
    }
    return line_.verify_pin ? Prove() : absl::OkStatus();
  }

 private:
  absl::Status Read() {
    auto part = Send({0x00, 0xB0, kByShortId | kCertificate, 0x00, 0x00}, Role::kCertificate, 0);
    if (!part.ok()) return part.status();
    if (RefusesShortId(part->sw)) {
      short_ids_ = false;
      if (absl::Status selected = Select(kCertificate); !selected.ok()) return selected;
      part = Send({0x00, 0xB0, 0x00, 0x00, 0x00}, Role::kCertificate, 0);
      if (!part.ok()) return part.status();
    }
    Bytes der = part->data;
    const size_t size = DerLength(der);
    if (size == 0 || size > kLongestCertificate) {
      return Unexpected("READ BINARY of the certificate", part->sw);
    }
    while (der.size() < size) {
      const size_t want = std::min(kReadSize, size - der.size());
      part = Send({0x00, 0xB0, static_cast<uint8_t>(der.size() >> 8),
                   static_cast<uint8_t>(der.size() & 0xff), static_cast<uint8_t>(want & 0xff)},
                  Role::kCertificate, der.size());
      if (!part.ok()) return part.status();
      if (part->data.empty()) return Unexpected("READ BINARY of the certificate", part->sw);
      der.insert(der.end(), part->data.begin(), part->data.end());
    }
    der.resize(size);
    taken_.certificate = std::move(der);
    return absl::OkStatus();
  }

  absl::Status Prove() {
    auto tries = Tries();
    if (!tries.ok()) return tries.status();
    if (RefusesShortId(tries->sw)) {
      short_ids_ = false;
      tries = Tries();
      if (!tries.ok()) return tries.status();
    }
    if ((tries->sw & 0xFFF0) != 0x63C0 || (tries->sw & 0x0F) < 2) {
      return Unexpected("VERIFY without data, so no PIN was spent: it", tries->sw);
    }
    const Bytes head = {0x00, 0x20, 0x00, PinFile(kPin)};
    const Bytes apdu_template = {0x00, 0x20, 0x00, PinFile(kPin), 0x00};
    const auto verified = Take({Role::kVerifyPin, 0, head, {}, {}, {}},
                               [&] { return line_.verify_pin(apdu_template); });
    // A wrong PIN is worth recording too.
    if (!verified.ok() || verified->sw != 0x9000) return verified.status();
    if (!short_ids_) {
      if (absl::Status selected = Select(kKey); !selected.ok()) return selected;
    }
    const std::string info = DigestInfo(std::string(32, '\0'));
    Bytes command = {0x80, 0x2A, 0x00, PinFile(kKey), static_cast<uint8_t>(info.size())};
    command.insert(command.end(), info.begin(), info.end());
    command.push_back(0x00);
    return Send(command, Role::kSign, 0).status();
  }

  absl::StatusOr<Answer> Tries() {
    if (!short_ids_) {
      if (absl::Status selected = Select(kPin); !selected.ok()) return selected;
    }
    return Send({0x00, 0x20, 0x00, PinFile(kPin)}, Role::kOther, 0);
  }

  uint8_t PinFile(uint8_t id) const {
    return static_cast<uint8_t>(short_ids_ ? kByShortId | id : kByShortId);
  }

  absl::Status Select(uint8_t id) {
    const auto answer = Send({0x00, 0xA4, 0x02, 0x0C, 0x02, 0x00, id}, Role::kOther, 0);
    if (!answer.ok()) return answer.status();
    return answer->sw == 0x9000 ? absl::OkStatus() : Unexpected("SELECT of a file", answer->sw);
  }

  // ISO 7816-4: 61xx says that xx bytes wait for GET RESPONSE, 6Cxx that Le must be xx.
  absl::StatusOr<Answer> Send(Bytes command, Role role, size_t offset) {
    Answer whole;
    for (int part = 0; part < kMostParts; ++part) {
      const auto answer = Take({role, offset + whole.data.size(), command, {}, {}, {}},
                               [&] { return line_.transmit(command); });
      if (!answer.ok()) return answer.status();
      whole.data.insert(whole.data.end(), answer->data.begin(), answer->data.end());
      whole.sw = answer->sw;
      const uint8_t rest = answer->sw & 0xff;
      if (answer->sw >> 8 == 0x61) {
        command = {0x00, 0xC0, 0x00, 0x00, rest};
        if (role == Role::kSign) role = Role::kSignRest;
      } else if (answer->sw >> 8 == 0x6C) {
        command.back() = rest;
      } else {
        return whole;
      }
    }
    return Unexpected("a command over and over", whole.sw);
  }

  absl::StatusOr<Answer> Take(Exchange exchange,
                              const std::function<absl::StatusOr<Bytes>()>& send) {
    const auto before = steady_clock::now();
    const auto response = send();
    exchange.took =
        std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - before);
    Answer answer;
    if (!response.ok()) {
      exchange.failure =
          FailureOf(response.status(), check::v1::FAILURE_CODE_CARD_ANSWER_INVALID).code();
    } else if (response->size() < 2) {
      exchange.failure = check::v1::FAILURE_CODE_CARD_GONE;
    } else {
      exchange.response = *response;
      answer.data.assign(response->begin(), response->end() - 2);
      answer.sw = static_cast<uint16_t>((*response)[response->size() - 2] << 8 | response->back());
    }
    const check::v1::FailureCode failure = exchange.failure;
    taken_.events.push_back({{}, std::move(exchange)});
    if (failure != check::v1::FAILURE_CODE_UNSPECIFIED) return FailureStatus(failure);
    return answer;
  }

  const CardLine& line_;
  Taken& taken_;
  bool short_ids_ = true;
};

}  // namespace

absl::Status PlayCheck(const CardLine& line, Taken* taken) { return Play(line, taken).Check(); }

}  // namespace madoguchi::record
