#ifndef MADOGUCHI_SDK_CONFORMANCE_FOLDER_WATCH_H_
#define MADOGUCHI_SDK_CONFORMANCE_FOLDER_WATCH_H_

#include <string>

namespace madoguchi::conformance {

// Notices when a plugin's folder was built anew (inotify). One thread uses it.
class FolderWatch {
 public:
  // Watches the files in `folder` from now on.
  explicit FolderWatch(std::string folder);
  ~FolderWatch();
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

  // Waits until a file was written, renamed or made executable since the last call (or the
  // constructor), and nothing more happened for 0.3 s: a linker writes several times. False when
  // there is nothing to watch with.
  bool AwaitChange();

 private:
  // Reads what happened. False when nothing did within `timeout_ms` (-1: without end).
  bool Happens(int timeout_ms);
  bool Attach();

  const std::string folder_;
  int fd_ = -1;
  bool attached_ = false;
};

}  // namespace madoguchi::conformance

#endif  // MADOGUCHI_SDK_CONFORMANCE_FOLDER_WATCH_H_
