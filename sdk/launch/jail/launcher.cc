// madoguchi-jail: takes everything from itself that a plugin does not need, then becomes it.
// The host spawns it with the plugin's descriptors in place; README.md tells how to try it by hand.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <initializer_list>

#include "sdk/launch/jail/cell.h"

namespace madoguchi::jail {
namespace {

long Number(const char* option, const char* text) {
  char* end = nullptr;
  errno = 0;
  const long value = strtol(text, &end, 10);
  if (*text == '\0' || *end != '\0' || errno != 0 || value < 0) {
    Refuse("this option needs a number:", option);
  }
  return value;
}

// A path in the settings may be a mistake, and anything but a device is none of a reader's.
void AllowDevice(Cell& cell, const char* path) {
  struct stat facts {};
  if (*path != '/') Refuse("expected an absolute path of a serial device:", path);
  if (stat(path, &facts) == 0 && !S_ISCHR(facts.st_mode)) Refuse("this is no serial device:", path);
  if (cell.devices == kMostPaths) Refuse("too many serial devices");
  cell.device[cell.devices++] = path;
}

void AllowPermission(Cell& cell, const char* permission) {
  if (strcmp(permission, "pcscd") == 0) {
    cell.pcscd = true;
  } else if (strcmp(permission, "usb") == 0) {
    cell.usb = true;
  } else if (strcmp(permission, "bluetooth") == 0) {
    cell.bluetooth = true;
  } else if (strcmp(permission, "network") == 0) {
    cell.network = true;
  } else if (strcmp(permission, "sockets") == 0) {
    cell.sockets = true;
  } else if (strcmp(permission, "serial") == 0) {
    cell.serial = true;
  } else if (strncmp(permission, "serial:/dev/", 12) == 0) {
    cell.serial = true;
    AllowDevice(cell, permission + 7);
  } else {
    Refuse("no such permission:", permission);
  }
}

void LeaveOut(Cell& cell, const char* layer) {
  if (strcmp(layer, "capabilities") == 0) {
    cell.without_capabilities = true;
  } else if (strcmp(layer, "limits") == 0) {
    cell.without_limits = true;
  } else if (strcmp(layer, "room") == 0) {
    cell.without_room = true;
  } else if (strcmp(layer, "landlock") == 0) {
    cell.without_landlock = true;
  } else if (strcmp(layer, "seccomp") == 0) {
    cell.without_seccomp = true;
  } else {
    Refuse("no such layer:", layer);
  }
}

// By hand: what the host does with the bytes that it approved. A file itself cannot be executed in
// the jail.
int CopyOf(const char* path) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) Refuse("cannot open", path, errno);
  const int copy = static_cast<int>(syscall(SYS_memfd_create, "plugin", MFD_CLOEXEC));
  if (copy < 0) Refuse("memfd_create", nullptr, errno);
  ssize_t size;
  while ((size = sendfile(copy, file, nullptr, 1 << 30)) > 0) {
  }
  if (size < 0) Refuse("cannot read", path, errno);
  return copy;
}

void TakeOption(Cell& cell, const char* option, const char* value) {
  if (strcmp(option, "--name") == 0) {
    cell.name = value;
  } else if (strcmp(option, "--program-fd") == 0) {
    cell.program_fd = static_cast<int>(Number(option, value));
  } else if (strcmp(option, "--notice-fd") == 0) {
    cell.notice_fd = static_cast<int>(Number(option, value));
  } else if (strcmp(option, "--group-fd") == 0) {
    cell.group_fd = static_cast<int>(Number(option, value));
  } else if (strcmp(option, "--threads") == 0) {
    cell.threads = Number(option, value);
  } else if (strcmp(option, "--program") == 0) {
    cell.program_fd = CopyOf(value);
  } else if (strcmp(option, "--host-pid") == 0) {
    cell.host_pid = static_cast<pid_t>(Number(option, value));
  } else if (strcmp(option, "--memory-mib") == 0) {
    cell.memory_mib = Number(option, value);
  } else if (strcmp(option, "--descriptors") == 0) {
    cell.descriptors = Number(option, value);
  } else if (strcmp(option, "--permission") == 0) {
    AllowPermission(cell, value);
  } else if (strcmp(option, "--serial-device") == 0) {
    AllowDevice(cell, value);
  } else if (strcmp(option, "--sockets-folder") == 0) {
    cell.sockets_folder = value;
  } else if (strcmp(option, "--socket") == 0) {
    if (cell.sockets_to_reach == kMostPaths) Refuse("too many paths with --socket");
    cell.socket[cell.sockets_to_reach++] = value;
  } else if (strcmp(option, "--read") == 0) {
    if (cell.reads == kMostPaths) Refuse("too many paths with --read");
    cell.read[cell.reads++] = value;
  } else if (strcmp(option, "--without") == 0) {
    LeaveOut(cell, value);
  } else {
    Refuse("no such option:", option);
  }
}

Cell FromArguments(int argc, char** argv) {
  Cell cell;
  for (int i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "--pin-lane") == 0) {
      cell.pin_lane = true;
    } else if (i + 1 == argc) {
      Refuse("this option needs a value:", argv[i]);
    } else {
      TakeOption(cell, argv[i], argv[i + 1]);
      ++i;
    }
  }
  if (cell.name == nullptr || cell.program_fd < 0) {
    Refuse(
        "madoguchid starts this program; it needs at least --name, and --program-fd or --program");
  }
  return cell;
}

void RefuseScripts(const Cell& cell) {
  char begin[4] = {};
  const ssize_t size = pread(cell.program_fd, begin, sizeof(begin), 0);
  if (size < 0) Refuse("cannot read the program of", cell.name, errno);
  if (size == sizeof(begin) && memcmp(begin, "\177ELF", sizeof(begin)) == 0) return;
  if (begin[0] == '#' && begin[1] == '!') {
    Refuse("only ELF programs run, and this is a script:", cell.name);
  }
  Refuse("only ELF programs run, and this is none:", cell.name);
}

// Dies with the host, were it killed itself. After all changes of rights, which forget this.
void DieWithHost(const Cell& cell) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) Refuse("PR_SET_PDEATHSIG", nullptr, errno);
  if (cell.host_pid != 0 && getppid() != cell.host_pid) Refuse("the host is gone");
}

}  // namespace

void Note(const char* sentence) {
  char line[512];
  size_t size = 0;
  for (const char* part : {"jail: ", sentence, "\n"}) {
    const size_t length = strnlen(part, sizeof(line) - size - 1);
    memcpy(line + size, part, length);
    size += length;
  }
  (void)!write(STDERR_FILENO, line, size);
}

void Refuse(const char* sentence, const char* object, int error) {
  char text[480];
  size_t size = 0;
  const char* const why = error == 0 ? nullptr : strerror(error);
  for (const char* part : {sentence, object == nullptr ? nullptr : " ", object,
                           why == nullptr ? nullptr : ": ", why}) {
    if (part == nullptr) continue;
    const size_t length = strnlen(part, sizeof(text) - size - 1);
    memcpy(text + size, part, length);
    size += length;
  }
  text[size] = '\0';
  Note(text);
  _exit(kRefused);
}

void Launch(int argc, char** argv) {
  Cell cell = FromArguments(argc, argv);
  if (cell.group_fd >= 0) EnterGroup(cell.group_fd);
  RefuseScripts(cell);
  const int program = MoveDescriptors(cell);
  umask(0077);
  // libudev believes in root's messages alone, and within namespaces of users nobody is root.
  const Room room = cell.without_room || cell.usb ? Room::kNone : EnterRoom(cell);
  if (chdir("/") != 0) Refuse("chdir", "/", errno);
  if (!cell.without_limits) SetLimits(cell, room);
  if (!cell.without_capabilities) DropCapabilities();
  DieWithHost(cell);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) Refuse("PR_SET_NO_NEW_PRIVS", nullptr, errno);
  if (!cell.without_landlock) RestrictFiles(cell);
  // Last: it refuses what the steps before need.
  if (!cell.without_seccomp) FilterCalls(cell, program);

  char* const arguments[] = {const_cast<char*>(cell.name), nullptr};
  char* const environment[] = {nullptr};
  syscall(SYS_execveat, program, "", arguments, environment, AT_EMPTY_PATH);
  Refuse("cannot execute", cell.name, errno);
}

}  // namespace madoguchi::jail

int main(int argc, char** argv) { madoguchi::jail::Launch(argc, argv); }
