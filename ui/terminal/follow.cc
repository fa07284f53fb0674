#include "ui/terminal/follow.h"

#include <chrono>
#include <utility>

#include "sdk/failure/failure.h"
#include "ui/terminal/screen.h"
#include "ui/terminal/text.h"

namespace madoguchi::terminal {
namespace {

using check::v1::Role;
using check::v1::Verdict;
using desk::v1::Reply;
using desk::v1::View;
using Clock = std::chrono::steady_clock;

// So long the verdict of a cancelled check, or the first view of a begun one, is waited for.
constexpr std::chrono::seconds kPatience(10);
constexpr std::chrono::milliseconds kLook(500);

std::string MethodsOf(const View& view) {
  std::string ids;
  for (const auto& offer : view.method()) ids += (ids.empty() ? "" : ", ") + offer.id();
  return ids;
}

}  // namespace

Follow::Follow(const FollowSettings& settings, Desk* desk, Keyboard* keyboard, Bell* bell,
               const std::atomic<int>* interrupted, std::ostream* progress)
    : settings_(settings),
      desk_(desk),
      keyboard_(keyboard),
      bell_(bell),
      interrupted_(interrupted),
      progress_(*progress) {}

Verdict Follow::CannotTell(const absl::Status& why) const {
  Verdict verdict;
  verdict.set_outcome(check::v1::OUTCOME_CANNOT_TELL);
  const Failure failure = FailureOf(why, check::v1::FAILURE_CODE_HOST_UNREACHABLE);
  *verdict.mutable_failure() = Describe(failure.code(), failure.detail());
  verdict.set_check_id(check_id_);
  return verdict;
}

void Follow::Show(const Sight& sight) {
  if (sight.broken != shown_broken_) {
    shown_broken_ = sight.broken;
    Say((sight.broken ? phrase::kReconnecting : phrase::kReconnected).In(settings_.language));
  }
  if (!sight.view || sight.broken) return;
  const std::string text = ProgressText(*sight.view, settings_.language);
  if (text == shown_) return;
  shown_ = text;
  progress_ << text << std::flush;
}

void Follow::SendCancel(const View& view) {
  if (cancel_taken_ || (cancel_sent_ && cancelled_at_ == view.revision())) return;
  if (!cancel_sent_) Say(phrase::kCancelling.In(settings_.language));
  cancel_sent_ = true;
  cancelled_at_ = view.revision();
  Reply reply;
  reply.set_counter(view.counter());
  reply.set_role(view.role());
  reply.set_check_id(view.check_id());
  reply.set_question(view.question());
  reply.mutable_cancel();
  // Refused as stale, it is sent again at the next view.
  cancel_taken_ = desk_->Send(reply).ok();
}

Verdict Follow::Check(const std::string& method) {
  const Role staff = check::v1::ROLE_STAFF;
  bool seen = false;
  bool patient_too = settings_.patient_too;
  uint32_t connections = 0;
  Clock::time_point limit = Clock::time_point::max();
  for (;;) {
    bell_->Clear();
    give_up_ = give_up_ || interrupted_->load() > 0;
    const bool giving_up = give_up_;
    if (giving_up && (check_id_.empty() || interrupted_->load() > 1)) {
      return CannotTell(FailureStatus(check::v1::FAILURE_CODE_CANCELLED));
    }
    if (giving_up && limit == Clock::time_point::max()) limit = Clock::now() + kPatience;
    const Sight sight = desk_->Look(staff);
    if (!sight.lost.ok()) return CannotTell(sight.lost);
    if (const Sight patient = desk_->Look(check::v1::ROLE_PATIENT);
        patient_too && !patient.lost.ok()) {
      // The patient may have another screen; the check goes on.
      patient_too = false;
      progress_ << FailureText(FailureOf(patient.lost, check::v1::FAILURE_CODE_HOST_UNREACHABLE),
                               settings_.language);
    }
    if (sight.view && !sight.broken && check_id_.empty()) {
      Reply begin;
      begin.set_counter(sight.view->counter());
      begin.set_role(staff);
      begin.mutable_begin()->set_method(method);
      const auto begun = desk_->Send(begin);
      if (CodeOf(begun.status()) == check::v1::FAILURE_CODE_METHOD_UNKNOWN &&
          sight.view->method_size() > 0) {
        return CannotTell(FailureStatus(check::v1::FAILURE_CODE_METHOD_UNKNOWN,
                                        method + " is none of: " + MethodsOf(*sight.view)));
      }
      if (!begun.ok()) return CannotTell(begun.status());
      check_id_ = *begun;
      connections = sight.connections;
      limit = Clock::now() + kPatience;
      continue;
    }
    if (!check_id_.empty() && sight.view && sight.view->check_id() == check_id_) {
      const View& view = *sight.view;
      if (!std::exchange(seen, true) && !giving_up) limit = Clock::time_point::max();
      if (view.stage() == desk::v1::STAGE_DONE && view.has_verdict()) {
        done_ = view;
        return view.verdict();
      }
      // What the patient is asked here is shown in the patient's words, by Answer.
      const bool patients =
          view.stage() == desk::v1::STAGE_ASK_PIN || view.stage() == desk::v1::STAGE_ASK_LAST_TRY;
      if (!patient_too || !patients || sight.broken) Show(sight);
      if (!sight.broken) {
        if (give_up_) {
          SendCancel(view);
        } else {
          Answer(staff);
          if (patient_too) Answer(check::v1::ROLE_PATIENT);
        }
      }
      if (!fatal_.ok()) return CannotTell(fatal_);
    } else if (!check_id_.empty() && sight.view && !sight.broken) {
      // Not our check. Either the view is older than Begin, or the check is over without us.
      if (sight.connections != connections) {
        return CannotTell(FailureStatus(check::v1::FAILURE_CODE_HOST_STOPPING,
                                        "the host restarted and knows nothing of the check"));
      }
      if (seen) {
        return CannotTell(FailureStatus(check::v1::FAILURE_CODE_CANCELLED,
                                        "another screen closed the check first"));
      }
    }
    if (Clock::now() >= limit) {
      return CannotTell(FailureStatus(give_up_ ? check::v1::FAILURE_CODE_CANCELLED
                                               : check::v1::FAILURE_CODE_TIMED_OUT));
    }
    if (give_up_ == giving_up) bell_->Wait(kLook);
  }
}

void Follow::Close() {
  if (!done_.has_verdict()) return;
  Reply reply;
  reply.set_counter(done_.counter());
  reply.set_role(done_.role());
  reply.set_check_id(done_.check_id());
  reply.set_question(done_.question());
  reply.mutable_close();
  const auto closed = desk_->Send(reply);
  // Stale: another screen closed it first.
  if (!closed.ok() && CodeOf(closed.status()) != check::v1::FAILURE_CODE_REPLY_STALE) {
    progress_ << FailureText(FailureOf(closed.status(), check::v1::FAILURE_CODE_HOST_UNREACHABLE),
                             settings_.language);
  }
  if (done_.card() == desk::v1::CARD_PLACE_THERE ||
      done_.card() == desk::v1::CARD_PLACE_TAKE_AWAY) {
    Say(phrase::kTakeCard.In(settings_.language));
  }
}

absl::Status Follow::Attend(bool once) {
  const Role patient = check::v1::ROLE_PATIENT;
  std::string seen;
  for (;;) {
    bell_->Clear();
    if (interrupted_->load() > 0) return absl::OkStatus();
    const bool giving_up = give_up_;
    const Sight sight = desk_->Look(patient);
    if (!sight.lost.ok()) return sight.lost;
    Show(sight);
    if (sight.view && !sight.broken) {
      const View& view = *sight.view;
      if (once && !seen.empty() && view.check_id() != seen) return absl::OkStatus();
      if (!view.check_id().empty()) seen = view.check_id();
      if (view.check_id() != check_id_) {
        check_id_ = view.check_id();
        give_up_ = cancel_sent_ = cancel_taken_ = false;
      }
      if (give_up_ && !check_id_.empty() && view.stage() != desk::v1::STAGE_DONE) {
        SendCancel(view);
      } else {
        Answer(patient);
      }
      if (!fatal_.ok()) return fatal_;
    }
    if (give_up_ == giving_up) bell_->Wait(kLook);
  }
}

}  // namespace madoguchi::terminal
