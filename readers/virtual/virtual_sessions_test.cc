// Many cards at once, in this process and without gRPC, so that ThreadSanitizer sees it whole.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "readers/virtual/scripted_card.h"
#include "readers/virtual/virtual_reader.h"
#include "sdk/failure/failure.h"

namespace madoguchi::vpcd {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr int kReaders = 16;
constexpr int kRounds = 20;
constexpr int kApdus = 5;

// Waits for the card of insertion `insertion` at reader `index`, then opens it.
absl::StatusOr<reader::v1::OpenReply> Open(VirtualReader& reader, int index, uint64_t insertion) {
  uint64_t seen = 0;
  reader::v1::Snapshot snapshot;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (std::chrono::steady_clock::now() < deadline) {
    seen = reader.board().WaitNewer(seen, std::chrono::milliseconds(100), &snapshot);
    const auto& state = snapshot.reader(index);
    if (state.insertion() != insertion || state.presence() != reader::v1::PRESENCE_PRESENT) {
      continue;
    }
    reader::v1::OpenRequest request;
    request.set_reader(state.name());
    request.set_insertion(insertion);
    return reader.Open(request);
  }
  return absl::DeadlineExceededError("the card did not come");
}

// Answers each command with its own last byte and 9000, so that a mix-up shows, but not the last
// command of a round.
void PlayCard(const std::string& path, int index) {
  for (int round = 0; round < kRounds; ++round) {
    auto card = std::make_unique<ScriptedCard>(path);
    while (!card->connected() || !card->Greet()) {
      // The reader has not seen the last card go.
      card = std::make_unique<ScriptedCard>(path);
    }
    for (int apdu = 0; apdu < kApdus; ++apdu) {
      const auto command = card->Hear();
      if (!command.has_value()) {
        ADD_FAILURE() << "card " << index << " was left";
        return;
      }
      card->Say({command->back(), 0x90, 0x00});
    }
    // Even rounds: silent until the session is closed and the reset comes. Odd: gone.
    for (auto message = card->Hear(); round % 2 == 0 && message != Bytes{2};) {
      if (!message.has_value()) break;
      message = card->Hear();
    }
  }
}

void PlayHost(VirtualReader& reader, int index) {
  for (uint64_t round = 0; round < kRounds; ++round) {
    const auto opened = Open(reader, index, round + 1);
    ASSERT_TRUE(opened.ok()) << opened.status();
    for (int apdu = 0; apdu < kApdus; ++apdu) {
      const auto mark = static_cast<uint8_t>(index * 16 + apdu);
      const auto answer = reader.Transmit(opened->session(), Bytes{0, 0xB0, 0, mark});
      ASSERT_TRUE(answer.ok()) << answer.status();
      ASSERT_EQ(*answer, (Bytes{mark, 0x90, 0x00}));
    }
    if (round % 2 == 0) {
      std::thread closer([&] { reader.Close(opened->session()); });
      // The close comes before this command, in the middle of it, or not at all in its way.
      const auto answer = reader.Transmit(opened->session(), Bytes{0, 0xB0, 0, 0});
      EXPECT_FALSE(answer.ok());
      closer.join();
    } else {
      EXPECT_EQ(CodeOf(reader.Transmit(opened->session(), Bytes{0, 0xB0, 0, 0}).status()),
                check::v1::FAILURE_CODE_CARD_GONE);
      reader.Close(opened->session());
    }
  }
}

TEST(VirtualSessions, ManyAtOnceGetTheirOwnAnswers) {
  std::string directory = testing::TempDir() + "sessions-XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  {
    VirtualReader reader;
    ASSERT_TRUE(reader
                    .Start(plugin::Settings(
                        std::map<std::string, std::string>{{"directory", directory},
                                                           {"readers", std::to_string(kReaders)},
                                                           {"pin_pad", "false"},
                                                           {"recording", ""},
                                                           {"speed", "100"}}))
                    .ok());
    std::vector<std::thread> threads;
    for (int index = 0; index < kReaders; ++index) {
      threads.emplace_back([&, index] {
        PlayCard(directory + "/reader-" + std::to_string(index) + ".sock", index);
      });
      threads.emplace_back([&, index] { PlayHost(reader, index); });
    }
    for (std::thread& thread : threads) thread.join();
  }
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace madoguchi::vpcd
