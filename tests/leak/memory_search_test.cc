// The search itself: it finds what was planted in a child, whatever its form and place, and nothing
// in a child that was born without it.
#include "tests/leak/memory_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

namespace madoguchi::leak {
namespace {

constexpr size_t kAnonymous = 4 << 20;

// A child that reads a canary, made after it was born, to where `plant` says, and then sleeps. It
// has no other copy of it. Ended with its owner.
class Child {
 public:
  // `plant` calls its argument once or not at all, with room for 16 bytes.
  using Read = std::function<void(volatile void* room)>;
  explicit Child(
      const std::function<void(const Read& read_to, const std::function<void()>& rest)>& plant) {
    int there[2], back[2];
    EXPECT_TRUE(pipe(there) == 0 && pipe(back) == 0);
    pid_ = fork();
    if (pid_ == 0) {
      const auto read_to = [&](volatile void* room) {
        if (read(there[0], const_cast<void*>(room), 16) != 16) _exit(1);
      };
      plant(read_to, [&] {
        (void)!write(back[1], "x", 1);
        pause();
      });
      _exit(0);
    }
    canary_ = Canary();
    EXPECT_EQ(write(there[1], canary_.data(), canary_.size()), 16);
    close(back[1]);
    char c;
    EXPECT_EQ(read(back[0], &c, 1), 1);
    for (const int fd : {there[0], there[1], back[0]}) close(fd);
  }
  ~Child() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  absl::StatusOr<Found> Search() const { return SearchProcess(pid_, NeedlesOf(canary_)); }

 private:
  pid_t pid_;
  std::string canary_;
};

std::string Places(const absl::StatusOr<Found>& found) {
  EXPECT_TRUE(found.ok()) << found.status();
  if (!found.ok()) return "";
  EXPECT_GT(found->bytes_read, 500000u);
  std::string places;
  for (const Hit& hit : found->hits) places += hit.form + " " + hit.where + "\n";
  return places;
}

TEST(MemorySearch, FindsNothingWhereNothingIs) {
  const Child child([](const auto& read_to, const auto& rest) { rest(); });
  EXPECT_EQ(Places(child.Search()), "");
}

TEST(MemorySearch, FindsTheHeap) {
  const Child child([](const auto& read_to, const auto& rest) {
    auto* const block = static_cast<char*>(std::malloc(64));
    read_to(block + 13);
    rest();
  });
  // A sanitizer's heap has no name.
  EXPECT_THAT(Places(child.Search()), testing::MatchesRegex("ASCII (\\[heap\\]|anonymous) rw-p\n"));
}

TEST(MemorySearch, FindsTheTailOfABlockThatWasGivenBack) {
  const Child child([](const auto& read_to, const auto& rest) {
    auto* volatile block = static_cast<char*>(std::malloc(40));
    read_to(block + 8);  // The allocator writes over the first 16 bytes.
    std::free(block);
    rest();
  });
  EXPECT_NE(Places(child.Search()).find("ASCII"), std::string::npos);
}

TEST(MemorySearch, FindsTheStack) {
  const Child child([](const auto& read_to, const auto& rest) {
    volatile char buffer[64];
    read_to(buffer);
    rest();
  });
  EXPECT_EQ(Places(child.Search()), "ASCII [stack] rw-p\n");
}

TEST(MemorySearch, FindsAMappingThatNobodyMayRead) {
  const Child child([](const auto& read_to, const auto& rest) {
    auto* const pages = static_cast<char*>(
        mmap(nullptr, kAnonymous, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    read_to(pages + kAnonymous / 2 - 5);  // across two pages
    mprotect(pages, kAnonymous, PROT_NONE);
    rest();
  });
  EXPECT_EQ(Places(child.Search()), "ASCII anonymous ---p\n");
}

TEST(MemorySearch, FindsSharedMemory) {
  const Child child([](const auto& read_to, const auto& rest) {
    read_to(static_cast<char*>(
        mmap(nullptr, kAnonymous, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)));
    rest();
  });
  EXPECT_EQ(Places(child.Search()), "ASCII /dev/zero (deleted) rw-s\n");
}

TEST(MemorySearch, LetsTheProcessGoOn) {
  const Child child([](const auto& read_to, const auto& rest) { rest(); });
  EXPECT_TRUE(child.Search().ok());
  EXPECT_TRUE(child.Search().ok());
}

TEST(MemorySearch, SaysWhenThereIsNoProcess) { EXPECT_FALSE(SearchProcess(-1, {}).ok()); }

TEST(Needles, FindEachFormAndNameIt) {
  const std::string secret = "aZ9!+k/~?b0Qw_x=";
  std::string wide_le, wide_be;
  for (const char c : secret) {
    wide_le += {c, '\0'};
    wide_be += {'\0', c};
  }
  const std::pair<std::string, std::string> forms[] = {
      {"ASCII", secret},
      {"UTF-16LE", wide_le},
      {"UTF-16BE", wide_be},
      {"hex", "615a39212b6b2f7e3f623051775f783d"},
      {"HEX", "615A39212B6B2F7E3F623051775F783D"},
      // python3 -c 'import base64; print(base64.b64encode(b"xy"[:n] + secret + b"z"))'
      {"base64", "YVo5IStrL34/YjBRd194PXo="},
      {"base64", "eGFaOSEray9+P2IwUXdfeD16"},
      {"base64", "eHlhWjkhK2svfj9iMFF3X3g9eg=="},
      {"base64url", "eGFaOSEray9-P2IwUXdfeD16"},
  };
  for (const auto& [form, text] : forms) {
    const std::string around = "before " + text + " after";
    const Found found = SearchBytes({around.data(), around.size()}, "here", NeedlesOf(secret));
    ASSERT_FALSE(found.hits.empty()) << form;
    EXPECT_NE(found.Text().find(form + " in here"), std::string::npos) << found.Text();
    EXPECT_EQ(found.Text().find(secret), std::string::npos);
  }
}

TEST(Needles, FindEitherHalfAlone) {
  const std::string secret = "aZ9!+k/~?b0Qw_x=";
  for (const std::string& half : {secret.substr(0, 8), secret.substr(8)}) {
    EXPECT_EQ(SearchBytes({half.data(), half.size()}, "here", NeedlesOf(secret)).hits.size(), 1u);
  }
  EXPECT_EQ(SearchBytes({secret.data(), 7}, "here", NeedlesOf(secret)).hits.size(), 0u);
}

TEST(Folder, IsSearchedWithItsNames) {
  const std::string canary = Canary();
  std::string folder = "/tmp/mdgs.XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  std::filesystem::create_directories(folder + "/a/b");
  std::ofstream(folder + "/a/b/database") << std::string(5000, '\0') << canary;
  std::ofstream(folder + "/a/" + canary.substr(0, 8) + "-log") << "nothing";
  const auto found = SearchFolder(folder, NeedlesOf(canary));
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ(found->hits.size(), 2u);
  for (const Hit& hit : found->hits) {
    EXPECT_EQ(hit.offset, hit.where == folder + "/a/b/database" ? 5000u : folder.size() + 3);
  }
  EXPECT_FALSE(SearchFolder(folder, {}).ok()) << "a folder that is not there was not searched";
}

}  // namespace
}  // namespace madoguchi::leak
