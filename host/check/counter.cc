#include "host/check/counter.h"

#include <algorithm>

#include "host/check/authority_probe.h"
#include "sdk/failure/failure.h"

namespace madoguchi {
namespace {

using namespace check::v1;  // NOLINT: the codes.
using desk::v1::Reply;

desk::v1::ReplyKind KindOf(const Reply& reply) {
  switch (reply.kind_case()) {
    case Reply::kBegin:
      return desk::v1::REPLY_KIND_BEGIN;
    case Reply::kPin:
      return desk::v1::REPLY_KIND_PIN;
    case Reply::kLastTry:
      return desk::v1::REPLY_KIND_LAST_TRY;
    case Reply::kVisualMatch:
      return desk::v1::REPLY_KIND_VISUAL_MATCH;
    case Reply::kSameCard:
      return desk::v1::REPLY_KIND_SAME_CARD;
    case Reply::kAnswer:
      return desk::v1::REPLY_KIND_ANSWER;
    case Reply::kCancel:
      return desk::v1::REPLY_KIND_CANCEL;
    case Reply::kClose:
      return desk::v1::REPLY_KIND_CLOSE;
    case Reply::kWhichCard:
      return desk::v1::REPLY_KIND_WHICH_CARD;
    case Reply::KIND_NOT_SET:
      break;
  }
  return desk::v1::REPLY_KIND_UNSPECIFIED;
}

bool IsAboutCards(desk::v1::Stage stage) {
  return stage == desk::v1::STAGE_ASK_SAME_CARD || stage == desk::v1::STAGE_ASK_WHICH_CARD;
}

// What makes one question another one: its step, the card that it asks about, the key of its
// prompt.
std::string AboutWhat(const Scene& scene) {
  std::string about = std::to_string(scene.step) + " " + std::to_string(scene.stage);
  if (IsAboutCards(scene.stage)) {
    for (const uint64_t arrival : scene.arrivals) about += " " + std::to_string(arrival);
  }
  return scene.pin_prompt ? about + " " + scene.pin_prompt->prompt_id() : about;
}

}  // namespace

// Lets the check's thread and the screens' threads meet at the counter's mutex.
class Counter::Front final : public Screens {
 public:
  Front(Counter& counter, std::stop_token cancelled)
      : counter_(counter), cancelled_(std::move(cancelled)) {}

  void Show(const Scene& scene) override { Put(scene, nullptr); }

  void Ask(const Scene& scene, Acceptor acceptor) override { Put(scene, std::move(acceptor)); }

  Wake Await(std::chrono::steady_clock::time_point until, Reply* reply) override {
    std::unique_lock<std::mutex> lock(counter_.mutex_);
    counter_.wake_.wait_until(lock, until, [&] {
      return cancelled_.stop_requested() || (reply != nullptr && counter_.reply_) ||
             counter_.readers_moved_;
    });
    if (cancelled_.stop_requested()) return Wake::kCancelled;
    if (reply != nullptr && counter_.reply_) {
      *reply = *std::exchange(counter_.reply_, std::nullopt);
      return Wake::kReply;
    }
    // A reader that chatters puts off no limit.
    if (std::chrono::steady_clock::now() >= until) return Wake::kTimeout;
    return std::exchange(counter_.readers_moved_, false) ? Wake::kReaders : Wake::kTimeout;
  }

 private:
  // Shows `scene`, with a question where there is an acceptor. All in one go: replies come from
  // other threads, and one that was accepted must neither be lost nor answer what it was not asked.
  void Put(const Scene& scene, Acceptor acceptor) {
    {
      std::lock_guard<std::mutex> lock(counter_.mutex_);
      std::optional<std::string> asks;
      if (acceptor != nullptr) asks = AboutWhat(scene);
      // The same question, changed in other things, keeps its number: an answer that is on its way
      // still counts. One that is here already has closed it.
      const bool same = asks && asked_ == asks;
      if (!same) counter_.reply_.reset();
      uint64_t number = 0;
      if (asks && !counter_.reply_) {
        const uint64_t open = counter_.scene_.question;
        number = same && open != 0 ? open : ++counter_.last_question_;
      }
      asked_ = asks;
      counter_.scene_ = scene;
      counter_.scene_.question = number;
      counter_.acceptor_ = number != 0 ? std::move(acceptor) : nullptr;
      ++counter_.revision_;
    }
    counter_.listeners_.Poke();
  }

  Counter& counter_;
  const std::stop_token cancelled_;
  std::optional<std::string> asked_;  // what the last question was about
};

Counter::Counter(const World& world, const std::vector<Method>& methods, Place place)
    : world_(world), methods_(methods), place_(std::move(place)) {
  table_listener_ = std::make_shared<Listener>([this] {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      readers_moved_ = true;
      ++revision_;
      wake_.notify_all();
    }
    listeners_.Poke();
  });
  world_.readers->Tell(table_listener_);
}

Counter::~Counter() {
  Stop();
  table_listener_->Stop();
}

absl::StatusOr<std::string> Counter::Send(const Reply& reply, Role role) {
  const desk::v1::ReplyKind kind = KindOf(reply);
  if (kind == desk::v1::REPLY_KIND_UNSPECIFIED) {
    return FailureStatus(FAILURE_CODE_REQUEST_INVALID, "a reply of no kind");
  }
  std::string check_id;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    if (stopping_) return FailureStatus(FAILURE_CODE_HOST_STOPPING);
    if (kind == desk::v1::REPLY_KIND_BEGIN) {
      if (role != ROLE_STAFF) return FailureStatus(FAILURE_CODE_ROLE_FORBIDDEN, "begin");
      if (scene_.stage != desk::v1::STAGE_IDLE) return FailureStatus(FAILURE_CODE_COUNTER_BUSY);
      auto begun = Begin(reply.begin());
      if (!begun.ok()) return begun;
      check_id = *begun;
    } else {
      if (scene_.check_id.empty() || reply.check_id() != scene_.check_id) {
        return FailureStatus(FAILURE_CODE_REPLY_STALE, "that check is not the one at this counter");
      }
      check_id = scene_.check_id;
      const Answerer answerer = AnswererOf(scene_);
      const bool cancel = kind == desk::v1::REPLY_KIND_CANCEL;
      if (!IsAllowed(scene_, role, kind)) {
        // What is asked now, but of others; or what nobody asks (any more).
        const bool asked = cancel ? IsRunning(scene_.stage) : kind == answerer.kind;
        const bool of_role =
            cancel ? role == ROLE_STAFF || role == ROLE_PATIENT : role == answerer.role;
        return asked && !of_role ? FailureStatus(FAILURE_CODE_ROLE_FORBIDDEN)
                                 : FailureStatus(FAILURE_CODE_REPLY_STALE, "nobody asks for it");
      }
      if (cancel) {
        check_.request_stop();
      } else if (kind == desk::v1::REPLY_KIND_CLOSE) {
        before_ = std::move(check_);
        scene_ = Scene();
        closed_at_ = world_.readers->arrivals();
        ++revision_;
      } else {
        if (reply.question() != scene_.question || acceptor_ == nullptr) {
          return FailureStatus(FAILURE_CODE_REPLY_STALE, "another question is open");
        }
        if (absl::Status accepted = acceptor_(reply); !accepted.ok()) return accepted;
        reply_ = reply;
        acceptor_ = nullptr;
        scene_.question = 0;
        ++revision_;
      }
      wake_.notify_all();
    }
  }
  listeners_.Poke();
  return check_id;
}

absl::StatusOr<std::string> Counter::Begin(const desk::v1::Begin& begin) {
  const auto method = std::find_if(methods_.begin(), methods_.end(), [&](const Method& candidate) {
    return candidate.id == begin.method();
  });
  if (method == methods_.end()) {
    return FailureStatus(FAILURE_CODE_METHOD_UNKNOWN, begin.method());
  }
  Check::Subject subject;
  subject.check_id = NewCheckId();
  subject.counter = place_.name;
  subject.method = method->id;
  subject.places = place_.readers;
  subject.after_arrival = closed_at_;
  scene_ = Scene();
  scene_.stage = desk::v1::STAGE_READING;
  scene_.check_id = subject.check_id;
  scene_.method = subject.method;
  reply_.reset();
  acceptor_ = nullptr;
  readers_moved_ = false;
  ++revision_;
  const std::string check_id = subject.check_id;
  check_ = std::jthread([this, &method = *method, subject = std::move(subject),
                         before = std::move(before_)](std::stop_token cancelled) mutable {
    if (before.joinable()) before.join();
    Run(method, subject, cancelled);
  });
  return check_id;
}

void Counter::Run(const Method& method, const Check::Subject& subject,
                  const std::stop_token& cancelled) {
  // Whoever cancels holds the mutex: only the condition variable is touched here.
  const std::stop_callback wake(cancelled, [this] { wake_.notify_all(); });
  Scene last;
  last.stage = desk::v1::STAGE_DONE;
  last.check_id = subject.check_id;
  last.method = subject.method;
  Front front(*this, cancelled);
  Check check(world_, *method.policy, front, subject, cancelled);
  last.verdict = check.Run();
  if (world_.finished) world_.finished(check.record());
  {
    std::lock_guard<std::mutex> lock(mutex_);
    last.reader = scene_.reader;
    scene_ = std::move(last);
    reply_.reset();
    acceptor_ = nullptr;
    last_record_ = check.record();
    ++revision_;
  }
  // Nobody waits for the verdict until the card is reset, which is what ends this scope.
  listeners_.Poke();
}

uint64_t Counter::View(Role role, desk::v1::View* view) const {
  std::lock_guard<std::mutex> lock(mutex_);
  *view = MakeView(scene_, role);
  view->set_counter(place_.name);
  view->set_revision(revision_);
  view->set_card(CardPlaceNow());
  if (view->stage() == desk::v1::STAGE_LAY_CARD) {
    for (std::string& reader : world_.readers->Usable(place_.readers)) {
      view->add_lay_on(std::move(reader));
    }
  }
  if (IsAllowed(scene_, role, desk::v1::REPLY_KIND_BEGIN)) {
    for (const Method& method : methods_) {
      auto* offer = view->add_method();
      offer->set_id(method.id);
      *offer->mutable_label() = method.label;
    }
  }
  if (view->card() == desk::v1::CARD_PLACE_TAKE_AWAY) {
    view->mutable_advice()->set_ja("カードをお取りください。" + view->advice().ja());
    view->mutable_advice()->set_en("Please take the card. " + view->advice().en());
  }
  return revision_;
}

desk::v1::CardPlace Counter::CardPlaceNow() const {
  const bool done = scene_.stage == desk::v1::STAGE_DONE;
  auto cards = world_.readers->Cards(place_.readers);
  // A counter that shares a reader says nothing of other counters' patients' cards.
  std::erase_if(cards, [&](const CardSeen& card) {
    return !card.taken_by.empty() && card.taken_by != scene_.check_id && (done || card.in_check);
  });
  if (cards.empty()) return desk::v1::CARD_PLACE_NONE;
  if (done) return desk::v1::CARD_PLACE_TAKE_AWAY;
  const bool old = std::any_of(cards.begin(), cards.end(),
                               [&](const CardSeen& card) { return card.arrival <= closed_at_; });
  return scene_.stage == desk::v1::STAGE_IDLE && old ? desk::v1::CARD_PLACE_TAKE_AWAY
                                                     : desk::v1::CARD_PLACE_THERE;
}

void Counter::RequestStop() {
  std::lock_guard<std::mutex> lock(mutex_);
  stopping_ = true;
  // Under the lock, so that a thread that is about to wait cannot miss it.
  check_.request_stop();
}

void Counter::Stop() {
  RequestStop();
  std::jthread running, before;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    running = std::move(check_);
    before = std::move(before_);
  }
  // Joined here, outside the lock: the check's thread needs it to come to its end.
}

Record Counter::last_record() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return last_record_;
}

}  // namespace madoguchi
