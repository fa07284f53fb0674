// A reader whose card is a text: a command and its answer a line, in hexadecimal.

#include <map>
#include <mutex>
#include <sstream>

#include "sdk/failure/failure.h"
#include "sdk/plugin/reader.h"

namespace {

namespace codes = madoguchi::check::v1;
namespace v1 = madoguchi::reader::v1;
using madoguchi::FailureStatus;
using Bytes = std::vector<uint8_t>;

constexpr char kReaderName[] = "Script 0";
const std::string kAtr("\x3B\x80\x80\x01\x01", 5);

// Nothing when `hex` is not whole bytes.
Bytes FromHex(const std::string& hex) {
  Bytes bytes;
  if (hex.size() % 2 != 0) return {};
  for (size_t i = 0; i < hex.size(); i += 2) {
    if (!std::isxdigit(hex[i]) || !std::isxdigit(hex[i + 1])) return {};
    bytes.push_back(static_cast<uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

class ScriptReader final : public madoguchi::plugin::Reader {
 public:
  std::string name() const override { return "reader_script"; }

  absl::Status Start(const madoguchi::plugin::Settings& settings) override {
    const auto card = settings.Text("card");
    if (!card.ok()) return card.status();
    std::istringstream words(*card);
    for (std::string command, answer; words >> command >> answer;) {
      if (FromHex(command).size() < 4 || FromHex(answer).size() < 2) {
        return absl::InvalidArgumentError("setting card: expected lines like \"00A4040C 9000\"");
      }
      answers_[FromHex(command)] = FromHex(answer);
    }
    v1::Snapshot snapshot;
    snapshot.set_service(v1::SERVICE_RUNNING);
    v1::ReaderState& state = *snapshot.add_reader();
    state.set_name(kReaderName);
    state.set_presence(v1::PRESENCE_ABSENT);
    if (!answers_.empty()) {
      state.set_presence(v1::PRESENCE_PRESENT);
      state.set_insertion(1);
      state.set_lying(true);
      state.set_atr(kAtr);
    }
    board().Publish(std::move(snapshot));
    return absl::OkStatus();
  }

  absl::StatusOr<v1::OpenReply> Open(const v1::OpenRequest& request) override {
    std::lock_guard<std::mutex> lock(mutex_);
    if (request.reader() != kReaderName) return FailureStatus(codes::FAILURE_CODE_READER_LOST);
    if (answers_.empty() || request.insertion() != 1) {
      return FailureStatus(codes::FAILURE_CODE_CARD_GONE);
    }
    if (open_ != 0) return FailureStatus(codes::FAILURE_CODE_CARD_BUSY);
    v1::OpenReply reply;
    reply.set_session(open_ = ++last_);
    reply.set_atr(kAtr);
    return reply;
  }

  absl::StatusOr<Bytes> Transmit(uint64_t session, std::span<const uint8_t> command) override {
    std::lock_guard<std::mutex> lock(mutex_);
    if (session == 0 || session != open_) return FailureStatus(codes::FAILURE_CODE_READER_LOST);
    const auto found = answers_.find(Bytes(command.begin(), command.end()));
    return found == answers_.end() ? Bytes{0x6D, 0x00} : found->second;
  }

  void Close(uint64_t session) override {
    std::lock_guard<std::mutex> lock(mutex_);
    if (session == open_) open_ = 0;
  }

 private:
  std::mutex mutex_;  // over the two below
  uint64_t open_ = 0, last_ = 0;
  std::map<Bytes, Bytes> answers_;
};

}  // namespace

int main() {
  ScriptReader reader;
  return madoguchi::plugin::Serve(reader);
}
