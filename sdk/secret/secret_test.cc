#include "sdk/secret/secret.h"

#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include <sstream>
#include <type_traits>
#include <utility>

#include "sdk/failure/failure.h"
#include "sdk/secret/seal.h"

namespace madoguchi {
namespace {

constexpr char kCheckId[] = "00112233445566778899aabbccddeeff";

template <typename T>
concept Printable = requires(std::ostream& out, const T& value) {
  out << value;
};
static_assert(!Printable<Secret>);
static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);

Secret Pin(const std::string& text) {
  Secret pin = *Secret::OfSize(text.size());
  std::copy(text.begin(), text.end(), pin.bytes().begin());
  return pin;
}

std::string Text(const Secret& secret) { return {secret.bytes().begin(), secret.bytes().end()}; }

struct Prompted {
  std::unique_ptr<PromptKey> key = *PromptKey::Make();
  desk::v1::PinPrompt prompt;
  Prompted() {
    prompt.set_prompt_id(key->prompt_id());
    prompt.set_public_key(key->public_key());
  }
};

TEST(Secret, LivesInTheSecureHeapAndIsEmptyAfterAMove) {
  Secret pin = Pin("1234");
  EXPECT_TRUE(CRYPTO_secure_allocated(pin.bytes().data()));
  Secret moved = std::move(pin);
  EXPECT_TRUE(pin.empty());  // NOLINT: the state after a move is the point.
  EXPECT_EQ(Text(moved), "1234");
  moved.Shrink(2);
  EXPECT_EQ(Text(moved), "12");
  moved.Wipe();
  EXPECT_TRUE(moved.empty());
}

TEST(Secret, RefusesSizesThatAreNotSecrets) {
  EXPECT_FALSE(Secret::OfSize(0).ok());
  EXPECT_FALSE(Secret::OfSize(Secret::kMaxSize + 1).ok());
}

#if defined(__x86_64__) && __has_attribute(zero_call_used_regs)
TEST(Secret, WipingTheStackClearsTheRegisters) {
  const uint64_t before[2] = {0x0123456789abcdef, 0x0123456789abcdef};
  uint64_t after[2] = {1, 1};
  asm volatile("movdqu %0, %%xmm7" : : "m"(before) : "xmm7");
  WipeStackBelow();
  asm volatile("movdqu %%xmm7, %0" : "=m"(after));
  EXPECT_EQ(after[0] | after[1], 0u);
}
#endif

TEST(Seal, OpensWhatWasSealedToIt) {
  for (const std::string text : {"1", "1234", "0123456789ABCDEF"}) {
    Prompted p;
    const auto sealed = SealPin(Pin(text), p.prompt, kCheckId);
    ASSERT_TRUE(sealed.ok());
    EXPECT_EQ(sealed->ciphertext().size(), 33u) << "the length of the PIN must not show";
    const auto opened = p.key->Open(*sealed, kCheckId);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(Text(*opened), text);
  }
}

TEST(Seal, RefusesAnotherCheckPromptOrAnyChangedByte) {
  Prompted p;
  const auto sealed = SealPin(Pin("1234"), p.prompt, kCheckId);
  ASSERT_TRUE(sealed.ok());
  const std::string other_check = "ff112233445566778899aabbccddeeff";
  EXPECT_EQ(CodeOf(p.key->Open(*sealed, other_check).status()),
            check::v1::FAILURE_CODE_PIN_SEAL_INVALID);
  EXPECT_FALSE(Prompted().key->Open(*sealed, kCheckId).ok());
  for (size_t i = 0; i < sealed->ciphertext().size(); ++i) {
    desk::v1::SealedPin changed = *sealed;
    (*changed.mutable_ciphertext())[i] ^= 1;
    EXPECT_FALSE(p.key->Open(changed, kCheckId).ok()) << i;
  }
  for (size_t i = 0; i < sealed->ephemeral_public_key().size(); ++i) {
    desk::v1::SealedPin changed = *sealed;
    (*changed.mutable_ephemeral_public_key())[i] ^= 1;
    EXPECT_FALSE(p.key->Open(changed, kCheckId).ok()) << i;
  }
}

TEST(Seal, RefusesAPromptThatIsNoPoint) {
  Prompted p;
  p.prompt.set_public_key(std::string(65, '\4'));
  EXPECT_FALSE(SealPin(Pin("1234"), p.prompt, kCheckId).ok());
}

TEST(PinForm, SaysOnlyWhetherThePinHasTheForm) {
  check::v1::PinForm four_digits;
  four_digits.set_shortest(4);
  four_digits.set_longest(4);
  four_digits.set_digits(true);
  EXPECT_TRUE(HasForm(Pin("0000"), four_digits));
  for (const std::string bad : {"123", "12345", "12a4", "12 4"}) {
    EXPECT_FALSE(HasForm(Pin(bad), four_digits)) << bad;
  }
  check::v1::PinForm any;
  any.set_shortest(1);
  any.set_longest(16);
  EXPECT_TRUE(HasForm(Pin("aZ9!"), any));
  EXPECT_FALSE(HasForm(Pin("a\n"), any));
}

}  // namespace
}  // namespace madoguchi
