#include "sdk/sim/bluez/chain.h"

#include <algorithm>
#include <utility>

namespace madoguchi::bluez {

Chain::Taken Chain::Take(uint8_t level, std::span<const uint8_t> data) {
  if (level == kMore) {
    if (!responding_ || !data.empty()) return {Taken::Kind::kWrong};
    return {Taken::Kind::kResponse};
  }
  // A command ends the giving of an earlier response.
  responding_ = false;
  response_.clear();
  const bool begins = level == kWhole || level == kBegins;
  if (level > kMiddle || begins == commanding_ || command_.size() + data.size() > kLongestCommand) {
    Clear();
    return {Taken::Kind::kWrong};
  }
  command_.insert(command_.end(), data.begin(), data.end());
  commanding_ = level == kBegins || level == kMiddle;
  if (commanding_) return {Taken::Kind::kMore};
  return {Taken::Kind::kCommand, std::exchange(command_, {})};
}

Chain::Part Chain::Respond(Bytes response, size_t size) {
  if (size == 0 || response.size() <= size) return {kWhole, std::move(response)};
  response_ = std::move(response);
  size_ = size;
  responding_ = true;
  Part first = *Next();
  first.level = kBegins;
  return first;
}

std::optional<Chain::Part> Chain::Next() {
  if (!responding_) return std::nullopt;
  const size_t size = std::min(size_, response_.size());
  const auto end = response_.begin() + static_cast<ptrdiff_t>(size);
  Part part{.level = kMiddle, .data = Bytes(response_.begin(), end)};
  response_.erase(response_.begin(), end);
  if (response_.empty()) {
    part.level = kEnds;
    responding_ = false;
  }
  return part;
}

void Chain::Clear() {
  command_.clear();
  response_.clear();
  commanding_ = responding_ = false;
}

}  // namespace madoguchi::bluez
