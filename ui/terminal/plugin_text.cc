#include "ui/terminal/plugin_text.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "ui/terminal/reader_text.h"
#include "ui/terminal/width.h"

namespace madoguchi::terminal {
namespace {

using desk::v1::PluginRow;
using Rows = std::vector<std::vector<std::string>>;

constexpr Phrase kPlugin("プラグイン", "PLUGIN");
constexpr Phrase kKind("種類", "KIND");
constexpr Phrase kState("状態", "STATE");
constexpr Phrase kVersion("版", "VERSION");
constexpr Phrase kMaker("作成者", "MAKER");
constexpr Phrase kProcess("プロセス", "PID");
constexpr Phrase kRestarts("再起動", "RESTARTS");
constexpr Phrase kDetail("詳細", "DETAIL");
constexpr Phrase kReaderKind("リーダー", "reader");
constexpr Phrase kPolicyKind("確認手順", "policy");
constexpr Phrase kAuthorityKind("資格の照会先", "authority");
constexpr Phrase kStarting("起動中", "starting");
constexpr Phrase kRunning("動作中", "running");
constexpr Phrase kWaiting("再起動待ち", "waiting");
constexpr Phrase kRefused("使えない", "refused");
constexpr Phrase kQuarantined("停止中（異常終了のくり返し）", "quarantined");
constexpr Phrase kUnused("未使用", "unused");
constexpr Phrase kUnapproved("承認待ち", "not approved");

constexpr Phrase kShowName("名前", "Name");
constexpr Phrase kShowKind("種類", "Kind");
constexpr Phrase kShowMaker("作成者", "Maker");
constexpr Phrase kShowVersion("版", "Version");
constexpr Phrase kShowAsks("求める権限", "Asks for");
constexpr Phrase kShowGranted("与えた権限", "Granted");
constexpr Phrase kShowDigest("ダイジェスト", "Digest");
constexpr Phrase kShowProblem("問題", "Problem");
constexpr Phrase kShowState("状態", "State");
constexpr Phrase kShowRuns("動いている版", "Runs now");
constexpr Phrase kShowIncidents("制限にかかった動作", "Incidents");
constexpr Phrase kShowLog("ログ", "Log");
constexpr Phrase kIncident("{}（{}回、最後は {}）", "{} (times: {}, last {})");
constexpr Phrase kSeeIncidents("制限にかかった動作がありました（plugins show {}）",
                               "there were incidents (plugins show {})");
constexpr Phrase kNothing("なし", "nothing");
constexpr Phrase kAwaitsApproval("承認されていません", "it is not approved");
constexpr Phrase kHasChanged("承認のあとで中身が変わりました",
                             "its files have changed since it was approved");
constexpr Phrase kNotNamed("設定ファイルにありません", "the configuration does not name it");
constexpr Phrase kPcscd("カードリーダーのサービス（pcscd）につなぐ",
                        "connect to the card reader service (pcscd)");
constexpr Phrase kUsb("USB 機器を直接使う", "use USB devices directly");
constexpr Phrase kSerial("シリアルポートを使う", "use a serial port");
constexpr Phrase kBluetooth("Bluetooth 機器を使う", "use Bluetooth devices");
constexpr Phrase kSockets("自分のフォルダーにソケットを作る",
                          "make sockets in a folder of its own");
constexpr Phrase kNetwork("ネットワークにつなぐ", "connect to the network");

constexpr Phrase kNewlyAsks("新しく求める権限", "Asks anew for");

const Phrase& KindPhrase(plugin::v1::Kind kind) {
  switch (kind) {
    case plugin::v1::KIND_POLICY:
      return kPolicyKind;
    case plugin::v1::KIND_AUTHORITY:
      return kAuthorityKind;
    default:
      return kReaderKind;
  }
}

std::string KindText(plugin::v1::Kind kind, Language language) {
  return kind == plugin::v1::KIND_UNSPECIFIED ? "-" : KindPhrase(kind).In(language);
}

const Phrase& StatePhrase(PluginRow::State state) {
  switch (state) {
    case PluginRow::STATE_RUNNING:
      return kRunning;
    case PluginRow::STATE_WAITING:
      return kWaiting;
    case PluginRow::STATE_REFUSED:
      return kRefused;
    case PluginRow::STATE_UNAPPROVED:
      return kUnapproved;
    case PluginRow::STATE_QUARANTINED:
      return kQuarantined;
    case PluginRow::STATE_UNUSED:
      return kUnused;
    default:
      return kStarting;
  }
}

// What the host says of a state that explains itself, in the reader's language; all else as the
// host says it.
std::string DetailText(const PluginRow& row, Language language) {
  for (const Phrase& known : {kAwaitsApproval, kHasChanged, kNotNamed}) {
    if (row.detail() == known.In(Language::kEnglish)) return known.In(language);
  }
  return Printable(row.detail());
}

std::string PermissionText(const std::string& permission, Language language) {
  const std::pair<const char*, const Phrase*> known[] = {
      {"pcscd", &kPcscd},         {"usb", &kUsb},         {"serial", &kSerial},
      {"bluetooth", &kBluetooth}, {"network", &kNetwork}, {"sockets", &kSockets}};
  std::string text = Printable(permission);
  for (const auto& [name, phrase] : known) {
    if (permission.substr(0, permission.find(':')) == name) {
      text += std::string(": ") + phrase->In(language);
    }
  }
  return text;
}

}  // namespace

std::string PluginState(const PluginRow& row, Language language) {
  return StatePhrase(row.state()).In(language);
}

bool IsRunning(const desk::v1::InspectPluginReply& seen) {
  return seen.row().state() == PluginRow::STATE_RUNNING;
}

bool IsGranted(const PluginRow& row, const std::string& permission) {
  return std::find(row.granted().begin(), row.granted().end(), permission) != row.granted().end();
}

std::string PluginTable(const desk::v1::ListPluginsReply& list, Language language) {
  Rows rows = {{kPlugin.In(language), kKind.In(language), kState.In(language),
                kVersion.In(language), kMaker.In(language), kProcess.In(language),
                kRestarts.In(language), kDetail.In(language)}};
  for (const auto& row : list.plugin()) {
    std::string detail = DetailText(row, language);
    if (detail.empty() && row.incident_size() > 0) {
      detail = Fill(kSeeIncidents, language, {row.name()});
    }
    rows.push_back({Printable(row.name()), KindText(row.kind(), language),
                    StatePhrase(row.state()).In(language), Printable(row.version()),
                    Printable(row.maker()), row.pid() > 0 ? std::to_string(row.pid()) : "-",
                    std::to_string(row.restarts()), detail});
  }
  return Columns(rows);
}

std::string PluginPage(const desk::v1::InspectPluginReply& seen, Language language) {
  const PluginRow& row = seen.row();
  Rows rows = {{kShowName.In(language), Printable(row.name())}};
  const auto add = [&](const Phrase& label, const std::string& value) {
    rows.push_back({label.In(language), value});
  };
  // The first of several lines of one label has it, the others stand below it.
  const auto add_line = [&](const Phrase& label, int line, const std::string& value) {
    rows.push_back({line == 0 ? label.In(language) : "", value});
  };
  if (!seen.problem().empty()) {
    add(kShowProblem, Printable(seen.problem()));
  } else {
    add(kShowKind, KindText(seen.kind(), language));
    add(kShowMaker, Printable(seen.maker()));
    add(kShowVersion, Printable(seen.version()));
    if (seen.asked().empty()) add(kShowAsks, kNothing.In(language));
    for (int i = 0; i < seen.asked_size(); ++i) {
      add_line(kShowAsks, i, PermissionText(seen.asked(i), language));
    }
    add(kShowDigest, Printable(seen.digest()));
  }
  std::string state = StatePhrase(row.state()).In(language);
  if (!row.detail().empty()) state += ": " + DetailText(row, language);
  add(kShowState, state);
  const bool runs = IsRunning(seen);
  if (runs && row.digest() != seen.digest()) {
    add(kShowRuns, Printable(row.version()) + " " + Printable(row.digest()));
    for (const std::string& permission : seen.asked()) {
      if (!IsGranted(row, permission)) add(kNewlyAsks, PermissionText(permission, language));
    }
  }
  if (runs) {
    std::string granted;
    for (const std::string& one : row.granted()) granted += (granted.empty() ? "" : ", ") + one;
    add(kShowGranted, granted.empty() ? kNothing.In(language) : Printable(granted));
  }
  for (int i = 0; i < row.incident_size(); ++i) {
    const auto& incident = row.incident(i);
    add_line(kShowIncidents, i,
             Fill(kIncident, language,
                  {Printable(incident.what()), std::to_string(incident.times()),
                   LocalTime(incident.last())}));
  }
  for (int i = 0; i < row.log_size(); ++i) {
    add_line(kShowLog, i, Printable(row.log(i)));
  }
  return Columns(rows);
}

}  // namespace madoguchi::terminal
