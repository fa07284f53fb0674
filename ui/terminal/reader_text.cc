#include "ui/terminal/reader_text.h"

#include <optional>
#include <vector>

#include "ui/terminal/screen.h"
#include "ui/terminal/text.h"
#include "ui/terminal/width.h"

namespace madoguchi::terminal {
namespace {

constexpr Phrase kReader("リーダー（メーカー）", "READER (MAKER)");
constexpr Phrase kLink("接続", "LINK");
constexpr Phrase kState("状態", "STATE");
constexpr Phrase kBattery("電池", "BATT");
constexpr Phrase kSince("いつから", "SINCE");
constexpr Phrase kNoReaders("カードリーダーがありません。", "There is no card reader.");
constexpr Phrase kAbsent("カードなし", "no card");
constexpr Phrase kPresent("カードあり", "card");
constexpr Phrase kLying("カードあり（置いたまま）", "card, from before");
constexpr Phrase kUnpowered("カードを起動できない", "card does not wake");
constexpr Phrase kBusy("ほかのソフトが使用中", "held by another program");
constexpr Phrase kUnknown("状態不明", "state not known");
constexpr Phrase kNamed("{}（{}）", "{} ({})");

constexpr Phrase kMyNumberCard("マイナンバーカード", "My Number Card");
constexpr Phrase kAndroid("Android スマートフォン", "Android phone");
constexpr Phrase kIphone("iPhone", "iPhone");
constexpr Phrase kOtherCard("ほかのカード", "another card");

constexpr Phrase kUsb("USB", "USB");
constexpr Phrase kSerial("シリアル", "serial");
constexpr Phrase kBluetooth("Bluetooth", "Bluetooth");
constexpr Phrase kSocket("仮想", "virtual");

// Columns: 26 + 9 + 20 + 4 + 11, and two between each.
const std::vector<int> kWidths = {26, 9, 20, 4, 11};

const Phrase& PresencePhrase(const reader::v1::ReaderState& state) {
  if (state.busy()) return kBusy;
  switch (state.presence()) {
    case reader::v1::PRESENCE_PRESENT:
      return state.lying() ? kLying : kPresent;
    case reader::v1::PRESENCE_UNPOWERED:
      return kUnpowered;
    case reader::v1::PRESENCE_ABSENT:
      return kAbsent;
    default:
      return kUnknown;
  }
}

bool IsSet(const check::v1::Failure& failure) {
  return failure.code() != check::v1::FAILURE_CODE_UNSPECIFIED;
}

std::string StateText(const desk::v1::ReaderRow& row, Language language) {
  const reader::v1::ReaderState& state = row.state();
  if (IsSet(state.trouble())) return In(WithTexts(state.trouble()).happened(), language);
  const std::string presence = PresencePhrase(state).In(language);
  const std::string kind = CardKindText(row.card(), language);
  const bool present = !state.busy() && state.presence() == reader::v1::PRESENCE_PRESENT;
  return present && !kind.empty() ? presence + ": " + kind : presence;
}

// Of RFC 3339, UTC.
std::optional<std::time_t> TimeOf(const std::string& text) {
  std::tm utc{};
  const char* const end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return timegm(&utc);
}

std::string Formatted(const std::tm& wall, const char* form) {
  char shown[32];
  return std::string(shown, std::strftime(shown, sizeof(shown), form, &wall));
}

std::string NameText(const desk::v1::ReaderRow& row, Language language) {
  const std::string name = Printable(row.plugin() + "/" + row.state().name());
  const std::string& maker = row.state().maker();
  // Many drivers name the reader by its maker: that is not said twice.
  if (maker.empty() || row.state().name().find(maker) != std::string::npos) return name;
  return Fill(kNamed, language, {row.plugin() + "/" + row.state().name(), maker});
}

}  // namespace

std::string CardKindText(desk::v1::CardKind kind, Language language) {
  switch (kind) {
    case desk::v1::CARD_KIND_MY_NUMBER_CARD:
      return kMyNumberCard.In(language);
    case desk::v1::CARD_KIND_ANDROID:
      return kAndroid.In(language);
    case desk::v1::CARD_KIND_IPHONE:
      return kIphone.In(language);
    case desk::v1::CARD_KIND_OTHER:
      return kOtherCard.In(language);
    default:
      return "";
  }
}

std::string LinkText(reader::v1::Link link, Language language) {
  switch (link) {
    case reader::v1::LINK_USB:
      return kUsb.In(language);
    case reader::v1::LINK_SERIAL:
      return kSerial.In(language);
    case reader::v1::LINK_BLUETOOTH:
      return kBluetooth.In(language);
    case reader::v1::LINK_SOCKET:
      return kSocket.In(language);
    default:
      return "";
  }
}

std::string WallTime(const std::string& text, std::time_t now) {
  const auto time = TimeOf(text);
  if (!time) return Printable(text);
  std::tm wall{}, today{};
  localtime_r(&*time, &wall);
  localtime_r(&now, &today);
  const bool this_year = wall.tm_year == today.tm_year;
  const char* const form = this_year && wall.tm_yday == today.tm_yday ? "%H:%M:%S"
                           : this_year                                ? "%m-%d %H:%M"
                                                                      : "%Y-%m-%d";
  return Formatted(wall, form);
}

std::string LocalTime(const std::string& text) {
  const auto time = TimeOf(text);
  if (!time) return Printable(text);
  std::tm wall{};
  localtime_r(&*time, &wall);
  return Formatted(wall, "%Y-%m-%d %H:%M:%S");
}

std::string ReaderTableText(const desk::v1::ReaderTable& table, Language language,
                            std::time_t now) {
  std::string text;
  if (table.reader_size() == 0) {
    text += std::string(kNoReaders.In(language)) + "\n";
  } else {
    std::vector<std::vector<std::string>> rows = {{kReader.In(language), kLink.In(language),
                                                   kState.In(language), kBattery.In(language),
                                                   kSince.In(language)}};
    for (const auto& row : table.reader()) {
      const reader::v1::ReaderState& state = row.state();
      rows.push_back(
          {NameText(row, language), LinkText(state.link(), language), StateText(row, language),
           state.has_battery_percent() ? std::to_string(state.battery_percent()) + "%" : "",
           WallTime(row.since(), now)});
    }
    text += WrappedColumns(rows, kWidths);
  }
  for (const auto& source : table.source()) {
    check::v1::Failure trouble = source.trouble();
    if (!IsSet(trouble) && source.service() == reader::v1::SERVICE_DOWN) {
      trouble.set_code(check::v1::FAILURE_CODE_READER_SERVICE_DOWN);
      trouble.set_detail(source.detail());
    }
    if (!IsSet(trouble)) continue;
    text += "\n" + Printable(source.plugin()) + ": " + FailureText(trouble, language);
  }
  return text;
}

}  // namespace madoguchi::terminal
