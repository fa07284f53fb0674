#include <cstdint>
#include <cstdlib>
#include <string>

#include "host/play/script.h"

// Whatever stands in a script, it is read or refused with a place.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto script = madoguchi::play::ParseScript(text, "fuzz.textproto");
  if (script.ok() && (script->act().empty() || script->method().empty())) std::abort();
  if (!script.ok() && script.status().message().find("fuzz.textproto") != 0) std::abort();
  return 0;
}
