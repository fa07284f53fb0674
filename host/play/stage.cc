#include "host/play/stage.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "host/check/record_line.h"
#include "host/play/script.h"
#include "sdk/failure/failure.h"

namespace madoguchi::play {
namespace {

using namespace check::v1;  // NOLINT: codes and validities.
using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr char kReader[] = "Played Reader";
constexpr char kSecondReader[] = "Played Reader 2";
constexpr char kAuthorityId[] = "played-authority";
constexpr uint32_t kApduMs = 150;
constexpr uint32_t kAuthorityMs = 700;
constexpr uint32_t kPadMs = 3000;  // four digits and the key that ends them

Eligibility MadeUpPerson(Validity validity) {
  Eligibility person;
  person.set_insurer_number("99999999");
  person.set_insurer_name("架空健康保険組合（練習）");
  person.set_symbol("練習");
  person.set_number("0000123");
  person.set_branch("00");
  person.set_relation(RELATION_INSURED);
  person.set_name("試験　花子");
  person.set_kana("シケン　ハナコ");
  person.set_sex(SEX_FEMALE);
  person.set_birth_date("1980-02-17");
  person.set_address("架空県試験市窓口町１－２－３");
  person.set_valid_from("2020-04-01");
  if (validity == VALIDITY_INVALID) {
    person.set_valid_to("2024-03-31");
    person.set_reason_of_loss(REASON_OF_LOSS_OTHER_INSURANCE);
  }
  person.set_share_percent(30);
  return person;
}

Policy::Flow FlowOf(const script::Method& method) {
  if (method.step().empty() && method.fails() == 0) {
    return method.id() == "visual" ? ByVisualMatch() : ByPin();
  }
  return [method](const policy::v1::NextRequest& request) {
    policy::v1::NextReply reply;
    const int at = request.evidence_size();
    if (at < method.step_size() || method.endless()) {
      *reply.mutable_step() = method.step(std::min(at, method.step_size() - 1));
    } else if (method.fails() != 0) {
      return absl::StatusOr<policy::v1::NextReply>(
          FailureStatus(method.fails(), "as the script says"));
    } else {
      reply.mutable_finish();
    }
    return absl::StatusOr<policy::v1::NextReply>(std::move(reply));
  };
}

absl::Status Pass(milliseconds time, const CallLimits& limits) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock<std::mutex> lock(mutex);
  wake.wait_for(lock, limits.cancelled, std::min(time, limits.timeout), [] { return false; });
  if (limits.cancelled.stop_requested()) return FailureStatus(FAILURE_CODE_CANCELLED);
  if (time >= limits.timeout) return FailureStatus(FAILURE_CODE_AUTHORITY_SLOW);
  return absl::OkStatus();
}

}  // namespace

// Believes a proof that fits, and then says what the act says.
class Stage::Answers final : public AuthorityPort {
 public:
  explicit Answers(Stage& stage) : stage_(stage) {}

  // A check begins, and the one before it has ended with all its threads: nobody reads the limits.
  std::shared_ptr<AuthorityPort> ForCheck() override {
    stage_.SetLimits(stage_.Now());
    return Borrowed(this);
  }

  absl::StatusOr<authority::v1::ChallengeReply> Challenge(
      const authority::v1::ChallengeRequest& request, const CallLimits& limits) override {
    const script::Authority act = stage_.Now().authority();
    if (absl::Status passed = Pass(TimeOf(act), limits); !passed.ok()) return passed;
    if (act.challenge_fails() != 0) return Fails(act.challenge_fails());
    return believer_.Challenge(request, limits);
  }

  absl::StatusOr<authority::v1::AskReply> Ask(const authority::v1::AskRequest& request,
                                              const CallLimits& limits) override {
    const script::Authority act = stage_.Now().authority();
    if (absl::Status passed = Pass(TimeOf(act), limits); !passed.ok()) return passed;
    if (act.ask_fails() != 0) return Fails(act.ask_fails());
    auto reply = believer_.Ask(request, limits);
    if (!reply.ok()) return reply;
    const Validity validity = act.validity() != 0 ? act.validity() : VALIDITY_VALID;
    reply->set_validity(validity);
    reply->clear_eligibility();
    if (act.has_eligibility()) {
      *reply->mutable_eligibility() = act.eligibility();
    } else if (validity != VALIDITY_NONE && validity != VALIDITY_SEVERAL) {
      *reply->mutable_eligibility() = MadeUpPerson(validity);
    }
    return reply;
  }

 private:
  milliseconds TimeOf(const script::Authority& act) const {
    return stage_.Scaled(act.has_delay_ms() ? act.delay_ms() : kAuthorityMs);
  }
  static absl::Status Fails(FailureCode code) { return FailureStatus(code, "as the script says"); }

  Stage& stage_;
  Authority believer_{kAuthorityId, kHostId};
};

Stage::Stage(const script::Script& script, int number, double speed, ReaderTable* table,
             PromptSigner* signer)
    : script_(script),
      name_(kCounterName + (number == 1 ? "" : "-" + std::to_string(number))),
      speed_(speed),
      readers_(*table, number == 1 ? "play" : "play-" + std::to_string(number)),
      authority_(std::make_unique<Answers>(*this)),
      reader_plugin_(number == 1 ? "play" : "play-" + std::to_string(number)) {
  for (const script::Method& method : script_.method()) {
    policies_.push_back(std::make_unique<Policy>(FlowOf(method)));
    methods_.push_back({method.id(), method.label(), policies_.back().get()});
  }
  world_.readers = table;
  world_.reader_port = &readers_;
  world_.authority = authority_.get();
  world_.signer = signer;
  world_.anchors = &Anchors();
  world_.host_id = kHostId;
  world_.authority_id = kAuthorityId;
  world_.finished = [this](const Record& record) { Finished(record); };
  // Made now, and not in the middle of the first check: RSA keys take their time.
  MakeCard();
  SetReaders(Now());
  hand_ = std::jthread([this](std::stop_token stopping) { Wait(std::move(stopping)); });
}

Stage::~Stage() { Stop(); }

std::unique_ptr<Counter> Stage::MakeCounter() {
  auto counter = std::make_unique<Counter>(
      world_, methods_,
      Counter::Place{name_,
                     {reader_plugin_ + "/" + kReader, reader_plugin_ + "/" + kSecondReader}});
  counter_ = counter.get();
  listener_ = std::make_shared<Listener>([this] { Look(); });
  counter_->Tell(listener_);
  Look();
  return counter;
}

void Stage::Stop() {
  if (listener_) listener_->Stop();
  hand_.request_stop();
  if (hand_.joinable()) hand_.join();
}

milliseconds Stage::Scaled(uint32_t ms) const {
  return milliseconds(static_cast<int64_t>(ms / speed_));
}

script::Act Stage::Now() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return script_.act(static_cast<int>(act_));
}

void Stage::SetReaders(const script::Act& act) {
  readers_.ServiceUp();
  const bool pad = act.readers() == script::READERS_PIN_PAD;
  const bool there = pad || act.readers() == script::READERS_UNSPECIFIED;
  const bool another = act.readers() == script::READERS_ANOTHER;
  there ? readers_.Plug(kReader, pad) : readers_.Unplug(kReader);
  if (act.readers() == script::READERS_IN_TROUBLE) readers_.PlugInTrouble(kReader, act.trouble());
  const bool second = std::any_of(act.cue().begin(), act.cue().end(), [](const script::Cue& cue) {
    return cue.second() || cue.lay().twin();
  });
  second ? readers_.Plug(kSecondReader) : readers_.Unplug(kSecondReader);
  const std::string other = std::string(kReader) + " of another counter";
  another ? readers_.Plug(other) : readers_.Unplug(other);
  if (act.readers() == script::READERS_SERVICE_DOWN) readers_.ServiceDown();
}

void Stage::SetLimits(const script::Act& act) {
  Limits limits;
  const auto set = [this](milliseconds* limit, uint32_t ms) {
    if (ms > 0) *limit = std::max(Scaled(ms), 1ms);
  };
  set(&limits.typing, act.limits().typing_ms());
  set(&limits.card, act.limits().card_ms());
  set(&limits.question, act.limits().question_ms());
  set(&limits.pin_held, act.limits().pin_held_ms());
  set(&limits.authority, act.limits().authority_ms());
  set(&limits.apdu, act.limits().apdu_ms());
  set(&limits.no_reader, static_cast<uint32_t>(limits.no_reader.count()));
  world_.limits = limits;
  world_.allowance.visual = !act.visual_forbidden();
}

// On the check's thread, when it has its verdict and nobody has seen it yet.
void Stage::Finished(const Record& record) {
  std::fprintf(stderr, "played: %s\n", RecordLine(record).c_str());
  {
    std::lock_guard<std::mutex> lock(mutex_);
    due_.clear();
    PutOnListLocked(desk::v1::STAGE_DONE);
    act_ = (act_ + 1) % static_cast<size_t>(script_.act_size());
    finished_ = record.check_id();
    seen_.clear();
  }
  wake_.notify_all();
  SetReaders(Now());
}

void Stage::Look() {
  desk::v1::View view;
  counter_->View(ROLE_STAFF, &view);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!view.check_id().empty() && view.check_id() == finished_) return;
    if (!seen_.insert(view.stage()).second) return;
    PutOnListLocked(view.stage());
  }
  wake_.notify_all();
}

void Stage::PutOnListLocked(desk::v1::Stage stage) {
  const script::Act& act = script_.act(static_cast<int>(act_));
  const auto now = std::chrono::steady_clock::now();
  for (const script::Cue& cue : act.cue()) {
    if (cue.at() == stage) due_.emplace(now + Scaled(cue.after_ms()), Due{cue, act});
  }
}

void Stage::Wait(std::stop_token stopping) {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping.stop_requested()) {
    if (due_.empty()) {
      wake_.wait(lock, stopping, [this] { return !due_.empty(); });
      continue;
    }
    const Time next = due_.begin()->first;
    if (std::chrono::steady_clock::now() < next) {
      wake_.wait_until(lock, stopping, next,
                       [&] { return due_.empty() || due_.begin()->first < next; });
      continue;
    }
    const Due due = std::move(due_.extract(due_.begin()).mapped());
    lock.unlock();
    Do(due.cue, due.act);
    lock.lock();
  }
}

void Stage::Do(const script::Cue& cue, const script::Act& act) {
  const std::string reader = cue.second() ? kSecondReader : kReader;
  switch (cue.deed()) {
    case script::Cue::DEED_TAKE:
      readers_.Take(reader);
      return;
    case script::Cue::DEED_UNPLUG:
      readers_.Unplug(reader);
      return;
    case script::Cue::DEED_PLUG:
      readers_.Plug(reader);
      return;
    case script::Cue::DEED_SERVICE_DOWN:
      readers_.ServiceDown();
      return;
    default:
      break;
  }
  const script::Card& card = cue.lay();
  std::map<std::string, std::shared_ptr<Stay>> stays = {{reader, StayOf(card, act, reader)}};
  if (card.twin()) stays[kSecondReader] = StayOf(card, act, kSecondReader);
  for (const auto& [at, stay] : stays) readers_.Take(at);
  readers_.Lay(stays, card.lying(),
               card.unpowered() ? reader::v1::PRESENCE_UNPOWERED : reader::v1::PRESENCE_PRESENT);
}

std::shared_ptr<Stay> Stage::StayOf(const script::Card& card, const script::Act& act,
                                    const std::string& reader) {
  const sim::Faults faults = *FaultsOf(card);  // ParseScript saw that they are ones.
  auto stay = std::make_shared<Stay>();
  stay->card = CardOf(faults);
  stay->apdu_time = Scaled(card.has_apdu_ms() ? card.apdu_ms() : kApduMs) +
                    Scaled(static_cast<uint32_t>(faults.slow.count()));
  stay->signature_time = Scaled(static_cast<uint32_t>(faults.slow_signature.count()));
  stay->silent_from = static_cast<int>(faults.silent_from.value_or(0));
  stay->typed_right.emplace();
  for (const int typed : act.pin()) {
    stay->typed_right->push_back(typed != script::TYPED_WRONG);
    if (typed == script::TYPED_CANCELLED) stay->pad_fails = FAILURE_CODE_PIN_PAD_CANCELLED;
  }
  stay->pad_time = Scaled(kPadMs);
  const auto breaks = card.breaks();
  stay->instead = [this, reader, faults,
                   breaks](int n) -> std::optional<absl::StatusOr<std::vector<uint8_t>>> {
    if (faults.pulled_before && n >= static_cast<int>(*faults.pulled_before)) {
      readers_.Take(reader);
      return absl::StatusOr<std::vector<uint8_t>>(FailureStatus(FAILURE_CODE_CARD_GONE));
    }
    if (faults.garbage_from && n >= static_cast<int>(*faults.garbage_from)) {
      return std::vector<uint8_t>{0xDE, 0xAD, 0xBE, 0xEF};
    }
    if (breaks.apdu() != 0 && n >= static_cast<int>(breaks.apdu())) {
      if (breaks.code() == FAILURE_CODE_READER_LOST) readers_.Unplug(reader);
      return absl::StatusOr<std::vector<uint8_t>>(
          FailureStatus(breaks.code(), "as the script says"));
    }
    return std::nullopt;
  };
  return stay;
}

}  // namespace madoguchi::play
