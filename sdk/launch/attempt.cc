#include "sdk/launch/attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "sdk/launch/customary_files.h"
#include "sdk/launch/process.h"

namespace madoguchi {
namespace {

using jail::Wish;

struct Found {
  bool there = false;
  std::string real;  // where its links lead to; empty when that is not to be known
};

Found Find(const std::string& path) {
  const Fd object(open(path.c_str(), O_PATH | O_CLOEXEC));
  // What the host itself may not look at is there too.
  if (object.get() < 0) return {errno != ENOENT && errno != ENOTDIR, ""};
  char real[PATH_MAX];
  const std::string link = "/proc/self/fd/" + std::to_string(object.get());
  const ssize_t size = readlink(link.c_str(), real, sizeof(real));
  return {true, size > 0 ? std::string(real, static_cast<size_t>(size)) : ""};
}

std::string Try(Wish wish) {
  switch (wish) {
    case Wish::kSee:
      return "looked for ";
    case Wish::kRead:
      return "tried to open ";
    case Wish::kWrite:
      return "tried to write ";
    case Wish::kConnect:
      return "tried to connect to ";
  }
  return "named ";
}

}  // namespace

Attempt AttemptAt(const NamedFile& file, const ShownPlaces& shown) {
  constexpr char kOutside[] = ", which is outside of its jail";
  if (file.path.empty()) {
    return {"hides its memory, so that nobody sees which files it tries", "", ""};
  }
  if (file.path.starts_with('@')) {
    if (file.wish != Wish::kConnect) return {};
    return {Try(file.wish), "the abstract socket " + file.path.substr(1), kOutside};
  }
  if (IsCustomary(file.path)) return {};
  const auto told = [&](const char* jail) { return Attempt{Try(file.wish), file.path, jail}; };
  if (shown.Grant(file.path, file.wish)) {
    // A link in what it is shown may lead to what it is not. One that was itself granted led
    // elsewhere when the jail was built: a device that was plugged in anew.
    if (file.wish != Wish::kRead && file.wish != Wish::kWrite) return {};
    if (shown.IsPlace(file.path)) return {};
    const std::string real = Find(file.path).real;
    if (real.empty() || IsCustomary(real) || shown.Grant(real, file.wish)) return {};
    return told(", which leads outside of its jail");
  }
  if (file.wish == Wish::kWrite && shown.Grant(file.path, Wish::kRead)) {
    return told(", which its jail lets it only read");
  }
  const std::string folder = file.path.substr(0, file.path.rfind('/') + 1);
  if (!Find(file.wish == Wish::kWrite ? folder : file.path).there) return {};
  return told(kOutside);
}

}  // namespace madoguchi
