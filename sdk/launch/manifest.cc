#include "sdk/launch/manifest.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>
#include <sstream>

#include "sdk/textproto/textproto.h"

namespace madoguchi {
namespace {

using plugin::v1::Manifest;
using plugin::v1::SettingDeclaration;

bool IsName(const std::string& name) {
  if (name.empty() || name.size() > 32 || name[0] < 'a' || name[0] > 'z') return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
}

// Parsing takes a multiple of it in memory, and its time.
constexpr size_t kLargestManifest = 64 << 10;

// What names a place of this machine that the host then reads, or opens in the jail.
bool NamesAPlace(SettingDeclaration::Type type) {
  return type == SettingDeclaration::TYPE_FILE || type == SettingDeclaration::TYPE_SOCKET ||
         type == SettingDeclaration::TYPE_SOCKET_FOLDER ||
         type == SettingDeclaration::TYPE_SERIAL || type == SettingDeclaration::TYPE_BUS;
}

absl::Status CheckManifest(const Manifest& manifest, const TextPlaces& places,
                           const std::string& folder_name) {
  const auto wrong = [&](const std::string& field, const std::string& what) {
    return absl::InvalidArgumentError(places.Of(field) + ": " + what);
  };
  if (!IsName(manifest.name())) {
    return wrong("name", "name is \"" + manifest.name() +
                             "\"; expected a lower-case letter, then up to 31 of a-z, 0-9 and _");
  }
  if (manifest.name() != folder_name) {
    return wrong("name", "name is \"" + manifest.name() + "\"; expected the folder's name, \"" +
                             folder_name + "\"");
  }
  if (manifest.kind() == plugin::v1::KIND_UNSPECIFIED) {
    return wrong("kind", "kind is missing; expected KIND_READER, KIND_POLICY or KIND_AUTHORITY");
  }
  if (manifest.version().empty())
    return wrong("version", "version is missing; expected one like \"1.0.0\"");
  if (manifest.binary().find('/') != std::string::npos) {
    return wrong("binary",
                 "binary is \"" + manifest.binary() + "\"; expected a file name in the folder");
  }
  std::set<std::string> names;
  for (int i = 0; i < manifest.setting_size(); ++i) {
    const SettingDeclaration& setting = manifest.setting(i);
    const std::string field = "setting[" + std::to_string(i) + "]";
    if (!IsName(setting.name())) {
      return wrong(field + ".name",
                   "a setting is named \"" + setting.name() +
                       "\"; expected a lower-case letter, then up to 31 of a-z, 0-9 and _");
    }
    if (!names.insert(setting.name()).second) {
      return wrong(field + ".name", "setting " + setting.name() + " is declared twice");
    }
    if (setting.type() == SettingDeclaration::TYPE_UNSPECIFIED) {
      return wrong(field,
                   "setting " + setting.name() +
                       " has no type; expected one such as TYPE_STRING, TYPE_INTEGER or TYPE_FILE");
    }
    if (!NamesAPlace(setting.type())) continue;
    const std::string is_a =
        "setting " + setting.name() + " is a " + SettingDeclaration::Type_Name(setting.type());
    // The administrator says yes to permissions, and would not see what a default opens.
    if (!setting.default_value().empty()) {
      return wrong(field + ".default_value",
                   is_a +
                       " and has a default_value; expected none, because what it opens is the "
                       "administrator's to say");
    }
    if (manifest.kind() == plugin::v1::KIND_POLICY &&
        setting.type() != SettingDeclaration::TYPE_FILE) {
      return wrong(field + ".type",
                   is_a +
                       ", and a policy reaches no socket and no device; expected one such as "
                       "TYPE_STRING, TYPE_INTEGER or TYPE_FILE");
    }
  }
  return absl::OkStatus();
}

// What is wrong with `value`; empty when nothing is.
std::string WhyNot(const SettingDeclaration& setting, const std::string& value) {
  if (setting.type() == SettingDeclaration::TYPE_BOOLEAN && value != "true" && value != "false") {
    return "expected true or false";
  }
  if (setting.type() == SettingDeclaration::TYPE_BUS) {
    return "the host fills it in; expected that it is left out";
  }
  if (setting.type() == SettingDeclaration::TYPE_SERIAL) {
    std::istringstream paths(value);
    for (std::string path; paths >> path;) {
      if (path.front() != '/' || std::filesystem::path(path).lexically_normal() != path) {
        return "expected absolute paths of serial devices, a space between them";
      }
    }
  }
  if (setting.type() == SettingDeclaration::TYPE_INTEGER) {
    int64_t number = 0;
    const char* const end = value.data() + value.size();
    const auto [at, error] = std::from_chars(value.data(), end, number);
    if (error != std::errc() || at != end) return "expected a whole number";
  }
  return "";
}

// True when `path` is `folder` or lies below it. Both are canonical.
bool IsWithin(const std::filesystem::path& path, const std::filesystem::path& folder) {
  return std::mismatch(path.begin(), path.end(), folder.begin(), folder.end()).second ==
         folder.end();
}

// Which of `own` the jail would open with the folder of sockets of this setting, or with the one in
// which its socket lies; empty when none.
std::string OwnFolderIn(const SettingDeclaration& setting, const std::filesystem::path& value,
                        const std::vector<std::string>& own) {
  std::error_code error;
  const auto canonical = [&](const std::filesystem::path& path) {
    const auto real = std::filesystem::weakly_canonical(path, error);
    // Written with a slash at its end.
    return real.has_filename() ? real : real.parent_path();
  };
  std::vector<std::filesystem::path> opened = {canonical(value)};
  if (setting.type() == SettingDeclaration::TYPE_SOCKET) {
    opened = {canonical(value.parent_path()), canonical(value).parent_path()};
  }
  for (const std::string& one : own) {
    for (const auto& folder : opened) {
      if (IsWithin(canonical(one), folder)) return one;
    }
  }
  return "";
}

}  // namespace

absl::StatusOr<PluginFolder> ReadPluginFolder(const std::string& folder) {
  PluginFolder read;
  std::filesystem::path normal = std::filesystem::path(folder).lexically_normal();
  if (!normal.has_filename()) normal = normal.parent_path();  // written with a slash at its end
  read.path = normal.string();
  const std::string path = read.path + "/plugin.textproto";
  TextPlaces places;
  auto text = ReadFile(path, kLargestManifest);
  if (!text.ok()) return text.status();
  read.manifest_text = *std::move(text);
  const absl::Status parsed = ParseTextproto(read.manifest_text, path, &read.manifest, &places);
  if (!parsed.ok()) return parsed;
  const std::string name = std::filesystem::path(read.path).filename().string();
  if (absl::Status fits = CheckManifest(read.manifest, places, name); !fits.ok()) return fits;
  read.binary = read.path + "/" +
                (read.manifest.binary().empty() ? read.manifest.name() : read.manifest.binary());
  std::error_code error;
  if (!std::filesystem::is_regular_file(read.binary, error) ||
      access(read.binary.c_str(), X_OK) != 0) {
    return absl::NotFoundError(read.binary + ": expected the plugin's program, executable");
  }
  return read;
}

absl::StatusOr<plugin::v1::StartRequest> Settle(const Manifest& manifest,
                                                const ConfiguredPlugin& configured,
                                                const std::string& base,
                                                const std::vector<std::string>& own) {
  plugin::v1::StartRequest request;
  std::map<std::string, ConfiguredSetting> left = configured.setting;
  const auto wrong = [&](const std::string& place, const std::string& what) {
    return absl::InvalidArgumentError(place + ": plugin " + manifest.name() + ": setting " + what);
  };
  for (const SettingDeclaration& setting : manifest.setting()) {
    const std::string& name = setting.name();
    ConfiguredSetting found{setting.default_value(), configured.place};
    if (const auto at = left.find(name); at != left.end()) {
      found = at->second;
      left.erase(at);
    }
    std::string& value = found.value;
    if (value.empty() && setting.required()) {
      return wrong(found.place, name + " is missing; it is required");
    }
    if (const std::string why = value.empty() ? "" : WhyNot(setting, value); !why.empty()) {
      return wrong(found.place,
                   name + (setting.secret() ? "" : " is \"" + value + "\"") + "; " + why);
    }
    if (setting.type() == SettingDeclaration::TYPE_FILE && !value.empty()) {
      auto bytes = ReadFile((std::filesystem::path(base) / value).string());
      if (!bytes.ok()) {
        return wrong(found.place, name + ": " + std::string(bytes.status().message()));
      }
      value = *std::move(bytes);
    }
    const bool path = setting.type() == SettingDeclaration::TYPE_SOCKET ||
                      setting.type() == SettingDeclaration::TYPE_SOCKET_FOLDER;
    if (path && !value.empty()) {
      value = (std::filesystem::path(base) / value).lexically_normal().string();
      if (const std::string open = OwnFolderIn(setting, value, own); !open.empty()) {
        return wrong(found.place, name + (setting.secret() ? "" : " is \"" + value + "\"") +
                                      "; expected a folder of its own, because this one opens " +
                                      open + " to the plugin");
      }
    }
    (*request.mutable_setting())[name] = std::move(value);
  }
  if (!left.empty()) {
    return wrong(left.begin()->second.place,
                 left.begin()->first + " is not declared in its manifest");
  }
  return request;
}

}  // namespace madoguchi
