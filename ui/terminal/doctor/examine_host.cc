#include <algorithm>

#include "sdk/failure/failure.h"
#include "ui/terminal/doctor/examine.h"
#include "ui/terminal/reader_text.h"

namespace madoguchi::terminal::doctor {
namespace {

using desk::v1::PluginRow;
using namespace check::v1;  // NOLINT: the codes.

constexpr Phrase kHost("版 {}（{}）", "version {} ({})");
constexpr Phrase kAsked("接続先: {}", "Asked at: {}");
constexpr Phrase kOfUser("{} は利用者 {} のプログラムのものです。",
                         "{} belongs to a program of the user {}.");
constexpr Phrase kRunAsUser(
    "窓口システムの利用者なら、`sudo -u {} madoguchi doctor --socket {}` "
    "を実行してください。心当たりがない利用者なら、管理者に連絡してください。",
    "If that is the host's user, run `sudo -u {} madoguchi doctor --socket {}`. If nobody knows "
    "that user, tell the administrator.");
constexpr Phrase kNotAdmitted("窓口システムは、利用者 {} の接続を受け付けません（接続先: {}）。",
                              "The host does not admit the user {} (asked at: {}).");
constexpr Phrase kAdmit(
    "窓口システムの利用者で実行するか（`sudo -u {} madoguchi doctor --socket "
    "{}`）、設定ファイルの desk.local_user にこの利用者を加えて madoguchid "
    "を起動し直してください。",
    "Run this as the host's user (`sudo -u {} madoguchi doctor --socket {}`), or add this user to "
    "desk.local_user in the configuration and start madoguchid again.");
constexpr Phrase kHangs("{} につながりましたが、応答しません。",
                        "{} takes the connection and does not answer.");
constexpr Phrase kRestart("窓口システム（madoguchid）を起動し直してください。",
                          "Restart the host (madoguchid).");
constexpr Phrase kWhich("プラグイン: {}", "Plugin: {}");
constexpr Phrase kWhichWhy("プラグイン {}: {}", "Plugin {}: {}");
constexpr Phrase kApprove(
    "管理者が `madoguchi plugins show {}` で内容を確かめ、`madoguchi plugins approve {}` "
    "で承認してください。",
    "Ask the administrator: `madoguchi plugins show {}` shows it, `madoguchi plugins approve {}` "
    "approves it.");
constexpr Phrase kApproveChanged(
    "管理者が `madoguchi plugins show {}` で内容を確かめ、変更に心当たりがあれば `madoguchi "
    "plugins "
    "approve {}` で承認してください。",
    "Ask the administrator: `madoguchi plugins show {}` shows it, `madoguchi plugins approve {}` "
    "approves it, if it was changed on purpose.");
constexpr Phrase kShow("`madoguchi plugins show {}` で理由とログを確かめてください。",
                       "See why, and its log, with `madoguchi plugins show {}`.");
constexpr Phrase kTried("プラグイン {}: {}（{}回、最後は {}）",
                        "Plugin {}: {} (times: {}, last at {})");
constexpr Phrase kReport(
    "プラグインの作成者に伝えてください。心当たりがなければ `madoguchi plugins revoke {}` "
    "で止めてください。",
    "Tell its maker. If you do not trust it, stop it with `madoguchi plugins revoke {}`.");
constexpr Phrase kNotGranted("プラグイン {} が求める権限 {} は、許可されていません。",
                             "Plugin {} asks for the permission {}, which was not granted.");
constexpr Phrase kNoReaderPlugin("設定ファイルにリーダーのプラグインがありません。",
                                 "The configuration names no reader plugin.");
constexpr Phrase kAddReaderPlugin(
    "設定ファイルの plugin にリーダーのプラグイン（reader_pcsc など）を加え、madoguchid "
    "を起動し直してください。",
    "Add a reader plugin (such as reader_pcsc) to the configuration, and start madoguchid again.");
constexpr Phrase kRunning("{}個が動いています", "{} are running");
constexpr Phrase kNothingToSay("プラグインがありません", "there are none");
constexpr Phrase kItsPlugin("プラグインが動いていないため、調べられません。",
                            "Its plugin does not run.");
constexpr Phrase kReached("つながります", "it answers");
constexpr Phrase kCheckNetwork(
    "ネットワークと、プラグインの設定にあるサーバーの場所を確かめてください。",
    "Check the network, and where the plugin's settings say the server is.");

// How an incident ends that tells of the jail (sdk/launch/attempt.cc, denied_calls.cc).
constexpr const char* kDenied[] = {"which its jail denies", ", which is outside of its jail",
                                   "leads outside of its jail", "lets it only read"};

bool IsOfJail(const std::string& what) {
  return std::any_of(std::begin(kDenied), std::end(kDenied),
                     [&](const char* end) { return what.find(end) != std::string::npos; });
}

// Whether anything is to be seen of the plugin that its jail may have caused.
bool HasTrouble(const PluginRow& row, const HostSeen& host) {
  if (row.restarts() > 0) return true;
  if (row.kind() == plugin::v1::KIND_AUTHORITY) return !host.authority.ok();
  if (!host.readers.ok()) return false;
  const auto& sources = host.readers->source();
  const auto& readers = host.readers->reader();
  return std::any_of(sources.begin(), sources.end(),
                     [&](const auto& source) {
                       return source.plugin() == row.name() &&
                              (source.service() != reader::v1::SERVICE_RUNNING ||
                               TroubleOf(source).code() != FAILURE_CODE_UNSPECIFIED);
                     }) ||
         std::any_of(readers.begin(), readers.end(), [&](const auto& one) {
           return one.plugin() == row.name() &&
                  one.state().trouble().code() != FAILURE_CODE_UNSPECIFIED;
         });
}

void JudgeRunning(const PluginRow& row, std::vector<Finding>* findings) {
  for (const std::string& permission : row.asked()) {
    if (std::count(row.granted().begin(), row.granted().end(), permission) > 0) continue;
    findings->push_back(Found(FAILURE_CODE_PLUGIN_CONFINED,
                              Both(kNotGranted, {row.name(), permission}),
                              Both(kApprove, {row.name(), row.name()})));
  }
  for (const auto& incident : row.incident()) {
    if (!IsOfJail(incident.what())) continue;
    findings->push_back(
        Found(FAILURE_CODE_PLUGIN_CONFINED,
              Both(kTried, {row.name(), incident.what(), std::to_string(incident.times()),
                            LocalTime(incident.last())}),
              Both(kReport, {row.name()})));
  }
}

void Judge(const PluginRow& row, const HostSeen& host, std::vector<Finding>* findings) {
  const std::string& name = row.name();
  const auto why =
      row.detail().empty() ? Both(kWhich, {name}) : Both(kWhichWhy, {name, row.detail()});
  switch (row.state()) {
    case PluginRow::STATE_UNAPPROVED:
      findings->push_back(row.changed()
                              ? Found(FAILURE_CODE_PLUGIN_CHANGED, Both(kWhich, {name}),
                                      Both(kApproveChanged, {name, name}))
                              : Found(FAILURE_CODE_PLUGIN_NOT_APPROVED, Both(kWhich, {name}),
                                      Both(kApprove, {name, name})));
      break;
    case PluginRow::STATE_REFUSED:
      findings->push_back(Found(FAILURE_CODE_PLUGIN_BROKEN, why, Both(kShow, {name})));
      break;
    case PluginRow::STATE_WAITING:
    case PluginRow::STATE_QUARANTINED:
      findings->push_back(Found(FAILURE_CODE_PLUGIN_DOWN, why, Both(kShow, {name})));
      break;
    case PluginRow::STATE_RUNNING:
      if (HasTrouble(row, host)) JudgeRunning(row, findings);
      break;
    default:
      break;
  }
}

// Whether it is the authority's plugin that does not run.
bool IsPluginFound(const HostSeen& host) {
  return host.plugins.ok() && std::any_of(host.plugins->plugin().begin(),
                                          host.plugins->plugin().end(), [](const PluginRow& row) {
                                            return row.kind() == plugin::v1::KIND_AUTHORITY &&
                                                   row.state() != PluginRow::STATE_UNUSED &&
                                                   row.state() != PluginRow::STATE_RUNNING;
                                          });
}

}  // namespace

Part ExamineHost(const Seen& seen, const Diagnosis&) {
  const HostSeen& host = seen.host;
  if (host.host.ok()) return Well(kHost, {host.host->version(), host.address});
  const Failure failure = FailureOf(host.host.status(), FAILURE_CODE_HOST_UNREACHABLE);
  const std::string& user = seen.machine.user;
  const std::string& owner = seen.machine.host_user;
  if (host.local && failure.code() == FAILURE_CODE_HOST_FOREIGN && !owner.empty()) {
    return Judged({Found(failure.code(), Both(kOfUser, {host.address, owner}),
                         Both(kRunAsUser, {owner, host.address}))},
                  {});
  }
  if (host.connected && absl::IsDeadlineExceeded(host.host.status())) {
    return Judged({Found(failure.code(), Both(kHangs, {host.address}), Both(kRestart))}, {});
  }
  // It ends the connections of whom it does not admit (host/desk/local_door.h), never its own
  // user's.
  if (host.connected && failure.code() == FAILURE_CODE_HOST_UNREACHABLE && !owner.empty() &&
      user != owner) {
    return Judged({Found(FAILURE_CODE_ROLE_FORBIDDEN, Both(kNotAdmitted, {user, host.address}),
                         Both(kAdmit, {owner, host.address}))},
                  {});
  }
  const bool told = failure.detail().find(host.address) != std::string::npos;
  return Judged({Found(failure.code(), told ? Nothing() : Both(kAsked, {host.address}), Nothing(),
                       failure.detail())},
                {});
}

Part ExaminePlugins(const Seen& seen, const Diagnosis&) {
  const HostSeen& host = seen.host;
  if (!host.host.ok()) return NotAnswered(host.host.status());
  if (!host.plugins.ok()) return NotAnswered(host.plugins.status());
  std::vector<Finding> findings, others;
  int used = 0;
  bool reads = false;
  for (const PluginRow& row : host.plugins->plugin()) {
    if (row.state() == PluginRow::STATE_UNUSED) continue;
    ++used;
    // What cannot be read may be a reader's.
    const bool reader =
        row.kind() == plugin::v1::KIND_READER || row.kind() == plugin::v1::KIND_UNSPECIFIED;
    reads = reads || reader;
    Judge(row, host, reader ? &findings : &others);
  }
  // Cards are read by readers first of all.
  findings.insert(findings.end(), others.begin(), others.end());
  // A host that plays has none, and readers all the same.
  if (used == 0 && host.readers.ok() && host.readers->reader_size() > 0) {
    return NotUsed(kNothingToSay);
  }
  if (!reads) {
    findings.push_back(
        Found(FAILURE_CODE_NO_READER, Both(kNoReaderPlugin), Both(kAddReaderPlugin)));
  }
  return Judged(std::move(findings), Well(kRunning, {std::to_string(used)}));
}

Part ExamineAuthority(const Seen& seen, const Diagnosis&) {
  const HostSeen& host = seen.host;
  if (!host.host.ok()) return NotAnswered(host.host.status());
  if (host.authority.ok()) return Well(kReached);
  const Failure failure = FailureOf(host.authority.status(), FAILURE_CODE_UNSPECIFIED);
  switch (failure.code()) {
    case FAILURE_CODE_AUTHORITY_UNREACHABLE:
      if (IsPluginFound(host)) {
        return {Examined::STATE_NOT_EXAMINED, Both(kItsPlugin), {}};
      }
      return Judged({Found(failure.code(), Nothing(), Both(kCheckNetwork), failure.detail())}, {});
    case FAILURE_CODE_AUTHORITY_SLOW:
    case FAILURE_CODE_NOT_ENROLLED:
    case FAILURE_CODE_AUTHORITY_ANSWER_INVALID:
      return Judged({Found(failure.code(), Nothing(), Nothing(), failure.detail())}, {});
    default:
      return NotAnswered(host.authority.status());
  }
}

}  // namespace madoguchi::terminal::doctor
