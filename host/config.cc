#include "host/config.h"

#include <filesystem>
#include <set>

#include "sdk/launch/manifest.h"
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

// The name of the n-th element of a repeated field, for TextPlaces.
std::string Nth(const std::string& field, int n) { return field + "[" + std::to_string(n) + "]"; }

absl::Status CheckConfig(const host::Config& config, const TextPlaces& places) {
  const auto wrong = [&](const std::string& field, const std::string& what) {
    return absl::InvalidArgumentError(places.Of(field) + ": " + what);
  };
  if (config.host_id().empty()) {
    return wrong("host_id", "host_id is missing; expected this host's name");
  }
  if (config.state_folder().empty()) {
    return wrong("state_folder", "state_folder is missing; expected a path");
  }
  if (config.plugin_folder().empty()) {
    return wrong("plugin_folder", "plugin_folder is missing; expected a path");
  }
  if (config.trust_anchors().empty()) {
    return wrong("trust_anchors",
                 "trust_anchors is missing; expected a PEM file of the CAs to believe");
  }
  if (config.desk().socket().empty()) {
    return wrong("desk.socket", "desk.socket is missing; expected a path");
  }
  const std::string& address = config.desk().address();
  if (!address.empty() && !IsAddress(address)) {
    return wrong("desk.address",
                 "desk.address is \"" + address + "\"; expected host:port, port 0 to 65535");
  }
  std::set<std::string> plugins, names;
  for (int i = 0; i < config.plugin_size(); ++i) {
    const std::string& name = config.plugin(i).name();
    const std::string field = Nth("plugin", i) + ".name";
    if (name.empty() || name.find_first_of("/.") != std::string::npos) {
      return wrong(field,
                   "plugin \"" + name + "\"; expected the name of a folder in plugin_folder");
    }
    if (!plugins.insert(name).second) {
      return wrong(field, "plugin \"" + name + "\" stands there twice");
    }
    std::set<std::string> settings;
    for (int n = 0; n < config.plugin(i).setting_size(); ++n) {
      const std::string& setting = config.plugin(i).setting(n).name();
      if (!settings.insert(setting).second) {
        return wrong(Nth("plugin", i) + "." + Nth("setting", n),
                     "setting " + setting + " of the plugin \"" + name + "\" stands there twice");
      }
    }
  }
  for (int i = 0; i < config.method_size(); ++i) {
    const auto& method = config.method(i);
    if (method.id().empty() || !names.insert(method.id()).second) {
      return wrong(Nth("method", i) + ".id",
                   "method \"" + method.id() + "\" is empty or stands there twice");
    }
    if (plugins.count(method.plugin()) == 0) {
      return wrong(Nth("method", i) + ".plugin",
                   "method \"" + method.id() + "\" names the plugin \"" + method.plugin() +
                       "\"; expected one of the plugins of this file");
    }
  }
  if (config.method().empty()) return wrong("method", "no method; expected at least one");
  if (!config.authority().plugin().empty() && plugins.count(config.authority().plugin()) == 0) {
    return wrong("authority.plugin", "authority.plugin is \"" + config.authority().plugin() +
                                         "\"; expected one of the plugins of this file");
  }
  if (config.authority().id().empty()) {
    return wrong("authority.id", "authority.id is missing; expected the authority's name");
  }
  names.clear();
  for (int i = 0; i < config.counter_size(); ++i) {
    const auto& counter = config.counter(i);
    if (counter.name().empty() || !names.insert(counter.name()).second) {
      return wrong(Nth("counter", i) + ".name",
                   "counter \"" + counter.name() + "\" is empty or stands there twice");
    }
    for (int n = 0; n < counter.reader_size(); ++n) {
      const std::string& reader = counter.reader(n);
      const size_t slash = reader.find('/');
      if (slash == std::string::npos || plugins.count(reader.substr(0, slash)) == 0) {
        return wrong(Nth("counter", i) + "." + Nth("reader", n),
                     "counter \"" + counter.name() + "\" names the reader \"" + reader +
                         "\"; expected PLUGIN/READER with a plugin of this file");
      }
    }
  }
  if (config.counter().empty()) return wrong("counter", "no counter; expected at least one");
  for (int i = 0; i < config.desk().local_user_size(); ++i) {
    const auto& user = config.desk().local_user(i);
    if (user.role().empty()) {
      return wrong("desk." + Nth("local_user", i),
                   "desk.local_user " + std::to_string(user.uid()) +
                       " has no role; expected ROLE_STAFF, ROLE_PATIENT or ROLE_ADMIN");
    }
  }
  if (config.limits().pin_held_ms() > kLongestPinHold) {
    return wrong("limits.pin_held_ms",
                 "limits.pin_held_ms is above 60000: no PIN is held longer than 60 s");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<host::Config> ReadConfig(const std::string& path, TextPlaces* places) {
  host::Config config;
  if (absl::Status read = ReadTextproto(path, &config, places); !read.ok()) return read;
  if (absl::Status fits = CheckConfig(config, *places); !fits.ok()) return fits;
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
    return absl::InvalidArgumentError(places->Of("desk.socket") + ": desk.socket is " +
                                      config.desk().socket() +
                                      "; expected at most 107 bytes, as many as a socket's path "
                                      "may have");
  }
  std::error_code error;
  if (!std::filesystem::is_directory(config.plugin_folder(), error)) {
    return absl::InvalidArgumentError(places->Of("plugin_folder") + ": plugin_folder is " +
                                      config.plugin_folder() + "; expected a folder that is there");
  }
  return config;
}

std::vector<std::string> MisplacedPlugins(const host::Config& config, const TextPlaces& places) {
  std::vector<std::string> wrong;
  const auto check = [&](const std::string& field, const std::string& who, const std::string& name,
                         plugin::v1::Kind kind) {
    // What cannot be read is in the list of plugins, with the reason.
    const auto folder = ReadPluginFolder(config.plugin_folder() + "/" + name);
    if (!folder.ok() || folder->manifest.kind() == kind) return;
    wrong.push_back(places.Of(field) + ": " + who + " names the plugin \"" + name +
                    "\", which is a " + plugin::v1::Kind_Name(folder->manifest.kind()) +
                    "; expected a " + plugin::v1::Kind_Name(kind));
  };
  for (int i = 0; i < config.method_size(); ++i) {
    const auto& method = config.method(i);
    check(Nth("method", i) + ".plugin", "method \"" + method.id() + "\"", method.plugin(),
          plugin::v1::KIND_POLICY);
  }
  if (!config.authority().plugin().empty()) {
    check("authority.plugin", "authority", config.authority().plugin(), plugin::v1::KIND_AUTHORITY);
  }
  for (int i = 0; i < config.counter_size(); ++i) {
    const auto& counter = config.counter(i);
    for (int n = 0; n < counter.reader_size(); ++n) {
      const std::string& reader = counter.reader(n);
      check(Nth("counter", i) + "." + Nth("reader", n), "counter \"" + counter.name() + "\"",
            reader.substr(0, reader.find('/')), plugin::v1::KIND_READER);
    }
  }
  return wrong;
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
  set(&limits.pad, config.pad_ms());
  return limits;
}

}  // namespace madoguchi
