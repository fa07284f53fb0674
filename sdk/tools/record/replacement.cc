#include "sdk/tools/record/replacement.h"

#include <google/protobuf/text_format.h>

#include <algorithm>
#include <span>
#include <string>

#include "sdk/recording/recording.h"
#include "sdk/tools/record/made_up.h"

namespace madoguchi::record {
namespace {

constexpr size_t kSignatureSize = 256;
// What is shorter stands in other places by chance.
constexpr size_t kTelling = 6;

bool Stands(std::span<const uint8_t> needle, std::span<const uint8_t> hay) {
  return std::search(hay.begin(), hay.end(), needle.begin(), needle.end()) != hay.end();
}

std::span<const uint8_t> BytesOf(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

recording::v1::Exchange Tell(const Exchange& exchange, const Bytes& certificate) {
  using Told = recording::v1::Exchange;
  Told told;
  told.set_took_us(static_cast<uint32_t>(exchange.took.count()));
  Bytes command = exchange.command;
  switch (exchange.role) {
    case Exchange::Role::kVerifyPin:
      told.set_kind(Told::KIND_VERIFY_PIN);
      command.resize(4);
      break;
    case Exchange::Role::kSign:
      told.set_kind(Told::KIND_SIGN);
      command.resize(5);
      break;
    default:
      told.set_kind(Told::KIND_PLAIN);
  }
  told.set_command(recording::ToHex(command));
  told.set_failure(exchange.failure);
  if (exchange.response.size() < 2) return told;
  const size_t size = exchange.response.size() - 2;
  told.set_status(recording::ToHex(std::span(exchange.response).last(2)));
  size_t from_certificate = 0;
  if (exchange.role == Exchange::Role::kCertificate && exchange.offset < certificate.size()) {
    from_certificate = std::min(size, certificate.size() - exchange.offset);
    if (from_certificate > 0) {
      auto& part = *told.add_piece()->mutable_certificate();
      part.set_from(static_cast<uint32_t>(exchange.offset));
      part.set_bytes(static_cast<uint32_t>(from_certificate));
    }
  }
  const bool signs =
      exchange.role == Exchange::Role::kSign || exchange.role == Exchange::Role::kSignRest;
  if (signs && size > 0 && exchange.offset + size <= kSignatureSize) {
    auto& part = *told.add_piece()->mutable_signature();
    part.set_from(static_cast<uint32_t>(exchange.offset));
    part.set_bytes(static_cast<uint32_t>(size));
  } else if (size > from_certificate) {
    told.add_piece()->set_untold(static_cast<uint32_t>(size - from_certificate));
  }
  return told;
}

}  // namespace

absl::StatusOr<recording::v1::Recording> Replace(const Taken& taken, uint16_t number,
                                                 std::chrono::system_clock::time_point now) {
  auto replaced = ReplaceCertificate(taken.certificate, number, now, MakeKeys());
  if (!replaced.ok()) return replaced.status();
  recording::v1::Recording recording;
  recording.set_version(1);
  recording.set_certificate_pem(replaced->certificate_pem);
  recording.set_key_pem(replaced->key_pem);
  recording.set_trust_anchor_pem(replaced->trust_anchor_pem);
  for (const Event& event : taken.events) {
    auto& told = *recording.add_event();
    told.set_after_us(static_cast<uint32_t>(event.after.count()));
    if (const auto* state = std::get_if<reader::v1::ReaderState>(&event.kind)) {
      auto& sight = *told.mutable_sight();
      sight.set_service(reader::v1::SERVICE_RUNNING);
      sight.set_presence(state->presence());
      sight.set_busy(state->busy());
      sight.set_pin_pad(state->pin_pad());
      sight.set_lying(state->lying());
      if (!state->atr().empty()) {
        const Bytes atr = ReplaceAtr(BytesOf(state->atr()));
        sight.set_atr(recording::ToHex(atr));
        if (!Stands(BytesOf(state->atr()), atr)) {
          replaced->taken_out.emplace_back(state->atr().begin(), state->atr().end());
        }
      }
    } else if (const auto* opened = std::get_if<Opened>(&event.kind)) {
      told.mutable_open()->set_failure(opened->failure);
    } else if (const auto* exchange = std::get_if<Exchange>(&event.kind)) {
      *told.mutable_exchange() = Tell(*exchange, taken.certificate);
    } else {
      told.mutable_close();
    }
  }
  // What goes out is looked through for what came in.
  std::string text;
  google::protobuf::TextFormat::PrintToString(recording, &text);
  for (const Bytes& secret : replaced->taken_out) {
    if (secret.size() < kTelling) continue;
    if (Stands(secret, replaced->certificate) || Stands(secret, BytesOf(text)) ||
        text.find(recording::ToHex(secret)) != std::string::npos) {
      return absl::InternalError("something of the card was not replaced: no recording is made");
    }
  }
  return recording;
}

}  // namespace madoguchi::record
