// The plugins: list for everybody at the counter, the other commands for the admin.
#include <algorithm>
#include <chrono>
#include <utility>

#include "madoguchi/desk/v1/desk.grpc.pb.h"
#include "sdk/failure/failure.h"
#include "ui/terminal/commands.h"
#include "ui/terminal/json_line.h"
#include "ui/terminal/plugin_text.h"
#include "ui/terminal/remote_desk.h"
#include "ui/terminal/text.h"
#include "ui/terminal/width.h"

namespace madoguchi::terminal {
namespace {

using desk::v1::Desk;
using desk::v1::PluginRow;

// The host itself gives a plugin five seconds to get ready.
constexpr std::chrono::seconds kStartPatience(8);

constexpr Phrase kNoPlugins("プラグインがありません。", "There are no plugins.");
constexpr Phrase kJailLacks("このパソコンではプラグインの隔離が一部はたらきません。{}",
                            "On this machine a part of the plugins' jail is missing. {}");
constexpr Phrase kNothingToReplace(
    "{} は動いていないので、入れ替えるものがありません。plugins approve {} で承認してください。",
    "{} does not run, so there is nothing to replace. Use: plugins approve {}");
constexpr Phrase kSameVersion("{} はこの内容ですでに動いています。",
                              "{} runs as it lies there already.");
constexpr Phrase kAnotherLies(
    "動いている版とは別の版が置かれています。入れ替えるときは: madoguchi plugins replace {}",
    "Another version lies there than the one that runs. To replace it: madoguchi plugins replace "
    "{}");
constexpr Phrase kNotReplaced("{} の新しい版は起動しないため、版 {} が引き続き動いています。",
                              "The new version of {} does not start; version {} goes on.");
constexpr Phrase kNotYetReplaced("{} の新しい版はまだ動いていません。版 {} が動いています。",
                                 "The new version of {} does not run yet; version {} does.");
constexpr Phrase kWaits("いま進んでいる確認が終わるのを待って入れ替えます。",
                        "The new version takes over when the checks under way have ended.");
constexpr Phrase kAsk("この内容で承認しますか [y/N]: ", "Approve it as it is? [y/N]: ");
constexpr Phrase kApproved("{} を承認しました。", "Approved {}.");
constexpr Phrase kRuns("{} は動いています。", "{} is running.");
constexpr Phrase kDoesNotRun("{} は動いていません（{}）。{}", "{} does not run ({}). {}");
constexpr Phrase kLeft("承認していません。", "Nothing was approved.");
constexpr Phrase kRevoked("{} の承認を取り消しました。", "{} is not approved any more.");
constexpr Phrase kRestarted("{} を動かし直しています。", "{} is being restarted.");

// Whether another version lies there than the one that runs.
bool IsAnother(const desk::v1::InspectPluginReply& seen) {
  return IsRunning(seen) && seen.problem().empty() && seen.row().digest() != seen.digest();
}

// Whether what lies there runs with all that it asks for, and nothing else was approved since.
bool RunsAsItLies(const desk::v1::InspectPluginReply& seen) {
  const PluginRow& row = seen.row();
  return IsRunning(seen) && seen.problem().empty() && row.digest() == seen.digest() &&
         row.next_digest().empty() && row.failed_digest().empty() &&
         std::all_of(seen.asked().begin(), seen.asked().end(),
                     [&](const std::string& one) { return IsGranted(row, one); });
}

// One call of the desk. `method` takes stub, context and reply.
template <typename Reply, typename Method>
absl::StatusOr<Reply> Call(const Session& session, const Method& method) {
  const auto channel = session.connection->Channel();
  if (!channel.ok()) return channel.status();
  grpc::ClientContext call;
  SetDeadline(&call);
  Reply reply;
  const auto stub = Desk::NewStub(*channel);
  const absl::Status status =
      CallStatus(method(stub.get(), &call, &reply), session.connection->address());
  if (!status.ok()) return status;
  return reply;
}

absl::StatusOr<desk::v1::InspectPluginReply> Inspect(const std::string& name,
                                                     const Session& session) {
  return Call<desk::v1::InspectPluginReply>(session, [&](auto* stub, auto* call, auto* reply) {
    desk::v1::InspectPluginRequest request;
    request.set_name(name);
    return stub->InspectPlugin(call, request, reply);
  });
}

// An admin's yes. Anything else, and the end of the input, is a no.
bool SaysYes(const Session& session) {
  session.out << kAsk.In(session.language) << std::flush;
  std::string answer;
  while (session.interrupted->load() == 0) {
    switch (session.keyboard->ReadLine(session.bell, &answer)) {
      case Typed::kLine:
        return answer == "y" || answer == "Y" || answer == "yes";
      case Typed::kEnd:
        session.out << std::endl;
        return false;
      case Typed::kWoken:
        break;
    }
  }
  return false;
}

// Tells how the plugin's start went. `before` is the row of what ran until now, if anything did;
// `digest` is what is to run, or empty for whatever may.
int AwaitRunning(const std::string& name, const PluginRow& before, const std::string& digest,
                 const Session& session) {
  auto until = std::chrono::steady_clock::now() + kStartPatience;
  bool told = false;
  while (true) {
    const auto seen = Inspect(name, session);
    if (!seen.ok()) return Fail(seen.status(), session);
    const PluginRow& row = seen->row();
    const bool runs = IsRunning(*seen);
    if (runs && row.pid() > 0 && row.pid() != before.pid() &&
        (digest.empty() || row.digest() == digest)) {
      session.out << Fill(kRuns, session.language, {name}) << std::endl;
      return kExitDone;
    }
    const bool waits = !row.next_digest().empty();
    if (waits) until = std::chrono::steady_clock::now() + kStartPatience;
    if (waits && !std::exchange(told, true)) {
      session.out << kWaits.In(session.language) << std::endl;
    }
    const bool failed = row.state() == PluginRow::STATE_WAITING ||
                        row.state() == PluginRow::STATE_QUARANTINED ||
                        row.state() == PluginRow::STATE_REFUSED;
    const bool over = std::chrono::steady_clock::now() >= until || session.interrupted->load() > 0;
    const bool not_replaced = runs && !digest.empty() && row.failed_digest() == digest;
    // The host says why a little later than that.
    if (!failed && !over && !(not_replaced && !row.detail().empty())) {
      session.bell->Wait(std::chrono::milliseconds(20));
      continue;
    }
    if (runs && !digest.empty()) {
      session.err << Fill(not_replaced ? kNotReplaced : kNotYetReplaced, session.language,
                          {name, row.version()})
                  << "\n";
      if (!row.detail().empty()) session.err << "  " << Printable(row.detail()) << "\n";
      session.err << std::flush;
    } else {
      session.err << Fill(kDoesNotRun, session.language,
                          {name, PluginState(row, session.language), row.detail()})
                  << std::endl;
    }
    return kExitFailed;
  }
}

}  // namespace

int RunPlugins(const CommandLine& line, const Session& session) {
  const auto list = Call<desk::v1::ListPluginsReply>(
      session,
      [](auto* stub, auto* call, auto* reply) { return stub->ListPlugins(call, {}, reply); });
  if (!list.ok()) return Fail(list.status(), session);
  const Language language = session.language;
  if (line.json) {
    session.out << JsonLine(*list) << std::endl;
  } else if (list->plugin_size() == 0) {
    session.out << kNoPlugins.In(language) << std::endl;
  } else {
    session.out << PluginTable(*list, language);
    for (const std::string& lack : list->jail_lacks()) {
      session.out << Fill(kJailLacks, language, {lack}) << "\n";
    }
    session.out << std::flush;
  }
  return kExitDone;
}

int RunPluginsShow(const CommandLine& line, const Session& session) {
  const auto seen = Inspect(line.name, session);
  if (!seen.ok()) return Fail(seen.status(), session);
  session.out << PluginPage(*seen, session.language);
  if (IsAnother(*seen) && seen->row().next_digest() != seen->digest()) {
    session.out << Fill(kAnotherLies, session.language, {line.name}) << "\n";
  }
  session.out << std::flush;
  return kExitDone;
}

int RunPluginsApprove(const CommandLine& line, const Session& session) {
  const auto seen = Inspect(line.name, session);
  if (!seen.ok()) return Fail(seen.status(), session);
  if (line.command == Command::kPluginsReplace && !IsRunning(*seen)) {
    session.err << Fill(kNothingToReplace, session.language, {line.name, line.name}) << std::endl;
    return kExitFailed;
  }
  if (RunsAsItLies(*seen) && (line.digest.empty() || line.digest == seen->digest())) {
    session.out << Fill(kSameVersion, session.language, {line.name}) << std::endl;
    return kExitDone;
  }
  session.out << PluginPage(*seen, session.language) << std::flush;
  if (!seen->problem().empty()) {
    return Fail(FailureStatus(check::v1::FAILURE_CODE_PLUGIN_BROKEN, seen->problem()), session);
  }
  if (!line.digest.empty() && line.digest != seen->digest()) {
    return Fail(FailureStatus(check::v1::FAILURE_CODE_PLUGIN_CHANGED,
                              "--digest names other bytes than those that lie there"),
                session);
  }
  if (!line.yes && !SaysYes(session)) {
    session.err << kLeft.In(session.language) << std::endl;
    return kExitFailed;
  }
  const auto done =
      Call<desk::v1::ApprovePluginReply>(session, [&](auto* stub, auto* call, auto* reply) {
        desk::v1::ApprovePluginRequest request;
        request.set_name(line.name);
        request.set_digest(seen->digest());
        *request.mutable_permission() = seen->asked();
        return stub->ApprovePlugin(call, request, reply);
      });
  if (!done.ok()) return Fail(done.status(), session);
  session.out << Fill(kApproved, session.language, {line.name}) << std::endl;
  return AwaitRunning(line.name, seen->row(), seen->digest(), session);
}

int RunPluginsRevoke(const CommandLine& line, const Session& session) {
  const auto done =
      Call<desk::v1::RevokePluginReply>(session, [&](auto* stub, auto* call, auto* reply) {
        desk::v1::RevokePluginRequest request;
        request.set_name(line.name);
        return stub->RevokePlugin(call, request, reply);
      });
  if (!done.ok()) return Fail(done.status(), session);
  session.out << Fill(kRevoked, session.language, {line.name}) << std::endl;
  return kExitDone;
}

int RunPluginsRestart(const CommandLine& line, const Session& session) {
  const auto seen = Inspect(line.name, session);
  if (!seen.ok()) return Fail(seen.status(), session);
  const auto done =
      Call<desk::v1::RestartPluginReply>(session, [&](auto* stub, auto* call, auto* reply) {
        desk::v1::RestartPluginRequest request;
        request.set_name(line.name);
        return stub->RestartPlugin(call, request, reply);
      });
  if (!done.ok()) return Fail(done.status(), session);
  session.out << Fill(kRestarted, session.language, {line.name}) << std::endl;
  return AwaitRunning(line.name, seen->row(), "", session);
}

}  // namespace madoguchi::terminal
