#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "sdk/launch/jail/cell.h"
#include "sdk/launch/jail/places.h"

namespace madoguchi::jail {
namespace {

constexpr char kOutside[] = "/outside";

void Write(const char* path, const char* text) {
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0 || write(file, text, strlen(text)) < 0) Refuse("cannot write", path, errno);
  close(file);
}

// Namespaces of mounts and of network (abstract sockets live there); for who is not root in one of
// users, in which the user is the same and threads are counted anew. kNowhere where the system does
// not let us.
Room LeaveNamespaces(const Cell& cell) {
  const int apart = cell.network ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWNET;
  if (geteuid() == 0 && unshare(apart) == 0) return Room::kSameUsers;
  const uid_t user = geteuid();
  const gid_t group = getegid();
  if (unshare(CLONE_NEWUSER | apart) != 0) return Room::kNone;
  char map[64];
  // The order is the kernel's: user_namespaces(7).
  Write("/proc/self/setgroups", "deny");
  snprintf(map, sizeof(map), "%u %u 1", user, user);
  Write("/proc/self/uid_map", map);
  snprintf(map, sizeof(map), "%u %u 1", group, group);
  Write("/proc/self/gid_map", map);
  return Room::kOwnUsers;
}

Room NoRoom() {
  Note(
      "this system lets us make no namespaces: the plugin sees which files there are, and may "
      "connect to path sockets that are not its own if it was granted one");
  return Room::kNone;
}

// Makes the folders above `path`, and `path` itself as a folder or an empty file.
void MakeTarget(const char* path, bool folder) {
  char part[PATH_MAX];
  if (strlen(path) >= sizeof(part)) Refuse("this path is too long:", path);
  strcpy(part, path);
  for (char* slash = strchr(part + 1, '/'); slash != nullptr; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    if (mkdir(part, 0755) != 0 && errno != EEXIST) Refuse("mkdir in the room", part, errno);
    *slash = '/';
  }
  const int made = folder ? mkdir(path, 0755) : mknod(path, S_IFREG | 0644, 0);
  if (made != 0 && errno != EEXIST) Refuse("cannot make in the room", path, errno);
}

void MakeReadOnly(const char* path) {
  mount_attr read_only{};
  read_only.attr_set = MOUNT_ATTR_RDONLY;
  // Before Linux 5.12 there is no such call.
  if (syscall(SYS_mount_setattr, AT_FDCWD, path, AT_RECURSIVE, &read_only, sizeof(read_only)) !=
          0 &&
      errno != ENOSYS) {
    Refuse("cannot make this read-only in the room:", path, errno);
  }
}

}  // namespace

Room EnterRoom(const Cell& cell) {
  const Room room = LeaveNamespaces(cell);
  if (room == Room::kNone) return NoRoom();
  // Nothing of this is seen outside, and nothing from outside comes in. Some systems let us make
  // the namespace, and then nothing in it.
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return NoRoom();
  // Opened before the room covers /tmp; links are followed here, where they lead to the right
  // place.
  constexpr int kMostPlaces = 64;
  struct Place {
    char path[PATH_MAX];
    int object;
    bool folder;
    bool device;
    bool written;
  };
  static Place places[kMostPlaces];
  int count = 0;
  ForEachPlace(cell, [&](const char* path, uint64_t rights) {
    const int object = open(path, O_PATH | O_CLOEXEC);
    if (object < 0) return;
    struct stat facts {};
    if (count == kMostPlaces || strlen(path) >= PATH_MAX || fstat(object, &facts) != 0) {
      Refuse("cannot take into the room", path, errno);
    }
    Place& place = places[count++];
    strcpy(place.path, path);
    place.object = object;
    place.folder = S_ISDIR(facts.st_mode);
    place.device = S_ISCHR(facts.st_mode);
    place.written = (rights & (landlock::kWriteFile | landlock::kMakeSock)) != 0;
  });
  umask(0022);
  if (mount("room", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=256k,nr_inodes=256") !=
      0) {
    return NoRoom();
  }
  if (mkdir("/tmp/outside", 0700) != 0 || syscall(SYS_pivot_root, "/tmp", "/tmp/outside") != 0 ||
      chdir("/") != 0) {
    Refuse("pivot_root", nullptr, errno);
  }
  for (int i = 0; i < count; ++i) {
    const Place& place = places[i];
    MakeTarget(place.path, place.folder);
    char source[64];
    snprintf(source, sizeof(source), "%s/proc/self/fd/%d", kOutside, place.object);
    if (mount(source, place.path, nullptr, MS_BIND | MS_REC, nullptr) != 0) {
      // Unplugged meanwhile: as one that was not there.
      if (errno == ENOENT && place.device && unlink(place.path) == 0 && close(place.object) == 0) {
        continue;
      }
      Refuse("cannot take into the room", place.path, errno);
    }
    close(place.object);
    if (!place.written) MakeReadOnly(place.path);
  }
  if (umount2(kOutside, MNT_DETACH) != 0 || rmdir(kOutside) != 0) {
    Refuse("cannot close the room", nullptr, errno);
  }
  if (mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV,
            nullptr) != 0) {
    Refuse("cannot close the room", nullptr, errno);
  }
  umask(0077);
  return room;
}

}  // namespace madoguchi::jail
