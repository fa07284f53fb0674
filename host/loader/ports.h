#ifndef MADOGUCHI_HOST_LOADER_PORTS_H_
#define MADOGUCHI_HOST_LOADER_PORTS_H_

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "host/check/ports.h"
#include "host/loader/plugin_life.h"
#include "host/loader/reader_watch.h"

// The ports of a check, each over the gRPC of a plugin's running life. Thread-safe.
namespace madoguchi {

// A policy is a pure function, so what one life of its plugin answered once is not asked again: a
// clinic's checks are a handful of sequences, told over and over.
class PluginPolicy final : public PolicyPort {
 public:
  explicit PluginPolicy(Lives lives) : lives_(std::move(lives)) {}
  absl::StatusOr<policy::v1::NextReply> Next(const policy::v1::NextRequest& evidence,
                                             const CallLimits& limits) override;
  std::shared_ptr<PolicyPort> ForCheck() override;

 private:
  class OfCheck;
  absl::StatusOr<policy::v1::NextReply> Ask(const std::shared_ptr<const PluginLife>& life,
                                            const policy::v1::NextRequest& evidence,
                                            const CallLimits& limits);

  static constexpr size_t kMostKnown = 256;

  const Lives lives_;
  std::mutex mutex_;
  uint64_t generation_ = 0;
  std::map<std::string, policy::v1::NextReply> known_;  // by the evidence, serialized
};

class PluginAuthority final : public AuthorityPort {
 public:
  explicit PluginAuthority(Lives lives) : lives_(std::move(lives)) {}
  absl::StatusOr<authority::v1::ChallengeReply> Challenge(
      const authority::v1::ChallengeRequest& request, const CallLimits& limits) override;
  absl::StatusOr<authority::v1::AskReply> Ask(const authority::v1::AskRequest& request,
                                              const CallLimits& limits) override;
  std::shared_ptr<AuthorityPort> ForCheck() override;
  void Blame(const std::string& what) override;

 private:
  const Lives lives_;
};

// All reader plugins: their snapshots go into the table, sessions are opened where the card is.
class PluginReaders final : public ReaderPort {
 public:
  explicit PluginReaders(ReaderTable& table);
  ~PluginReaders() override;

  // To be called as the Up and Down of a reader's slot.
  void Up(const std::string& plugin, const std::shared_ptr<const PluginLife>& life);
  void Down(const std::string& plugin);

  absl::StatusOr<std::unique_ptr<CardSession>> Open(const CardSeen& card,
                                                    const CallLimits& limits) override;
  std::shared_ptr<const void> Visit(const CardSeen& card) override;

 private:
  std::shared_ptr<const PluginLife> LifeOf(const CardSeen& card);

  ReaderTable& table_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<ReaderWatch>> watches_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_LOADER_PORTS_H_
