#ifndef MADOGUCHI_HOST_DESK_DEVICES_H_
#define MADOGUCHI_HOST_DESK_DEVICES_H_

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "host/check/listeners.h"
#include "host/desk/device_list.pb.h"

namespace madoguchi {

// INVALID_ARGUMENT names `path`, the device and what was expected of it.
absl::Status CheckDevices(const host::DeviceList& list, const std::string& path);

bool IsDeviceRole(check::v1::Role role);

// The screens that may come in from elsewhere, kept in one file of the state folder. A certificate
// that is not in the list is nobody's, whoever signed it. Thread-safe.
class Devices {
 public:
  // Reads the list; an absent file is an empty list. The error names the file and the line.
  static absl::StatusOr<std::unique_ptr<Devices>> Load(const std::string& path);

  // Both change nothing, and say DEVICES_NOT_SAVED, when the file cannot be written.
  // REQUEST_INVALID when the name has another form, or (as ALREADY_EXISTS) is taken.
  absl::Status Add(const desk::v1::Device& device);
  // DEVICE_UNKNOWN when there is none of that name.
  absl::Status Remove(const std::string& name);
  std::optional<desk::v1::Device> Find(const std::string& certificate_sha256) const;
  host::DeviceList List() const;

  // Pokes `listener` after every change of the list.
  void Tell(const std::shared_ptr<Listener>& listener) { listeners_.Add(listener); }

 private:
  explicit Devices(std::string path) : path_(std::move(path)) {}
  absl::Status Save(const host::DeviceList& list);

  const std::string path_;
  mutable std::mutex mutex_;
  host::DeviceList list_;
  Listeners listeners_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_DESK_DEVICES_H_
