#include "host/card/jpki.h"

#include <algorithm>
#include <array>
#include <utility>

#include "host/card/status_word.h"
#include "sdk/failure/failure.h"

namespace madoguchi {
namespace {

constexpr uint8_t kToken = 0x06;        // EF 0006
constexpr uint8_t kCertificate = 0x0A;  // EF 000A
constexpr size_t kReadSize = 256;
constexpr size_t kHeadSize = 4;
constexpr size_t kLabelSize = 32;
// A card that chains answers for ever is broken.
constexpr int kMostParts = 16;
// kLongestCertificate in parts of 128 bytes.
constexpr int kMostReads = 64;

// Labels are padded with spaces; NULs were seen as well.
check::v1::Credential CredentialOf(const std::vector<uint8_t>& label) {
  std::string text(label.begin(), label.end());
  text.erase(text.find_last_not_of(std::string(" \0", 2)) + 1);
  if (text == "JPKIAPICCTOKEN2" || text == "JPKIAPICCTOKEN") return check::v1::CREDENTIAL_CARD;
  if (text == "JPKIAPGPSETOKEN") return check::v1::CREDENTIAL_ANDROID;
  if (text == "JPKIAPIOSTOKEN") return check::v1::CREDENTIAL_IPHONE;
  return check::v1::CREDENTIAL_UNSPECIFIED;
}

bool IsPhone(check::v1::Credential credential) {
  return credential == check::v1::CREDENTIAL_ANDROID || credential == check::v1::CREDENTIAL_IPHONE;
}

}  // namespace

size_t DerLength(std::span<const uint8_t> head) {
  if (head.size() < 2 || head[0] != 0x30) return 0;
  if (head[1] < 0x80) return 2u + head[1];
  const size_t count = head[1] & 0x7f;
  if (count == 0 || count > 2 || head.size() < 2 + count) return 0;
  size_t length = 0;
  for (size_t i = 0; i < count; ++i) length = length << 8 | head[2 + i];
  return 2 + count + length;
}

absl::StatusOr<Jpki> Jpki::Select(std::unique_ptr<CardSession> session, Ahead ahead) {
  std::vector<uint8_t> next;
  if (ahead != Ahead::kNothing) next = {0x00, 0xB0, kByShortId | kCertificate, 0x00, 0x00};
  auto jpki = SelectAnd(std::move(session), next);
  if (jpki.ok()) jpki->ahead_ = ahead;
  return jpki;
}

absl::StatusOr<check::v1::Credential> Jpki::Recognise(std::unique_ptr<CardSession> session) {
  auto jpki = SelectAnd(std::move(session), {0x00, 0xB0, kByShortId | kToken, 0x00, kLabelSize});
  if (!jpki.ok()) return jpki.status();
  absl::StatusOr<Answer> label = jpki->first_part_
                                     ? *std::exchange(jpki->first_part_, std::nullopt)
                                     : jpki->ReadBinary(kByShortId | kToken, 0, kLabelSize);
  if (!label.ok()) return label.status();
  if (label->sw == 0x9000) return CredentialOf(label->data);
  if (!RefusesShortId(label->sw)) return check::v1::CREDENTIAL_UNSPECIFIED;
  jpki->short_ids_ = false;
  if (absl::Status read = jpki->ReadLabel(); !read.ok()) return read;
  return jpki->credential();
}

absl::StatusOr<Jpki> Jpki::SelectAnd(std::unique_ptr<CardSession> session,
                                     const std::vector<uint8_t>& next) {
  static const std::vector<uint8_t> kSelect = {0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0,
                                               0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01};
  Jpki jpki(std::move(session));
  std::vector<std::vector<uint8_t>> commands = {kSelect};
  if (!next.empty()) commands.push_back(next);
  const auto responses = jpki.session_->TransmitAll(commands);
  if (!responses.ok()) return responses.status();
  const auto answer = Split(responses->front());
  if (!answer.ok()) return answer.status();
  if (answer->sw == 0x9000) {
    if (responses->size() < 2) return jpki;
    auto part = Split(responses->back());
    if (!part.ok()) return part.status();
    // A chained answer of a T=0 card is asked for anew, by itself.
    if (!IsChained(part->sw)) jpki.first_part_ = *std::move(part);
    return jpki;
  }
  // Any orderly refusal means another card; what is no status word of SELECT is garbage.
  const uint8_t sw1 = answer->sw >> 8;
  if ((sw1 >= 0x67 && sw1 <= 0x6F) || sw1 == 0x62 || sw1 == 0x63) {
    return FailureStatus(check::v1::FAILURE_CODE_NOT_MY_NUMBER_CARD);
  }
  return Invalid("SELECT", answer->sw);
}

absl::StatusOr<std::vector<uint8_t>> Jpki::ReadAuthenticationCertificate() {
  absl::StatusOr<Answer> part = Answer{{}, 0x6986};
  if (first_part_) {
    part = *std::exchange(first_part_, std::nullopt);
  } else if (short_ids_) {
    part = ReadBinary(kByShortId | kCertificate, 0, kReadSize);
  }
  if (!part.ok()) return part.status();
  if (part->data.size() > kReadSize) return Invalid("READ BINARY", part->sw);
  if (RefusesShortId(part->sw)) {
    // The file may be absent, or only the short id unknown: SELECT tells them apart.
    short_ids_ = false;
    const absl::Status selected = SelectFile(kCertificate);
    if (!selected.ok()) {
      if (selected.code() == absl::StatusCode::kNotFound) {
        return FailureStatus(check::v1::FAILURE_CODE_CERTIFICATE_ABSENT);
      }
      return selected;
    }
    part = ReadBinary(0, 0, kReadSize);
    if (!part.ok()) return part.status();
  }
  if (part->sw == 0x6B00) return FailureStatus(check::v1::FAILURE_CODE_CERTIFICATE_ABSENT);
  // A phone wants its PIN before it shows the certificate; a card does not.
  if (part->sw == 0x6982) {
    if (absl::Status read = ReadLabel(); !read.ok()) return read;
    if (IsPhone(credential_)) return FailureStatus(check::v1::FAILURE_CODE_PHONE_NOT_READABLE);
  }
  if (part->sw != 0x9000 && part->sw != 0x6282) return Invalid("READ BINARY", part->sw);

  std::vector<uint8_t> bytes = part->data;
  const bool blank =
      std::all_of(bytes.begin(), bytes.end(), [&](uint8_t b) { return b == 0x00 || b == 0xFF; });
  if (blank) return FailureStatus(check::v1::FAILURE_CODE_CERTIFICATE_ABSENT);
  const size_t size = DerLength(bytes);
  if (size < kHeadSize || size > kLongestCertificate) {
    return FailureStatus(check::v1::FAILURE_CODE_CARD_ANSWER_INVALID,
                         "EF 000A holds no DER object");
  }
  if (absl::Status rest = ReadRest(size, &bytes); !rest.ok()) return rest;
  bytes.resize(size);
  if (ahead_ != Ahead::kNothing && !short_ids_) {
    if (absl::Status read = ReadLabel(); !read.ok()) return read;
  }
  return bytes;
}

// Where short ids work it is read ahead, in ReadRest.
absl::Status Jpki::ReadLabel() {
  if (!short_ids_) {
    const absl::Status selected = SelectFile(kToken);
    if (absl::IsNotFound(selected)) return absl::OkStatus();
    if (!selected.ok()) return selected;
  }
  const auto label = ReadBinary(short_ids_ ? kByShortId | kToken : 0, 0, kLabelSize);
  if (!label.ok()) return label.status();
  if (label->sw == 0x9000) credential_ = CredentialOf(label->data);
  return absl::OkStatus();
}

absl::Status Jpki::ReadRest(size_t size, std::vector<uint8_t>* bytes) {
  std::vector<std::vector<uint8_t>> commands;
  for (size_t at = bytes->size(); at < size; at += kReadSize) {
    const size_t want = std::min(kReadSize, size - at);
    commands.push_back({0x00, 0xB0, static_cast<uint8_t>(at >> 8), static_cast<uint8_t>(at & 0xff),
                        static_cast<uint8_t>(want)});
  }
  const size_t reads = commands.size();
  // By short id each of these makes its file the current one: they come after the READs by offset.
  // The label comes before the VERIFY, which ends a batch by its 63Cx.
  const bool asks_label = ahead_ != Ahead::kNothing && short_ids_;
  if (asks_label) commands.push_back({0x00, 0xB0, kByShortId | kToken, 0x00, kLabelSize});
  const bool asks_tries = ahead_ == Ahead::kCertificateAndTries && short_ids_;
  if (asks_tries) commands.push_back({0x00, 0x20, 0x00, kByShortId | kPin});
  if (commands.empty()) return absl::OkStatus();
  const auto responses = session_->TransmitAll(commands);
  if (!responses.ok()) return responses.status();
  for (size_t i = 0; i < std::min(reads, responses->size()); ++i) {
    const auto part = Split((*responses)[i]);
    if (!part.ok()) return part.status();
    const size_t at = commands[i][2] << 8 | commands[i][3];
    const size_t want = std::min(kReadSize, size - at);
    // A short part throws the offsets behind it out: from here on one by one, below.
    if (part->sw != 0x9000 || part->data.size() != want || bytes->size() != at) break;
    bytes->insert(bytes->end(), part->data.begin(), part->data.end());
  }
  if (asks_label && responses->size() > reads) {
    const auto label = Split((*responses)[reads]);
    if (!label.ok()) return label.status();
    if (label->sw == 0x9000) credential_ = CredentialOf(label->data);
  }
  if (asks_tries && responses->size() == commands.size()) {
    auto tries = Split(responses->back());
    if (!tries.ok()) return tries.status();
    tries_ = *std::move(tries);
  }
  if (bytes->size() < size && responses->size() > reads) {
    // Another file is the current one by now.
    if (absl::Status selected = SelectFile(kCertificate); !selected.ok()) return selected;
  }
  for (int reads = 0; bytes->size() < size; ++reads) {
    // A card that gives a byte at a time would hold the counter for ever.
    if (reads == kMostReads) return Invalid("READ BINARY", 0x9000);
    const size_t want = std::min(kReadSize, size - bytes->size());
    const auto part = ReadBinary(static_cast<uint8_t>(bytes->size() >> 8),
                                 static_cast<uint8_t>(bytes->size() & 0xff), want);
    if (!part.ok()) return part.status();
    if ((part->sw != 0x9000 && part->sw != 0x6282) || part->data.empty()) {
      return Invalid("READ BINARY", part->sw);
    }
    bytes->insert(bytes->end(), part->data.begin(), part->data.end());
  }
  return absl::OkStatus();
}

absl::StatusOr<Jpki::Answer> Jpki::Split(const std::vector<uint8_t>& response) {
  if (response.size() < 2) {
    return FailureStatus(check::v1::FAILURE_CODE_CARD_GONE, "an answer of under two bytes");
  }
  Answer answer;
  answer.data.assign(response.begin(), response.end() - 2);
  answer.sw = response[response.size() - 2] << 8 | response.back();
  return answer;
}

// ISO 7816-4: 61xx means that xx bytes wait for GET RESPONSE, 6Cxx that Le must be xx. Both come
// from contact cards on T=0.
absl::StatusOr<Jpki::Answer> Jpki::Exchange(std::span<const uint8_t> command) {
  Answer whole;
  std::vector<uint8_t> next(command.begin(), command.end());
  for (int part = 0; part < kMostParts; ++part) {
    const auto response = session_->Transmit(next);
    if (!response.ok()) return response.status();
    const auto split = Split(*response);
    if (!split.ok()) return split.status();
    whole.data.insert(whole.data.end(), split->data.begin(), split->data.end());
    whole.sw = split->sw;
    const uint8_t sw1 = whole.sw >> 8, sw2 = whole.sw & 0xff;
    if (sw1 == 0x61) {
      next = {0x00, 0xC0, 0x00, 0x00, sw2};
    } else if (sw1 == 0x6C && next.size() >= 5) {
      next.back() = sw2;
    } else {
      return whole;
    }
  }
  return Invalid("a chained answer", whole.sw);
}

absl::StatusOr<Jpki::Answer> Jpki::ReadBinary(uint8_t p1, uint8_t p2, size_t expected) {
  auto answer = Exchange(
      std::array<uint8_t, 5>{0x00, 0xB0, p1, p2, static_cast<uint8_t>(expected)});  // 256 is 00
  if (answer.ok() && answer->data.size() > expected) return Invalid("READ BINARY", answer->sw);
  return answer;
}

absl::Status Jpki::SelectFile(uint8_t short_id) {
  const auto answer =
      Exchange(std::array<uint8_t, 7>{0x00, 0xA4, 0x02, 0x0C, 0x02, 0x00, short_id});
  if (!answer.ok()) return answer.status();
  if (answer->sw == 0x6A82) return absl::NotFoundError("no such file");
  if (answer->sw != 0x9000) return Invalid("SELECT EF", answer->sw);
  return absl::OkStatus();
}

}  // namespace madoguchi
