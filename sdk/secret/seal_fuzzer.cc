// What a screen sends as a sealed PIN is a stranger's bytes.
#include "sdk/secret/seal.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto* const key = madoguchi::PromptKey::Make()->release();
  madoguchi::desk::v1::SealedPin sealed;
  const bool framed = size > 0 && data[0] % 2 == 0;
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (framed) {
    sealed.set_prompt_id(key->prompt_id());
    sealed.set_ephemeral_public_key(text.substr(0, 65));
    sealed.set_ciphertext(size > 65 ? text.substr(65, 33) : "");
  } else if (!sealed.ParseFromString(text)) {
    return 0;
  }
  if (key->Open(sealed, "00112233445566778899aabbccddeeff").ok()) __builtin_trap();
  return 0;
}
