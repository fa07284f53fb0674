#include "readers/pcsc/pin_pad.h"

#include <reader.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <string>

#include "readers/pcsc/pcsc_failure.h"

namespace madoguchi::pcsc {
namespace {

using namespace check::v1;  // NOLINT: the failure codes.

constexpr size_t kTemplateSize = 5;
constexpr size_t kHeadSize = 2;  // of a TLV
constexpr size_t kCodeSize = 4;
constexpr uint8_t kLongestPin = 16;
// ASCII, left justified, the PIN at byte 0 of the data.
constexpr uint8_t kFormat = 0x82;
// The PIN is as long as it was typed, and its length stands nowhere but in Lc.
constexpr uint8_t kBlock = 0x00;
constexpr uint8_t kLengthFormat = 0x00;
constexpr uint8_t kOnKey = 0x02;  // the person presses the key that ends it
constexpr uint8_t kDefaultMessage = 0xFF;
constexpr uint8_t kNoMessage = 0x00;
constexpr uint16_t kEnglish = 0x0409;  // what displays of pads can do everywhere

// Feature lists and properties are short; MAX_BUFFER_SIZE is a short R-APDU's.
using Answer = std::array<uint8_t, MAX_BUFFER_SIZE>;

absl::Status NoPad(const char* why) { return absl::UnimplementedError(why); }

// A driver that knows no such code.
bool IsUnknownCode(LONG result) {
  return result == SCARD_E_UNSUPPORTED_FEATURE || result == SCARD_E_NOT_TRANSACTED ||
         result == SCARD_E_INVALID_PARAMETER || result == SCARD_E_INVALID_VALUE;
}

PadProperties AskProperties(PcscApi& api, SCARDHANDLE card, const PadFeatures& features) {
  PadProperties properties;
  Answer answer;
  DWORD size = answer.size();
  if (features.tlv_properties != 0 &&
      api.Control(card, features.tlv_properties, {}, answer, &size) == SCARD_S_SUCCESS) {
    properties = ParseTlvProperties(std::span(answer).first(std::min<size_t>(size, answer.size())));
  }
  size = answer.size();
  if (!properties.display && features.pin_properties != 0 &&
      api.Control(card, features.pin_properties, {}, answer, &size) == SCARD_S_SUCCESS) {
    properties.display =
        ParsePinProperties(std::span(answer).first(std::min<size_t>(size, answer.size()))).display;
  }
  return properties;
}

}  // namespace

PadFeatures ParseFeatures(std::span<const uint8_t> list) {
  PadFeatures features;
  while (!list.empty()) {
    if (list.size() < kHeadSize + kCodeSize || list[1] != kCodeSize) return {};
    DWORD code = 0;
    for (const uint8_t byte : list.subspan(kHeadSize, kCodeSize)) code = code << 8 | byte;
    DWORD* const field = list[0] == FEATURE_VERIFY_PIN_DIRECT    ? &features.verify_direct
                         : list[0] == FEATURE_IFD_PIN_PROPERTIES ? &features.pin_properties
                         : list[0] == FEATURE_GET_TLV_PROPERTIES ? &features.tlv_properties
                                                                 : nullptr;
    if (field != nullptr && *field == 0) *field = code;
    list = list.subspan(kHeadSize + kCodeSize);
  }
  return features;
}

PadProperties ParseTlvProperties(std::span<const uint8_t> list) {
  PadProperties properties;
  while (list.size() >= kHeadSize && list.size() - kHeadSize >= list[1]) {
    const auto value = list.subspan(kHeadSize, list[1]);
    if (list[0] == PCSCv2_PART10_PROPERTY_wLcdLayout && value.size() == 2) {
      properties.display = value[0] != 0 || value[1] != 0;
    } else if (list[0] == PCSCv2_PART10_PROPERTY_bMinPINSize && value.size() == 1) {
      properties.shortest = value[0];
    } else if (list[0] == PCSCv2_PART10_PROPERTY_bMaxPINSize && value.size() == 1) {
      properties.longest = value[0];
    }
    list = list.subspan(kHeadSize + value.size());
  }
  return properties;
}

PadProperties ParsePinProperties(std::span<const uint8_t> structure) {
  PadProperties properties;
  if (structure.size() == sizeof(PIN_PROPERTIES_STRUCTURE)) {
    properties.display = structure[0] != 0 || structure[1] != 0;
  }
  return properties;
}

absl::StatusOr<std::vector<uint8_t>> VerifyStructure(std::span<const uint8_t> apdu_template,
                                                     uint32_t pin_offset,
                                                     const reader::v1::PadForm& form,
                                                     const PadProperties& properties,
                                                     const PadRule& rule) {
  if (apdu_template.size() != kTemplateSize || pin_offset != kTemplateSize ||
      apdu_template.back() != 0) {
    return FailureStatus(FAILURE_CODE_REQUEST_INVALID,
                         "a pad takes CLA INS P1 P2 Lc with Lc = 0, and the PIN at offset 5");
  }
  uint32_t shortest = form.shortest(), longest = form.longest();
  // A pad's limits, where it is one: some say 0, or more at the least than at the most.
  const uint32_t at_least = std::max<uint32_t>(shortest, properties.shortest.value_or(0));
  const uint32_t at_most = std::min<uint32_t>(longest, properties.longest.value_or(kLongestPin));
  if (at_least <= at_most) {
    shortest = at_least;
    longest = at_most;
  }
  shortest = rule.shortest.value_or(std::min<uint32_t>(shortest, kLongestPin));
  longest = rule.longest.value_or(std::min<uint32_t>(longest, kLongestPin));
  // Where the clinic gave one of them, the other follows it; PadRules takes no two that cross.
  if (!rule.shortest) shortest = std::min(shortest, longest);
  if (!rule.longest) longest = std::max(shortest, longest);
  const bool display = properties.display.value_or(true);
  const auto data = rule.lc ? apdu_template : apdu_template.first(kTemplateSize - 1);

  PIN_VERIFY_STRUCTURE structure{};
  structure.bTimerOut = rule.timeout.value_or(std::min<uint32_t>(form.patience_s(), 0xFF));
  structure.bTimerOut2 = structure.bTimerOut;
  structure.bmFormatString = rule.format.value_or(kFormat);
  structure.bmPINBlockString = rule.block.value_or(kBlock);
  structure.bmPINLengthFormat = rule.length_format.value_or(kLengthFormat);
  // In the byte order of this machine, as all of it: drivers for pcscd expect that.
  structure.wPINMaxExtraDigit = static_cast<uint16_t>(shortest << 8 | longest);
  structure.bEntryValidationCondition = rule.validation.value_or(kOnKey);
  structure.bNumberMessage = rule.messages.value_or(display ? kDefaultMessage : kNoMessage);
  structure.wLangId = rule.language.value_or(kEnglish);
  structure.ulDataLength = static_cast<uint32_t>(data.size());
  constexpr size_t kFixed = offsetof(PIN_VERIFY_STRUCTURE, abData);
  std::vector<uint8_t> bytes(kFixed + data.size());
  std::memcpy(bytes.data(), &structure, kFixed);
  std::copy(data.begin(), data.end(), bytes.begin() + kFixed);
  return bytes;
}

absl::Status PadFailure(std::span<const uint8_t> response) {
  if (response.size() != 2) return absl::OkStatus();
  switch (response[0] << 8 | response[1]) {
    case 0x6400:
      return FailureStatus(FAILURE_CODE_PIN_NOT_TYPED, "at the pad: 6400");
    case 0x6401:
      return FailureStatus(FAILURE_CODE_PIN_PAD_CANCELLED, "at the pad: 6401");
    case 0x6402:
    case 0x6403:
      return FailureStatus(FAILURE_CODE_PIN_FORM, "at the pad: 6402 or 6403");
    case 0x6B80:
      return FailureStatus(FAILURE_CODE_REQUEST_INVALID,
                           "the pad does not take these values (6B80): see the setting pads");
    default:
      return absl::OkStatus();
  }
}

absl::Status PadFailure(LONG result) {
  const std::string detail = "at the pad: " + PcscResultName(result);
  switch (result) {
    case SCARD_E_TIMEOUT:
      return FailureStatus(FAILURE_CODE_PIN_NOT_TYPED, detail);
    case SCARD_E_CANCELLED:
    case SCARD_W_CANCELLED_BY_USER:
      return FailureStatus(FAILURE_CODE_PIN_PAD_CANCELLED, detail);
    default:
      return absl::OkStatus();
  }
}

LONG AskFeatures(PcscApi& api, SCARDHANDLE card, PadFeatures* features) {
  *features = {};
  Answer answer;
  DWORD size = answer.size();
  const LONG result = api.Control(card, CM_IOCTL_GET_FEATURE_REQUEST, {}, answer, &size);
  if (IsUnknownCode(result)) return SCARD_S_SUCCESS;
  if (result != SCARD_S_SUCCESS) return result;
  *features = ParseFeatures(std::span(answer).first(std::min<size_t>(size, answer.size())));
  return SCARD_S_SUCCESS;
}

absl::StatusOr<std::vector<uint8_t>> VerifyAtPad(PcscApi& api, SCARDHANDLE card,
                                                 std::span<const uint8_t> apdu_template,
                                                 uint32_t pin_offset,
                                                 const reader::v1::PadForm& form,
                                                 const PadRule& rule) {
  if (rule.off) return NoPad("the setting pads says that this reader's pad is not to be used");
  PadFeatures features;
  LONG result = AskFeatures(api, card, &features);
  if (result != SCARD_S_SUCCESS) return PcscFailure("SCardControl", result);
  if (features.verify_direct == 0) return NoPad("this reader has no PIN pad");
  const PadProperties properties = AskProperties(api, card, features);
  const auto structure = VerifyStructure(apdu_template, pin_offset, form, properties, rule);
  if (!structure.ok()) return structure.status();
  Answer answer;
  DWORD size = answer.size();
  result = api.Control(card, features.verify_direct, *structure, answer, &size);
  if (result == SCARD_E_UNSUPPORTED_FEATURE) return NoPad("this reader's pad does not take VERIFY");
  if (absl::Status failure = PadFailure(result); !failure.ok()) return failure;
  if (result != SCARD_S_SUCCESS) return PcscFailure("SCardControl", result);
  size = std::min<DWORD>(size, answer.size());
  if (size < 2) return FailureStatus(FAILURE_CODE_CARD_GONE, "no SW1 SW2: pulled at the pad");
  const auto response = std::span(answer).first(size);
  if (absl::Status failure = PadFailure(response); !failure.ok()) return failure;
  return std::vector<uint8_t>(response.begin(), response.end());
}

}  // namespace madoguchi::pcsc
