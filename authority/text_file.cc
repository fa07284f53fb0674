#include "authority/text_file.h"

#include <google/protobuf/io/tokenizer.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace madoguchi::authority {
namespace {

constexpr size_t kMostErrors = 20;

class Collector final : public google::protobuf::io::ErrorCollector {
 public:
  explicit Collector(FileErrors* errors) : errors_(errors) {}
  void AddError(int line, int column, const std::string& message) override {
    errors_->Add(line, column, message);
  }

 private:
  FileErrors* const errors_;
};

}  // namespace

absl::StatusOr<std::string> FileBytes(const std::string& path, size_t most) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return absl::NotFoundError(path + " is a folder, not a file");
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError("cannot read " + path + ": " + std::strerror(errno));
  std::string bytes;
  char block[16384];
  while (file.read(block, sizeof(block)) || file.gcount() > 0) {
    bytes.append(block, static_cast<size_t>(file.gcount()));
    if (bytes.size() > most) {
      return absl::InvalidArgumentError(path + " is longer than " + std::to_string(most) +
                                        " bytes");
    }
  }
  if (file.bad()) return absl::NotFoundError("cannot read " + path + ": " + std::strerror(errno));
  return bytes;
}

std::string Beside(const std::string& beside, const std::string& path) {
  // operator/ gives `path` alone when it is absolute.
  return (std::filesystem::path(beside).parent_path() / path).string();
}

void FileErrors::Add(int line, int column, const std::string& message) {
  if (++count_ > kMostErrors) return;
  std::string place = file_;
  if (line >= 0) place += ":" + std::to_string(line + 1) + ":" + std::to_string(column + 1);
  lines_.push_back(place + ": " + message);
}

absl::Status FileErrors::status() const {
  if (empty()) return absl::OkStatus();
  std::string text;
  for (const std::string& line : lines_) text += (text.empty() ? "" : "\n") + line;
  if (count_ > lines_.size()) {
    text += "\n" + file_ + ": and " + std::to_string(count_ - lines_.size()) + " more errors";
  }
  return absl::InvalidArgumentError(text);
}

Place Place::Of(const google::protobuf::Message& message, const std::string& field,
                int index) const {
  const auto* descriptor = message.GetDescriptor()->FindFieldByName(field);
  if (tree_ == nullptr || descriptor == nullptr) return Place(nullptr, line_, column_);
  const auto at = tree_->GetLocation(descriptor, index);
  if (at.line < 0) return Place(nullptr, line_, column_);
  const bool nested = descriptor->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE;
  return Place(nested ? tree_->GetTreeForNested(descriptor, index) : nullptr, at.line, at.column);
}

void Place::Complain(const std::string& expected, FileErrors* errors) const {
  errors->Add(line_, column_, expected);
}

bool ParseText(const std::string& text, google::protobuf::Message* message,
               google::protobuf::TextFormat::ParseInfoTree* tree, FileErrors* errors) {
  Collector collector(errors);
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&collector);
  parser.WriteLocationsTo(tree);
  parser.SetRecursionLimit(16);
  const bool parsed = parser.ParseFromString(text, message);
  if (!parsed && errors->empty()) errors->Add(-1, -1, "expected protobuf text");
  return parsed;
}

}  // namespace madoguchi::authority
