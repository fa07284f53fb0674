#include "host/config.h"

#include <filesystem>
#include <set>

#include "sdk/textproto/textproto.h"

namespace madoguchi {
namespace {

constexpr uint32_t kLongestPinHold = 60000;
constexpr size_t kLongestSocketPath = 107;

bool IsAddress(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) return false;
  const std::string port = address.substr(colon + 1);
  return !port.empty() && port.size() <= 5 &&
         port.find_first_not_of("0123456789") == std::string::npos && std::stoi(port) <= 65535;
}

absl::Status CheckConfig(const host::Config& config, const std::string& path) {
  const auto wrong = [&](const std::string& what) {
    return absl::InvalidArgumentError(path + ": " + what);
  };
  if (config.host_id().empty()) return wrong("host_id is missing; expected this host's name");
  if (config.state_folder().empty()) return wrong("state_folder is missing; expected a path");
  if (config.plugin_folder().empty()) return wrong("plugin_folder is missing; expected a path");
  if (config.trust_anchors().empty()) {
    return wrong("trust_anchors is missing; expected a PEM file of the CAs to believe");
  }
  if (config.desk().socket().empty()) return wrong("desk.socket is missing; expected a path");
  const std::string& address = config.desk().address();
  if (!address.empty() && !IsAddress(address)) {
    return wrong("desk.address is \"" + address + "\"; expected host:port, port 0 to 65535");
  }
  std::set<std::string> plugins, names;
  for (const auto& plugin : config.plugin()) {
    if (plugin.name().empty() || plugin.name().find_first_of("/.") != std::string::npos) {
      return wrong("plugin \"" + plugin.name() +
                   "\"; expected the name of a folder in plugin_folder");
    }
    if (!plugins.insert(plugin.name()).second) {
      return wrong("plugin \"" + plugin.name() + "\" stands there twice");
    }
  }
  for (const auto& method : config.method()) {
    if (method.id().empty() || !names.insert(method.id()).second) {
      return wrong("method \"" + method.id() + "\" is empty or stands there twice");
    }
    if (plugins.count(method.plugin()) == 0) {
      return wrong("method \"" + method.id() + "\" names the plugin \"" + method.plugin() +
                   "\"; expected one of the plugins of this file");
    }
  }
  if (config.method().empty()) return wrong("no method; expected at least one");
  if (!config.authority().plugin().empty() && plugins.count(config.authority().plugin()) == 0) {
    return wrong("authority.plugin is \"" + config.authority().plugin() +
                 "\"; expected one of the plugins of this file");
  }
  if (config.authority().id().empty()) return wrong("authority.id is missing");
  names.clear();
  for (const auto& counter : config.counter()) {
    if (counter.name().empty() || !names.insert(counter.name()).second) {
      return wrong("counter \"" + counter.name() + "\" is empty or stands there twice");
    }
    for (const auto& reader : counter.reader()) {
      const size_t slash = reader.find('/');
      if (slash == std::string::npos || plugins.count(reader.substr(0, slash)) == 0) {
        return wrong("counter \"" + counter.name() + "\" names the reader \"" + reader +
                     "\"; expected PLUGIN/READER with a plugin of this file");
      }
    }
  }
  if (config.counter().empty()) return wrong("no counter; expected at least one");
  for (const auto& user : config.desk().local_user()) {
    if (user.role().empty()) {
      return wrong("desk.local_user " + std::to_string(user.uid()) +
                   " has no role; expected ROLE_" + "STAFF, ROLE_PATIENT or ROLE_ADMIN");
    }
  }
  if (config.limits().pin_held_ms() > kLongestPinHold) {
    return wrong("limits.pin_held_ms is above 60000: no PIN is held longer than 60 s");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<host::Config> ReadConfig(const std::string& path) {
  host::Config config;
  if (absl::Status read = ReadTextproto(path, &config); !read.ok()) return read;
  if (absl::Status fits = CheckConfig(config, path); !fits.ok()) return fits;
  const auto base = std::filesystem::absolute(path).parent_path();
  const auto absolute = [&](std::string* relative) {
    *relative = (base / *relative).lexically_normal().string();
  };
  absolute(config.mutable_state_folder());
  absolute(config.mutable_plugin_folder());
  absolute(config.mutable_trust_anchors());
  absolute(config.mutable_desk()->mutable_socket());
  // Of the whole path, because a longer one would be cut.
  if (config.desk().socket().size() > kLongestSocketPath) {
    return absl::InvalidArgumentError(path + ": desk.socket is " + config.desk().socket() +
                                      "; expected at most 107 bytes, as many as a socket's path "
                                      "may have");
  }
  return config;
}

Limits LimitsOf(const host::LimitsConfig& config) {
  Limits limits;
  const auto set = [](std::chrono::milliseconds* limit, uint32_t ms) {
    if (ms > 0) *limit = std::chrono::milliseconds(ms);
  };
  set(&limits.policy, config.policy_ms());
  set(&limits.authority, config.authority_ms());
  set(&limits.apdu, config.apdu_ms());
  set(&limits.typing, config.typing_ms());
  set(&limits.card, config.card_ms());
  set(&limits.question, config.question_ms());
  set(&limits.pin_held, config.pin_held_ms());
  set(&limits.no_reader, config.no_reader_ms());
  return limits;
}

}  // namespace madoguchi
