#include "reader.h"

#include <chrono>

#include "sdk/failure/failure.h"

using madoguchi::FailureStatus;
namespace codes = madoguchi::check::v1;

namespace {
constexpr char kReaderName[] = "my_reader 0";  // clinics write it into their configuration
constexpr std::chrono::milliseconds kLookEvery(200);
}  // namespace

absl::Status MyReader::Start(const madoguchi::plugin::Settings& settings) {
  // TODO: read your settings here, as in `settings.Text("device")`.
  std::lock_guard<std::mutex> lock(mutex_);
  Show(device_.Look().value_or(""));
  watch_ = std::jthread([this](std::stop_token stop) {
    std::unique_lock<std::mutex> lock(mutex_);
    while (!stop.stop_requested()) {
      Look();
      wake_.wait_for(lock, stop, kLookEvery, [] { return false; });
    }
  });
  return absl::OkStatus();
}

void MyReader::Look() {
  const std::string atr = device_.Look().value_or("");
  if (atr != atr_) Show(atr);
}

void MyReader::Show(const std::string& atr) {
  if (atr.empty() || insertion_ > 0) lying_ = false;
  if (!atr.empty()) ++insertion_;
  atr_ = atr;
  madoguchi::reader::v1::Snapshot snapshot;
  snapshot.set_service(madoguchi::reader::v1::SERVICE_RUNNING);
  auto& state = *snapshot.add_reader();
  state.set_name(kReaderName);
  state.set_insertion(insertion_);
  state.set_lying(lying_ && !atr_.empty());
  state.set_atr(atr_);
  state.set_presence(atr_.empty() ? madoguchi::reader::v1::PRESENCE_ABSENT
                                  : madoguchi::reader::v1::PRESENCE_PRESENT);
  board().Publish(std::move(snapshot));
}

absl::StatusOr<madoguchi::reader::v1::OpenReply> MyReader::Open(
    const madoguchi::reader::v1::OpenRequest& request) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (request.reader() != kReaderName) {
    return FailureStatus(codes::FAILURE_CODE_READER_LOST, "no reader of this name");
  }
  if (!HasCard(request.insertion())) {
    return FailureStatus(codes::FAILURE_CODE_CARD_GONE, "no card, or another one");
  }
  if (session_ != 0 && HasCard(session_insertion_)) {
    return FailureStatus(codes::FAILURE_CODE_CARD_BUSY, "another session holds the card");
  }
  session_ = ++last_session_;
  session_insertion_ = insertion_;
  madoguchi::reader::v1::OpenReply reply;
  reply.set_session(session_);
  reply.set_atr(atr_);
  return reply;
}

absl::StatusOr<std::vector<uint8_t>> MyReader::Transmit(uint64_t session,
                                                        std::span<const uint8_t> command) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (session == 0 || session != session_) {
    return FailureStatus(codes::FAILURE_CODE_READER_LOST, "no such session");
  }
  if (HasCard(session_insertion_)) {
    if (auto answer = device_.Send(command)) return *std::move(answer);
    Show("");  // whatever lies there now is another arrival
  }
  return FailureStatus(codes::FAILURE_CODE_CARD_GONE, "the card was taken away");
}

void MyReader::Close(uint64_t session) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (session == 0 || session != session_) return;
  session_ = 0;
  if (HasCard(session_insertion_)) device_.Reset();
}
