#ifndef MADOGUCHI_SDK_TOOLS_RECORD_TAKEN_H_
#define MADOGUCHI_SDK_TOOLS_RECORD_TAKEN_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "madoguchi/check/v1/failure.pb.h"
#include "madoguchi/reader/v1/reader.pb.h"

// What a real reader and card did, as they did it: personal, and never written anywhere. A PIN is
// not in it all the same. See replacement.h for what is made of it.
namespace madoguchi::record {

using Bytes = std::vector<uint8_t>;

struct Exchange {
  enum class Role {
    kOther,
    kCertificate,  // the answer is the certificate from `offset` on
    kVerifyPin,    // the command is CLA INS P1 P2
    kSign,         // the answer is a signature from `offset` on
    kSignRest,     // as kSign, of the signature asked for before
  };
  Role role = Role::kOther;
  size_t offset = 0;
  Bytes command;
  Bytes response;  // with SW1 SW2; empty when there is a failure
  check::v1::FailureCode failure = check::v1::FAILURE_CODE_UNSPECIFIED;
  std::chrono::microseconds took{0};
};

struct Opened {
  check::v1::FailureCode failure = check::v1::FAILURE_CODE_UNSPECIFIED;
};
struct Closed {};

struct Event {
  std::chrono::microseconds after{0};  // since the event before was over
  std::variant<reader::v1::ReaderState, Opened, Exchange, Closed> kind;
};

struct Taken {
  std::vector<Event> events;
  Bytes certificate;  // DER; empty until it was read whole
};

}  // namespace madoguchi::record

#endif  // MADOGUCHI_SDK_TOOLS_RECORD_TAKEN_H_
