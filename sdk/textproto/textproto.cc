#include "sdk/textproto/textproto.h"

#include <fcntl.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace madoguchi {
namespace {

class FirstError final : public google::protobuf::io::ErrorCollector {
 public:
  FirstError(const std::string& name, const std::string& source) : name_(name), source_(source) {}
  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string& message) override {
    if (!text_.empty()) return;
    StepBack(message, &line, &column);
    text_ =
        name_ + ":" + std::to_string(line + 1) + ":" + std::to_string(column + 1) + ": " + message;
  }
  void AddWarning(int, google::protobuf::io::ColumnNumber, const std::string&) override {}
  const std::string& text() const { return text_; }

 private:
  // An unknown enumeration value is reported where the token after it begins, which may be lines
  // further on: goes back to the value itself.
  void StepBack(const std::string& message, int* line, int* column) const {
    constexpr std::string_view kUnknown = "Unknown enumeration value of \"";
    if (message.rfind(kUnknown, 0) != 0 || *line < 0) return;
    const std::string value =
        message.substr(kUnknown.size(), message.find('"', kUnknown.size()) - kUnknown.size());
    size_t here = 0;
    for (int i = 0; i < *line; ++i) here = source_.find('\n', here) + 1;
    // Tabs make columns wider than bytes; the value stands before either way.
    here = std::min(here + static_cast<size_t>(*column), source_.size());
    const size_t found = here == 0 ? std::string::npos : source_.rfind(value, here - 1);
    if (found == std::string::npos) return;
    *line = static_cast<int>(std::count(source_.begin(), source_.begin() + found, '\n'));
    const size_t begin = source_.rfind('\n', found);
    *column = static_cast<int>(begin == std::string::npos ? found : found - begin - 1);
  }

  const std::string name_;
  const std::string& source_;
  std::string text_;
};

absl::Status FileError(const std::string& path) {
  const std::string text = path + ": " + std::strerror(errno);
  if (errno == ENOENT) return absl::NotFoundError(text);
  if (errno == EACCES || errno == EPERM) return absl::PermissionDeniedError(text);
  return absl::InvalidArgumentError(text);
}

}  // namespace

std::string TextPlaces::Of(const std::string& field) const {
  std::string place = name_;
  const google::protobuf::Descriptor* type = type_;
  const google::protobuf::TextFormat::ParseInfoTree* tree = &tree_;
  for (size_t begin = 0; begin <= field.size() && type != nullptr && tree != nullptr;) {
    const size_t end = std::min(field.find('.', begin), field.size());
    const size_t bracket = std::min(field.find('[', begin), end);
    const auto* const descriptor = type->FindFieldByName(field.substr(begin, bracket - begin));
    if (descriptor == nullptr) break;
    const int index = bracket < end ? std::atoi(field.c_str() + bracket + 1) : -1;
    if (descriptor->is_repeated() != (index >= 0)) break;
    const auto at = tree->GetLocation(descriptor, index);
    if (at.line < 0) break;
    place = name_ + ":" + std::to_string(at.line + 1) + ":" + std::to_string(at.column + 1);
    type = descriptor->message_type();
    tree = type == nullptr ? nullptr : tree->GetTreeForNested(descriptor, index);
    begin = end + 1;
  }
  return place;
}

absl::Status ParseTextproto(const std::string& text, const std::string& name,
                            google::protobuf::Message* message, TextPlaces* places) {
  FirstError error(name, text);
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  if (places != nullptr) {
    places->name_ = name;
    places->type_ = message->GetDescriptor();
    parser.WriteLocationsTo(&places->tree_);
  }
  if (parser.ParseFromString(text, message)) return absl::OkStatus();
  return absl::InvalidArgumentError(error.text().empty() ? name + ": not protobuf text"
                                                         : error.text());
}

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t largest) {
  // A pipe of that name must not hold up whoever opens it.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return FileError(path);
  struct stat facts;
  std::string bytes;
  absl::Status result = absl::OkStatus();
  if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) {
    result = absl::InvalidArgumentError(path + ": not a regular file");
  }
  char part[65536];
  while (result.ok()) {
    const ssize_t size = read(fd, part, sizeof(part));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) result = FileError(path);
    if (size <= 0) break;
    bytes.append(part, static_cast<size_t>(size));
    // What fstat said is not asked: it may grow meanwhile.
    if (bytes.size() <= largest) continue;
    result = absl::InvalidArgumentError(path + ": larger than " + std::to_string(largest >> 10) +
                                        " KiB");
  }
  close(fd);
  if (!result.ok()) return result;
  return bytes;
}

absl::Status ReadTextproto(const std::string& path, google::protobuf::Message* message,
                           TextPlaces* places) {
  const auto text = ReadFile(path);
  if (!text.ok()) return text.status();
  return ParseTextproto(*text, path, message, places);
}

absl::Status WriteFile(const std::string& path, const std::string& bytes, int mode) {
  std::string fresh = path + ".XXXXXX";
  const int fd = mkstemp(fresh.data());
  if (fd < 0) return FileError(path);
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t size = write(fd, bytes.data() + done, bytes.size() - done);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    done += static_cast<size_t>(size);
  }
  const bool written = done == bytes.size() && fchmod(fd, mode) == 0 && fsync(fd) == 0;
  const absl::Status failed = written ? absl::OkStatus() : FileError(path);
  close(fd);
  if (written && rename(fresh.c_str(), path.c_str()) == 0) return absl::OkStatus();
  const absl::Status why = written ? FileError(path) : failed;
  unlink(fresh.c_str());
  return why;
}

}  // namespace madoguchi
