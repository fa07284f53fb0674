#ifndef MADOGUCHI_HOST_HOST_H_
#define MADOGUCHI_HOST_HOST_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "host/config.pb.h"
#include "sdk/textproto/textproto.h"

namespace madoguchi {

// The whole host, from a configuration to open doors. Destroying it stops everything in order:
// doors, checks, plugins.
class Host {
 public:
  // Plugins are started and not waited for: one that does not start is listed with its reason and
  // stops nobody. Files that settings name are relative to `base`, the configuration's folder.
  // Finished checks are logged to stderr, a line each, and with `verbose` also step by step,
  // without what is personal. The error says which file, setting or address stands in the way;
  // `places` is of the configuration, for what is found wrong in it only now.
  static absl::StatusOr<std::unique_ptr<Host>> Start(const host::Config& config,
                                                     const TextPlaces& places,
                                                     const std::string& base, bool verbose);
  virtual ~Host() = default;

 protected:
  Host() = default;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_HOST_H_
