#ifndef MADOGUCHI_AUTHORITY_SERVE_LOCAL_DOOR_H_
#define MADOGUCHI_AUTHORITY_SERVE_LOCAL_DOOR_H_

#include <grpcpp/server.h>
#include <sys/types.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "authority/config.h"
#include "authority/serve/service.h"

namespace madoguchi::authority {

// A listening Unix socket that is there for every user of the machine: who comes is judged by the
// uid that the kernel tells, not by the file's mode.
class ListeningSocket {
 public:
  // Replaces the socket file of a dead server. ALREADY_EXISTS when a live one answers there, or
  // when the file is no socket; UNAVAILABLE otherwise.
  static absl::StatusOr<std::unique_ptr<ListeningSocket>> Open(const std::string& path);
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;
  // Closes it and removes the file.
  ~ListeningSocket();

  int fd() const { return fd_; }

 private:
  ListeningSocket(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  const std::string path_;
  const int fd_;
};

// Takes connections of the socket to gRPC. gRPC does not tell a handler on which descriptor a call
// came, so each uid has a grpc::Server of its own, whose service knows the one host that it serves.
// Used from one thread.
class LocalDoor {
 public:
  LocalDoor(const Settings& settings, Eligibility& eligibility, std::chrono::milliseconds delay)
      : settings_(settings), eligibility_(eligibility), delay_(delay) {}

  // Accepts what is waiting on `listening`, without blocking.
  void Admit(int listening);
  void Shutdown(std::chrono::system_clock::time_point deadline);

 private:
  struct House {
    std::unique_ptr<AuthorityService> service;
    std::unique_ptr<grpc::Server> server;  // goes before its service
  };
  grpc::Server* HouseOf(uid_t uid);

  const Settings& settings_;
  Eligibility& eligibility_;
  const std::chrono::milliseconds delay_;
  std::map<std::optional<uid_t>, House> houses_;  // one for all strangers
};

}  // namespace madoguchi::authority

#endif  // MADOGUCHI_AUTHORITY_SERVE_LOCAL_DOOR_H_
