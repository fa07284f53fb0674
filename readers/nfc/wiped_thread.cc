#include "readers/nfc/wiped_thread.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>

#include "sdk/secret/secret.h"

namespace madoguchi::nfc {
namespace {

#if defined(__SANITIZE_ADDRESS__)
#define MADOGUCHI_LARGE_FRAMES
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MADOGUCHI_LARGE_FRAMES
#endif
#endif
#ifdef MADOGUCHI_LARGE_FRAMES
constexpr size_t kSize = 2 << 20;
#else
constexpr size_t kSize = 192 << 10;
#endif
constexpr size_t kGuard = 4096;
// What the wiping itself needs below what it wipes. libnfc gets nowhere near: it needs some 8 KiB.
constexpr size_t kOfWiping = 8192;

[[noreturn]] void GiveUp(const char* what) {
  std::fprintf(stderr, "%s: no memory for a thread\n", what);
  std::abort();
}

}  // namespace

WipedThread::WipedThread(std::function<void()> body) : body_(std::move(body)) {
  void* const stack =
      mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) GiveUp("mmap");
  stack_ = static_cast<unsigned char*>(stack);
  mprotect(stack_, kGuard, PROT_NONE);
  madvise(stack_, kSize, MADV_DONTDUMP);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, stack_ + kGuard, kSize - kGuard);
  if (pthread_create(&thread_, &attributes, &WipedThread::Run, this) != 0) GiveUp("pthread_create");
  pthread_attr_destroy(&attributes);
}

WipedThread::~WipedThread() {
  pthread_join(thread_, nullptr);
  Wipe({stack_ + kGuard, kSize - kGuard});
  munmap(stack_, kSize);
}

void* WipedThread::Run(void* self) {
  static_cast<WipedThread*>(self)->body_();
  return nullptr;
}

void WipedThread::WipeUnused() const {
  const auto* here = static_cast<unsigned char*>(__builtin_frame_address(0));
  const size_t left = static_cast<size_t>(here - (stack_ + kGuard));
  WipeStackBelow(left - kOfWiping);
}

}  // namespace madoguchi::nfc
