#include "readers/bluetooth/link.h"

#include <algorithm>

#include "readers/bluetooth/bluez_failure.h"

namespace madoguchi::bluetooth {
namespace {

using namespace check::v1;  // NOLINT: the failure codes.
using std::chrono::milliseconds;

// What bluetoothd itself allows a connection that does not come about; and then some.
constexpr milliseconds kConnectPatience(30'000);
constexpr milliseconds kResolvePatience(15'000);
constexpr milliseconds kCallPatience(10'000);
// A person may have to press a button on the reader.
constexpr milliseconds kPairPatience(60'000);

absl::Status Lost(const std::string& why) {
  return FailureStatus(FAILURE_CODE_READER_OUT_OF_RANGE, why);
}

}  // namespace

Link::Link(Bluez& bluez, Loop& loop, const Objects& objects, std::string device, Owner& owner)
    : bluez_(bluez), objects_(objects), device_(std::move(device)), owner_(owner), timer_(loop) {}

Link::~Link() {
  stage_ = Stage::kDown;
  leash_.Cut();
  bluez_.Call(device_, kDevice, "Disconnect", kCallPatience, [](const CallError*) {});
}

void Link::Connect() {
  stage_ = Stage::kConnecting;
  bluez_.Call(device_, kDevice, "Connect", kConnectPatience,
              leash_.Wrap(Bluez::Done([this](const CallError* error) {
                if (error != nullptr) return Down(BluezFailure("Connect", *error));
                Connected();
              })));
}

void Link::Connected() {
  connected_ = true;
  stage_ = Stage::kResolving;
  timer_.Start(kResolvePatience, [this] {
    Down(FailureStatus(FAILURE_CODE_READER_SILENT, "its services were not resolved within 15 s"));
  });
  // It may have been resolved before anybody listened.
  Look();
}

void Link::Look() {
  // That it is connected, Connect has said; bluetoothd does not always tell of it once more.
  if (stage_ != Stage::kResolving || !Is("ServicesResolved")) return;
  // What bluetoothd tells of the services' objects may come later than that they are resolved: so
  // it is asked for all of them.
  stage_ = Stage::kFinding;
  bluez_.GetObjects(leash_.Wrap(std::function<void(const CallError*, Objects)>(
      [this](const CallError* error, Objects objects) {
        timer_.Stop();
        if (error != nullptr) return Down(BluezFailure("GetManagedObjects", *error));
        const std::optional<Pipe> pipe = FindPipe(objects, device_);
        if (!pipe) {
          return Down(
              FailureStatus(FAILURE_CODE_READER_ANSWER_INVALID,
                            "it has none of the services of the readers that are known here"));
        }
        pipe_ = *pipe;
        Listened();
      })));
}

void Link::Listened() {
  stage_ = Stage::kListening;
  ListenTo(pipe_.notify, [this] {
    const auto up = [this] {
      stage_ = Stage::kUp;
      owner_.LinkUp(pipe_);
    };
    if (pipe_.status.empty()) return up();
    ListenTo(pipe_.status, up);
  });
}

void Link::ListenTo(const std::string& characteristic, std::function<void()> then) {
  bluez_.Call(characteristic, kCharacteristic, "StartNotify", kCallPatience,
              leash_.Wrap(Bluez::Done([this, then = std::move(then)](const CallError* error) {
                if (error == nullptr) return then();
                if (WantsPairing(*error)) return Pair(*error);
                Down(BluezFailure("StartNotify", *error));
              })));
}

void Link::Pair(const CallError& why) {
  if (paired_) return Down(BluezFailure("paired, and still", why));
  paired_ = true;
  const bool was_up = stage_ == Stage::kUp;
  stage_ = Stage::kPairing;
  frames_.clear();
  written_ = 0;
  if (was_up) owner_.LinkPairs();
  bluez_.Call(device_, kDevice, "Pair", kPairPatience,
              leash_.Wrap(Bluez::Done([this](const CallError* error) {
                if (error != nullptr && error->name != "org.bluez.Error.AlreadyExists") {
                  return Down(FailureStatus(FAILURE_CODE_READER_PAIRING_FAILED,
                                            "Pair: " + error->name + ": " + error->text));
                }
                // It is to come back by itself after a restart of bluetoothd; nothing hangs on it.
                bluez_.Set(device_, kDevice, "Trusted", true, [](const CallError*) {});
                Listened();
              })));
}

void Link::Send(Secret frame) {
  if (stage_ != Stage::kUp) return;
  frames_.push_back(std::move(frame));
  if (!writing_) Write();
}

void Link::Write() {
  writing_ = true;
  const std::span<const uint8_t> rest = std::as_const(frames_.front()).bytes().subspan(written_);
  const size_t size = std::min(rest.size(), pipe_.piece);
  bluez_.Write(pipe_.write, rest.first(size),
               leash_.Wrap(Bluez::Done([this](const CallError* error) {
                 writing_ = false;
                 // A piece of a command that was refused is not sent again: it may hold a PIN, and
                 // nobody knows what arrived.
                 if (error != nullptr) {
                   if (WantsPairing(*error) && !wrote_) return Pair(*error);
                   return Down(BluezFailure("WriteValue", *error));
                 }
                 wrote_ = true;
                 if (!frames_.empty()) Write();
               })));
  written_ += size;
  if (written_ < frames_.front().size()) return;
  frames_.pop_front();
  written_ = 0;
}

void Link::Changed(const std::string& path, const std::string& interface,
                   const Properties& changed) {
  if (stage_ == Stage::kNew || stage_ == Stage::kDown) return;
  if (path == device_) {
    if (objects_.count(device_) == 0) return Down(Lost("bluetoothd forgot the device"));
    const auto gone = [&](const char* property) {
      const auto at = changed.find(property);
      const bool* const value = at == changed.end() ? nullptr : std::get_if<bool>(&at->second);
      return value != nullptr && !*value;
    };
    if (connected_ && (gone("Connected") || gone("ServicesResolved"))) {
      return Down(Lost("the link was lost"));
    }
    return Look();
  }
  if (interface != kCharacteristic) return;
  const auto value = changed.find("Value");
  if (value == changed.end()) return;
  const auto* const bytes = std::get_if<std::vector<uint8_t>>(&value->second);
  if (bytes == nullptr || stage_ != Stage::kUp) return;
  if (path == pipe_.notify) {
    owner_.LinkHeard(*bytes, false);
  } else if (path == pipe_.status) {
    owner_.LinkHeard(*bytes, true);
  }
}

void Link::Down(absl::Status why) {
  if (stage_ == Stage::kDown) return;
  stage_ = Stage::kDown;
  leash_.Cut();
  timer_.Stop();
  frames_.clear();
  owner_.LinkDown(why);
}

}  // namespace madoguchi::bluetooth
