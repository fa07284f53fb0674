#include "host/desk/devices.h"

#include <google/protobuf/text_format.h>

#include <algorithm>
#include <set>

#include "sdk/failure/failure.h"
#include "sdk/textproto/textproto.h"

namespace madoguchi {
namespace {

using check::v1::FAILURE_CODE_DEVICE_UNKNOWN;
using check::v1::FAILURE_CODE_DEVICES_NOT_SAVED;
using check::v1::FAILURE_CODE_REQUEST_INVALID;

bool IsDeviceName(const std::string& name) {
  constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  if (name.empty() || name.size() > 64) return false;
  if (std::string(kLetters).find(name[0]) == std::string::npos) return false;
  return name.find_first_not_of(std::string(kLetters) + "._-") == std::string::npos;
}

}  // namespace

absl::Status CheckDevices(const host::DeviceList& list, const std::string& path) {
  std::set<std::string> names, certificates;
  for (const auto& device : list.device()) {
    const auto wrong = [&](const std::string& what) {
      return absl::InvalidArgumentError(path + ": device \"" + device.name() + "\": " + what);
    };
    if (!IsDeviceName(device.name())) {
      return wrong("expected a name of 1 to 64 letters, digits, dots, dashes and underscores");
    }
    if (!names.insert(device.name()).second) return wrong("it stands there twice");
    if (!IsDeviceRole(device.role())) {
      return wrong("expected the role ROLE_STAFF, ROLE_PATIENT or ROLE_ADMIN");
    }
    const std::string& hash = device.certificate_sha256();
    if (hash.size() != 64 || hash.find_first_not_of("0123456789abcdef") != std::string::npos) {
      return wrong("expected certificate_sha256 of 64 lower-case hexadecimal digits");
    }
    if (!certificates.insert(hash).second) return wrong("its certificate is another device's");
  }
  return absl::OkStatus();
}

bool IsDeviceRole(check::v1::Role role) {
  return role == check::v1::ROLE_STAFF || role == check::v1::ROLE_PATIENT ||
         role == check::v1::ROLE_ADMIN;
}

absl::StatusOr<std::unique_ptr<Devices>> Devices::Load(const std::string& path) {
  std::unique_ptr<Devices> devices(new Devices(path));
  const absl::Status read = ReadTextproto(path, &devices->list_);
  if (!read.ok() && read.code() != absl::StatusCode::kNotFound) return read;
  if (absl::Status fits = CheckDevices(devices->list_, path); !fits.ok()) return fits;
  return devices;
}

absl::Status Devices::Add(const desk::v1::Device& device) {
  if (!IsDeviceName(device.name())) {
    return FailureStatus(
        FAILURE_CODE_REQUEST_INVALID,
        "a device's name is 1 to 64 letters, digits, dots, dashes and underscores");
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& known : list_.device()) {
      if (known.name() == device.name()) {
        const absl::Status taken =
            FailureStatus(FAILURE_CODE_REQUEST_INVALID,
                          "there is a device named " + device.name() + "; remove it first");
        absl::Status status(absl::StatusCode::kAlreadyExists, taken.message());
        taken.ForEachPayload(
            [&](auto url, const absl::Cord& bytes) { status.SetPayload(url, bytes); });
        return status;
      }
    }
    host::DeviceList longer = list_;
    *longer.add_device() = device;
    if (absl::Status saved = Save(longer); !saved.ok()) return saved;
    list_ = longer;
  }
  listeners_.Poke();
  return absl::OkStatus();
}

absl::Status Devices::Remove(const std::string& name) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    host::DeviceList shorter;
    for (const auto& known : list_.device()) {
      if (known.name() != name) *shorter.add_device() = known;
    }
    if (shorter.device_size() == list_.device_size()) {
      return FailureStatus(FAILURE_CODE_DEVICE_UNKNOWN, name);
    }
    if (absl::Status saved = Save(shorter); !saved.ok()) return saved;
    list_ = shorter;
  }
  listeners_.Poke();
  return absl::OkStatus();
}

std::optional<desk::v1::Device> Devices::Find(const std::string& certificate_sha256) const {
  std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& known : list_.device()) {
    if (!certificate_sha256.empty() && known.certificate_sha256() == certificate_sha256) {
      return known;
    }
  }
  return {};
}

host::DeviceList Devices::List() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return list_;
}

absl::Status Devices::Save(const host::DeviceList& list) {
  std::string text;
  google::protobuf::TextFormat::PrintToString(list, &text);
  const absl::Status written = WriteFile(path_, text, 0600);
  if (written.ok()) return written;
  return FailureStatus(FAILURE_CODE_DEVICES_NOT_SAVED, std::string(written.message()));
}

}  // namespace madoguchi
