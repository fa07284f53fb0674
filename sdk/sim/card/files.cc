#include "sdk/sim/card/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>

namespace madoguchi::sim {
namespace {

absl::Status Failure(const std::string& what, const std::string& path) {
  const std::string text = what + " " + path + ": " + strerror(errno);
  return errno == ENOENT ? absl::NotFoundError(text) : absl::UnavailableError(text);
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Failure("cannot open", path);
  std::string content;
  char part[4096];
  ssize_t n;
  while ((n = read(fd, part, sizeof part)) > 0) content.append(part, static_cast<size_t>(n));
  close(fd);
  if (n < 0) return Failure("cannot read", path);
  return content;
}

absl::Status WriteFile(const std::string& path, const std::string& content, mode_t mode) {
  static std::atomic<int> count = 0;
  const std::string part =
      path + "." + std::to_string(getpid()) + "." + std::to_string(++count) + ".part";
  const int fd = open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) return Failure("cannot make", part);
  size_t done = 0;
  while (done < content.size()) {
    const ssize_t n = write(fd, content.data() + done, content.size() - done);
    if (n < 0) {
      const absl::Status failure = Failure("cannot write", part);
      close(fd);
      unlink(part.c_str());
      return failure;
    }
    done += static_cast<size_t>(n);
  }
  close(fd);
  if (rename(part.c_str(), path.c_str()) != 0) {
    const absl::Status failure = Failure("cannot replace", path);
    unlink(part.c_str());
    return failure;
  }
  return absl::OkStatus();
}

absl::Status MakeFolder(const std::string& path) {
  for (size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
    mkdir(path.substr(0, end).c_str(), 0700);
  }
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return Failure("cannot make", path);
  return absl::OkStatus();
}

absl::StatusOr<FolderLock> FolderLock::Take(const std::string& folder) {
  const std::string path = folder + "/lock";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return Failure("cannot make", path);
  while (flock(fd, LOCK_EX) != 0) {
    if (errno == EINTR) continue;
    const absl::Status failure = Failure("cannot lock", path);
    close(fd);
    return failure;
  }
  return FolderLock(fd);
}

FolderLock::~FolderLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace madoguchi::sim
