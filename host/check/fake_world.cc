#include "host/check/fake_world.h"

#include <google/protobuf/text_format.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>

#include "sdk/failure/failure.h"
#include "sdk/proof/proof.h"
#include "sdk/proof/test_pki.h"
#include "sdk/sim/card/certificates.h"
#include "sdk/sim/card/jpki.h"
#include "sdk/sim/card/other_applications.h"

namespace madoguchi::fake {
namespace {

using namespace check::v1;  // NOLINT: the codes.

constexpr uint64_t kSerial = 42;

// Made once a process: RSA keys are slow to make.
struct Pki {
  sim::Issuer trusted = *sim::MakeIssuer(sim::Purpose::kAuthentication);
  sim::Issuer stranger = *sim::MakeIssuer(sim::Purpose::kAuthentication);
  sim::KeyPtr key = *sim::MakeKey();
  std::map<Paper, std::string> certificates;
  Pki() {
    const auto issue = [&](Paper paper, const sim::Issuer& issuer, sim::Period period) {
      certificates[paper] =
          sim::DerOf(sim::MakeCertificate(issuer, key.get(), kSerial, period)->get());
    };
    issue(Paper::kGood, trusted, sim::Period::kValid);
    issue(Paper::kExpired, trusted, sim::Period::kExpired);
    issue(Paper::kNotYetValid, trusted, sim::Period::kNotYetValid);
    issue(Paper::kUnknownIssuer, stranger, sim::Period::kValid);
    certificates[Paper::kAbsent] = certificates[Paper::kGood];
  }
};

const Pki& ThePki() {
  static const Pki* const pki = new Pki;
  return *pki;
}

class Session final : public CardSession {
 public:
  Session(std::shared_ptr<Stay> stay, CallLimits limits)
      : stay_(std::move(stay)), limits_(std::move(limits)) {}
  ~Session() override {
    std::lock_guard<std::mutex> lock(stay_->mutex);
    stay_->card->Reset();
    stay_->trace.push_back("RESET");
  }

  absl::StatusOr<std::vector<uint8_t>> Transmit(std::span<const uint8_t> command) override {
    char line[16];
    std::snprintf(line, sizeof(line), "%02X %02X%02X", command[1], command[2], command[3]);
    return Exchange(command, line);
  }

  absl::StatusOr<std::vector<uint8_t>> VerifyPin(std::span<const uint8_t> apdu_template,
                                                 Secret* pin) override {
    std::vector<uint8_t> command(apdu_template.begin(), apdu_template.end());
    command[4] = static_cast<uint8_t>(pin->size());
    command.insert(command.end(), pin->bytes().begin(), pin->bytes().end());
    return Exchange(command, "VERIFY");
  }

 private:
  absl::StatusOr<std::vector<uint8_t>> Exchange(std::span<const uint8_t> command,
                                                const std::string& line) {
    if (limits_.cancelled.stop_requested()) return FailureStatus(FAILURE_CODE_CANCELLED);
    std::unique_lock<std::mutex> lock(stay_->mutex);
    if (stay_->gone) return FailureStatus(FAILURE_CODE_CARD_GONE);
    stay_->trace.push_back(line);
    const int number =
        static_cast<int>(std::count_if(stay_->trace.begin(), stay_->trace.end(),
                                       [](const std::string& entry) { return entry != "RESET"; }));
    if (stay_->silent_from != 0 && number >= stay_->silent_from) {
      lock.unlock();
      return BeSilent();
    }
    if (stay_->instead) {
      lock.unlock();
      if (auto answer = stay_->instead(number)) return *answer;
      lock.lock();
    }
    return stay_->card->Transmit(command);
  }

  absl::Status BeSilent() {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock<std::mutex> lock(mutex);
    wake.wait_for(lock, limits_.cancelled, limits_.timeout, [] { return false; });
    return FailureStatus(limits_.cancelled.stop_requested() ? FAILURE_CODE_CANCELLED
                                                            : FAILURE_CODE_CARD_SILENT);
  }

  const std::shared_ptr<Stay> stay_;
  const CallLimits limits_;
};

policy::v1::NextReply Next(const std::string& step) {
  policy::v1::NextReply reply;
  if (!google::protobuf::TextFormat::ParseFromString(step, reply.mutable_step())) std::abort();
  return reply;
}

policy::v1::NextReply Finish() {
  policy::v1::NextReply reply;
  reply.mutable_finish();
  return reply;
}

}  // namespace

std::unique_ptr<sim::Card> MakeCard(Paper paper, const sim::Faults& faults) {
  const Pki& pki = ThePki();
  sim::JpkiContents contents{.serial = kSerial};
  contents.auth_certificate = contents.sign_certificate = pki.certificates.at(paper);
  contents.auth_ca_certificate = contents.sign_ca_certificate =
      sim::DerOf(pki.trusted.certificate.get());
  contents.auth_key = contents.sign_key = pki.key;
  sim::Faults with = faults;
  if (paper == Paper::kAbsent) with.certificate = sim::Faults::Certificate::kAbsent;
  std::vector<sim::Application> applications;
  applications.push_back(sim::MakeJpki(contents, with));
  sim::State state;
  state.set_serial(kSerial);
  const std::vector<uint8_t> pin = {'1', '2', '3', '4'};
  state.Set(sim::kAuthPin, pin, sim::kAuthPinTries).IgnoreError();
  state.Set(sim::kSignPassword, pin, sim::kSignPasswordTries).IgnoreError();
  if (with.tries_left) state.SetTriesLeft(sim::kAuthPin, *with.tries_left).IgnoreError();
  return std::make_unique<sim::Card>(std::move(applications), std::move(state), with);
}

std::unique_ptr<sim::Card> MakeForeignCard() {
  return std::make_unique<sim::Card>(std::vector<sim::Application>(), sim::State(), sim::Faults());
}

const TrustAnchors& Anchors() {
  static const auto* const anchors = [] {
    const std::shared_ptr<X509> certificate(ThePki().trusted.certificate.get(), [](X509*) {});
    return new TrustAnchors(*TrustAnchors::FromPem(test::Pem(certificate)));
  }();
  return *anchors;
}

void Readers::Plug(const std::string& reader) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    slots_[reader];
  }
  Tell();
}

void Readers::Unplug(const std::string& reader) {
  Take(reader);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    slots_.erase(reader);
  }
  Tell();
}

std::shared_ptr<Stay> Readers::Lay(const std::string& reader, std::unique_ptr<sim::Card> card,
                                   bool lying, reader::v1::Presence presence) {
  auto stay = std::make_shared<Stay>();
  stay->card = std::move(card);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    Slot& slot = slots_[reader];
    slot.stay = stay;
    ++slot.insertion;
    slot.lying = lying;
    slot.presence = presence;
  }
  Tell();
  return stay;
}

void Readers::Take(const std::string& reader) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    Slot& slot = slots_[reader];
    if (slot.stay != nullptr) {
      std::lock_guard<std::mutex> card(slot.stay->mutex);
      slot.stay->gone = true;
    }
    slot.stay = nullptr;
    slot.presence = reader::v1::PRESENCE_ABSENT;
  }
  Tell();
}

void Readers::Restart() {
  table_.Remove("virtual", "its plugin is not running");
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ++generation_;
    for (auto& [name, slot] : slots_) {
      slot.insertion = slot.stay != nullptr ? 1 : 0;
      slot.lying = slot.stay != nullptr;
    }
  }
  Tell();
}

void Readers::ServiceDown() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    service_ = reader::v1::SERVICE_DOWN;
    slots_.clear();
  }
  Tell();
}

void Readers::Tell() {
  reader::v1::Snapshot snapshot;
  uint64_t generation = 0;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    generation = generation_;
    snapshot.set_service(service_);
    for (const auto& [name, slot] : slots_) {
      auto* state = snapshot.add_reader();
      state->set_name(name);
      state->set_presence(slot.presence);
      state->set_insertion(slot.insertion);
      state->set_lying(slot.lying);
    }
    // Inside the lock, so that two changes do not overtake each other.
    table_.Update("virtual", generation, snapshot);
  }
}

absl::StatusOr<std::unique_ptr<CardSession>> Readers::Open(const CardSeen& card,
                                                           const CallLimits& limits) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = slots_.find(card.reader);
  if (found == slots_.end() || card.generation != generation_) {
    return FailureStatus(FAILURE_CODE_READER_LOST, card.place());
  }
  if (found->second.stay == nullptr || found->second.insertion != card.insertion) {
    return FailureStatus(FAILURE_CODE_CARD_GONE, card.place());
  }
  return std::make_unique<Session>(found->second.stay, limits);
}

absl::StatusOr<authority::v1::ChallengeReply> Authority::Challenge(
    const authority::v1::ChallengeRequest& request, const CallLimits&) {
  authority::v1::ChallengeReply reply;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    std::string challenge = std::to_string(++challenges_);
    challenge.resize(32, '.');
    open_[challenge] = request.check_id();
    reply.set_challenge(challenge);
  }
  reply.set_valid_for_s(60);
  reply.set_authority_id(authority_id_);
  reply.set_host_id(host_id_);
  if (on_challenge) return on_challenge(reply);
  return reply;
}

absl::StatusOr<authority::v1::AskReply> Authority::Ask(const authority::v1::AskRequest& request,
                                                       const CallLimits&) {
  std::lock_guard<std::mutex> lock(mutex_);
  asked_.push_back(request);
  if (on_ask) return on_ask(request);
  if (request.has_proof()) {
    const auto open = open_.find(request.proof().challenge());
    if (open == open_.end() || open->second != request.check_id()) {
      return FailureStatus(FAILURE_CODE_CHALLENGE_SPENT);
    }
    open_.erase(open);
    const auto certificate =
        Certificate::Parse({reinterpret_cast<const uint8_t*>(request.certificate().data()),
                            request.certificate().size()});
    if (!certificate.ok()) return certificate.status();
    const std::string digest = ProofDigest({authority_id_, host_id_, request.check_id(),
                                            request.proof().challenge(), certificate->sha256()});
    if (auto fits = CheckSignature(*certificate, digest, request.proof().signature()); !fits.ok()) {
      return fits;
    }
  }
  authority::v1::AskReply reply;
  reply.set_validity(validity);
  if (validity == VALIDITY_VALID || validity == VALIDITY_VALID_UNREGISTERED ||
      validity == VALIDITY_INVALID) {
    reply.mutable_eligibility()->set_name("試験　花子");
    reply.mutable_eligibility()->set_number("0000123");
  }
  return reply;
}

std::vector<authority::v1::AskRequest> Authority::asked() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return asked_;
}

absl::StatusOr<policy::v1::NextReply> Policy::Next(const policy::v1::NextRequest& evidence,
                                                   const CallLimits& limits) {
  if (limits.cancelled.stop_requested()) return FailureStatus(FAILURE_CODE_CANCELLED);
  return flow_(evidence);
}

Policy::Flow ByPin(int shortest, int longest) {
  using Seen = policy::v1::ProjectedEvidence;
  const std::string ask = "ask_pin { form { shortest: " + std::to_string(shortest) +
                          " longest: " + std::to_string(longest) + " digits: true } }";
  return [ask](const policy::v1::NextRequest& request) -> absl::StatusOr<policy::v1::NextReply> {
    if (request.evidence().empty()) return Next(ask);
    const bool read =
        std::any_of(request.evidence().begin(), request.evidence().end(),
                    [](const Seen& seen) { return seen.kind() == Seen::KIND_CERTIFICATE_READ; });
    switch (request.evidence(request.evidence_size() - 1).kind()) {
      case Seen::KIND_PIN_SEALED:
        return Next(read ? "prove_card {}" : "read_certificate {}");
      case Seen::KIND_CERTIFICATE_READ:
      case Seen::KIND_LAST_TRY_ACCEPTED:
        return Next("prove_card {}");
      case Seen::KIND_PIN_REJECTED:
        return Next(ask);
      case Seen::KIND_LAST_TRY:
        return Next("ask_last_try {}");
      case Seen::KIND_CARD_PROVEN:
        return Next("ask_authority {}");
      default:
        return Finish();
    }
  };
}

Policy::Flow ByVisualMatch() {
  using Seen = policy::v1::ProjectedEvidence;
  return [](const policy::v1::NextRequest& request) -> absl::StatusOr<policy::v1::NextReply> {
    if (request.evidence().empty()) return Next("ask_visual_match {}");
    switch (request.evidence(request.evidence_size() - 1).kind()) {
      case Seen::KIND_VISUAL_MATCH:
        return Next("read_certificate {}");
      case Seen::KIND_CERTIFICATE_READ:
        return Next("ask_authority {}");
      default:
        return Finish();
    }
  };
}

Policy::Flow Script(std::vector<std::string> steps) {
  return [steps = std::move(steps)](
             const policy::v1::NextRequest& request) -> absl::StatusOr<policy::v1::NextReply> {
    const auto at = static_cast<size_t>(request.evidence_size());
    if (at >= steps.size()) return Finish();
    return Next(steps[at]);
  };
}

FakeWorld::FakeWorld() {
  world.readers = &table;
  world.reader_port = &readers;
  world.authority = &authority;
  world.signer = &signer;
  world.anchors = &Anchors();
  world.host_id = "host.example";
  world.authority_id = "authority.example";
  world.allowance.visual = true;
}

desk::v1::SealedPin Seal(const std::string& pin, const desk::v1::PinPrompt& prompt,
                         const std::string& check_id) {
  auto secret = Secret::OfSize(std::max<size_t>(pin.size(), 1));
  std::copy(pin.begin(), pin.end(), secret->bytes().begin());
  auto sealed = SealPin(*secret, prompt, check_id);
  if (!sealed.ok()) std::abort();
  return *sealed;
}

}  // namespace madoguchi::fake
