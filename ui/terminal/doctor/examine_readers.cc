#include <algorithm>
#include <span>

#include "sdk/failure/failure.h"
#include "ui/terminal/doctor/examine.h"
#include "ui/terminal/reader_text.h"

namespace madoguchi::terminal::doctor {
namespace {

using namespace check::v1;  // NOLINT: the codes.

constexpr Phrase kCount("{}台が使えます", "{} can be used");
constexpr Phrase kNoneUsable("使えるリーダーがありません（原因は上のとおり）",
                             "none can be used, for what was found above");
constexpr Phrase kOfPlugin("プラグイン: {}", "Plugin: {}");
constexpr Phrase kReader("リーダー: {}", "Reader: {}");
constexpr Phrase kCounters("設定のリーダーはすべてあります",
                           "all readers that they name are there");
constexpr Phrase kNoneNamed("リーダーを指定した窓口はありません", "none of them names a reader");
constexpr Phrase kUnknown("指定したリーダーの有無が、上の原因のため分かりません",
                          "whether the readers that they name are there cannot be told, for what "
                          "was found above");
constexpr Phrase kNotThere("窓口 {} の設定にあるリーダー {} が見つかりません。",
                           "Counter {} names the reader {}, which is not there.");
constexpr Phrase kNear("近い名前のリーダーがあります: {}",
                       "There is one with a name that comes near: {}");
constexpr Phrase kConnect(
    "そのリーダーを接続してください。接続しても変わらないときは、`madoguchi readers` "
    "にある名前と設定ファイルの counter を見比べてください。",
    "Connect that reader. If that changes nothing, compare the names of `madoguchi readers` with "
    "the counter in the configuration.");
constexpr Phrase kSeeNames(
    "`madoguchi readers` で今ある名前を確かめ、設定ファイルの counter を直してください。",
    "See the names with `madoguchi readers`, and mend the counter in the configuration.");
constexpr Phrase kNoCard(
    "カードは置かれていません。置いてからもう一度実行すると、カードも調べます。",
    "no card lies there; lay one down and run this again to examine it too");
constexpr Phrase kMyNumberCard("{} のカードはマイナンバーカードです",
                               "a My Number Card lies on {}");
constexpr Phrase kInCheck("カードは確認中です", "a check is using the card");
constexpr Phrase kMoved("調べている間に状態が変わりました。もう一度実行してください。",
                        "it changed while it was examined; run this again");
constexpr Phrase kFreeCard(
    "カードを使っているほかのソフトを終了してください。"
    "心当たりがなければ、カードが応答していないので、置き直してください。",
    "Close the other program that uses the card. If there is none the card does not answer: lay it "
    "down anew.");

// What the host says of a card that a check has, and of one that it cannot look at for the moment
// (host/check/reader_table.cc, card_look.cc). Whoever else has the card keeps checks from it, too.
constexpr const char* kOfCheck[] = {"a check has it", "a check has taken it meanwhile"};
constexpr const char* kForTheMoment[] = {"somebody looks at it already",
                                         "the reader's plugin is being replaced just now"};

bool IsAmong(std::span<const char* const> texts, const std::string& text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

bool IsSet(const Failure& failure) { return failure.code() != FAILURE_CODE_UNSPECIFIED; }

bool IsOfService(FailureCode code) {
  return code == FAILURE_CODE_READER_SERVICE_DOWN ||
         code == FAILURE_CODE_BLUETOOTH_ADAPTER_ABSENT || code == FAILURE_CODE_BLUETOOTH_OFF;
}

// Whether a finding is of what the plugin's readers hang on.
bool IsOfWhatItHangsOn(const Finding& finding, const std::string& plugin, const HostSeen& host) {
  const std::string& id = finding.examined();
  return (id == "pcsc" && HasPermission(host, plugin, "pcscd")) ||
         (id == "usb" &&
          (HasPermission(host, plugin, "pcscd") || HasPermission(host, plugin, "usb"))) ||
         (id == "bluetooth" && HasPermission(host, plugin, "bluetooth"));
}

// Whether what was found already shows why `plugin` says `code`, of `reader` or, where that is
// empty, of itself. The same code of another reader is another trouble.
bool IsExplained(FailureCode code, const std::string& plugin, const std::string& reader,
                 const HostSeen& host, const Diagnosis& before) {
  return std::any_of(before.finding().begin(), before.finding().end(), [&](const Finding& finding) {
    const bool same = finding.failure().code() == code;
    if (IsOfWhatItHangsOn(finding, plugin, host)) {
      return same || (IsOfService(code) && finding.examined() != "usb");
    }
    // Readers at a port are named after it.
    return same && finding.plugin() == plugin && reader.ends_with(finding.place());
  });
}

// Whether anything was found of `plugin` or of what its readers hang on.
bool IsFound(const std::string& plugin, const HostSeen& host, const Diagnosis& before) {
  return std::any_of(before.finding().begin(), before.finding().end(), [&](const Finding& finding) {
    return finding.plugin() == plugin || IsOfWhatItHangsOn(finding, plugin, host) ||
           finding.failure().code() == FAILURE_CODE_NO_READER;
  });
}

// Whether the configuration names `plugin`.
bool IsConfigured(const HostSeen& host, const std::string& plugin) {
  const auto& sources = host.readers->source();
  if (!host.plugins.ok()) {
    return std::any_of(sources.begin(), sources.end(),
                       [&](const auto& source) { return source.plugin() == plugin; });
  }
  return std::any_of(
      host.plugins->plugin().begin(), host.plugins->plugin().end(), [&](const auto& row) {
        return row.name() == plugin && row.state() != desk::v1::PluginRow::STATE_UNUSED;
      });
}

bool IsUp(const HostSeen& host, const std::string& plugin) {
  return std::any_of(
      host.readers->source().begin(), host.readers->source().end(), [&](const auto& source) {
        return source.plugin() == plugin && source.service() == reader::v1::SERVICE_RUNNING;
      });
}

std::string PlaceOf(const desk::v1::ReaderRow& row) {
  return row.plugin() + "/" + row.state().name();
}

}  // namespace

Part ExamineReaders(const Seen& seen, const Diagnosis& before) {
  const HostSeen& host = seen.host;
  if (!host.host.ok()) return NotAnswered(host.host.status());
  if (!host.readers.ok()) return NotAnswered(host.readers.status());
  std::vector<Finding> findings;
  for (const auto& source : host.readers->source()) {
    const Failure trouble = TroubleOf(source);
    if (!IsSet(trouble) || IsExplained(trouble.code(), source.plugin(), "", host, before)) continue;
    findings.push_back(
        Of(source.plugin(), "",
           Found(trouble.code(), Both(kOfPlugin, {source.plugin()}), Nothing(), trouble.detail())));
  }
  int usable = 0;
  bool troubled = false;
  for (const auto& row : host.readers->reader()) {
    const Failure& trouble = row.state().trouble();
    usable += !IsSet(trouble);
    troubled = troubled || IsSet(trouble);
    const std::string place = PlaceOf(row);
    if (!IsSet(trouble) || IsExplained(trouble.code(), row.plugin(), place, host, before)) continue;
    findings.push_back(
        Of(row.plugin(), place,
           Found(trouble.code(), Both(kReader, {place}), Nothing(), trouble.detail())));
  }
  const bool explained = before.finding_size() > 0 || !findings.empty() || troubled;
  if (usable == 0 && !explained) findings.push_back(Found(FAILURE_CODE_NO_READER, Nothing()));
  return Judged(std::move(findings),
                usable == 0 ? NotExamined(kNoneUsable) : Well(kCount, {std::to_string(usable)}));
}

Part ExamineCounters(const Seen& seen, const Diagnosis& before) {
  const HostSeen& host = seen.host;
  if (!host.host.ok()) return NotAnswered(host.host.status());
  if (!host.readers.ok()) return NotAnswered(host.readers.status());
  if (!host.counters.ok()) return NotAnswered(host.counters.status());
  std::vector<std::string> there;
  for (const auto& row : host.readers->reader()) there.push_back(PlaceOf(row));
  std::vector<Finding> findings;
  bool any = false, unknown = false;
  for (const auto& counter : host.counters->row()) {
    for (const std::string& named : counter.reader()) {
      any = true;
      if (std::count(there.begin(), there.end(), named) > 0) continue;
      // Not one that it names already.
      std::vector<std::string> others = there;
      std::erase_if(others, [&](const std::string& other) {
        return std::count(counter.reader().begin(), counter.reader().end(), other) > 0;
      });
      const std::string nearest = Nearest(named, others);
      // While its plugin does not run nobody knows, and why a reader is gone may have been found.
      const std::string plugin = named.substr(0, named.find('/'));
      const bool down = IsConfigured(host, plugin) && !IsUp(host, plugin);
      if (down || IsFound(plugin, host, before)) {
        unknown = true;
        continue;
      }
      Finding finding = Found(FAILURE_CODE_READER_UNKNOWN, Both(kNotThere, {counter.name(), named}),
                              nearest.empty() ? Both(kConnect) : Both(kSeeNames));
      if (!nearest.empty()) {
        const Text near = Both(kNear, {nearest});
        finding.mutable_seen()->set_ja(finding.seen().ja() + near.ja());
        finding.mutable_seen()->set_en(finding.seen().en() + " " + near.en());
      }
      findings.push_back(std::move(finding));
    }
  }
  if (!any) return NotUsed(kNoneNamed);
  return Judged(std::move(findings), unknown ? NotExamined(kUnknown) : Well(kCounters));
}

Part ExamineCards(const Seen& seen, const Diagnosis&) {
  const HostSeen& host = seen.host;
  if (!host.host.ok()) return NotAnswered(host.host.status());
  if (!host.readers.ok()) return NotAnswered(host.readers.status());
  std::vector<Finding> findings;
  std::string good;
  bool any = false, moved = false;
  for (const auto& row : host.readers->reader()) {
    const reader::v1::ReaderState& state = row.state();
    const std::string place = PlaceOf(row);
    const auto find = [&](FailureCode code, const std::string& detail = "") {
      const bool busy = code == FAILURE_CODE_CARD_BUSY;
      findings.push_back(
          Found(code, Both(kReader, {place}), busy ? Both(kFreeCard) : Nothing(), detail));
    };
    if (state.busy()) find(FAILURE_CODE_CARD_BUSY);
    if (state.presence() == reader::v1::PRESENCE_UNPOWERED) find(FAILURE_CODE_CARD_UNPOWERED);
    if (state.presence() != reader::v1::PRESENCE_PRESENT || state.busy()) continue;
    any = true;
    const auto card = host.cards.find(place);
    if (card == host.cards.end()) continue;
    if (!card->second.ok()) {
      const Failure why = FailureOf(card->second.status(), FAILURE_CODE_UNSPECIFIED);
      const bool busy = why.code() == FAILURE_CODE_CARD_BUSY;
      if (busy && (row.taken() || IsAmong(kOfCheck, why.detail()))) continue;
      if (why.code() == FAILURE_CODE_CARD_GONE || why.code() == FAILURE_CODE_READER_LOST ||
          (busy && IsAmong(kForTheMoment, why.detail()))) {
        moved = true;
        continue;
      }
      if (why.code() == FAILURE_CODE_ROLE_FORBIDDEN || !IsSet(why)) {
        return NotAnswered(card->second.status());
      }
      find(why.code(), why.detail());
      continue;
    }
    switch (*card->second) {
      case desk::v1::CARD_KIND_ANDROID:
      case desk::v1::CARD_KIND_IPHONE:
        find(FAILURE_CODE_PHONE_NOT_READABLE);
        break;
      case desk::v1::CARD_KIND_OTHER:
        find(FAILURE_CODE_NOT_MY_NUMBER_CARD);
        break;
      default:
        good += (good.empty() ? "" : ", ") + place;
    }
  }
  if (!any) return Judged(std::move(findings), NotUsed(kNoCard));
  if (moved) return Judged(std::move(findings), NotExamined(kMoved));
  return Judged(std::move(findings), good.empty() ? Well(kInCheck) : Well(kMyNumberCard, {good}));
}

}  // namespace madoguchi::terminal::doctor
