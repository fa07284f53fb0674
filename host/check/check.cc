#include "host/check/check.h"

#include <utility>

#include "sdk/failure/failure.h"

namespace madoguchi {

using check::v1::Evidence;
using check::v1::Step;
using namespace check::v1;  // NOLINT: the codes.

Check::Check(const World& world, PolicyPort& policy, Screens& screens, Subject subject,
             std::stop_token cancelled)
    : world_(world),
      policy_(policy.ForCheck()),
      authority_(world.authority->ForCheck()),
      screens_(screens),
      subject_(std::move(subject)),
      cancelled_(std::move(cancelled)),
      stop_asking_(cancelled_, [this] { asking_.request_stop(); }) {
  record_.set_check_id(subject_.check_id);
  record_.set_counter(subject_.counter);
  record_.set_method(subject_.method);
  scene_.check_id = subject_.check_id;
  scene_.method = subject_.method;
}

Check::~Check() = default;

Verdict Check::Run() {
  world_.readers->BeginCheck(subject_.check_id, subject_.places);
  if (auto missing = WhyNoReader()) {
    Append(*missing);
  } else {
    Fold();
  }
  asking_.request_stop();
  DropCard();
  pin_.reset();
  // Whoever cancelled was told that it is so, whatever was on its way then.
  if (cancelled_.stop_requested() && !IsCancelled()) Append(Failed(FAILURE_CODE_CANCELLED));
  const Verdict verdict = DeriveVerdict(record_, world_.allowance);
  *NewEntry()->mutable_verdict() = verdict;
  world_.readers->EndCheck(subject_.check_id);
  return verdict;
}

void Check::Fold() {
  for (int steps = 0; !cancelled_.stop_requested() && !IsCancelled(); ++steps) {
    auto next = policy_->Next(Project(record_), Within(world_.limits.policy));
    if (!next.ok()) {
      Append(Failed(next.status(), FAILURE_CODE_POLICY_FAILED));
      break;
    }
    if (!next->has_step()) break;
    if (steps == kMostSteps) {
      policy_->Blame("asked for more than 32 steps in one check");
      Append(Failed(FAILURE_CODE_TOO_MANY_STEPS));
      break;
    }
    if (auto why = WhyForbidden(record_, next->step(), world_.allowance)) {
      policy_->Blame("asked for a step that it may not have: " + *why);
      Append(Failed(FAILURE_CODE_POLICY_OVERSTEPPED, *why));
      break;
    }
    Append(next->step());
    Append(Perform(next->step()));
  }
}

Entry* Check::NewEntry() {
  Entry* const entry = record_.add_entry();
  const auto since = std::chrono::steady_clock::now() - begun_;
  entry->set_at_us(std::chrono::duration_cast<std::chrono::microseconds>(since).count());
  return entry;
}

void Check::Append(const Step& step) {
  *NewEntry()->mutable_step() = step;
  scene_.step = record_.entry_size();
}

void Check::Append(const Evidence& evidence) { *NewEntry()->mutable_evidence() = evidence; }

// A cancelled check is over, whatever its policy would make of it.
bool Check::IsCancelled() const {
  if (record_.entry().empty()) return false;
  const Entry& last = record_.entry(record_.entry_size() - 1);
  return last.evidence().failed().code() == FAILURE_CODE_CANCELLED;
}

// Whoever begins a check without a reader is told at once, not after the patient has typed a PIN.
std::optional<Evidence> Check::WhyNoReader() {
  const auto until = std::chrono::steady_clock::now() + world_.limits.no_reader;
  while (true) {
    const auto why = world_.readers->WhyUnusable(subject_.places);
    if (!why) return {};
    switch (screens_.Await(until, nullptr)) {
      case Screens::Wake::kCancelled:
        return Failed(FAILURE_CODE_CANCELLED);
      case Screens::Wake::kTimeout:
        return Failed(why->code(), why->detail());
      default:
        break;
    }
  }
}

Evidence Check::Perform(const Step& step) {
  lost_.clear();
  Evidence evidence = PerformHere(step);
  for (const std::string& reader : lost_) evidence.add_lost_reader(reader);
  return evidence;
}

Evidence Check::PerformHere(const Step& step) {
  switch (step.kind_case()) {
    case Step::kAskPin:
      return AskPin(step.ask_pin());
    case Step::kReadCertificate:
      return ReadCertificate();
    case Step::kProveCard:
      return ProveCard();
    case Step::kAskLastTry:
      return AskLastTry();
    case Step::kAskVisualMatch:
      return AskVisualMatch();
    case Step::kAskAuthority:
      return AskAuthority();
    case Step::kAsk:
      return AskAnything(step.ask());
    case Step::KIND_NOT_SET:
      break;
  }
  return Failed(FAILURE_CODE_POLICY_OVERSTEPPED);
}

void Check::AskForChallenge() {
  // One that is under way is not waited for: the patient is typing.
  const bool under_way = challenge_.valid() &&
                         challenge_.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
  if (under_way) return;
  challenge_asked_ = std::chrono::steady_clock::now();
  challenge_ = std::async(std::launch::async, [this] {
    authority::v1::ChallengeRequest request;
    request.set_check_id(subject_.check_id);
    return authority_->Challenge(request, {world_.limits.authority, asking_.get_token()});
  });
}

absl::StatusOr<authority::v1::ChallengeReply> Check::TakeChallenge() {
  for (bool fresh = !challenge_.valid();; fresh = true) {
    if (fresh) AskForChallenge();
    auto challenge = challenge_.get();
    if (fresh) return challenge;
    // One that was asked for while the patient was still typing may be old by now, or may have met
    // an authority that is back since.
    const auto age = std::chrono::steady_clock::now() - challenge_asked_;
    if (challenge.ok() && age < std::chrono::seconds(challenge->valid_for_s()) / 2) {
      return challenge;
    }
  }
}

Evidence Check::AskAuthority() {
  // Nothing is asked of the card any more; a card that lies idle needs no open transaction.
  DropCard();
  scene_.stage = desk::v1::STAGE_ASK_AUTHORITY;
  screens_.Show(scene_);
  authority::v1::AskRequest request;
  request.set_check_id(subject_.check_id);
  request.set_certificate(certificate_->der().data(), certificate_->der().size());
  if (proof_) {
    *request.mutable_proof() = *std::exchange(proof_, std::nullopt);
  } else if (world_.allowance.visual) {
    request.mutable_visual_match();
  } else {
    return Failed(FAILURE_CODE_POLICY_OVERSTEPPED, "AskAuthority without a proof in hand");
  }
  const auto reply = authority_->Ask(request, Within(world_.limits.authority));
  if (!reply.ok()) return Failed(reply.status(), FAILURE_CODE_AUTHORITY_UNREACHABLE);
  if (reply->validity() == VALIDITY_UNSPECIFIED || !Validity_IsValid(reply->validity())) {
    authority_->Blame("answered with a validity that no table has");
    return Failed(FAILURE_CODE_AUTHORITY_ANSWER_INVALID, "a validity that no table has");
  }
  Evidence evidence;
  evidence.mutable_answered()->set_validity(reply->validity());
  if (reply->has_eligibility()) {
    *evidence.mutable_answered()->mutable_eligibility() = reply->eligibility();
  }
  return evidence;
}

Evidence Check::Failed(const absl::Status& status, FailureCode otherwise) const {
  if (cancelled_.stop_requested()) return Failed(FAILURE_CODE_CANCELLED);
  const Failure failure = FailureOf(status, otherwise);
  return Failed(failure.code(), failure.detail());
}

Evidence Check::Failed(FailureCode code, const std::string& detail) const {
  Evidence evidence;
  evidence.mutable_failed()->set_code(code);
  evidence.mutable_failed()->set_detail(detail);
  return evidence;
}

}  // namespace madoguchi
