#ifndef MADOGUCHI_HOST_CHECK_CHECK_H_
#define MADOGUCHI_HOST_CHECK_CHECK_H_

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "host/card/jpki.h"
#include "host/check/ports.h"
#include "host/check/reader_table.h"
#include "host/check/scene.h"
#include "host/check/verdict.h"
#include "madoguchi/check/v1/check.pb.h"
#include "sdk/failure/failure.h"
#include "sdk/proof/certificate.h"
#include "sdk/secret/seal.h"

namespace madoguchi {

// Every wait of a check has its limit here.
struct Limits {
  std::chrono::milliseconds policy{1000};
  std::chrono::milliseconds authority{8000};
  std::chrono::milliseconds apdu{5000};        // one call to a card: an APDU, or a few in a row
  std::chrono::milliseconds typing{120000};    // the PIN
  std::chrono::milliseconds pad{60000};        // the PIN, at a reader's own pad
  std::chrono::milliseconds card{60000};       // laying the card down
  std::chrono::milliseconds question{180000};  // any other question
  std::chrono::milliseconds pin_held{60000};   // a typed PIN, sealed
  std::chrono::milliseconds no_reader{2000};   // how long a reader may be missing
};

// What all checks of a host share. Outlives them.
struct World {
  ReaderTable* readers = nullptr;
  ReaderPort* reader_port = nullptr;
  AuthorityPort* authority = nullptr;
  PromptSigner* signer = nullptr;
  const TrustAnchors* anchors = nullptr;
  std::string host_id;
  std::string authority_id;
  Allowance allowance;
  Limits limits;
  // Told of every finished check, on its thread. May be empty.
  std::function<void(const check::v1::Record&)> finished;
};

// The screens of one counter, as a check sees them. Called by the check's thread.
class Screens {
 public:
  enum class Wake { kReply, kReaders, kCancelled, kTimeout };
  // Whether a reply will do; what it refuses goes back to the sender and the question stays open.
  // Called on the sender's thread, one at a time.
  using Acceptor = std::function<absl::Status(const desk::v1::Reply&)>;

  virtual ~Screens() = default;
  // What the screens show from now on. Closes an open question.
  virtual void Show(const Scene& scene) = 0;
  // The same, and opens the question of the scene's stage. Showing the question that is open
  // already, changed in other things, keeps it open under its number.
  virtual void Ask(const Scene& scene, Acceptor acceptor) = 0;
  // Waits for a reply to the open question (which closes it), a change of the reader table, the
  // check's cancellation, or `until`.
  virtual Wake Await(std::chrono::steady_clock::time_point until, desk::v1::Reply* reply) = 0;
};

// One check: a fold over steps and evidence. Run() is blocking code on the thread that calls it.
class Check {
 public:
  struct Subject {
    std::string check_id;  // 32 hexadecimal digits
    std::string counter;
    std::string method;
    Places places;  // the counter's readers
    // A card that arrived later than this may be taken; an earlier one only if the staff vouch.
    uint64_t after_arrival = 0;
  };

  // `cancelled` ends the check in whatever state it is, with the verdict CANCELLED.
  Check(const World& world, PolicyPort& policy, Screens& screens, Subject subject,
        std::stop_token cancelled);
  ~Check();

  // Ends in a verdict, whatever happens. Once. The card's reset may still be under way; the
  // destructor waits for it.
  check::v1::Verdict Run();

  const check::v1::Record& record() const { return record_; }

 private:
  using Evidence = check::v1::Evidence;
  using Step = check::v1::Step;
  using Time = std::chrono::steady_clock::time_point;
  // A typed PIN: sealed as it came, with the only key that opens it.
  struct HeldPin {
    std::shared_ptr<PromptKey> key;
    desk::v1::SealedPin sealed;
    Time until;
  };
  // The card in hand: one session, and what was read in it.
  struct CardInHand {
    CardSeen seen;
    std::optional<Jpki> jpki;
    std::optional<Certificate> certificate;
    std::optional<std::optional<int>> tries_left;
  };

  check::v1::Entry* NewEntry();
  void Append(const Step& step);
  void Append(const Evidence& evidence);
  void Fold();
  bool IsCancelled() const;
  std::optional<Evidence> WhyNoReader();
  Evidence Perform(const Step& step);
  Evidence PerformHere(const Step& step);

  // Questions (check_questions.cc).
  Evidence AskPin(const Step::AskPin& step);
  // Whether a PIN of that form is to be typed at the reader's own pad: the card's, where one is in
  // hand, or each that the card may be laid on.
  bool IsForPad(const check::v1::PinForm& form) const;
  // PinAtPad: nothing is typed until the VERIFY.
  Evidence MeantForPad(const check::v1::PinForm& form);
  Evidence AskLastTry();
  Evidence AskVisualMatch();
  Evidence AskAnything(const Step::Ask& step);
  // Waits for the reply to the question of scene_; meanwhile a card that may be taken is read ahead
  // where `read_ahead` says so. Something else than a reply is the step's evidence; `when_read` may
  // give one as soon as a card was.
  std::optional<Evidence> AwaitReply(
      Screens::Acceptor acceptor, Time until, FailureCode when_late, bool read_ahead,
      desk::v1::Reply* reply, const std::function<std::optional<Evidence>()>& when_read = nullptr);

  // The card (check_card.cc).
  Evidence ReadCertificate();
  Evidence ProveCard();
  // The one VERIFY, with the PIN in hand or at the pad. Neither is there any more afterwards.
  absl::StatusOr<PinResult> Verify(const std::string& digest_info);
  // A card in hand, with its certificate.
  absl::Status TakeAndRead();
  // From now on the check is about the card in hand, if there is one.
  void MeanCardInHand();
  // The card whose certificate was read, in hand and with its tries left known: where it lay, or
  // at another reader. What else became of it is the step's evidence.
  std::optional<Evidence> TakeInHand();
  std::optional<Evidence> FindAgain();
  std::optional<Evidence> KnowTries();

  // Which card, and on which reader (check_place.cc).
  // On the counter's readers, but for those that another check has in hand.
  std::vector<CardSeen> Cards() const;
  std::vector<CardSeen> Candidates(const std::vector<CardSeen>& cards) const;
  std::optional<CardSeen> CardToTake(const std::vector<CardSeen>& cards);
  bool StillThere(const CardSeen& seen) const;
  // Why `seen` is not there any more: it was taken away, or its reader went.
  check::v1::Failure WhyGone(const CardSeen& seen) const;
  absl::StatusOr<CardSeen> AwaitCard();
  // What AwaitCard asks the staff about `cards`, none of which may be taken as it is: the arrivals
  // that are asked about, or none when there is nothing to ask. Sets the scene, and shows it.
  std::vector<CardSeen> AskAbout(const std::vector<CardSeen>& cards);
  void HearOf(const std::vector<CardSeen>& asked, const desk::v1::Reply& reply);
  // After a failure before any VERIFY: whether its reader went away and another one of the counter
  // works, so that the step goes on there. Then it is noted, and the card is no longer in hand.
  bool GoesOnElsewhere(FailureCode code, const std::string& place);
  absl::Status Open(const CardSeen& seen, Jpki::Ahead ahead);
  absl::Status ReadAhead(const CardSeen& seen, bool with_tries);
  absl::Status ReadIntoHand();
  void DropCard();

  Evidence AskAuthority();
  // Asks for the challenge beside what the card is doing; TakeChallenge waits for it, and asks anew
  // where none was asked for or the time that it is good for runs out.
  void AskForChallenge();
  absl::StatusOr<authority::v1::ChallengeReply> TakeChallenge();

  Evidence Failed(const absl::Status& status, FailureCode otherwise) const;
  Evidence Failed(FailureCode code, const std::string& detail = "") const;
  CallLimits Within(std::chrono::milliseconds timeout) const { return {timeout, cancelled_}; }

  const World& world_;
  const std::shared_ptr<PolicyPort> policy_;
  const std::shared_ptr<AuthorityPort> authority_;
  Screens& screens_;
  const Subject subject_;
  const std::stop_token cancelled_;
  const Time begun_ = std::chrono::steady_clock::now();
  check::v1::Record record_;
  Scene scene_;

  std::shared_ptr<const void> visit_;  // with the reader whose card was taken last
  std::optional<CardInHand> hand_;
  std::future<void> closing_;      // the session that is ending; its end is waited for
  std::set<uint64_t> vouched_;     // arrivals that the staff called this patient's
  std::set<uint64_t> disowned_;    // and those they did not
  std::vector<std::string> lost_;  // readers that went away in this step, and it went on
  std::optional<HeldPin> pin_;
  std::optional<PadForm> pad_form_;  // instead of pin_: it is going to be typed at the pad
  bool wants_tries_ = false;
  // From ReadCertificate on: whose certificate it is, for the card that must stay the same.
  std::optional<Certificate> certificate_;
  CardSeen certificate_seen_;
  // SHA-256 of the certificate that this check is about: of the card in hand when the PIN was typed
  // or the photo was found to match, or that was read first since. Another card is not taken for
  // it.
  std::string meant_;
  // Ends with the check: a challenge that nobody needs any more holds no verdict up.
  std::stop_source asking_;
  const std::stop_callback<std::function<void()>> stop_asking_;
  std::future<absl::StatusOr<authority::v1::ChallengeReply>> challenge_;
  Time challenge_asked_;
  std::optional<authority::v1::Proof> proof_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_CHECK_CHECK_H_
