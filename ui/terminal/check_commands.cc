// The commands that follow a check: check, patient, close.
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <vector>

#include "madoguchi/desk/v1/desk.grpc.pb.h"
#include "sdk/failure/failure.h"
#include "ui/terminal/commands.h"
#include "ui/terminal/follow.h"
#include "ui/terminal/remote_desk.h"
#include "ui/terminal/screen.h"
#include "ui/terminal/text.h"

namespace madoguchi::terminal {
namespace {

using check::v1::Verdict;

constexpr Phrase kNameACounter(
    "窓口が複数あります: {}。どの窓口かを --counter で指定してください。",
    "There are several counters: {}. Name one with --counter.");
constexpr Phrase kClosed("窓口を空けました。", "The counter is free.");
constexpr Phrase kPatientHint("患者用の画面です。Ctrl-C で終わります。",
                              "The patient's screen. Ctrl-C ends it.");

// Field names as in the proto; fields with their default value are left out.
std::string Json(const Verdict& verdict) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  (void)google::protobuf::util::MessageToJsonString(verdict, &json, options);
  return json;
}

Verdict Hindered(const absl::Status& why) {
  Verdict verdict;
  verdict.set_outcome(check::v1::OUTCOME_CANNOT_TELL);
  const Failure failure = FailureOf(why, check::v1::FAILURE_CODE_HOST_UNREACHABLE);
  *verdict.mutable_failure() = Describe(failure.code(), failure.detail());
  return verdict;
}

int ExitOf(const Verdict& verdict) {
  switch (verdict.outcome()) {
    case check::v1::OUTCOME_ELIGIBLE:
      return kExitDone;
    case check::v1::OUTCOME_NOT_ELIGIBLE:
      return kExitNotEligible;
    default:
      return kExitFailed;
  }
}

absl::StatusOr<desk::v1::GetHostReply> GetHost(const Session& session) {
  const auto channel = session.connection->Channel();
  if (!channel.ok()) return channel.status();
  grpc::ClientContext call;
  SetDeadline(&call);
  desk::v1::GetHostReply reply;
  const absl::Status status = CallStatus(
      desk::v1::Desk::NewStub(*channel)->GetHost(&call, {}, &reply), session.connection->address());
  if (!status.ok()) return status;
  return reply;
}

// The counter that is meant: the one that is named, else the only one. Where there are several,
// COUNTER_UNKNOWN with the sentence for whoever typed the command.
absl::StatusOr<std::string> CounterOf(const CommandLine& line, const Session& session) {
  if (!line.counter.empty()) return line.counter;
  const auto channel = session.connection->Channel();
  if (!channel.ok()) return channel.status();
  grpc::ClientContext call;
  SetDeadline(&call);
  desk::v1::ListCountersReply reply;
  const absl::Status status =
      CallStatus(desk::v1::Desk::NewStub(*channel)->ListCounters(&call, {}, &reply),
                 session.connection->address());
  if (!status.ok()) return status;
  if (reply.counter_size() == 1) return reply.counter(0);
  std::string names;
  for (const std::string& name : reply.counter()) names += (names.empty() ? "" : ", ") + name;
  return FailureStatus(check::v1::FAILURE_CODE_COUNTER_UNKNOWN,
                       Fill(kNameACounter, session.language, {names}));
}

// Why CounterOf has none. That its name is missing is wrong usage; no counter of the host is at
// fault.
int FailWithoutCounter(const absl::Status& why, const Session& session) {
  if (CodeOf(why) != check::v1::FAILURE_CODE_COUNTER_UNKNOWN) return Fail(why, session);
  session.err << FailureOf(why, check::v1::FAILURE_CODE_COUNTER_UNKNOWN).detail() << std::endl;
  return kExitUsage;
}

FollowSettings SettingsOf(const CommandLine& line, const Session& session) {
  FollowSettings settings;
  settings.language = session.language;
  settings.pinned_host_key = session.connection->pinned_host_key();
  settings.assume_match = line.yes;
  settings.assume_same_card = line.same_card;
  return settings;
}

}  // namespace

int PrintHindered(const absl::Status& why, std::ostream& out) {
  out << Json(Hindered(why)) << std::endl;
  return kExitFailed;
}

int RunCheck(const CommandLine& line, const Session& session) {
  const auto hindered = [&](const absl::Status& why) {
    if (line.json) PrintHindered(why, session.out);
    return Fail(why, session);
  };
  const auto host = GetHost(session);
  if (!host.ok()) return hindered(host.status());
  const auto counter = CounterOf(line, session);
  if (!counter.ok()) {
    if (line.json) PrintHindered(counter.status(), session.out);
    return FailWithoutCounter(counter.status(), session);
  }
  FollowSettings settings = SettingsOf(line, session);
  std::vector<check::v1::Role> roles = {check::v1::ROLE_STAFF};
  const auto& allowed = host->role();
  if (!line.staff_only &&
      std::find(allowed.begin(), allowed.end(), check::v1::ROLE_PATIENT) != allowed.end()) {
    roles.push_back(check::v1::ROLE_PATIENT);
    settings.patient_too = true;
  }
  RemoteDesk desk(session.connection, *counter, roles, session.bell);
  std::ostream& progress = line.json ? session.err : session.out;
  Follow follow(settings, &desk, session.keyboard, session.bell, session.interrupted, &progress);
  Verdict verdict = follow.Check(line.method);
  if (verdict.has_failure()) *verdict.mutable_failure() = WithTexts(verdict.failure());
  const bool begun = !verdict.check_id().empty();
  if (line.json) session.out << Json(verdict) << std::endl;
  if (!begun) {
    session.err << FailureText(verdict.failure(), session.language) << std::flush;
  } else if (!line.json) {
    session.out << "\n" << VerdictText(verdict, session.language) << "\n" << std::flush;
  }
  follow.Close();
  return ExitOf(verdict);
}

int RunPatient(const CommandLine& line, const Session& session) {
  const auto counter = CounterOf(line, session);
  if (!counter.ok()) return FailWithoutCounter(counter.status(), session);
  if (const auto host = GetHost(session); !host.ok()) return Fail(host.status(), session);
  RemoteDesk desk(session.connection, *counter, {check::v1::ROLE_PATIENT}, session.bell);
  if (!line.once) session.out << kPatientHint.In(session.language) << std::endl;
  Follow follow(SettingsOf(line, session), &desk, session.keyboard, session.bell,
                session.interrupted, &session.out);
  const absl::Status status = follow.Attend(line.once);
  return status.ok() ? kExitDone : Fail(status, session);
}

int RunClose(const CommandLine& line, const Session& session) {
  const auto counter = CounterOf(line, session);
  if (!counter.ok()) return FailWithoutCounter(counter.status(), session);
  if (const auto host = GetHost(session); !host.ok()) return Fail(host.status(), session);
  RemoteDesk desk(session.connection, *counter, {check::v1::ROLE_STAFF}, session.bell);
  const auto limit = std::chrono::steady_clock::now() + kReconnectLimit;
  std::string replied;  // the view that was replied to
  while (std::chrono::steady_clock::now() < limit && session.interrupted->load() == 0) {
    session.bell->Clear();
    const Sight sight = desk.Look(check::v1::ROLE_STAFF);
    if (!sight.lost.ok()) return Fail(sight.lost, session);
    if (sight.view && !sight.broken) {
      const desk::v1::View& view = *sight.view;
      if (view.check_id().empty()) {
        session.out << kClosed.In(session.language) << std::endl;
        return kExitDone;
      }
      const std::string now = view.check_id() + "/" + std::to_string(view.revision());
      if (now != replied) {
        replied = now;
        desk::v1::Reply reply;
        reply.set_counter(view.counter());
        reply.set_role(check::v1::ROLE_STAFF);
        reply.set_check_id(view.check_id());
        reply.set_question(view.question());
        if (view.stage() == desk::v1::STAGE_DONE) {
          reply.mutable_close();
        } else {
          reply.mutable_cancel();
        }
        const auto sent = desk.Send(reply);
        if (!sent.ok() && CodeOf(sent.status()) != check::v1::FAILURE_CODE_REPLY_STALE) {
          return Fail(sent.status(), session);
        }
      }
    }
    session.bell->Wait(std::chrono::milliseconds(500));
  }
  return Fail(FailureStatus(session.interrupted->load() > 0 ? check::v1::FAILURE_CODE_CANCELLED
                                                            : check::v1::FAILURE_CODE_TIMED_OUT),
              session);
}

int Fail(const absl::Status& status, const Session& session) {
  session.err << FailureText(FailureOf(status, check::v1::FAILURE_CODE_HOST_UNREACHABLE),
                             session.language)
              << std::flush;
  return kExitFailed;
}

}  // namespace madoguchi::terminal
