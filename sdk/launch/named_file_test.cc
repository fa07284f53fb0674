#include "sdk/launch/named_file.h"

#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "sdk/launch/jail/shown_places.h"

namespace madoguchi {
namespace {

using jail::LetThrough;
using jail::Wish;

TEST(NamedFileTest, PathsAreMadeAbsoluteAndNormal) {
  EXPECT_EQ(Normal("/", "etc/passwd"), "/etc/passwd");
  EXPECT_EQ(Normal("/usr/lib", "../../etc//./passwd"), "/etc/passwd");
  EXPECT_EQ(Normal("/usr/lib", "/../../etc/"), "/etc");
  EXPECT_EQ(Normal("/usr", "."), "/usr");
  EXPECT_EQ(Normal("/", "//etc"), "/etc");
  EXPECT_EQ(Normal("/", "////etc///passwd//"), "/etc/passwd");
  EXPECT_EQ(Normal("/", "//"), "/");
  EXPECT_EQ(Normal("/", ""), "/");
  EXPECT_EQ(Normal("/", ".."), "/");
}

// As if this thread had been stopped at the call.
std::string NameIn(const char* call, std::initializer_list<uint64_t> arguments) {
  seccomp_notif stopped{};
  stopped.pid = static_cast<uint32_t>(syscall(SYS_gettid));
  std::copy(arguments.begin(), arguments.end(), stopped.data.args);
  for (const jail::NamingCall& entry : jail::kNamingCalls) {
    if (std::strcmp(entry.name, call) != 0) continue;
    const auto file = FileNamedBy(stopped, entry);
    return file ? file->path : "none";
  }
  return "no such call";
}

uint64_t At(const void* memory) { return reinterpret_cast<uint64_t>(memory); }

TEST(NamedFileTest, NamesAreReadWhereTheirMemoryEnds) {
  char* const pages = static_cast<char*>(
      mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(pages, MAP_FAILED);
  munmap(pages + 4096, 4096);
  char* const last = pages + 4096 - sizeof("/etc/passwd");
  std::strcpy(last, "/etc/passwd");
  EXPECT_EQ(NameIn("open", {At(last), 0}), "/etc/passwd");
  EXPECT_EQ(NameIn("open", {At(pages + 4096), 0}), "none");
  EXPECT_EQ(NameIn("open", {0, 0}), "none");
  EXPECT_EQ(NameIn("open", {~0ull, 0}), "none");
  // Longer than any path.
  std::memset(pages, '/', 4096);
  EXPECT_EQ(NameIn("open", {At(pages), 0}), "/");
  munmap(pages, 4096);
}

TEST(NamedFileTest, FoldersAreThoseOfTheDescriptor) {
  const int lib = open("/usr/lib", O_PATH | O_DIRECTORY);
  EXPECT_EQ(NameIn("openat", {static_cast<uint64_t>(lib), At("../x"), 0}), "/usr/x");
  EXPECT_EQ(NameIn("openat", {static_cast<uint64_t>(lib), At("/x"), 0}), "/x");
  close(lib);
  EXPECT_EQ(NameIn("openat", {static_cast<uint64_t>(lib), At("x"), 0}), "none");
  ASSERT_EQ(chdir("/usr"), 0);
  EXPECT_EQ(NameIn("openat", {static_cast<uint64_t>(AT_FDCWD), At("x"), 0}), "/usr/x");
  EXPECT_EQ(NameIn("open", {At("x"), 0}), "/usr/x");
}

TEST(NamedFileTest, SocketsAreNamedByTheirAddress) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, "/run/a.sock");
  EXPECT_EQ(NameIn("connect", {3, At(&address), sizeof(address)}), "/run/a.sock");
  EXPECT_EQ(NameIn("connect", {3, At(&address), 7}), "/run");
  EXPECT_EQ(NameIn("connect", {3, At(&address), 2}), "none");
  std::memcpy(address.sun_path, "\0abc", 4);
  EXPECT_EQ(NameIn("connect", {3, At(&address), 6}), "@abc");
  address.sun_family = AF_INET;
  EXPECT_EQ(NameIn("connect", {3, At(&address), sizeof(address)}), "none");
}

TEST(NamedFileTest, WhatClone3AsksForIsReadFromItsMemory) {
  clone_args arguments{};
  seccomp_notif stopped{};
  stopped.pid = static_cast<uint32_t>(syscall(SYS_gettid));
  EXPECT_FALSE(AsksForProcess(stopped));
  stopped.data.args[0] = At(&arguments);
  EXPECT_TRUE(AsksForProcess(stopped));
  arguments.flags = CLONE_VM | CLONE_THREAD;
  EXPECT_FALSE(AsksForProcess(stopped));
}

TEST(ShownPlacesTest, GrantWhatTheJailDoes) {
  Jail jail;
  jail.sockets = {"/run/a/server.sock"};
  jail.sockets_folder = "/var/sockets";
  const ShownPlaces policy(jail);
  EXPECT_TRUE(policy.Grant("/usr/lib/x.so", Wish::kRead));
  EXPECT_FALSE(policy.Grant("/usr/lib/x.so", Wish::kWrite));
  EXPECT_FALSE(policy.Grant("/usr/library", Wish::kSee));
  EXPECT_TRUE(policy.Grant("/usr", Wish::kSee));
  EXPECT_FALSE(policy.Grant("/usr", Wish::kRead));
  EXPECT_FALSE(policy.Grant("/us", Wish::kSee));
  EXPECT_TRUE(policy.Grant("/dev/null", Wish::kWrite));
  EXPECT_TRUE(policy.Grant("/run/a/server.sock", Wish::kConnect));
  EXPECT_FALSE(policy.Grant("/run/a/server.sock", Wish::kRead));
  EXPECT_FALSE(policy.Grant("/run/b/server.sock", Wish::kConnect));
  EXPECT_FALSE(policy.Grant("/var/sockets/mine", Wish::kWrite));
  jail.permissions.sockets = jail.permissions.pcscd = true;
  const ShownPlaces reader(jail);
  EXPECT_TRUE(reader.Grant("/var/sockets/mine", Wish::kWrite));
  EXPECT_TRUE(reader.Grant("/run/pcscd/pcscd.comm", Wish::kConnect));
}

TEST(ShownPlacesTest, LetThroughWhatSeccompDoes) {
  Jail jail;
  const ShownPlaces policy(jail);
  EXPECT_TRUE(policy.LetThrough(LetThrough::kEach, 0));
  EXPECT_TRUE(policy.LetThrough(LetThrough::kOpens, O_RDONLY | O_CLOEXEC | O_DIRECTORY));
  for (const int flags : {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_TMPFILE}) {
    EXPECT_FALSE(policy.LetThrough(LetThrough::kOpens, static_cast<unsigned>(flags))) << flags;
  }
  for (const auto let : {LetThrough::kConnecting, LetThrough::kBinding, LetThrough::kPcscd,
                         LetThrough::kSockets, LetThrough::kNone}) {
    EXPECT_FALSE(policy.LetThrough(let, 0)) << static_cast<int>(let);
  }
  jail.permissions.usb = true;
  const ShownPlaces usb(jail);
  EXPECT_TRUE(usb.LetThrough(LetThrough::kOpens, O_RDWR));
  EXPECT_TRUE(usb.LetThrough(LetThrough::kBinding, 0));
  EXPECT_FALSE(usb.LetThrough(LetThrough::kConnecting, 0));
}

}  // namespace
}  // namespace madoguchi
