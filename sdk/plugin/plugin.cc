#include "sdk/plugin/plugin.h"

#include <charconv>

namespace madoguchi::plugin {

absl::StatusOr<std::string> Settings::Text(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) {
    return absl::InvalidArgumentError("setting " + name + " is not declared in plugin.textproto");
  }
  return found->second;
}

absl::StatusOr<int64_t> Settings::Integer(const std::string& name, int64_t least,
                                          int64_t most) const {
  const auto text = Text(name);
  if (!text.ok()) return text.status();
  int64_t value = 0;
  const char* const end = text->data() + text->size();
  const auto [at, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc() || at != end || value < least || value > most) {
    return absl::InvalidArgumentError("setting " + name + " is \"" + *text + "\"; expected " +
                                      std::to_string(least) + " to " + std::to_string(most));
  }
  return value;
}

absl::StatusOr<bool> Settings::Boolean(const std::string& name) const {
  const auto text = Text(name);
  if (!text.ok()) return text.status();
  if (*text == "true") return true;
  if (*text == "false") return false;
  return absl::InvalidArgumentError("setting " + name + " is \"" + *text +
                                    "\"; expected true or false");
}

}  // namespace madoguchi::plugin
