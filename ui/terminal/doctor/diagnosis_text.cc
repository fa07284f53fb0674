#include "ui/terminal/doctor/diagnosis_text.h"

#include <map>
#include <vector>

#include "sdk/failure/failure.h"
#include "ui/terminal/commands.h"
#include "ui/terminal/screen.h"
#include "ui/terminal/text.h"
#include "ui/terminal/width.h"

namespace madoguchi::terminal::doctor {
namespace {

constexpr Phrase kWell("問題なし", "well");
constexpr Phrase kFound("問題あり", "found");
constexpr Phrase kNotExamined("調べていません", "not examined");
constexpr Phrase kNotUsed("対象なし", "not used");
constexpr Phrase kSee("上の {}", "see {} above");
constexpr Phrase kRemedy("対応: ", "What to do: ");
constexpr Phrase kNothingFound("カードが読めない原因は見つかりませんでした。",
                               "Nothing was found that keeps a card from being read.");

constexpr Phrase kHost("窓口システム", "host");
constexpr Phrase kPlugins("プラグイン", "plugins");
constexpr Phrase kPcsc("PC/SC", "PC/SC");
constexpr Phrase kUsb("USB", "USB");
constexpr Phrase kSerial("シリアルポート", "serial ports");
constexpr Phrase kBluetooth("Bluetooth", "Bluetooth");
constexpr Phrase kReaders("リーダー", "readers");
constexpr Phrase kCounters("窓口の設定", "counters");
constexpr Phrase kCards("カード", "cards");
constexpr Phrase kClock("時計", "clock");
constexpr Phrase kAuthority("資格確認のサーバー", "eligibility server");

std::string Label(const std::string& id, Language language) {
  static const std::map<std::string, const Phrase*> kLabels = {
      {"host", &kHost},       {"plugins", &kPlugins},     {"pcsc", &kPcsc},
      {"usb", &kUsb},         {"serial", &kSerial},       {"bluetooth", &kBluetooth},
      {"readers", &kReaders}, {"counters", &kCounters},   {"cards", &kCards},
      {"clock", &kClock},     {"authority", &kAuthority},
  };
  const auto found = kLabels.find(id);
  return found == kLabels.end() ? Printable(id) : found->second->In(language);
}

const Phrase& StatePhrase(Examined::State state) {
  switch (state) {
    case Examined::STATE_WELL:
      return kWell;
    case Examined::STATE_FOUND:
      return kFound;
    case Examined::STATE_NOT_USED:
      return kNotUsed;
    default:
      return kNotExamined;
  }
}

// Which findings are of the examination `id`: 2, 3.
std::string NumbersOf(const Diagnosis& diagnosis, const std::string& id) {
  std::string numbers;
  for (int i = 0; i < diagnosis.finding_size(); ++i) {
    if (diagnosis.finding(i).examined() != id) continue;
    numbers += (numbers.empty() ? "" : ", ") + std::to_string(i + 1);
  }
  return numbers;
}

// Lines of 80 columns, all indented by three.
std::string Indented(const std::string& text) {
  std::string lines;
  for (const std::string& line : WrapTo(text, 77)) lines += "   " + line + "\n";
  return lines;
}

}  // namespace

std::string DiagnosisText(const Diagnosis& diagnosis, Language language) {
  std::string text;
  int number = 0;
  for (const Finding& finding : diagnosis.finding()) {
    const check::v1::Failure failure = WithTexts(finding.failure());
    const std::string head = std::to_string(++number) + ". " + In(failure.happened(), language) +
                             " (" + NameOf(failure.code()) + ")";
    for (const std::string& line : WrapTo(head, 80)) text += line + "\n";
    const std::string seen = In(finding.seen(), language);
    if (!seen.empty()) text += Indented(seen);
    if (!failure.detail().empty()) text += Indented(Printable(failure.detail()));
    // What to do on this machine says more than what to do on any.
    const std::string remedy = In(finding.remedy(), language);
    text += Indented(kRemedy.In(language) +
                     (remedy.empty() ? In(failure.advice(), language) : remedy)) +
            "\n";
  }
  if (number == 0) text += std::string(kNothingFound.In(language)) + "\n\n";
  std::vector<std::vector<std::string>> rows;
  for (const Examined& examined : diagnosis.examined()) {
    std::string note = In(examined.note(), language);
    if (examined.state() == Examined::STATE_FOUND) {
      note = Fill(kSee, language, {NumbersOf(diagnosis, examined.id())});
    }
    rows.push_back(
        {Label(examined.id(), language), StatePhrase(examined.state()).In(language), note});
  }
  text += WrappedColumns(rows, {18, 14, 44});
  for (const check::v1::Text& unseen : diagnosis.unseen()) {
    text += "\n";
    for (const std::string& line : WrapTo(In(unseen, language), 80)) text += line + "\n";
  }
  return text;
}

int ExitOf(const Diagnosis& diagnosis) {
  if (diagnosis.finding_size() > 0) return kExitFound;
  for (const Examined& examined : diagnosis.examined()) {
    if (examined.state() == Examined::STATE_NOT_EXAMINED) return kExitFailed;
  }
  return kExitDone;
}

}  // namespace madoguchi::terminal::doctor
