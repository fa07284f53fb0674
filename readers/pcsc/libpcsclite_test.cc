// Our side of libpcsclite, with its functions in this file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "readers/pcsc/pcsc_api.h"

namespace {

// What there is at each of the next calls; the last goes on.
std::vector<std::string> lists;
size_t calls = 0;

}  // namespace

// In place of the library's: a program's own functions go before a shared library's.
LONG SCardListReaders(SCARDCONTEXT, LPCSTR, LPSTR names, LPDWORD size) {
  const std::string& list = lists[std::min(calls++, lists.size() - 1)];
  const DWORD room = *size;
  *size = list.size() + 1;  // with the zero that ends it
  if (list.empty()) return SCARD_E_NO_READERS_AVAILABLE;
  if (names == nullptr) return SCARD_S_SUCCESS;
  if (room < *size) return SCARD_E_INSUFFICIENT_BUFFER;
  std::copy(list.c_str(), list.c_str() + *size, names);
  return SCARD_S_SUCCESS;
}

namespace madoguchi::pcsc {
namespace {

using testing::ElementsAre;

std::string Names(std::initializer_list<const char*> names) {
  std::string list;
  for (const char* name : names) list += std::string(name) + '\0';
  return list;
}

class LibPcscliteTest : public testing::Test {
 protected:
  LONG List(std::vector<std::string> seen) {
    lists = std::move(seen);
    calls = 0;
    readers_ = {"left over"};
    return LibPcsclite().ListReaders(1, &readers_);
  }

  std::vector<std::string> readers_;
};

TEST_F(LibPcscliteTest, ListsReaders) {
  EXPECT_EQ(List({Names({"A", "B 00 00"})}), SCARD_S_SUCCESS);
  EXPECT_THAT(readers_, ElementsAre("A", "B 00 00"));
  EXPECT_EQ(List({""}), SCARD_S_SUCCESS);
  EXPECT_THAT(readers_, ElementsAre());
}

TEST_F(LibPcscliteTest, AReaderMayComeOrGoWhileTheyAreListed) {
  const std::string one = Names({"A"}), two = Names({"A", "B"}), three = Names({"A", "B", "C"});
  EXPECT_EQ(List({one, two}), SCARD_S_SUCCESS);
  EXPECT_THAT(readers_, ElementsAre("A", "B"));
  EXPECT_EQ(List({one, two, two, three}), SCARD_S_SUCCESS);
  EXPECT_THAT(readers_, ElementsAre("A", "B", "C"));
  EXPECT_EQ(List({two, one}), SCARD_S_SUCCESS);
  EXPECT_THAT(readers_, ElementsAre("A"));
  EXPECT_EQ(List({one, ""}), SCARD_S_SUCCESS);
  EXPECT_THAT(readers_, ElementsAre());
}

TEST_F(LibPcscliteTest, DoesNotListForEver) {
  std::vector<std::string> growing;
  for (size_t size = 1; size < 1000; ++size) growing.push_back(std::string(size, 'x') + '\0');
  EXPECT_EQ(List(growing), SCARD_E_INSUFFICIENT_BUFFER);
  EXPECT_THAT(readers_, ElementsAre());
}

}  // namespace
}  // namespace madoguchi::pcsc
