#include "sdk/sim/bluez/characteristic.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include <utility>

namespace madoguchi::bluez {
namespace {

constexpr char kDescriptor[] = "org.bluez.GattDescriptor1";
constexpr size_t kLongestValue = 512;
constexpr uint16_t kSmallestMtu = 23;

std::string Numbered(const std::string& path, const char* what, uint16_t handle) {
  char number[8];
  snprintf(number, sizeof number, "%04x", handle);
  return path + "/" + what + number;
}

void FailAtt(const Call& call, const char* code_and_text) {
  call.FailBluez("Failed", std::string("Operation failed with ATT error: ") + code_and_text);
}

void FailInvalid(const Call& call) {
  call.FailBluez("InvalidArguments", "Invalid arguments in method call");
}

template <typename T>
const T* Option(const Dict& options, const char* name) {
  const auto found = options.find(name);
  return found == options.end() ? nullptr : std::get_if<T>(&found->second);
}

}  // namespace

Characteristic::Characteristic(GattHost& host, const std::string& service, uint16_t handle,
                               GattCharacteristic made)
    : host_(host),
      path_(Numbered(service, "char", handle)),
      descriptor_path_(made.notifies() ? Numbered(path_, "desc", handle + 2) : ""),
      made_(std::move(made)),
      write_due_(host.loop.timers()) {
  Tree::Interface shown;
  shown.properties = {{"UUID", made_.uuid},
                      {"Service", ObjectPath{service}},
                      {"Flags", made_.flags},
                      {"MTU", uint16_t{kSmallestMtu}}};
  if (made_.notifies()) shown.properties.emplace("Notifying", false);
  if (made_.Has("notify")) shown.properties.emplace("NotifyAcquired", false);
  if (made_.Has("write-without-response")) shown.properties.emplace("WriteAcquired", false);
  const auto method = [this](void (Characteristic::*what)(const Call&)) {
    return [this, what](const Call& call) { (this->*what)(call); };
  };
  shown.methods = {
      {"ReadValue", {"a{sv}", "ay", method(&Characteristic::ReadValue)}},
      {"WriteValue", {"aya{sv}", "", method(&Characteristic::WriteValue)}},
      {"StartNotify", {"", "", method(&Characteristic::StartNotify)}},
      {"StopNotify", {"", "", method(&Characteristic::StopNotify)}},
      {"AcquireNotify", {"a{sv}", "hq", method(&Characteristic::AcquireNotify)}},
      {"AcquireWrite", {"a{sv}", "hq", method(&Characteristic::AcquireWrite)}},
  };
  host_.tree.Add(path_, kInterface, std::move(shown));
  if (!descriptor_path_.empty()) AddDescriptor();
}

Characteristic::~Characteristic() {
  LinkLost();
  if (!descriptor_path_.empty()) host_.tree.Remove(descriptor_path_);
  host_.tree.Remove(path_);
}

void Characteristic::AddDescriptor() {
  Tree::Interface shown;
  shown.properties = {{"UUID", SigUuid("2902")}, {"Characteristic", ObjectPath{path_}}};
  shown.methods["ReadValue"] = {"a{sv}", "ay", [this](const Call& call) {
                                  if (host_.link == nullptr) {
                                    call.FailBluez("Failed", "Not connected");
                                    return;
                                  }
                                  const bool on = !sessions_.empty() || notify_socket_;
                                  call.Reply({Bytes{static_cast<uint8_t>(on ? 1 : 0), 0}});
                                }};
  // bluetoothd keeps the writing of this one to itself.
  shown.methods["WriteValue"] = {"aya{sv}", "", [](const Call& call) {
                                   call.FailBluez("NotPermitted", "Write not permitted");
                                 }};
  host_.tree.Add(descriptor_path_, kDescriptor, std::move(shown));
}

bool Characteristic::Refused(const Call& call) const {
  if (host_.link == nullptr) {
    call.FailBluez("Failed", "Not connected");
    return true;
  }
  if (!host_.may_access && made_.pipe != Pipe::kFixed && made_.pipe != Pipe::kBattery) {
    call.FailBluez("NotPermitted", "Not paired");
    return true;
  }
  return false;
}

void Characteristic::ReadValue(const Call& call) {
  if (Refused(call)) return;
  if (!made_.Has("read")) {
    call.FailBluez("NotPermitted", "Read not permitted");
    return;
  }
  const Bytes value = host_.link->Read(made_);
  host_.tree.Tell(path_, kInterface, "Value", value);
  call.Reply({value});
}

void Characteristic::WriteValue(const Call& call) {
  const auto& value = std::get<Bytes>((*call.arguments())[0]);
  const Dict& options = std::get<Dict>((*call.arguments())[1]);
  const auto* type = Option<std::string>(options, "type");
  const auto* offset = Option<uint16_t>(options, "offset");
  if ((type == nullptr && options.contains("type")) ||
      (offset == nullptr && options.contains("offset"))) {
    return FailInvalid(call);
  }
  if (offset != nullptr && *offset > kLongestValue) {
    return call.FailBluez("InvalidArguments", "Invalid Offset");
  }
  if (value.size() > kLongestValue) return call.FailBluez("InvalidArguments", "Invalid Length");
  if (write_socket_) return call.FailBluez("NotPermitted", "Write acquired");
  if (writing_) return call.FailBluez("InProgress", "In Progress");
  if (Refused(call)) return;
  const bool request = (type == nullptr || *type == "request") && made_.Has("write");
  const bool command =
      (type == nullptr || *type == "command") && made_.Has("write-without-response");
  if (!request && !command) {
    return call.FailBluez("NotSupported", "Operation is not supported");
  }
  // bluetoothd would try a long write, which readers do not have.
  if (value.size() > host_.link->mtu() - 3 || (offset != nullptr && *offset != 0)) {
    return FailAtt(call, "0x06 (Request Not Supported)");
  }
  const auto write = [this](const Call& written) {
    written.Reply();  // The reader has the bytes before it does anything with them.
    host_.link->Write(made_.pipe, std::get<Bytes>((*written.arguments())[0]));
  };
  if (!request || host_.timing.write.count() == 0) return write(call);
  writing_ = call;
  write_due_.Start(host_.timing.write, [this, write] {
    const Call written = *std::exchange(writing_, std::nullopt);
    write(written);
  });
}

void Characteristic::StartNotify(const Call& call) {
  if (!made_.notifies()) return call.FailBluez("NotSupported", "Operation is not supported");
  if (notify_socket_) return call.FailBluez("NotPermitted", "Notify acquired");
  if (host_.link != nullptr && Refused(call)) return;
  sessions_.insert(call.sender());
  ShowNotifying();
  call.Reply();
}

void Characteristic::StopNotify(const Call& call) {
  if (sessions_.erase(call.sender()) == 0) {
    return call.FailBluez("Failed", "No notify session started");
  }
  ShowNotifying();
  call.Reply();
}

void Characteristic::AcquireNotify(const Call& call) {
  if (notify_socket_) return call.FailBluez("NotPermitted", "Notify acquired");
  if (!made_.Has("notify")) return call.FailBluez("NotSupported", "Operation is not supported");
  if (!sessions_.empty()) return call.FailBluez("InProgress", "In Progress");
  if (Refused(call)) return;
  notify_socket_ = Acquire(call);
  if (!notify_socket_) return;
  host_.tree.Set(path_, kInterface, {{"NotifyAcquired", true}});
  host_.loop.Watch(notify_socket_->fd(), POLLIN, [this] { HearNotifySocket(); });
}

void Characteristic::AcquireWrite(const Call& call) {
  if (write_socket_) return call.FailBluez("NotPermitted", "Write acquired");
  if (!made_.Has("write-without-response")) {
    return call.FailBluez("NotSupported", "Operation is not supported");
  }
  if (Refused(call)) return;
  write_socket_ = Acquire(call);
  if (!write_socket_) return;
  host_.tree.Set(path_, kInterface, {{"WriteAcquired", true}});
  host_.loop.Watch(write_socket_->fd(), POLLIN, [this] { HearWriteSocket(); });
}

std::optional<Descriptor> Characteristic::Acquire(const Call& call) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
    call.FailBluez("Failed", "Operation failed");
    return std::nullopt;
  }
  Descriptor ours(pair[0]);
  const Descriptor theirs(pair[1]);
  call.ReplyDescriptor(theirs.fd(), static_cast<uint16_t>(host_.link->mtu()));
  return ours;
}

void Characteristic::HearNotifySocket() {
  char byte;
  const ssize_t count = recv(notify_socket_->fd(), &byte, 1, 0);
  if (count > 0 || (count < 0 && errno == EAGAIN)) return;
  Release(notify_socket_, "NotifyAcquired");
}

void Characteristic::HearWriteSocket() {
  Bytes piece(kLongestValue);
  const ssize_t count = recv(write_socket_->fd(), piece.data(), piece.size(), 0);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) return Release(write_socket_, "WriteAcquired");
  piece.resize(static_cast<size_t>(count));
  // What does not fit is not sent, and nobody is told.
  if (host_.link != nullptr && piece.size() <= host_.link->mtu() - 3) {
    host_.link->Write(made_.pipe, piece);
  }
}

void Characteristic::Release(std::optional<Descriptor>& socket, const char* property) {
  if (!socket) return;
  host_.loop.Forget(socket->fd());
  socket.reset();
  host_.tree.Set(path_, kInterface, {{property, false}});
}

void Characteristic::ShowNotifying() {
  host_.tree.Set(path_, kInterface, {{"Notifying", !sessions_.empty()}});
}

void Characteristic::LinkUp() {
  host_.tree.Set(path_, kInterface, {{"MTU", static_cast<uint16_t>(host_.link->mtu())}});
}

void Characteristic::LinkLost() {
  write_due_.Stop();
  if (const auto call = std::exchange(writing_, std::nullopt)) {
    FailAtt(*call, "0x0e (Unlikely Error)");
  }
  Release(notify_socket_, "NotifyAcquired");
  Release(write_socket_, "WriteAcquired");
  if (!sessions_.empty()) {
    sessions_.clear();
    ShowNotifying();
  }
}

void Characteristic::Gone(const std::string& sender) {
  if (sessions_.erase(sender) > 0) ShowNotifying();
}

void Characteristic::Notified(const Bytes& value) {
  if (notify_socket_) {
    (void)!send(notify_socket_->fd(), value.data(), value.size(), MSG_NOSIGNAL);
  } else if (!sessions_.empty()) {
    host_.tree.Tell(path_, kInterface, "Value", value);
  }
}

}  // namespace madoguchi::bluez
