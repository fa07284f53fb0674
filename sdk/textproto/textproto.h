#ifndef MADOGUCHI_SDK_TEXTPROTO_TEXTPROTO_H_
#define MADOGUCHI_SDK_TEXTPROTO_TEXTPROTO_H_

#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Every file that a person writes for Madoguchi is protobuf text. Errors read
//
//   clinic.textproto:12:3: Expected integer, got: abc
//
// with lines and columns counted from 1.
namespace madoguchi {

// Where the fields of a file stand, for errors in what they mean.
class TextPlaces {
 public:
  // "clinic.textproto:12:3" for a field, written as "plugin[1].setting[0].value" from the file's
  // message on. What is not written in the file has the place of the message around it, and the
  // file's own fields the name of the file alone.
  std::string Of(const std::string& field) const;

 private:
  friend absl::Status ParseTextproto(const std::string& text, const std::string& name,
                                     google::protobuf::Message* message, TextPlaces* places);
  std::string name_;
  const google::protobuf::Descriptor* type_ = nullptr;
  google::protobuf::TextFormat::ParseInfoTree tree_;
};

// Reads `text` into `message`. INVALID_ARGUMENT with the first error; `name` is what the file is
// called in it. `places`, if given, is then of that file.
absl::Status ParseTextproto(const std::string& text, const std::string& name,
                            google::protobuf::Message* message, TextPlaces* places = nullptr);

// The bytes of a regular file of at most `largest` bytes, at once whatever lies there. NOT_FOUND,
// PERMISSION_DENIED or INVALID_ARGUMENT with the path and the reason.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t largest = 16 << 20);

// Both: the file at `path` into `message`.
absl::Status ReadTextproto(const std::string& path, google::protobuf::Message* message,
                           TextPlaces* places = nullptr);

// Writes `bytes` to `path`, whole or not at all (a new file, renamed over the old one), with
// `mode`.
absl::Status WriteFile(const std::string& path, const std::string& bytes, int mode);

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_TEXTPROTO_TEXTPROTO_H_
