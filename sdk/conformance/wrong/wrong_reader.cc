// One reader, whose card lies there as long as somebody is connected to its socket, and the ways to
// get it wrong. The card answers everything with 6D00.
#include <openssl/crypto.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "madoguchi/reader/v1/reader.grpc.pb.h"
#include "sdk/conformance/wrong/wrong.h"
#include "sdk/failure/failure.h"
#include "sdk/failure/grpc_status.h"
#include "sdk/plugin/pin_lane.h"
#include "sdk/plugin/reader.h"

namespace madoguchi::wrong {
namespace {

using namespace check::v1;   // NOLINT: the codes.
using namespace reader::v1;  // NOLINT: the messages.
using std::chrono::milliseconds;

constexpr int kPinFd = 4;
constexpr char kReader[] = "Wrong Reader";
const std::string kAtr("\x3B\x80\x80\x01\x01", 5);
const std::string kRefused("\x6D\x00", 2);

grpc::Status Failed(FailureCode code) { return ToGrpc(FailureStatus(code, "wrong")); }

class ReaderService final : public Reader::Service, public Kind {
 public:
  grpc::Service* service() override { return this; }

  void Start(const Settings& settings) override {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (settings.at("directory") + "/reader-0.sock")
        .copy(address.sun_path, sizeof(address.sun_path) - 1);
    unlink(address.sun_path);
    const int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bind(listening, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    listen(listening, 4);
    Publish();
    std::thread([this, listening] { TakeCards(listening); }).detach();
  }

  grpc::Status Watch(grpc::ServerContext* context, const WatchRequest*,
                     grpc::ServerWriter<Snapshot>* writer) override {
    const int others = watching_++;
    if (first_watch_.exchange(false) && Fails("reader.snapshot-at-once")) {
      std::this_thread::sleep_for(milliseconds(1500));
    }
    uint64_t seen = 0;
    while (Fails("plugin.cancel-honoured") || !context->IsCancelled()) {
      Snapshot snapshot;
      const uint64_t number = board_.WaitNewer(seen, milliseconds(100), &snapshot);
      if (others > 0 && Fails("reader.second-watch")) continue;
      if (number != seen && !context->IsCancelled()) writer->Write(snapshot);
      seen = number;
      // It would take what TakeAny and KeepNext look for.
      if (!Fails("reader.pin-other-token") && !Fails("reader.pin-late")) lane_.Sweep();
    }
    --watching_;
    return grpc::Status::OK;
  }

  grpc::Status Open(grpc::ServerContext*, const OpenRequest* request, OpenReply* reply) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (request->reader() != kReader) {
      return Failed(Fails("reader.open-unknown") ? FAILURE_CODE_CARD_GONE
                                                 : FAILURE_CODE_READER_LOST);
    }
    const bool stale = request->insertion() != insertion_ && !Fails("reader.open-stale");
    if (!present_ || stale) return Failed(FAILURE_CODE_CARD_GONE);
    if (!sessions_.empty() && !Fails("reader.session-second-refused")) {
      return Failed(FAILURE_CODE_CARD_BUSY);
    }
    if (Fails("reader.session-new")) {
      last_session_ = 7;
    } else {
      ++last_session_;
    }
    sessions_[last_session_] = arrivals_;
    reply->set_session(last_session_);
    reply->set_atr(Fails("reader.open-atr") ? kAtr + "x" : Atr());
    return grpc::Status::OK;
  }

  grpc::Status Transmit(grpc::ServerContext*, const TransmitRequest* request,
                        TransmitReply* reply) override {
    bool fits = request->command_size() >= 1 && request->command_size() <= 64;
    for (const std::string& command : request->command()) {
      fits = fits && command.size() >= 4 && command.size() <= 65544;
    }
    if (!fits && !Fails("reader.apdu-form")) return Failed(FAILURE_CODE_REQUEST_INVALID);
    if (const grpc::Status there = CardOf(request->session()); !there.ok()) return there;
    for (const std::string& command : request->command()) {
      if (Name() == "right_reader_logs_apdus") Log(command);
      std::this_thread::sleep_for(milliseconds(1));
      if (command.size() > 261 && Fails("reader.apdu-extended")) {
        return Failed(FAILURE_CODE_CARD_ANSWER_INVALID);
      }
      const bool cut = command.size() == 261 && Fails("reader.apdu-short");
      reply->add_response(cut ? "\x6D" : kRefused);
      if (!Fails("reader.apdu-order")) break;
    }
    return grpc::Status::OK;
  }

  grpc::Status VerifyPin(grpc::ServerContext*, const VerifyPinRequest* request,
                         VerifyPinReply* reply) override {
    if (const grpc::Status there = CardOf(request->session()); !there.ok()) return there;
    reply->set_response(Fails("reader.pin-carried") ? kRefused + "x" : kRefused);
    const std::string& token = request->pin_token();
    if (token.empty()) {
      if (Fails("reader.pin-no-pad") || HasDeafPad()) return grpc::Status::OK;
      return ToGrpc(absl::UnimplementedError("no pad"));
    }
    if (Fails("reader.pin-other-token")) return TakeAny();
    if (Fails("reader.pin-used-token") && !tokens_.insert(token).second) return grpc::Status::OK;
    const auto pin = lane_.Take(token);
    if (!pin.ok()) {
      if (Fails("reader.pin-late")) std::thread([this] { KeepNext(); }).detach();
      return ToGrpc(pin.status());
    }
    if (Name() == "right_reader_logs_pins") {
      std::printf("PIN %.*s\n", static_cast<int>(pin->size()),
                  reinterpret_cast<const char*>(pin->bytes().data()));
      std::fflush(stdout);
    }
    if (Fails("reader.pin-wiped")) kept_.emplace_back(pin->bytes().begin(), pin->bytes().end());
    return grpc::Status::OK;
  }

  grpc::Status Close(grpc::ServerContext*, const CloseRequest* request, CloseReply*) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (sessions_.erase(request->session()) == 0 && Fails("reader.close-unknown")) {
      return Failed(FAILURE_CODE_READER_LOST);
    }
    return grpc::Status::OK;
  }

 private:
  static std::string Atr() { return Fails("reader.snapshot-form") ? kAtr.substr(0, 1) : kAtr; }

  static void Log(const std::string& command) {
    for (const char byte : command.substr(0, 64)) {
      std::printf("%02X ", static_cast<unsigned char>(byte));
    }
    std::printf("\n");
    std::fflush(stdout);
  }

  // OK for a session whose card lies there.
  grpc::Status CardOf(uint64_t session) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (const auto found = sessions_.find(session); found != sessions_.end()) {
      if (present_ && arrivals_ == found->second) return grpc::Status::OK;
      return Failed(Fails("reader.card-pulled") ? FAILURE_CODE_READER_LOST
                                                : FAILURE_CODE_CARD_GONE);
    }
    const bool was = session <= last_session_;
    if (was && Fails("reader.session-closed")) return grpc::Status::OK;
    return Failed(!was && Fails("reader.session-unknown") ? FAILURE_CODE_CARD_GONE
                                                          : FAILURE_CODE_READER_LOST);
  }

  // The packet that comes first, whosever it is.
  grpc::Status TakeAny() {
    pollfd watched{kPinFd, POLLIN, 0};
    char packet[32];
    if (poll(&watched, 1, 1000) <= 0 || recv(kPinFd, packet, sizeof(packet), 0) <= 0) {
      return Failed(FAILURE_CODE_REQUEST_INVALID);
    }
    OPENSSL_cleanse(packet, sizeof(packet));
    return grpc::Status::OK;
  }

  void KeepNext() {
    pollfd watched{kPinFd, POLLIN, 0};
    static char packet[32];
    if (poll(&watched, 1, 2000) > 0) (void)!recv(kPinFd, packet, sizeof(packet), 0);
  }

  void TakeCards(int listening) {
    for (int removals = 0; removals < 4 || !Fails("reader.device-restarted"); ++removals) {
      const int card = accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
      Change(true);
      char byte;
      while (recv(card, &byte, 1, 0) > 0) {
      }
      close(card);
      Change(false);
    }
  }

  void Change(bool present) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      present_ = present;
      if (present) ++arrivals_;
      if (present) insertion_ = Fails("reader.insertion-grows") ? 1 : arrivals_;
    }
    if (present || !Fails("reader.removal-shown")) Publish();
  }

  // A pad that waits for nobody.
  static bool HasDeafPad() { return Name() == "right_reader_deaf_pad"; }

  void Publish() {
    Snapshot snapshot;
    snapshot.set_service(SERVICE_RUNNING);
    ReaderState* const state = snapshot.add_reader();
    const std::lock_guard<std::mutex> lock(mutex_);
    state->set_name(kReader);
    state->set_insertion(insertion_);
    state->set_presence(present_ ? PRESENCE_PRESENT : PRESENCE_ABSENT);
    if (present_) state->set_atr(Atr());
    state->set_pin_pad(HasDeafPad());
    board_.Publish(snapshot);
  }

  plugin::SnapshotBoard board_;
  plugin::PinLane lane_{kPinFd};
  std::atomic<int> watching_ = 0;
  std::atomic<bool> first_watch_ = true;
  std::mutex mutex_;
  bool present_ = false;
  uint64_t arrivals_ = 0;
  uint64_t insertion_ = 0;
  uint64_t last_session_ = 0;
  std::map<uint64_t, uint64_t> sessions_;  // each with the arrival of its card
  std::set<std::string> tokens_;
  std::vector<std::vector<char>> kept_;
};

}  // namespace

std::unique_ptr<Kind> MakeReader() { return std::make_unique<ReaderService>(); }

}  // namespace madoguchi::wrong
