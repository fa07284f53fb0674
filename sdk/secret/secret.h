#ifndef MADOGUCHI_SDK_SECRET_SECRET_H_
#define MADOGUCHI_SDK_SECRET_SECRET_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/statusor.h"

namespace madoguchi {

// A few bytes that nobody may find afterwards: a PIN, a key. The bytes live in OpenSSL's secure
// heap (locked, fenced, left out of core dumps), exist once, and are wiped when the object dies. It
// can be moved and not copied, has no operator<< and no comparison: there is no way to print it.
// Not thread-safe; one owner at a time.
class Secret {
 public:
  // The longest secret, in bytes: the secure heap is small on purpose.
  static constexpr size_t kMaxSize = 512;

  Secret() = default;
  // `size` zero bytes, 1..kMaxSize. RESOURCE_EXHAUSTED when the secure heap is full.
  static absl::StatusOr<Secret> OfSize(size_t size);

  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { Wipe(); }

  std::span<uint8_t> bytes() { return {data_, size_}; }
  std::span<const uint8_t> bytes() const { return {data_, size_}; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // Keeps the first `size` bytes and wipes the others.
  void Shrink(size_t size);
  // Wipes the bytes and gives them back. The object is then empty.
  void Wipe();

 private:
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// Overwrites `bytes` in a way that the compiler cannot leave out. For buffers that must be on the
// stack or inside a library's structure.
void Wipe(std::span<uint8_t> bytes);

// Overwrites `size` bytes of stack below the caller: what functions that have returned left there.
// Clears the registers through which they copied too, where the compiler can (GCC 11, Clang 15):
// the next signal's frame would put them on the stack again.
void WipeStackBelow(size_t size = 16384);

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_SECRET_SECRET_H_
