// Text that a person wrote: the configuration, a plugin's manifest, the list of devices.
#include <google/protobuf/stubs/logging.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "host/config.h"
#include "host/desk/devices.h"
#include "sdk/launch/manifest.h"

namespace {

struct Folder {
  std::string path;
  Folder() {
    google::protobuf::SetLogHandler(nullptr);
    char name[] = "/tmp/madoguchi-fuzz-XXXXXX";
    path = mkdtemp(name);
    std::filesystem::create_directory(path + "/plugin");
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(path + "/" + name, std::ios::binary) << text;
    return path + "/" + name;
  }
};

// Whoever wrote it must be able to find the place.
void MustName(const absl::Status& status, const std::string& path) {
  if (!status.ok() && status.message().find(path) == std::string::npos) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Folder folder;
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0: {
      const std::string path = folder.Write("clinic.textproto", text);
      madoguchi::TextPlaces places;
      const auto config = madoguchi::ReadConfig(path, &places);
      MustName(config.status(), path);
      if (config.ok() && config->desk().socket().size() > 107) __builtin_trap();
      break;
    }
    case 1: {
      folder.Write("plugin/plugin.textproto", text);
      const auto plugin = madoguchi::ReadPluginFolder(folder.path + "/plugin");
      MustName(plugin.status(), folder.path);
      madoguchi::plugin::v1::Manifest manifest;
      if (plugin.ok()) manifest = plugin->manifest;
      (void)madoguchi::Settle(manifest, {"", {{"pin_longest", {"6", ""}}}}, folder.path);
      break;
    }
    case 2: {
      const std::string path = folder.Write("devices.textproto", text);
      MustName(madoguchi::Devices::Load(path).status(), path);
      break;
    }
  }
  return 0;
}
