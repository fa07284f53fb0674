#include "readers/pcsc/reader_facts.h"

#include <reader.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "readers/pcsc/pin_pad.h"
#include "sdk/failure/plain_line.h"

namespace madoguchi::pcsc {
namespace {

constexpr size_t kLongestMaker = 64;
// The upper half of a channel id (PC/SC part 3, SCARD_ATTR_CHANNEL_ID).
constexpr uint32_t kSerial = 0x0001, kUsb = 0x0020;

std::string MakerOf(PcscApi& api, SCARDHANDLE card) {
  std::array<uint8_t, kLongestMaker> value;
  DWORD size = 0;
  if (api.GetAttrib(card, SCARD_ATTR_VENDOR_NAME, value, &size) != SCARD_S_SUCCESS) return "";
  const auto end = value.begin() + std::min<size_t>(size, value.size());
  return PlainLine(std::string(value.begin(), std::find(value.begin(), end, 0)));
}

reader::v1::Link LinkOf(PcscApi& api, SCARDHANDLE card) {
  uint32_t channel = 0;  // in the byte order of this machine
  std::array<uint8_t, sizeof(channel)> value;
  DWORD size = 0;
  if (api.GetAttrib(card, SCARD_ATTR_CHANNEL_ID, value, &size) != SCARD_S_SUCCESS ||
      size != value.size()) {
    return reader::v1::LINK_UNSPECIFIED;
  }
  std::memcpy(&channel, value.data(), value.size());
  return channel >> 16 == kUsb      ? reader::v1::LINK_USB
         : channel >> 16 == kSerial ? reader::v1::LINK_SERIAL
                                    : reader::v1::LINK_UNSPECIFIED;
}

}  // namespace

std::optional<ReaderFacts> AskReader(PcscApi& api, const std::string& reader) {
  SCARDCONTEXT context;
  if (api.EstablishContext(&context) != SCARD_S_SUCCESS) return std::nullopt;
  std::optional<ReaderFacts> facts;
  SCARDHANDLE card;
  if (api.ConnectDirect(context, reader, &card) == SCARD_S_SUCCESS) {
    PadFeatures features;
    if (AskFeatures(api, card, &features) == SCARD_S_SUCCESS) {
      facts = ReaderFacts{features.verify_direct != 0, MakerOf(api, card), LinkOf(api, card)};
    }
    api.Disconnect(card, SCARD_LEAVE_CARD);
  }
  api.ReleaseContext(context);
  return facts;
}

}  // namespace madoguchi::pcsc
