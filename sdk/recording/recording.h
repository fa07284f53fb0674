#ifndef MADOGUCHI_SDK_RECORDING_RECORDING_H_
#define MADOGUCHI_SDK_RECORDING_RECORDING_H_

#include <openssl/evp.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "sdk/recording/recording.pb.h"

// A recording (recording.proto says what that is) as it is played: read, and found to make sense.
namespace madoguchi::recording {

struct Exchange {
  std::vector<uint8_t> command;
  v1::Exchange::Kind kind = v1::Exchange::KIND_PLAIN;
  std::vector<v1::Piece> pieces;
  uint16_t status = 0;
  check::v1::FailureCode failure = check::v1::FAILURE_CODE_UNSPECIFIED;
  std::chrono::microseconds took{0};
  // Whether a PIN was verified in its session before it.
  bool verified = false;
};

struct Event {
  std::chrono::microseconds after{0};
  std::variant<v1::Sight, v1::Open, Exchange, v1::Close> kind;
};

// Immutable once parsed; copies share key and bytes.
struct Recording {
  std::vector<uint8_t> certificate;  // DER
  std::shared_ptr<EVP_PKEY> key;     // RSA-2048
  std::string trust_anchor_pem;
  std::vector<Event> events;
};

constexpr size_t kMostEvents = 4096;
constexpr size_t kLongestCommand = 65544;
constexpr size_t kLongestAnswer = 65538;  // with SW1 SW2
constexpr size_t kSignatureSize = 256;

// Reads protobuf text. INVALID_ARGUMENT says with the line what is wrong; `name` is what the text
// is called there. The text may come from anybody.
absl::StatusOr<Recording> Parse(const std::string& text, const std::string& name);

// Hexadecimal digits, blanks between the bytes allowed. INVALID_ARGUMENT for anything else.
absl::StatusOr<std::vector<uint8_t>> FromHex(const std::string& text);
// Upper case, no blanks.
std::string ToHex(std::span<const uint8_t> bytes);

}  // namespace madoguchi::recording

#endif  // MADOGUCHI_SDK_RECORDING_RECORDING_H_
