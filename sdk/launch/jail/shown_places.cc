#include "sdk/launch/jail/shown_places.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "sdk/launch/jail/landlock.h"
#include "sdk/launch/jail/places.h"

namespace madoguchi {
namespace {

using jail::Wish;

// True when `path` is `place` or lies below it.
bool IsWithin(const std::string& path, const std::string& place) {
  return path.starts_with(place) && (path.size() == place.size() || path[place.size()] == '/');
}

uint64_t RightsFor(Wish wish) {
  switch (wish) {
    case Wish::kRead:
      return jail::landlock::kReadFile;
    case Wish::kWrite:
      return jail::landlock::kWriteFile | jail::landlock::kMakeSock;
    case Wish::kSee:
    case Wish::kConnect:
      return 0;
  }
  return 0;
}

// What the launcher makes of the arguments that are made of `jail`, as far as places and calls
// depend on it. It points into `jail`.
jail::Cell CellOf(const Jail& jail) {
  jail::Cell cell;
  const Permissions& permissions = jail.permissions;
  cell.pcscd = permissions.pcscd;
  cell.usb = permissions.usb;
  cell.bluetooth = permissions.bluetooth;
  cell.network = permissions.network;
  cell.sockets = permissions.sockets;
  cell.serial = !permissions.serial.empty() || permissions.serial_of_settings;
  if (!permissions.serial.empty()) cell.device[cell.devices++] = permissions.serial.c_str();
  for (const std::string& path : jail.serial_devices) {
    if (cell.devices < jail::kMostPaths) cell.device[cell.devices++] = path.c_str();
  }
  if (!jail.sockets_folder.empty()) cell.sockets_folder = jail.sockets_folder.c_str();
  for (const std::string& path : jail.sockets) {
    if (cell.sockets_to_reach < jail::kMostPaths) {
      cell.socket[cell.sockets_to_reach++] = path.c_str();
    }
  }
  if (permissions.pcscd && cell.sockets_to_reach < jail::kMostPaths) {
    cell.socket[cell.sockets_to_reach++] = kPcscdSocket;
  }
  for (const std::string& path : jail.read) {
    if (cell.reads < jail::kMostPaths) cell.read[cell.reads++] = path.c_str();
  }
  return cell;
}

}  // namespace

ShownPlaces::ShownPlaces(Jail jail) : jail_(std::move(jail)), cell_(CellOf(jail_)) {
  jail::ForEachPlace(cell_, [&](const char* path, uint64_t rights) {
    places_.push_back({path, rights});
    const std::unique_ptr<char, decltype(&free)> real(realpath(path, nullptr), free);
    if (real != nullptr && places_.back().path != real.get()) {
      places_.push_back({real.get(), rights});
    }
  });
}

bool ShownPlaces::Grant(const std::string& path, Wish wish) const {
  const uint64_t any = RightsFor(wish);
  for (const Place& place : places_) {
    if (IsWithin(path, place.path) && (any == 0 || (place.rights & any) != 0)) return true;
    // The folders above stand in the room too, with nothing else in them.
    if (wish == Wish::kSee && (path == "/" || IsWithin(place.path, path))) return true;
  }
  return false;
}

bool ShownPlaces::IsPlace(const std::string& path) const {
  return std::any_of(places_.begin(), places_.end(),
                     [&](const Place& place) { return place.path == path; });
}

bool ShownPlaces::LetThrough(jail::LetThrough let, uint64_t flags) const {
  return jail::IsLetThrough(cell_, let, flags);
}

}  // namespace madoguchi
