#include <algorithm>

#include "sdk/failure/failure.h"
#include "ui/terminal/doctor/examine.h"
#include "ui/terminal/reader_text.h"

namespace madoguchi::terminal::doctor {
namespace {

using namespace check::v1;  // NOLINT: the codes.

constexpr Phrase kCount("{}台が使えます", "{} can be used");
constexpr Phrase kOfPlugin("プラグイン: {}", "Plugin: {}");
constexpr Phrase kReader("リーダー: {}", "Reader: {}");
constexpr Phrase kCounters("設定のリーダーはすべてあります",
                           "all readers that they name are there");
constexpr Phrase kNotThere("窓口 {} の設定にあるリーダー {} が見つかりません。",
                           "Counter {} names the reader {}, which is not there.");
constexpr Phrase kNear("近い名前のリーダーがあります: {}",
                       "There is one with a name that comes near: {}");
constexpr Phrase kSeeNames(
    "`madoguchi readers` で今ある名前を確かめ、設定ファイルの counter を直してください。",
    "See the names with `madoguchi readers`, and mend the counter in the configuration.");
constexpr Phrase kNoCard(
    "カードは置かれていません。置いてからもう一度実行すると、カードも調べます。",
    "no card lies there; lay one down and run this again to examine it too");
constexpr Phrase kMyNumberCard("{} のカードはマイナンバーカードです",
                               "a My Number Card lies on {}");
constexpr Phrase kInCheck("カードは確認中です", "a check is using the card");

bool IsSet(const Failure& failure) { return failure.code() != FAILURE_CODE_UNSPECIFIED; }

bool IsOfService(FailureCode code) {
  return code == FAILURE_CODE_READER_SERVICE_DOWN ||
         code == FAILURE_CODE_BLUETOOTH_ADAPTER_ABSENT || code == FAILURE_CODE_BLUETOOTH_OFF;
}

// Whether the machine itself has shown why `plugin` says `code`.
bool IsExplained(FailureCode code, const std::string& plugin, const HostSeen& host,
                 const Diagnosis& before) {
  if (Has(before, code)) return true;
  if (!IsOfService(code) || !host.plugins.ok()) return false;
  for (const auto& row : host.plugins->plugin()) {
    if (row.name() != plugin) continue;
    for (const std::string& permission : row.asked()) {
      if (permission == "pcscd" && FoundAt(before, "pcsc")) return true;
      if (permission == "bluetooth" && FoundAt(before, "bluetooth")) return true;
    }
  }
  return false;
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
    Failure trouble = source.trouble();
    if (!IsSet(trouble) && source.service() == reader::v1::SERVICE_DOWN) {
      trouble = Describe(FAILURE_CODE_READER_SERVICE_DOWN, source.detail());
    }
    if (!IsSet(trouble) || IsExplained(trouble.code(), source.plugin(), host, before)) continue;
    findings.push_back(
        Found(trouble.code(), Both(kOfPlugin, {source.plugin()}), Nothing(), trouble.detail()));
  }
  int usable = 0;
  bool troubled = false;
  for (const auto& row : host.readers->reader()) {
    const Failure& trouble = row.state().trouble();
    usable += !IsSet(trouble);
    troubled = troubled || IsSet(trouble);
    if (!IsSet(trouble) || IsExplained(trouble.code(), row.plugin(), host, before)) continue;
    findings.push_back(
        Found(trouble.code(), Both(kReader, {PlaceOf(row)}), Nothing(), trouble.detail()));
  }
  const bool explained = before.finding_size() > 0 || !findings.empty() || troubled;
  if (usable == 0 && !explained) findings.push_back(Found(FAILURE_CODE_NO_READER, Nothing()));
  return Judged(std::move(findings), Well(kCount, {std::to_string(usable)}));
}

Part ExamineCounters(const Seen& seen, const Diagnosis&) {
  const HostSeen& host = seen.host;
  if (!host.host.ok()) return NotAnswered(host.host.status());
  if (!host.readers.ok()) return NotAnswered(host.readers.status());
  if (!host.counters.ok()) return NotAnswered(host.counters.status());
  std::vector<std::string> there;
  for (const auto& row : host.readers->reader()) there.push_back(PlaceOf(row));
  std::vector<Finding> findings;
  for (const auto& counter : host.counters->row()) {
    for (const std::string& named : counter.reader()) {
      if (std::count(there.begin(), there.end(), named) > 0) continue;
      // Not one that it names already.
      std::vector<std::string> others = there;
      std::erase_if(others, [&](const std::string& other) {
        return std::count(counter.reader().begin(), counter.reader().end(), other) > 0;
      });
      const std::string nearest = Nearest(named, others);
      // While its plugin is down nobody knows; that has been found already.
      const std::string plugin = named.substr(0, named.find('/'));
      const bool known = std::any_of(host.readers->source().begin(), host.readers->source().end(),
                                     [&](const auto& one) { return one.plugin() == plugin; });
      if (known && !IsUp(host, plugin)) continue;
      Finding finding = Found(FAILURE_CODE_READER_UNKNOWN, Both(kNotThere, {counter.name(), named}),
                              Both(kSeeNames));
      if (!nearest.empty()) {
        const Text near = Both(kNear, {nearest});
        finding.mutable_seen()->set_ja(finding.seen().ja() + near.ja());
        finding.mutable_seen()->set_en(finding.seen().en() + " " + near.en());
      }
      findings.push_back(std::move(finding));
    }
  }
  return Judged(std::move(findings), Well(kCounters));
}

Part ExamineCards(const Seen& seen, const Diagnosis&) {
  const HostSeen& host = seen.host;
  if (!host.host.ok()) return NotAnswered(host.host.status());
  if (!host.readers.ok()) return NotAnswered(host.readers.status());
  std::vector<Finding> findings;
  std::string good;
  bool any = false;
  for (const auto& row : host.readers->reader()) {
    const reader::v1::ReaderState& state = row.state();
    const std::string place = PlaceOf(row);
    const auto find = [&](FailureCode code, const std::string& detail = "") {
      findings.push_back(Found(code, Both(kReader, {place}), Nothing(), detail));
    };
    if (state.busy()) find(FAILURE_CODE_CARD_BUSY);
    if (state.presence() == reader::v1::PRESENCE_UNPOWERED) find(FAILURE_CODE_CARD_UNPOWERED);
    if (state.presence() != reader::v1::PRESENCE_PRESENT || state.busy()) continue;
    any = true;
    const auto card = host.cards.find(place);
    if (card == host.cards.end()) continue;
    if (!card->second.ok()) {
      const Failure why = FailureOf(card->second.status(), FAILURE_CODE_UNSPECIFIED);
      // It was taken away, or a check took it, while it was asked about.
      const bool moved = why.code() == FAILURE_CODE_CARD_GONE ||
                         why.code() == FAILURE_CODE_CARD_BUSY ||
                         why.code() == FAILURE_CODE_READER_LOST;
      if (why.code() == FAILURE_CODE_ROLE_FORBIDDEN || !IsSet(why)) {
        return NotAnswered(card->second.status());
      }
      if (!moved) find(why.code(), why.detail());
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
  return Judged(std::move(findings), good.empty() ? Well(kInCheck) : Well(kMyNumberCard, {good}));
}

}  // namespace madoguchi::terminal::doctor
