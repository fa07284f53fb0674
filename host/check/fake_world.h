#ifndef MADOGUCHI_HOST_CHECK_FAKE_WORLD_H_
#define MADOGUCHI_HOST_CHECK_FAKE_WORLD_H_

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "host/check/check.h"
#include "sdk/secret/seal.h"
#include "sdk/sim/card/card.h"

// Everything a check touches, in memory and by script: virtual cards on readers that need no
// process, an authority that looks at proofs, policies as functions. For the tests of this folder
// and those that build on it.
namespace madoguchi::fake {

enum class Paper { kGood, kExpired, kNotYetValid, kAbsent, kUnknownIssuer };

// A virtual My Number Card with a certificate of that kind. All cards of a process share one key.
std::unique_ptr<sim::Card> MakeCard(Paper paper = Paper::kGood, const sim::Faults& faults = {});
// A card without the JPKI application.
std::unique_ptr<sim::Card> MakeForeignCard();
// The CA that the good certificates come from.
const TrustAnchors& Anchors();

// One stay of a card on a reader. Shared with the sessions that hold it.
struct Stay {
  std::unique_ptr<sim::Card> card;
  // What happens instead of APDU number n (counted from 1 since the card was laid down): an answer,
  // or an error. Nothing: the card itself answers.
  std::function<std::optional<absl::StatusOr<std::vector<uint8_t>>>(int n)> instead;
  int silent_from = 0;  // from this APDU on nothing comes back; 0: never
  std::mutex mutex;
  bool gone = false;
  std::vector<std::string> trace;  // INS P1 P2 of each APDU; "VERIFY" with a PIN, "RESET" at the end
};

// The readers of one plugin called "virtual".
class Readers final : public ReaderPort {
 public:
  explicit Readers(ReaderTable& table) : table_(table) {}

  void Plug(const std::string& reader);
  void Unplug(const std::string& reader);
  std::shared_ptr<Stay> Lay(const std::string& reader,
                            std::unique_ptr<sim::Card> card = MakeCard(), bool lying = false,
                            reader::v1::Presence presence = reader::v1::PRESENCE_PRESENT);
  void Take(const std::string& reader);
  // The plugin died and came back: what lies there is lying now.
  void Restart();
  void ServiceDown();

  absl::StatusOr<std::unique_ptr<CardSession>> Open(const CardSeen& card,
                                                    const CallLimits& limits) override;

 private:
  struct Slot {
    std::shared_ptr<Stay> stay;
    uint64_t insertion = 0;
    bool lying = false;
    reader::v1::Presence presence = reader::v1::PRESENCE_ABSENT;
  };
  void Tell();

  ReaderTable& table_;
  std::mutex mutex_;
  uint64_t generation_ = 1;
  reader::v1::Service service_ = reader::v1::SERVICE_RUNNING;
  std::map<std::string, Slot> slots_;
};

// Gives each challenge once and believes a proof that fits it.
class Authority final : public AuthorityPort {
 public:
  Authority(std::string authority_id, std::string host_id)
      : authority_id_(std::move(authority_id)), host_id_(std::move(host_id)) {}

  // What it says instead, where set. Set them before the check runs.
  std::function<absl::StatusOr<authority::v1::ChallengeReply>(authority::v1::ChallengeReply)>
      on_challenge;
  std::function<absl::StatusOr<authority::v1::AskReply>(const authority::v1::AskRequest&)> on_ask;
  check::v1::Validity validity = check::v1::VALIDITY_VALID;

  absl::StatusOr<authority::v1::ChallengeReply> Challenge(
      const authority::v1::ChallengeRequest& request, const CallLimits& limits) override;
  absl::StatusOr<authority::v1::AskReply> Ask(const authority::v1::AskRequest& request,
                                              const CallLimits& limits) override;

  std::vector<authority::v1::AskRequest> asked() const;

 private:
  const std::string authority_id_, host_id_;
  mutable std::mutex mutex_;
  uint64_t challenges_ = 0;
  std::map<std::string, std::string> open_;  // challenge to check id
  std::vector<authority::v1::AskRequest> asked_;
};

class Policy final : public PolicyPort {
 public:
  using Flow =
      std::function<absl::StatusOr<policy::v1::NextReply>(const policy::v1::NextRequest&)>;
  explicit Policy(Flow flow) : flow_(std::move(flow)) {}
  absl::StatusOr<policy::v1::NextReply> Next(const policy::v1::NextRequest& evidence,
                                             const CallLimits& limits) override;

 private:
  const Flow flow_;
};

// The workflows of the two policies that Madoguchi comes with.
Policy::Flow ByPin(int shortest = 4, int longest = 4);
Policy::Flow ByVisualMatch();
// Step n after n pieces of evidence, whatever they say; in protobuf text, such as "ask_pin {}".
Policy::Flow Script(std::vector<std::string> steps);

class Signer final : public PromptSigner {
 public:
  absl::StatusOr<std::string> Sign(const std::string& text) override { return "signed: " + text; }
};

struct FakeWorld {
  FakeWorld();
  ReaderTable table;
  Readers readers{table};
  Authority authority{"authority.example", "host.example"};
  Signer signer;
  World world;
};

// `pin` sealed to the prompt of `check_id`, as a screen does it.
desk::v1::SealedPin Seal(const std::string& pin, const desk::v1::PinPrompt& prompt,
                         const std::string& check_id);

}  // namespace madoguchi::fake

#endif  // MADOGUCHI_HOST_CHECK_FAKE_WORLD_H_
