// What a desk says before a check, and the parts that all looks share.
#include <algorithm>
#include <functional>
#include <set>

#include "sdk/conformance/desk_examination.h"
#include "sdk/failure/failure.h"
#include "sdk/secret/seal.h"

namespace madoguchi::conformance {

using namespace check::v1;  // NOLINT: roles and codes.
using namespace desk::v1;   // NOLINT: stages and replies.

namespace {

constexpr char kPlayed[] = "play: ";

bool IsWhole(const Text& text) { return !text.ja().empty() && !text.en().empty(); }

}  // namespace

DeskExamination::DeskExamination(const ExaminedDesk& desk, Report* report)
    : desk_(desk), report_(*report), counter_(desk.counter) {
  if (!Has(ROLE_STAFF) || !Has(ROLE_PATIENT)) {
    why_no_check_ = "no address for the staff's screen and the patient's";
    return;
  }
  grpc::ClientContext host, counters;
  host.set_deadline(std::chrono::system_clock::now() + kDeskPatience);
  counters.set_deadline(std::chrono::system_clock::now() + kDeskPatience);
  StubOf(ROLE_STAFF)->GetHost(&host, {}, &host_);
  played_ = host_.host_id().rfind(kPlayed, 0) == 0;
  ListCountersReply list;
  StubOf(ROLE_STAFF)->ListCounters(&counters, {}, &list);
  if (counter_.empty() && list.counter_size() > 0) counter_ = list.counter(0);
  if (counter_.empty()) {
    why_no_check_ = "the desk lists no counter";
    return;
  }
  staff_ = std::make_unique<DeskScreen>(desk_.channels.at(ROLE_STAFF), counter_, ROLE_STAFF);
  patient_ = std::make_unique<DeskScreen>(desk_.channels.at(ROLE_PATIENT), counter_, ROLE_PATIENT);
  const auto view = staff_->Await([](const View&) { return true; });
  if (!view) {
    why_no_check_ = "the staff's screen is sent no View";
  } else if (view->stage() != STAGE_IDLE) {
    why_no_check_ = "a check stands at the counter; it is left alone";
  }
}

DeskExamination::~DeskExamination() { ClearCounter(); }

void DeskExamination::Check(const std::string& id, const std::string& sentence,
                            const std::string& needs, const std::function<Finding()>& look) {
  report_.Check(id, sentence, [&] { return needs.empty() ? look() : Skipped(needs); });
}

std::string DeskExamination::WhyNoCheck() const { return why_no_check_; }

std::string DeskExamination::WhyNoPrompt() const {
  if (!why_no_check_.empty()) return why_no_check_;
  return at_prompt_ ? "" : "no method of this counter leads to a PIN prompt (is a reader there?)";
}

std::unique_ptr<Desk::Stub> DeskExamination::StubOf(Role role) const {
  return Desk::NewStub(desk_.channels.at(role));
}

CallEnd DeskExamination::Send(Reply reply, Role role, std::string* check_id) {
  if (reply.counter().empty()) reply.set_counter(counter_);
  reply.set_role(role);
  SendRequest request;
  *request.mutable_reply() = reply;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kDeskPatience);
  SendReply taken;
  CallEnd end = CallEnd::Of(StubOf(role)->Send(&context, request, &taken));
  if (end.ok() && check_id != nullptr) *check_id = taken.check_id();
  if (!end.ok()) refused_.push_back(end);
  return end;
}

bool DeskExamination::Allows(const View& view, ReplyKind kind) {
  return std::count(view.allowed().begin(), view.allowed().end(), kind) > 0;
}

SealedPin DeskExamination::Sealed(const View& view, size_t length) {
  auto pin = Secret::OfSize(length);
  if (!pin.ok()) return {};
  std::fill(pin->bytes().begin(), pin->bytes().end(), '7');
  const auto sealed = SealPin(*pin, view.pin_prompt(), view.check_id());
  return sealed.ok() ? *sealed : SealedPin();
}

desk::v1::Reply DeskExamination::To(const View& view) {
  Reply reply;
  reply.set_counter(view.counter());
  reply.set_check_id(view.check_id());
  reply.set_question(view.question());
  return reply;
}

std::optional<desk::v1::View> DeskExamination::Fresh(Role role) {
  DeskScreen screen(desk_.channels.at(role), counter_, role);
  auto view = screen.Await([](const View&) { return true; });
  if (view) view = screen.views().front();
  return view;
}

Finding DeskExamination::Refused(const CallEnd& end, grpc::StatusCode code,
                                 FailureCode failure) const {
  if (end.code == code && end.has_failure && end.failure.code() == failure) return Passed();
  return Failed(
      end.Text() + ", expected gRPC code " + std::to_string(code) + ", " + NameOf(failure),
      "refuse it with this code, which stands in the table at the RPC");
}

void DeskExamination::LookBeforeACheck() {
  const std::string needs = WhyNoCheck();
  Check("desk.host", "GetHostReply.role: the roles this caller may take", needs, [&] {
    const std::set<int> roles(host_.role().begin(), host_.role().end());
    if (host_.host_id().empty() || host_.version().empty()) {
      return Failed("a host without id or version", "fill GetHostReply");
    }
    if (roles.count(ROLE_STAFF) == 0) {
      return Failed("the staff's screen may not be staff", "list the roles of the caller");
    }
    return Passed(host_.host_id());
  });
  Check("desk.first-view", "Desk.Watch: The current view at once, then each change.", needs, [&] {
    for (const Role role : {ROLE_STAFF, ROLE_PATIENT}) {
      const auto begun = std::chrono::steady_clock::now();
      const auto view = Fresh(role);
      if (!view) return Failed("no View for " + Role_Name(role), "send the current one at once");
      if (std::chrono::steady_clock::now() - begun > std::chrono::seconds(1)) {
        return Failed("the first View took more than a second", "do not wait for a change");
      }
    }
    return Passed();
  });
  Check("desk.whole-view",
        "desk.proto: A View is the whole screen, with the replies it allows; a screen holds no "
        "state and may drop and come back at any time.",
        needs, [&] {
          for (const Role role : {ROLE_STAFF, ROLE_PATIENT}) {
            const auto view = Fresh(role);
            if (!view) return Failed("no View", "send the current one at once");
            const std::string missing = view->counter() != counter_          ? "its counter"
                                        : view->role() != role               ? "its role"
                                        : view->revision() == 0              ? "a revision"
                                        : view->stage() == STAGE_UNSPECIFIED ? "a stage"
                                        : view->card() == CARD_PLACE_UNSPECIFIED
                                            ? "the card's place"
                                        : !IsWhole(view->title())  ? "a title in both languages"
                                        : !IsWhole(view->advice()) ? "advice in both languages"
                                                                   : "";
            if (!missing.empty()) {
              return Failed("the first View for " + Role_Name(role) + " is without " + missing,
                            "send all of it in every View");
            }
          }
          return Passed();
        });
  Check("desk.idle", "STAGE_IDLE: nothing runs; Begin is allowed", needs, [&] {
    const auto staff = Fresh(ROLE_STAFF), patient = Fresh(ROLE_PATIENT);
    if (!staff || !patient || staff->stage() != STAGE_IDLE) return Failed("no View", "send one");
    if (!Allows(*staff, REPLY_KIND_BEGIN)) {
      return Failed("the staff may not begin", "allow REPLY_KIND_BEGIN");
    }
    if (patient->allowed_size() > 0) {
      return Failed("the patient is allowed something", "allow nothing");
    }
    return !staff->check_id().empty() ? Failed("there is a check id", "leave it empty") : Passed();
  });
  Check("desk.methods", "View.method: where Begin is allowed", needs, [&] {
    const auto staff = Fresh(ROLE_STAFF);
    if (!staff || staff->method().empty()) return Failed("no method", "offer what Begin may name");
    for (const MethodOffer& offer : staff->method()) {
      if (offer.id().empty() || !IsWhole(offer.label())) {
        return Failed("a method without id or label \"" + offer.id() + "\"", "give it both");
      }
    }
    return Passed(std::to_string(staff->method_size()));
  });
  Check("desk.readers", "Desk.WatchReaders: The table at once, then each change.", needs, [&] {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kDeskPatience);
    const auto stream = StubOf(ROLE_STAFF)->WatchReaders(&context, {});
    desk::v1::ReaderTable table;
    const bool came = stream->Read(&table);
    context.TryCancel();
    return came ? Passed() : Failed("no table", "send the current one at once");
  });
  Check("desk.counter-unknown",
        "COUNTER_UNKNOWN: no such counter; or none named and there are several", needs, [&] {
          DeskScreen screen(desk_.channels.at(ROLE_STAFF), "no-such-counter", ROLE_STAFF);
          const auto end = screen.AwaitEnd();
          if (!end) return Failed("Watch goes on", "end the stream with NOT_FOUND");
          refused_.push_back(*end);
          Finding watch = Refused(*end, grpc::StatusCode::NOT_FOUND, FAILURE_CODE_COUNTER_UNKNOWN);
          if (watch.outcome != Outcome::kPassed) return watch;
          Reply reply;
          reply.set_counter("no-such-counter");
          reply.mutable_begin()->set_method("no-such-method");
          return Refused(Send(reply, ROLE_STAFF), grpc::StatusCode::NOT_FOUND,
                         FAILURE_CODE_COUNTER_UNKNOWN);
        });
  Check("desk.role-unknown", "ROLE_FORBIDDEN: the caller may not take the role", needs, [&] {
    DeskScreen screen(desk_.channels.at(ROLE_STAFF), counter_, ROLE_UNSPECIFIED);
    const auto end = screen.AwaitEnd();
    if (!end) return Failed("a screen of no role watches", "refuse it");
    refused_.push_back(*end);
    return Refused(*end, grpc::StatusCode::PERMISSION_DENIED, FAILURE_CODE_ROLE_FORBIDDEN);
  });
  Check("desk.method-unknown", "NOT_FOUND: COUNTER_UNKNOWN, METHOD_UNKNOWN", needs, [&] {
    Reply reply;
    reply.mutable_begin()->set_method("no-such-method");
    return Refused(Send(reply, ROLE_STAFF), grpc::StatusCode::NOT_FOUND,
                   FAILURE_CODE_METHOD_UNKNOWN);
  });
  Check("desk.no-kind", "REQUEST_INVALID: no kind, an unknown choice, a field out of form", needs,
        [&] {
          return Refused(Send(Reply(), ROLE_STAFF), grpc::StatusCode::INVALID_ARGUMENT,
                         FAILURE_CODE_REQUEST_INVALID);
        });
  Check("desk.begin-role", "ROLE_FORBIDDEN: this question is for another role", needs, [&] {
    Reply reply;
    reply.mutable_begin()->set_method("no-such-method");
    return Refused(Send(reply, ROLE_PATIENT), grpc::StatusCode::PERMISSION_DENIED,
                   FAILURE_CODE_ROLE_FORBIDDEN);
  });
}

bool DeskExamination::BeginByPin() {
  at_prompt_ = false;
  const auto idle = staff_->Await([](const View& view) {
    return view.stage() == STAGE_IDLE && view.card() != CARD_PLACE_TAKE_AWAY;
  });
  if (!idle) return false;
  for (const MethodOffer& offer : idle->method()) {
    if (!pin_method_.empty() && offer.id() != pin_method_) continue;
    Reply begin;
    begin.mutable_begin()->set_method(offer.id());
    std::string check_id;
    if (!Send(begin, ROLE_STAFF, &check_id).ok()) continue;
    const auto prompt = patient_->Await([&](const View& view) {
      return view.check_id() == check_id &&
             (Allows(view, REPLY_KIND_PIN) || view.question() != 0 || view.stage() == STAGE_DONE ||
              view.stage() == STAGE_ASK_VISUAL_MATCH);
    });
    if (prompt && Allows(*prompt, REPLY_KIND_PIN)) {
      pin_method_ = offer.id();
      prompt_ = *prompt;
      at_prompt_ = true;
      return true;
    }
    ClearCounter();
  }
  return false;
}

void DeskExamination::ClearCounter() {
  at_prompt_ = false;
  if (!why_no_check_.empty()) return;  // What stands there is somebody else's.
  // Not what a stream has brought so far: that may be from before the check that is to be ended.
  auto view = Fresh(ROLE_STAFF);
  if (view && view->stage() != STAGE_IDLE && view->stage() != STAGE_DONE) {
    Reply cancel = To(*view);
    cancel.mutable_cancel();
    Send(cancel, ROLE_STAFF);
    view = staff_->Await([since = view->revision()](const View& now) {
      return now.revision() > since && (now.stage() == STAGE_DONE || now.stage() == STAGE_IDLE);
    });
  }
  if (view && view->stage() == STAGE_DONE) {
    Reply close = To(*view);
    close.mutable_close();
    Send(close, ROLE_STAFF);
    // A played card goes by itself; whoever comes next should not meet it.
    staff_->Await([&](const View& now) {
      return now.stage() == STAGE_IDLE && (!played_ || now.card() != CARD_PLACE_TAKE_AWAY);
    });
  }
}

}  // namespace madoguchi::conformance
