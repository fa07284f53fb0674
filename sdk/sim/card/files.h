#ifndef MADOGUCHI_SDK_SIM_CARD_FILES_H_
#define MADOGUCHI_SDK_SIM_CARD_FILES_H_

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace madoguchi::sim {

// NotFound where there is no such file.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// Replaces the file as a whole: a reader sees the old content or the new, never a part. Not synced
// to the disk: a simulator need not survive a power failure.
absl::Status WriteFile(const std::string& path, const std::string& content, mode_t mode);

// Makes the folder (and those above it) with mode 0700 where it is missing.
absl::Status MakeFolder(const std::string& path);

// Holds `folder`/lock exclusively among processes until destroyed.
class FolderLock {
 public:
  static absl::StatusOr<FolderLock> Take(const std::string& folder);
  FolderLock(FolderLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace madoguchi::sim

#endif  // MADOGUCHI_SDK_SIM_CARD_FILES_H_
