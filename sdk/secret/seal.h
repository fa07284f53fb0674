#ifndef MADOGUCHI_SDK_SECRET_SEAL_H_
#define MADOGUCHI_SDK_SECRET_SEAL_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "madoguchi/desk/v1/desk.pb.h"
#include "sdk/secret/secret.h"

// How a PIN travels from a screen to the host: sealed to a key of one prompt (ECDH P-256,
// HKDF-SHA-256, AES-256-GCM; the layout stands at desk.v1.PinPrompt). Both ends are here, so that
// they cannot drift apart.
namespace madoguchi {

// The longest PIN, in characters.
inline constexpr size_t kLongestPin = 16;

// Whether `pin` has the form; nothing else is said about it.
bool HasForm(const Secret& pin, const check::v1::PinForm& form);

// Seals `pin` (1..16 bytes) to `prompt` for the check `check_id`.
// INVALID_ARGUMENT when the prompt's key is not a point of the curve or the PIN is too long.
absl::StatusOr<desk::v1::SealedPin> SealPin(const Secret& pin, const desk::v1::PinPrompt& prompt,
                                            const std::string& check_id);

// The host's half: the private key of one prompt. It opens what was sealed to it, and is wiped with
// the object. Not thread-safe.
class PromptKey {
 public:
  // A fresh key and a fresh prompt id. INTERNAL when OpenSSL has no randomness to give.
  static absl::StatusOr<std::unique_ptr<PromptKey>> Make();
  ~PromptKey();
  PromptKey(const PromptKey&) = delete;
  PromptKey& operator=(const PromptKey&) = delete;

  const std::string& prompt_id() const { return prompt_id_; }    // 16 bytes
  const std::string& public_key() const { return public_key_; }  // 65 bytes

  // The PIN. PIN_SEAL_INVALID for anything that was not sealed to this key, this prompt and this
  // check; which of them was wrong is not said.
  absl::StatusOr<Secret> Open(const desk::v1::SealedPin& sealed, const std::string& check_id) const;

 private:
  PromptKey() = default;
  struct Key;
  std::unique_ptr<Key> key_;
  std::string prompt_id_;
  std::string public_key_;
};

// What the host key signs so that a screen knows whose prompt it is.
std::string PromptText(const desk::v1::PinPrompt& prompt, const std::string& check_id);

// True when `prompt` was signed by the key `host_public_key` (SubjectPublicKeyInfo, DER).
bool IsPromptOf(const std::string& host_public_key, const desk::v1::PinPrompt& prompt,
                const std::string& check_id);

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_SECRET_SEAL_H_
