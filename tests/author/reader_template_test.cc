// The sessions that the generated reader keeps for its author, around a device whose card moves.

#include <gtest/gtest.h>

#include <functional>
#include <mutex>
#include <optional>

#include "reader.h"
#include "sdk/failure/failure.h"

namespace {

std::mutex mutex;
std::optional<std::string> card;
int resets = 0;

void Lay(const std::string& atr) {
  std::lock_guard<std::mutex> lock(mutex);
  card = atr;
}

void Take() {
  std::lock_guard<std::mutex> lock(mutex);
  card.reset();
}

}  // namespace

std::optional<std::string> Device::Look() {
  std::lock_guard<std::mutex> lock(mutex);
  return card;
}

std::optional<Device::Bytes> Device::Send(std::span<const uint8_t> command) {
  std::lock_guard<std::mutex> lock(mutex);
  if (!card) return std::nullopt;
  return Bytes{0x90, 0x00};
}

void Device::Reset() {
  std::lock_guard<std::mutex> lock(mutex);
  ++resets;
}

namespace madoguchi {
namespace {

using namespace check::v1;  // NOLINT: the codes.

const std::string kAtr("\x3B\x80\x80\x01\x01", 5);
constexpr uint8_t kCommand[] = {0x00, 0xA4, 0x04, 0x0C};

class ReaderTemplate : public testing::Test {
 protected:
  ReaderTemplate() { Take(); }

  // The state of the one reader, once `wanted` is true of it.
  reader::v1::ReaderState Await(const std::function<bool(const reader::v1::ReaderState&)>& wanted) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < until) {
      reader::v1::Snapshot snapshot;
      seen_ = reader_.board().WaitNewer(seen_, std::chrono::milliseconds(50), &snapshot);
      if (snapshot.reader_size() == 1) newest_ = snapshot.reader(0);
      if (wanted(newest_)) return newest_;
    }
    ADD_FAILURE() << newest_.ShortDebugString();
    return newest_;
  }
  reader::v1::ReaderState AwaitCard() {
    return Await([](const auto& state) { return !state.atr().empty(); });
  }
  reader::v1::ReaderState AwaitNone() {
    return Await([](const auto& state) {
      return state.presence() == reader::v1::PRESENCE_ABSENT && state.atr().empty();
    });
  }
  absl::StatusOr<reader::v1::OpenReply> Open(const reader::v1::ReaderState& state) {
    reader::v1::OpenRequest request;
    request.set_reader(state.name());
    request.set_insertion(state.insertion());
    return reader_.Open(request);
  }
  FailureCode Transmit(uint64_t session) {
    return CodeOf(reader_.Transmit(session, kCommand).status());
  }

  MyReader reader_;
  uint64_t seen_ = 0;
  reader::v1::ReaderState newest_;
};

TEST_F(ReaderTemplate, OnlyTheCardOfBeforeIsLying) {
  Lay(kAtr);
  ASSERT_TRUE(reader_.Start(plugin::Settings()).ok());
  const auto first = AwaitCard();
  EXPECT_TRUE(first.lying());
  EXPECT_EQ(first.insertion(), 1u);
  Take();
  EXPECT_FALSE(AwaitNone().lying());
  Lay(kAtr);
  const auto second = AwaitCard();
  EXPECT_FALSE(second.lying());
  EXPECT_EQ(second.insertion(), 2u);
}

TEST_F(ReaderTemplate, AnotherCardInItsPlaceIsNotLying) {
  Lay(kAtr);
  ASSERT_TRUE(reader_.Start(plugin::Settings()).ok());
  EXPECT_TRUE(AwaitCard().lying());
  Lay(kAtr + kAtr);
  const auto other = Await([](const auto& state) { return state.insertion() == 2; });
  EXPECT_FALSE(other.lying());
  EXPECT_EQ(other.atr(), kAtr + kAtr);
}

TEST_F(ReaderTemplate, ACardThatWasTakenEndsItsSessionAlone) {
  ASSERT_TRUE(reader_.Start(plugin::Settings()).ok());
  EXPECT_EQ(CodeOf(Open(AwaitNone()).status()), FAILURE_CODE_CARD_GONE);
  Lay(kAtr);
  const auto card = AwaitCard();
  const auto session = Open(card);
  ASSERT_TRUE(session.ok()) << session.status();
  EXPECT_TRUE(reader_.Transmit(session->session(), kCommand).ok());
  EXPECT_EQ(CodeOf(Open(card).status()), FAILURE_CODE_CARD_BUSY);

  Take();
  EXPECT_EQ(Transmit(session->session()), FAILURE_CODE_CARD_GONE);
  // The same card again, before anybody looked: another arrival.
  Lay(kAtr);
  EXPECT_EQ(Transmit(session->session()), FAILURE_CODE_CARD_GONE);
  const auto back = Await([&](const auto& state) { return state.insertion() > card.insertion(); });
  EXPECT_EQ(Transmit(session->session()), FAILURE_CODE_CARD_GONE);
  EXPECT_EQ(CodeOf(Open(card).status()), FAILURE_CODE_CARD_GONE);
  const auto next = Open(back);
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_NE(next->session(), session->session());
  EXPECT_EQ(Transmit(session->session()), FAILURE_CODE_READER_LOST);
  reader_.Close(session->session());
  EXPECT_TRUE(reader_.Transmit(next->session(), kCommand).ok());
}

TEST_F(ReaderTemplate, CloseResetsTheCardOnce) {
  Lay(kAtr);
  ASSERT_TRUE(reader_.Start(plugin::Settings()).ok());
  const auto session = Open(AwaitCard());
  ASSERT_TRUE(session.ok()) << session.status();
  const int before = resets;
  reader_.Close(session->session() + 1);
  EXPECT_EQ(resets, before);
  reader_.Close(session->session());
  reader_.Close(session->session());
  EXPECT_EQ(resets, before + 1);
  EXPECT_EQ(Transmit(session->session()), FAILURE_CODE_READER_LOST);
}

}  // namespace
}  // namespace madoguchi
