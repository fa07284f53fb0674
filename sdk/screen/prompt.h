#ifndef MADOGUCHI_SDK_SCREEN_PROMPT_H_
#define MADOGUCHI_SDK_SCREEN_PROMPT_H_

#include <string>

#include "absl/status/statusor.h"
#include "madoguchi/desk/v1/desk.pb.h"
#include "sdk/secret/secret.h"

namespace madoguchi::screen {

// Seals `pin` to the prompt of `view`, and wipes it and the stack below in every case.
//
// `host_public_key` is the key that this screen pinned (from its device file); the prompt must be
// signed by it, else HOST_FOREIGN and nothing is sealed. It is empty only for the local socket,
// where the kernel vouched for the server (DeskConnection). PIN_FORM when the PIN has not the form
// that the prompt asks for; no try is spent by it.
absl::StatusOr<desk::v1::SealedPin> SealToPrompt(Secret pin, const desk::v1::View& view,
                                                 const std::string& host_public_key);

}  // namespace madoguchi::screen

#endif  // MADOGUCHI_SDK_SCREEN_PROMPT_H_
