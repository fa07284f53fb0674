#include <openssl/rand.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "host/loader/call.h"
#include "host/loader/ports.h"
#include "host/loader/reader_watch.h"
#include "madoguchi/reader/v1/reader.grpc.pb.h"

namespace madoguchi {
namespace {

using namespace check::v1;  // NOLINT: the codes.
using reader::v1::Reader;

constexpr std::chrono::milliseconds kCloseTime(2000);
constexpr size_t kTokenSize = 16;

std::string TextOf(std::span<const uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

std::vector<uint8_t> BytesOf(const std::string& text) { return {text.begin(), text.end()}; }

class PluginSession final : public CardSession {
 public:
  PluginSession(std::shared_ptr<const PluginLife> life, uint64_t session, CallLimits limits)
      : life_(std::move(life)),
        stub_(Reader::NewStub(life_->channel)),
        session_(session),
        limits_(std::move(limits)) {}

  // Also when the check was cancelled: the reset is what takes the verified PIN away.
  ~PluginSession() override {
    reader::v1::CloseRequest request;
    request.set_session(session_);
    reader::v1::CloseReply reply;
    (void)CallPlugin(
        *life_, {kCloseTime, {}}, FAILURE_CODE_READER_LOST, FAILURE_CODE_READER_LOST,
        [&](grpc::ClientContext* context) { return stub_->Close(context, request, &reply); });
  }

  absl::StatusOr<std::vector<uint8_t>> Transmit(std::span<const uint8_t> command) override {
    const std::vector<uint8_t> one(command.begin(), command.end());
    auto answers = TransmitAll({&one, 1});
    if (!answers.ok()) return answers.status();
    return std::move(answers->front());
  }

  absl::StatusOr<std::vector<std::vector<uint8_t>>> TransmitAll(
      std::span<const std::vector<uint8_t>> commands) override {
    reader::v1::TransmitRequest request;
    request.set_session(session_);
    for (const auto& command : commands) request.add_command(command.data(), command.size());
    reader::v1::TransmitReply reply;
    const absl::Status status = Call(limits_, [&](grpc::ClientContext* context) {
      return stub_->Transmit(context, request, &reply);
    });
    if (!status.ok()) return status;
    if (reply.response().empty()) return BreaksContract();
    const std::string first = std::move(*reply.mutable_response(0));
    reply.mutable_response()->DeleteSubrange(0, 1);
    return Answers(first, reply.response(), request.command_size() - 1);
  }

  absl::StatusOr<std::vector<uint8_t>> VerifyPin(std::span<const uint8_t> apdu_template,
                                                 Secret* pin) override {
    auto answers = VerifyPinAndTransmitAll(apdu_template, pin, {});
    if (!answers.ok()) return answers.status();
    return std::move(answers->front());
  }

  absl::StatusOr<std::vector<std::vector<uint8_t>>> VerifyPinAndTransmitAll(
      std::span<const uint8_t> apdu_template, Secret* pin,
      std::span<const std::vector<uint8_t>> commands) override {
    // A PIN whose call never gets there would lie in the plugin without an owner.
    if (limits_.cancelled.stop_requested()) return FailureStatus(FAILURE_CODE_CANCELLED);
    reader::v1::VerifyPinRequest request;
    request.set_session(session_);
    request.set_apdu_template(TextOf(apdu_template));
    request.set_pin_offset(static_cast<uint32_t>(apdu_template.size()));
    const auto token = SendPin(*pin);
    if (!token.ok()) return token.status();
    request.set_pin_token(*token);
    pin->Wipe();
    return Verify(&request, commands, limits_);
  }

  absl::StatusOr<std::vector<std::vector<uint8_t>>> VerifyAtPadAndTransmitAll(
      std::span<const uint8_t> apdu_template, const PadForm& form,
      std::span<const std::vector<uint8_t>> commands) override {
    reader::v1::VerifyPinRequest request;
    request.set_session(session_);
    request.set_apdu_template(TextOf(apdu_template));
    request.set_pin_offset(static_cast<uint32_t>(apdu_template.size()));
    request.mutable_pad_form()->set_shortest(form.shortest);
    request.mutable_pad_form()->set_longest(form.longest);
    request.mutable_pad_form()->set_patience_s(static_cast<uint32_t>(form.patience.count()));
    // The pad gives up first: it knows why nothing came.
    return Verify(&request, commands, {limits_.timeout + form.patience, limits_.cancelled});
  }

 private:
  using Texts = google::protobuf::RepeatedPtrField<std::string>;

  template <typename Method>
  absl::Status Call(const CallLimits& limits, const Method& method) {
    return CallPlugin(*life_, limits, FAILURE_CODE_READER_LOST, FAILURE_CODE_CARD_SILENT, method);
  }

  absl::StatusOr<std::vector<std::vector<uint8_t>>> Verify(
      reader::v1::VerifyPinRequest* request, std::span<const std::vector<uint8_t>> commands,
      const CallLimits& limits) {
    for (const auto& command : commands) request->add_following(command.data(), command.size());
    reader::v1::VerifyPinReply reply;
    const absl::Status status = Call(limits, [&](grpc::ClientContext* context) {
      return stub_->VerifyPin(context, *request, &reply);
    });
    if (!status.ok()) return status;
    return Answers(reply.response(), reply.following(), request->following_size());
  }

  absl::Status BreaksContract() const {
    life_->incidents->Add("answered with more, or fewer, R-APDUs than there were C-APDUs");
    return FailureStatus(FAILURE_CODE_READER_LOST, "its plugin breaks the contract");
  }

  // `first` and at most `most` others.
  absl::StatusOr<std::vector<std::vector<uint8_t>>> Answers(const std::string& first,
                                                            const Texts& others, int most) const {
    if (others.size() > most) return BreaksContract();
    std::vector<std::vector<uint8_t>> answers = {BytesOf(first)};
    for (const std::string& other : others) answers.push_back(BytesOf(other));
    for (const auto& answer : answers) {
      if (answer.size() < 2) {
        return FailureStatus(FAILURE_CODE_CARD_GONE, "an answer of under two bytes");
      }
    }
    return answers;
  }

  // One packet on fd 4, straight from locked memory. The token under which it waits there.
  absl::StatusOr<std::string> SendPin(const Secret& pin) {
    auto packet = Secret::OfSize(kTokenSize + pin.size());
    if (!packet.ok()) return packet.status();
    uint8_t* const bytes = packet->bytes().data();
    if (RAND_bytes(bytes, kTokenSize) != 1) return absl::InternalError("no randomness");
    std::string token(bytes, bytes + kTokenSize);
    std::copy(pin.bytes().begin(), pin.bytes().end(), bytes + kTokenSize);
    const ssize_t sent = send(life_->pin.get(), bytes, packet->size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent != static_cast<ssize_t>(packet->size())) {
      return FailureStatus(FAILURE_CODE_READER_LOST, "the PIN lane is closed");
    }
    return token;
  }

  const std::shared_ptr<const PluginLife> life_;
  const std::unique_ptr<Reader::Stub> stub_;
  const uint64_t session_;
  const CallLimits limits_;
};

}  // namespace

PluginReaders::PluginReaders(ReaderTable& table) : table_(table) {}

PluginReaders::~PluginReaders() {
  std::lock_guard<std::mutex> lock(mutex_);
  watches_.clear();
}

void PluginReaders::Up(const std::string& plugin, const std::shared_ptr<const PluginLife>& life) {
  std::lock_guard<std::mutex> lock(mutex_);
  watches_[plugin] = std::make_unique<ReaderWatch>(table_, plugin, life);
}

void PluginReaders::Down(const std::string& plugin) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    watches_.erase(plugin);
  }
  table_.Remove(plugin, "its plugin is not running");
}

// The life that told of the card, if it is still the one.
std::shared_ptr<const PluginLife> PluginReaders::LifeOf(const CardSeen& card) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = watches_.find(card.plugin);
  if (found == watches_.end() || found->second->life()->generation != card.generation)
    return nullptr;
  return found->second->life();
}

std::shared_ptr<const void> PluginReaders::Visit(const CardSeen& card) {
  const auto life = LifeOf(card);
  return life == nullptr ? nullptr : life->guests->Enter();
}

absl::StatusOr<std::unique_ptr<CardSession>> PluginReaders::Open(const CardSeen& card,
                                                                 const CallLimits& limits) {
  const auto life = LifeOf(card);
  if (life == nullptr) return FailureStatus(FAILURE_CODE_READER_LOST, card.place());
  const auto stub = Reader::NewStub(life->channel);
  reader::v1::OpenRequest request;
  request.set_reader(card.reader);
  request.set_insertion(card.insertion);
  reader::v1::OpenReply reply;
  // Not cut off when the check is cancelled: the plugin would have opened a session whose number
  // nobody here knows, and the card would be busy for ever. No card is spoken to in it, so it is
  // short.
  const absl::Status status = CallPlugin(
      *life, {limits.timeout, {}}, FAILURE_CODE_READER_LOST, FAILURE_CODE_CARD_SILENT,
      [&](grpc::ClientContext* context) { return stub->Open(context, request, &reply); });
  if (!status.ok()) return status;
  return std::make_unique<PluginSession>(life, reply.session(), limits);
}

}  // namespace madoguchi
