#ifndef MADOGUCHI_HOST_LOADER_PLUGIN_LIFE_H_
#define MADOGUCHI_HOST_LOADER_PLUGIN_LIFE_H_

#include <grpcpp/channel.h>
#include <sys/types.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>

#include "host/loader/incidents.h"
#include "madoguchi/plugin/v1/plugin.pb.h"
#include "sdk/launch/process.h"

namespace madoguchi {

// Who works with one life of a plugin: a life that is to be replaced goes on until nobody does.
// Thread-safe.
class Guests {
 public:
  // A stay, which ends with its last copy; null when the door is closed.
  std::shared_ptr<const void> Enter() {
    std::lock_guard<std::mutex> lock(mutex_);
    return closed_ ? nullptr : stay_;
  }
  // Closes the door for good, but not while somebody is there.
  bool CloseIfEmpty() {
    std::lock_guard<std::mutex> lock(mutex_);
    closed_ = closed_ || stay_.use_count() == 1;
    return closed_;
  }

 private:
  std::mutex mutex_;
  const std::shared_ptr<const int> stay_ = std::make_shared<const int>(0);
  bool closed_ = false;
};

// One life of a plugin: the process that was started for the generation-th time, up to its death.
// Whoever holds it may call; after the death every call fails with UNAVAILABLE at once.
struct PluginLife {
  plugin::v1::Kind kind = plugin::v1::KIND_UNSPECIFIED;
  uint64_t generation = 0;
  pid_t pid = -1;
  std::shared_ptr<grpc::Channel> channel;
  Fd pin;      // the host's end of fd 4; readers only
  Fd service;  // a duplicate of the channel's socket, to close it for good
  const std::unique_ptr<Guests> guests = std::make_unique<Guests>();
  mutable std::atomic<bool> over = false;  // its end has begun
  // Of all lives of this plugin.
  std::shared_ptr<Incidents> incidents = std::make_shared<Incidents>();
};

// The life that runs now, or nothing.
using Lives = std::function<std::shared_ptr<const PluginLife>()>;

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_LOADER_PLUGIN_LIFE_H_
