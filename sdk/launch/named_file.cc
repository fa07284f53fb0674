#include "sdk/launch/named_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <map>
#include <string_view>

namespace madoguchi {
namespace {

using jail::NamingCall;
using jail::Wish;

// At most `size` bytes of the thread's memory at `address`, fewer where it ends before. No bytes
// and an errno of EPERM: it is not ours to read.
std::string Memory(pid_t thread, uint64_t address, size_t size) {
  constexpr uint64_t kPage = 4096;
  std::string bytes(size, '\0');
  // The kernel reads all of a piece or nothing: the piece ends where the next page begins.
  const size_t first = std::min<uint64_t>(size, kPage - address % kPage);
  iovec here{bytes.data(), bytes.size()};
  const iovec there[] = {{reinterpret_cast<void*>(address), first},
                         {reinterpret_cast<void*>(address + first), size - first}};
  const ssize_t read = process_vm_readv(thread, &here, 1, there, size > first ? 2 : 1, 0);
  bytes.resize(read > 0 ? static_cast<size_t>(read) : 0);
  return bytes;
}

// Where a relative path of the thread begins; empty when that is no folder.
std::string FolderOf(pid_t thread, int descriptor) {
  const std::string process = "/proc/" + std::to_string(thread);
  const std::string link =
      descriptor == AT_FDCWD ? process + "/cwd" : process + "/fd/" + std::to_string(descriptor);
  char folder[PATH_MAX];
  const ssize_t size = readlink(link.c_str(), folder, sizeof(folder));
  return size > 0 && folder[0] == '/' ? std::string(folder, static_cast<size_t>(size)) : "";
}

// The path of a sockaddr_un; empty for any other address.
std::string SocketOf(const std::string& bytes) {
  constexpr size_t kPath = offsetof(sockaddr_un, sun_path);
  sa_family_t family = AF_UNSPEC;
  if (bytes.size() <= kPath) return "";
  std::memcpy(&family, bytes.data(), sizeof(family));
  if (family != AF_UNIX) return "";
  if (bytes[kPath] == '\0') return "@" + bytes.substr(kPath + 1);
  return bytes.substr(kPath, bytes.find('\0', kPath) - kPath);
}

}  // namespace

const NamingCall* NamingCallOf(int number) {
  static const std::map<int, const NamingCall*> calls = [] {
    std::map<int, const NamingCall*> all;
    for (const NamingCall& call : jail::kNamingCalls) {
      all[seccomp_syscall_resolve_name(call.name)] = &call;
    }
    return all;
  }();
  const auto found = calls.find(number);
  return found == calls.end() ? nullptr : found->second;
}

bool AsksForProcess(const seccomp_notif& call) {
  // Of clone_args the first is the flags.
  const std::string bytes = Memory(static_cast<pid_t>(call.pid), call.data.args[0], 8);
  uint64_t flags = CLONE_THREAD;
  if (bytes.size() == sizeof(flags)) std::memcpy(&flags, bytes.data(), sizeof(flags));
  return (flags & CLONE_THREAD) == 0;
}

// By hand, because it is a stranger's: of the longest path the library makes 0.6 ms.
std::string Normal(const std::string& folder, const std::string& path) {
  std::string normal;
  const auto go = [&normal](const std::string& way) {
    for (size_t begin = 0; begin < way.size();) {
      const size_t end = std::min(way.find('/', begin), way.size());
      const std::string_view part(way.data() + begin, end - begin);
      if (part == "..") {
        normal.resize(normal.empty() ? 0 : normal.rfind('/'));
      } else if (!part.empty() && part != ".") {
        normal += '/';
        normal += part;
      }
      begin = end + 1;
    }
  };
  if (!path.starts_with('/')) go(folder);
  go(path);
  return normal.empty() ? "/" : normal;
}

std::optional<NamedFile> FileNamedBy(const seccomp_notif& call, const NamingCall& entry) {
  const auto thread = static_cast<pid_t>(call.pid);
  const uint64_t address = call.data.args[entry.path];
  const bool is_socket =
      entry.let == jail::LetThrough::kConnecting || entry.let == jail::LetThrough::kBinding;
  const size_t longest =
      is_socket ? std::min<uint64_t>(call.data.args[entry.path + 1], sizeof(sockaddr_un))
                : PATH_MAX - 1;
  NamedFile file;
  file.wish = entry.wish;
  if (entry.let == jail::LetThrough::kOpens && jail::OpensForWriting(call.data.args[entry.flags])) {
    file.wish = Wish::kWrite;
  }
  errno = 0;
  std::string path = Memory(thread, address, longest);
  if (path.empty()) return errno == EPERM ? std::optional(file) : std::nullopt;
  path = is_socket ? SocketOf(path) : path.substr(0, path.find('\0'));
  if (path.empty()) return std::nullopt;
  if (path.starts_with('@') && is_socket) {
    file.path = path;
    return file;
  }
  const std::string folder =
      path.starts_with('/')
          ? ""
          : FolderOf(thread,
                     entry.folder < 0 ? AT_FDCWD : static_cast<int>(call.data.args[entry.folder]));
  if (!path.starts_with('/') && folder.empty()) return std::nullopt;
  file.path = Normal(folder, path);
  return file;
}

}  // namespace madoguchi
