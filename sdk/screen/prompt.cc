#include "sdk/screen/prompt.h"

#include "sdk/failure/failure.h"
#include "sdk/secret/seal.h"

namespace madoguchi::screen {

absl::StatusOr<desk::v1::SealedPin> SealToPrompt(Secret pin, const desk::v1::View& view,
                                                 const std::string& host_public_key) {
  const desk::v1::PinPrompt& prompt = view.pin_prompt();
  absl::StatusOr<desk::v1::SealedPin> sealed = FailureStatus(check::v1::FAILURE_CODE_PIN_FORM);
  if (!host_public_key.empty() && !IsPromptOf(host_public_key, prompt, view.check_id())) {
    sealed = FailureStatus(check::v1::FAILURE_CODE_HOST_FOREIGN,
                           "the prompt is not signed by the pinned host key");
  } else if (HasForm(pin, prompt.form())) {
    sealed = SealPin(pin, prompt, view.check_id());
  }
  pin.Wipe();
  WipeStackBelow();
  return sealed;
}

}  // namespace madoguchi::screen
