#ifndef MADOGUCHI_AUTHORITY_TEXT_FILE_H_
#define MADOGUCHI_AUTHORITY_TEXT_FILE_H_

#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Files of protobuf text, and errors that say where in them.
namespace madoguchi::authority {

// The bytes of a file, at most `most`. NOT_FOUND names the file and what the system says.
absl::StatusOr<std::string> FileBytes(const std::string& path, size_t most = 64U << 20);

// `path` itself when it is absolute, otherwise seen from the folder of the file `beside`.
std::string Beside(const std::string& beside, const std::string& path);

// Errors in one file, each as "FILE:LINE:COLUMN: what was expected", counted from 1. At most 20 are
// kept. The messages hold no values of fields, which may be personal.
class FileErrors {
 public:
  explicit FileErrors(std::string file) : file_(std::move(file)) {}
  // Line and column count from 0, as protobuf counts; -1 stands for the whole file.
  void Add(int line, int column, const std::string& message);
  bool empty() const { return count_ == 0; }
  // INVALID_ARGUMENT with one error a line; OK without errors.
  absl::Status status() const;

 private:
  const std::string file_;
  std::vector<std::string> lines_;
  size_t count_ = 0;
};

// Where the fields of a parsed message stand, to complain about their meaning.
class Place {
 public:
  Place(const google::protobuf::TextFormat::ParseInfoTree* tree, int line, int column)
      : tree_(tree), line_(line), column_(column) {}
  // Of the field called `field` of `message`, which stands here; `index` for repeated ones. A field
  // that is not written has the place of its message.
  Place Of(const google::protobuf::Message& message, const std::string& field,
           int index = -1) const;
  void Complain(const std::string& expected, FileErrors* errors) const;

 private:
  const google::protobuf::TextFormat::ParseInfoTree* tree_;  // null inside a plain value
  int line_;
  int column_;
};

// Parses `text` into `message` and the places into `tree`, whose top is then Place(tree, -1, -1).
// False when it does not parse; `errors` says where.
bool ParseText(const std::string& text, google::protobuf::Message* message,
               google::protobuf::TextFormat::ParseInfoTree* tree, FileErrors* errors);

}  // namespace madoguchi::authority

#endif  // MADOGUCHI_AUTHORITY_TEXT_FILE_H_
