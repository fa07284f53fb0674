#ifndef MADOGUCHI_SDK_TEXTPROTO_TEXTPROTO_H_
#define MADOGUCHI_SDK_TEXTPROTO_TEXTPROTO_H_

#include <google/protobuf/message.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Every file that a person writes for Madoguchi is protobuf text. Errors read
//
//   clinic.textproto:12:3: Expected integer, got: abc
//
// with lines and columns counted from 1.
namespace madoguchi {

// Reads `text` into `message`. INVALID_ARGUMENT with the first error; `name` is what the file is
// called in it.
absl::Status ParseTextproto(const std::string& text, const std::string& name,
                            google::protobuf::Message* message);

// The bytes of a file of at most 16 MiB. NOT_FOUND, PERMISSION_DENIED or INVALID_ARGUMENT with the
// path and the reason.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// Both: the file at `path` into `message`.
absl::Status ReadTextproto(const std::string& path, google::protobuf::Message* message);

// Writes `bytes` to `path`, whole or not at all (a new file, renamed over the old one), with
// `mode`.
absl::Status WriteFile(const std::string& path, const std::string& bytes, int mode);

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_TEXTPROTO_TEXTPROTO_H_
