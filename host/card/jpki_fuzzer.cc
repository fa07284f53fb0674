// A card may answer anything: each input is the sequence of its answers, each with a length byte
// pair before it.
#include <algorithm>

#include "host/card/jpki.h"

namespace {

class Answers final : public madoguchi::CardSession {
 public:
  Answers(const uint8_t* data, size_t size) : rest_(data, size) {}
  absl::StatusOr<std::vector<uint8_t>> Transmit(std::span<const uint8_t>) override {
    if (rest_.size() < 2) return absl::UnavailableError("gone");
    const size_t size = std::min<size_t>(rest_[0] << 8 | rest_[1], rest_.size() - 2);
    std::vector<uint8_t> answer(rest_.begin() + 2, rest_.begin() + 2 + size);
    rest_ = rest_.subspan(2 + size);
    return answer;
  }
  absl::StatusOr<std::vector<uint8_t>> VerifyPin(std::span<const uint8_t> apdu_template,
                                                 madoguchi::Secret*) override {
    return Transmit(apdu_template);
  }

 private:
  std::span<const uint8_t> rest_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto card = madoguchi::Jpki::Select(std::make_unique<Answers>(data, size));
  if (!card.ok()) return 0;
  const auto certificate = card->ReadAuthenticationCertificate();
  if (certificate.ok() && certificate->size() > madoguchi::Jpki::kLongestCertificate) {
    __builtin_trap();
  }
  (void)card->TriesLeft();
  (void)card->VerifyPin(nullptr, "digest");
  (void)card->Sign("digest");
  return 0;
}
