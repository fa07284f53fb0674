#include "readers/bluetooth/family.h"

#include <algorithm>

namespace madoguchi::bluetooth {
namespace {

constexpr char kAcs[] = "Advanced Card Systems", kFeitian[] = "Feitian", kSpring[] = "SpringCard";
constexpr auto kAcr = Family::Language::kAcr1255;
constexpr auto kCcid = Family::Language::kCcid;

constexpr Family kFamilies[] = {
    {kAcs, kAcr, "ACR1255U-J1", "3c4afff0-4783-3de5-a983-d348718ef133",
     "3c4afff1-4783-3de5-a983-d348718ef133", "3c4afff2-4783-3de5-a983-d348718ef133", ""},
    {kAcs, kAcr, "ACR1255U-J1", "0000fff0-0000-1000-8000-00805f9b34fb",
     "0000fff1-0000-1000-8000-00805f9b34fb", "0000fff2-0000-1000-8000-00805f9b34fb", ""},
    {kFeitian, kCcid, "FT_", "46540001-0002-00c4-0000-465453414645",
     "46540002-0002-00c4-0000-465453414645", "46540003-0002-00c4-0000-465453414645", ""},
    {kFeitian, kCcid, "FT_", "46540001-0002-00c6-0000-465453414645",
     "46540002-0002-00c6-0000-465453414645", "46540003-0002-00c6-0000-465453414645", ""},
    {kFeitian, kCcid, "FT_", "46540001-0002-00c4-0000-000000000001",
     "46540002-0002-00c4-0000-000000000001", "46540003-0002-00c4-0000-000000000001", ""},
    {kSpring, kCcid, "", "7f20cdc5-a9fc-4c70-9292-3acf9de71f73",
     "cd5bce75-65fc-4747-ab9a-ff82bfdfa7fb", "94ede62e-0808-46f8-91ec-ac0272d67796",
     "dc2aa4ca-76a9-43f9-9fe5-127652837ef5"},
    {kSpring, kCcid, "", "f91c914f-367c-4108-ac3e-3d30cfdd0a1a",
     "281ebed4-86c4-4253-84f1-57fb9ab2f72c", "811dc7a6-a573-4e15-89cc-7efacae04e3c",
     "eab75cab-c7dc-4db9-874c-4ad8ee0f180f"},
};

constexpr char kBatteryLevel[] = "00002a19-0000-1000-8000-00805f9b34fb";
// ATT: a write takes three bytes of the MTU; the smallest MTU is 23, a value at most 512 bytes.
constexpr int64_t kWriteHeader = 3, kSmallestMtu = 23, kLargestMtu = 515;

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string UuidOf(const Objects& objects, const std::string& path, const char* interface) {
  return Lower(ValueOr<std::string>(objects, path, interface, "UUID", ""));
}

}  // namespace

std::span<const Family> Families() { return kFamilies; }

std::optional<Pipe> FindPipe(const Objects& objects, const std::string& path) {
  const std::string below = path + "/";
  const auto for_each = [&](const char* interface, auto visit) {
    for (auto at = objects.lower_bound(below);
         at != objects.end() && at->first.compare(0, below.size(), below) == 0; ++at) {
      if (at->second.count(interface) > 0) visit(at->first, UuidOf(objects, at->first, interface));
    }
  };
  for (const Family& family : kFamilies) {
    std::string service;
    for_each(kService, [&](const std::string& at, const std::string& uuid) {
      if (uuid == family.service) service = at;
    });
    if (service.empty()) continue;
    Pipe pipe;
    pipe.family = &family;
    for_each(kCharacteristic, [&](const std::string& at, const std::string& uuid) {
      if (uuid == kBatteryLevel) pipe.battery = at;
      if (ValueOr<std::string>(objects, at, kCharacteristic, "Service", "") != service) return;
      if (uuid == family.write) pipe.write = at;
      if (uuid == family.notify) pipe.notify = at;
      if (*family.status != '\0' && uuid == family.status) pipe.status = at;
    });
    if (pipe.write.empty() || pipe.notify.empty()) continue;
    const int64_t mtu = ValueOr<int64_t>(objects, pipe.write, kCharacteristic, "MTU", kSmallestMtu);
    pipe.piece = static_cast<size_t>(std::clamp(mtu, kSmallestMtu, kLargestMtu) - kWriteHeader);
    return pipe;
  }
  return std::nullopt;
}

bool LooksLikeReader(const std::string& name, const std::vector<std::string>& uuids) {
  return std::any_of(std::begin(kFamilies), std::end(kFamilies), [&](const Family& family) {
    const std::string prefix = family.name_prefix;
    if (!prefix.empty() && name.compare(0, prefix.size(), prefix) == 0) return true;
    return std::any_of(uuids.begin(), uuids.end(),
                       [&](const std::string& uuid) { return Lower(uuid) == family.service; });
  });
}

}  // namespace madoguchi::bluetooth
