#include "sdk/secret/secret.h"

#include <openssl/crypto.h>

#include <mutex>
#include <utility>

namespace madoguchi {
namespace {

#ifdef MADOGUCHI_KEEP_SECRETS
// The control build of the leak test: what the search must find when nothing is wiped.
constexpr bool kWipe = false;
#else
constexpr bool kWipe = true;
#endif

constexpr size_t kSecureHeapBytes = 64 * 1024;
constexpr size_t kSmallestBlock = 32;

void MakeSecureHeap() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (kWipe && !CRYPTO_secure_malloc_initialized()) {
      CRYPTO_secure_malloc_init(kSecureHeapBytes, kSmallestBlock);
    }
  });
}

}  // namespace

absl::StatusOr<Secret> Secret::OfSize(size_t size) {
  if (size == 0 || size > kMaxSize) {
    return absl::InvalidArgumentError("a secret has 1 to 512 bytes");
  }
  MakeSecureHeap();
  Secret secret;
  secret.data_ = static_cast<uint8_t*>(OPENSSL_secure_zalloc(size));
  if (secret.data_ == nullptr) return absl::ResourceExhaustedError("the secure heap is full");
  secret.size_ = secret.capacity_ = size;
  return secret;
}

Secret::Secret(Secret&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    Wipe();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
  }
  return *this;
}

void Secret::Shrink(size_t size) {
  if (size >= size_) return;
  madoguchi::Wipe({data_ + size, size_ - size});
  size_ = size;
}

void Secret::Wipe() {
  if (data_ == nullptr) return;
  if (kWipe) {
    OPENSSL_secure_clear_free(data_, capacity_);
  } else {
    // Neither wiped nor given back: an allocator that reused the block would hide the leak.
  }
  data_ = nullptr;
  size_ = capacity_ = 0;
}

void Wipe(std::span<uint8_t> bytes) {
  if (kWipe && !bytes.empty()) OPENSSL_cleanse(bytes.data(), bytes.size());
}

#if __has_attribute(zero_call_used_regs)
__attribute__((zero_call_used_regs("all"))) void WipeStackBelow(size_t size);
#endif

__attribute__((noinline)) void WipeStackBelow(size_t size) {
  if (!kWipe) return;
  auto* below = static_cast<uint8_t*>(__builtin_alloca(size));
  OPENSSL_cleanse(below, size);
}

}  // namespace madoguchi
