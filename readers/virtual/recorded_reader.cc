#include "readers/virtual/recorded_reader.h"

#include <utility>

#include "sdk/failure/failure.h"

namespace madoguchi::vpcd {
namespace {

constexpr char kName[] = "Virtual Reader 0";

std::string Atr(const recording::v1::Sight& sight) {
  const auto bytes = recording::FromHex(sight.atr());
  return bytes.ok() ? std::string(bytes->begin(), bytes->end()) : "";
}

}  // namespace

RecordedReader::RecordedReader(plugin::SnapshotBoard& board, recording::Recording recording,
                               int64_t speed)
    : board_(board), speed_(speed), card_(std::move(recording)) {
  card_.ShowSight();  // A recording begins with one: the snapshot that is due at once.
  Publish();
  thread_ = std::thread([this] { Show(); });
}

RecordedReader::~RecordedReader() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

std::chrono::microseconds RecordedReader::Slowed(std::chrono::microseconds recorded) const {
  return speed_ == 0 ? std::chrono::microseconds(0) : recorded * 100 / speed_;
}

void RecordedReader::Show() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!card_.over()) {
    changed_.wait(lock, [this] { return ending_ || card_.NextSight() != nullptr; });
    if (ending_) return;
    const auto after = Slowed(card_.NextSight()->after);
    if (changed_.wait_for(lock, after, [this] { return ending_; })) return;
    card_.ShowSight();
    Publish();
  }
}

void RecordedReader::Publish() {
  const recording::v1::Sight& sight = card_.sight();
  reader::v1::Snapshot snapshot;
  snapshot.set_service(sight.service());
  if (sight.service() == reader::v1::SERVICE_RUNNING) {
    auto& state = *snapshot.add_reader();
    state.set_name(kName);
    state.set_presence(sight.presence());
    state.set_insertion(card_.insertion());
    state.set_lying(sight.lying());
    state.set_busy(sight.busy());
    state.set_pin_pad(sight.pin_pad());
    state.set_atr(Atr(sight));
  } else {
    snapshot.set_detail("as recorded");
  }
  board_.Publish(std::move(snapshot));
}

absl::StatusOr<reader::v1::OpenReply> RecordedReader::Open(const reader::v1::OpenRequest& request) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (request.reader() != kName || card_.sight().service() != reader::v1::SERVICE_RUNNING) {
    return FailureStatus(check::v1::FAILURE_CODE_READER_LOST, "no reader of this name");
  }
  if (request.insertion() != card_.insertion() ||
      card_.sight().presence() == reader::v1::PRESENCE_ABSENT) {
    return FailureStatus(check::v1::FAILURE_CODE_CARD_GONE, "no card, or another one");
  }
  if (card_.sight().presence() != reader::v1::PRESENCE_PRESENT) {
    return FailureStatus(check::v1::FAILURE_CODE_CARD_UNPOWERED, "the card gives no ATR");
  }
  if (session_ != 0) {
    return FailureStatus(check::v1::FAILURE_CODE_CARD_BUSY, "another session holds it");
  }
  const check::v1::FailureCode failure = card_.Open();
  changed_.notify_all();
  if (failure != check::v1::FAILURE_CODE_UNSPECIFIED) return FailureStatus(failure, "as recorded");
  session_ = ++last_session_;
  reader::v1::OpenReply reply;
  reply.set_session(session_);
  reply.set_atr(Atr(card_.sight()));
  return reply;
}

absl::StatusOr<std::vector<uint8_t>> RecordedReader::Transmit(uint64_t session,
                                                              std::span<const uint8_t> command) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (session == 0 || session != session_) {
    return FailureStatus(check::v1::FAILURE_CODE_READER_LOST, "no such session");
  }
  const uint64_t insertion = card_.insertion();
  auto answer = card_.Transmit(command);
  if (!answer.ok()) return answer.status();
  const auto over = [&] { return ending_ || session_ != session; };
  if (changed_.wait_for(lock, Slowed(answer->took), over)) {
    return FailureStatus(check::v1::FAILURE_CODE_CANCELLED, "the session was closed");
  }
  changed_.notify_all();  // What comes to be seen after this may be due.
  if (answer->failure != check::v1::FAILURE_CODE_UNSPECIFIED) {
    return FailureStatus(answer->failure, "as recorded");
  }
  if (card_.insertion() != insertion || card_.sight().presence() != reader::v1::PRESENCE_PRESENT) {
    return FailureStatus(check::v1::FAILURE_CODE_CARD_GONE, "the card was taken away");
  }
  return std::move(answer->bytes);
}

absl::StatusOr<std::vector<uint8_t>> RecordedReader::VerifyAtPad(
    uint64_t session, std::span<const uint8_t> apdu_template) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!card_.sight().pin_pad()) return absl::UnimplementedError("this reader has no PIN pad");
  }
  return Transmit(session, apdu_template);
}

void RecordedReader::Close(uint64_t session) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (session == 0 || session != session_) return;
  session_ = 0;
  card_.Close();
  changed_.notify_all();
}

}  // namespace madoguchi::vpcd
