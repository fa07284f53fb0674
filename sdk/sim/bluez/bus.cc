#include "sdk/sim/bluez/bus.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include <utility>

#include "sdk/sim/bluez/message.h"

namespace madoguchi::bluez {
namespace {

constexpr uint64_t kAnswerMicroseconds = 60'000'000;

std::string TextOf(const char* text) { return text == nullptr ? "" : text; }

}  // namespace

struct Call::State {
  State(sd_bus_message* call)  // NOLINT(google-explicit-constructor)
      : message(sd_bus_message_ref(call)),
        path(TextOf(sd_bus_message_get_path(call))),
        interface(TextOf(sd_bus_message_get_interface(call))),
        member(TextOf(sd_bus_message_get_member(call))),
        sender(TextOf(sd_bus_message_get_sender(call))),
        signature(TextOf(sd_bus_message_get_signature(call, 1))) {
    arguments = ReadAll(message);
  }
  ~State() {
    if (!answered) {
      sd_bus_reply_method_errorf(message, "org.bluez.Error.Failed", "Operation failed");
    }
    sd_bus_message_unref(message);
  }
  sd_bus_message* NewReply() {
    answered = true;
    sd_bus_message* reply = nullptr;
    sd_bus_message_new_method_return(message, &reply);
    return reply;
  }
  void Send(sd_bus_message* reply) {
    sd_bus_send(sd_bus_message_get_bus(message), reply, nullptr);
    sd_bus_message_unref(reply);
  }

  sd_bus_message* const message;
  const std::string path, interface, member, sender, signature;
  std::optional<std::vector<Value>> arguments;
  bool answered = false;
};

const std::string& Call::path() const { return state_->path; }
const std::string& Call::interface() const { return state_->interface; }
const std::string& Call::member() const { return state_->member; }
const std::string& Call::sender() const { return state_->sender; }
const std::string& Call::signature() const { return state_->signature; }
const std::optional<std::vector<Value>>& Call::arguments() const { return state_->arguments; }

void Call::Reply(const std::vector<Value>& values) const {
  sd_bus_message* reply = state_->NewReply();
  for (const Value& value : values) Append(reply, value);
  state_->Send(reply);
}

void Call::ReplyDescriptor(int fd, uint16_t number) const {
  sd_bus_message* reply = state_->NewReply();
  sd_bus_message_append_basic(reply, 'h', &fd);
  sd_bus_message_append_basic(reply, 'q', &number);
  state_->Send(reply);
}

void Call::ReplyObjects(const std::map<std::string, Interfaces>& objects) const {
  sd_bus_message* reply = state_->NewReply();
  sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "{oa{sa{sv}}}");
  for (const auto& [path, interfaces] : objects) {
    sd_bus_message_open_container(reply, SD_BUS_TYPE_DICT_ENTRY, "oa{sa{sv}}");
    sd_bus_message_append_basic(reply, 'o', path.c_str());
    AppendInterfaces(reply, interfaces);
    sd_bus_message_close_container(reply);
  }
  sd_bus_message_close_container(reply);
  state_->Send(reply);
}

void Call::ReplyVariant(const Value& value) const {
  sd_bus_message* reply = state_->NewReply();
  AppendVariant(reply, value);
  state_->Send(reply);
}

void Call::Fail(const std::string& error, const std::string& text) const {
  state_->answered = true;
  const sd_bus_error failure = SD_BUS_ERROR_MAKE_CONST(error.c_str(), text.c_str());
  sd_bus_reply_method_error(state_->message, &failure);
}

absl::StatusOr<std::unique_ptr<Bus>> Bus::Open(const std::string& address, const std::string& name,
                                               Loop& loop) {
  std::unique_ptr<Bus> bus(new Bus(loop));
  const auto failed = [&](int result, const char* what) -> absl::Status {
    const std::string text = std::string(what) + ": " + strerror(-result);
    if (result == -EEXIST || result == -EALREADY) return absl::AlreadyExistsError(text);
    if (result == -EACCES || result == -EPERM) return absl::PermissionDeniedError(text);
    return absl::UnavailableError(text);
  };
  int result = sd_bus_new(&bus->bus_);
  if (result >= 0) result = sd_bus_set_address(bus->bus_, address.c_str());
  if (result >= 0) result = sd_bus_set_bus_client(bus->bus_, 1);
  if (result >= 0) result = sd_bus_negotiate_fds(bus->bus_, 1);
  if (result >= 0) result = sd_bus_start(bus->bus_);
  if (result < 0) return failed(result, "cannot connect to the bus");
  // A fallback at the root takes whatever has a path, so that objects are ours to make and unmake.
  result = sd_bus_add_fallback(
      bus->bus_, nullptr, "/",
      [](sd_bus_message* message, void* self, sd_bus_error*) {
        return TakeCall(message, self, nullptr);
      },
      bus.get());
  if (result < 0) return failed(result, "cannot take calls");
  result = sd_bus_match_signal(
      bus->bus_, nullptr, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
      "NameOwnerChanged",
      [](sd_bus_message* message, void* self, sd_bus_error*) {
        return TakeGone(message, self, nullptr);
      },
      bus.get());
  if (result < 0) return failed(result, "cannot watch the bus");
  if (!name.empty()) result = sd_bus_request_name(bus->bus_, name.c_str(), 0);
  if (result < 0) return failed(result, ("cannot have the name " + name).c_str());
  return bus;
}

Bus::~Bus() {
  if (bus_ == nullptr) return;
  Mute();
  sd_bus_unref(bus_);
}

void Bus::Mute() {
  const int fd = sd_bus_get_fd(bus_);
  if (fd < 0) return;
  loop_.Forget(fd);
  sd_bus_flush(bus_);
  sd_bus_close(bus_);
}

std::optional<Timers::Clock::time_point> Bus::Process() {
  int result;
  while ((result = sd_bus_process(bus_, nullptr)) > 0) {
  }
  const int fd = sd_bus_get_fd(bus_);
  if (result < 0 || fd < 0) {
    if (fd >= 0) loop_.Forget(fd);
    if (on_closed_) on_closed_();
    return std::nullopt;
  }
  const int events = sd_bus_get_events(bus_);
  loop_.Watch(fd, static_cast<short>(events), [] {});  // NOLINT(google-runtime-int)
  uint64_t until = 0;
  if (sd_bus_get_timeout(bus_, &until) < 0 || until == UINT64_MAX) return std::nullopt;
  return Timers::Clock::time_point(std::chrono::microseconds(until));
}

int Bus::TakeCall(sd_bus_message* message, void* self, void*) {
  auto* bus = static_cast<Bus*>(self);
  if (sd_bus_message_is_method_call(message, nullptr, nullptr) <= 0) return 0;
  Call call;
  call.state_ = std::make_shared<Call::State>(message);
  if (!bus->on_call_ || !bus->on_call_(call)) {
    call.Fail("org.freedesktop.DBus.Error.UnknownObject",
              "Method \"" + call.member() + "\" with signature \"" + call.signature() +
                  "\" on interface \"" + call.interface() + "\" doesn't exist\n");
  }
  return 1;
}

int Bus::TakeGone(sd_bus_message* message, void* self, void*) {
  auto* bus = static_cast<Bus*>(self);
  const char *name = nullptr, *before = nullptr, *after = nullptr;
  if (sd_bus_message_read(message, "sss", &name, &before, &after) < 0) return 0;
  if (name[0] == ':' && after[0] == '\0' && bus->on_gone_) bus->on_gone_(name);
  return 0;
}

void Bus::PropertiesChanged(const std::string& path, const std::string& interface,
                            const Dict& changed, const std::vector<std::string>& invalidated) {
  sd_bus_message* signal = nullptr;
  if (sd_bus_message_new_signal(bus_, &signal, path.c_str(), "org.freedesktop.DBus.Properties",
                                "PropertiesChanged") < 0) {
    return;
  }
  sd_bus_message_append_basic(signal, 's', interface.c_str());
  AppendDict(signal, changed);
  AppendStrings(signal, invalidated);
  sd_bus_send(bus_, signal, nullptr);
  sd_bus_message_unref(signal);
}

void Bus::InterfacesAdded(const std::string& path, const Call::Interfaces& interfaces) {
  sd_bus_message* signal = nullptr;
  if (sd_bus_message_new_signal(bus_, &signal, "/", "org.freedesktop.DBus.ObjectManager",
                                "InterfacesAdded") < 0) {
    return;
  }
  sd_bus_message_append_basic(signal, 'o', path.c_str());
  AppendInterfaces(signal, interfaces);
  sd_bus_send(bus_, signal, nullptr);
  sd_bus_message_unref(signal);
}

void Bus::InterfacesRemoved(const std::string& path, const std::vector<std::string>& interfaces) {
  sd_bus_message* signal = nullptr;
  if (sd_bus_message_new_signal(bus_, &signal, "/", "org.freedesktop.DBus.ObjectManager",
                                "InterfacesRemoved") < 0) {
    return;
  }
  sd_bus_message_append_basic(signal, 'o', path.c_str());
  AppendStrings(signal, interfaces);
  sd_bus_send(bus_, signal, nullptr);
  sd_bus_message_unref(signal);
}

void Bus::Ask(const std::string& destination, const std::string& path, const std::string& interface,
              const std::string& member, const std::vector<Value>& arguments,
              std::function<void(const Answer&)> answered) {
  sd_bus_message* call = nullptr;
  if (sd_bus_message_new_method_call(bus_, &call, destination.c_str(), path.c_str(),
                                     interface.c_str(), member.c_str()) < 0) {
    answered({.error = "org.freedesktop.DBus.Error.InvalidArgs"});
    return;
  }
  for (const Value& argument : arguments) Append(call, argument);
  auto* asked = new std::function<void(const Answer&)>(std::move(answered));
  sd_bus_slot* slot = nullptr;
  sd_bus_call_async(
      bus_, &slot, call,
      [](sd_bus_message* message, void* data, sd_bus_error*) {
        return TakeAnswer(message, data, nullptr);
      },
      asked, kAnswerMicroseconds);
  // The slot lives as long as the call, and takes the function with it.
  sd_bus_slot_set_destroy_callback(
      slot, [](void* data) { delete static_cast<std::function<void(const Answer&)>*>(data); });
  sd_bus_slot_set_floating(slot, 1);
  sd_bus_slot_unref(slot);
  sd_bus_message_unref(call);
}

void Bus::OnSignal(const std::string& sender, std::function<void(const Signal&)> heard) {
  on_signal_ = std::move(heard);
  sd_bus_match_signal(
      bus_, nullptr, sender.c_str(), nullptr, nullptr, nullptr,
      [](sd_bus_message* message, void* self, sd_bus_error*) {
        return TakeSignal(message, self, nullptr);
      },
      this);
}

int Bus::TakeSignal(sd_bus_message* message, void* self, void*) {
  static_cast<Bus*>(self)->on_signal_({.path = TextOf(sd_bus_message_get_path(message)),
                                       .interface = TextOf(sd_bus_message_get_interface(message)),
                                       .member = TextOf(sd_bus_message_get_member(message)),
                                       .arguments = ReadAll(message)});
  return 0;
}

int Bus::TakeAnswer(sd_bus_message* message, void* asked, void*) {
  Answer answer;
  if (const sd_bus_error* error = sd_bus_message_get_error(message)) {
    answer.error = TextOf(error->name);
  } else if (strcmp(sd_bus_message_get_signature(message, 1), "u") == 0) {
    sd_bus_message_read_basic(message, 'u', &answer.number);
  }
  (*static_cast<std::function<void(const Answer&)>*>(asked))(answer);
  return 1;
}

}  // namespace madoguchi::bluez
