#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "readers/virtual/scripted_card.h"
#include "sdk/conformance/plugin_process.h"
#include "sdk/conformance/reader_client.h"
#include "sdk/failure/failure.h"

namespace madoguchi::vpcd {
namespace {

using conformance::PluginProcess;
using conformance::ReaderClient;
using reader::v1::PRESENCE_ABSENT;
using reader::v1::PRESENCE_PRESENT;
using reader::v1::PRESENCE_UNPOWERED;
using Bytes = std::vector<uint8_t>;
using namespace std::chrono_literals;

constexpr char kReader[] = "Virtual Reader 0";
constexpr char kOther[] = "Virtual Reader 1";
const Bytes kSelect = {0x00, 0xA4, 0x00, 0x0C};
const Bytes kOk = {0x90, 0x00};

template <typename T>
std::string Code(const absl::StatusOr<T>& status) {
  return status.ok() ? "OK" : NameOf(CodeOf(status.status()));
}

std::string Binary() {
  return std::filesystem::canonical("/proc/self/exe").parent_path().parent_path() /
         "plugins/reader_virtual/reader_virtual";
}

class VirtualReaderTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "virtual-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    auto process = PluginProcess::Spawn(Binary());
    ASSERT_TRUE(process.ok()) << process.status();
    process_ = *std::move(process);
  }
  void TearDown() override {
    client_.reset();
    process_.reset();
    std::filesystem::remove_all(directory_);
  }

  void Begin(int readers = 2) {
    const absl::Status status = process_->Start({{"directory", directory_},
                                                 {"readers", std::to_string(readers)},
                                                 {"pin_pad", "false"},
                                                 {"recording", ""},
                                                 {"speed", "100"}});
    ASSERT_TRUE(status.ok()) << status;
    client_ = std::make_unique<ReaderClient>(*process_);
  }
  std::string Socket(int reader = 0) const {
    return directory_ + "/reader-" + std::to_string(reader) + ".sock";
  }
  std::unique_ptr<ScriptedCard> Insert(int reader = 0) {
    auto card = std::make_unique<ScriptedCard>(Socket(reader));
    EXPECT_TRUE(card->connected());
    EXPECT_TRUE(card->Greet());
    EXPECT_TRUE(client_->AwaitPresence("Virtual Reader " + std::to_string(reader), PRESENCE_PRESENT)
                    .has_value());
    return card;
  }
  uint64_t MustOpen(const std::string& reader = kReader, uint64_t insertion = 1) {
    const auto opened = client_->Open(reader, insertion);
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? opened->session() : 0;
  }
  std::future<absl::StatusOr<Bytes>> Send(uint64_t session, const Bytes& command) {
    return std::async(std::launch::async,
                      [=, this] { return client_->Transmit(session, command); });
  }

  std::string directory_;
  std::unique_ptr<PluginProcess> process_;
  std::unique_ptr<ReaderClient> client_;
};

TEST_F(VirtualReaderTest, ShowsItsReadersEmptyAtOnce) {
  Begin(3);
  const auto snapshot = client_->Await([](const auto&) { return true; });
  ASSERT_TRUE(snapshot.has_value());
  EXPECT_EQ(snapshot->service(), reader::v1::SERVICE_RUNNING);
  ASSERT_EQ(snapshot->reader_size(), 3);
  EXPECT_EQ(snapshot->reader(2).name(), "Virtual Reader 2");
  EXPECT_EQ(snapshot->reader(2).presence(), PRESENCE_ABSENT);
  struct stat there;
  ASSERT_EQ(stat(Socket(2).c_str(), &there), 0);
  EXPECT_EQ(there.st_mode & 07777, 0600u);
}

TEST_F(VirtualReaderTest, ReplacesASocketThatWasLeftAndNothingElse) {
  Begin();
  process_->Kill();
  ASSERT_TRUE(std::filesystem::exists(Socket()));
  client_.reset();
  process_ = *PluginProcess::Spawn(Binary());
  Begin();
  auto card = Insert();
  client_.reset();
  process_ = *PluginProcess::Spawn(Binary());
  std::filesystem::remove(Socket());
  std::ofstream(Socket()) << "kept";
  const absl::Status status = process_->Start({{"directory", directory_},
                                               {"readers", "2"},
                                               {"pin_pad", "false"},
                                               {"recording", ""},
                                               {"speed", "100"}});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_EQ(std::filesystem::file_size(Socket()), 4u);
}

TEST_F(VirtualReaderTest, NamesTheSettingThatCannotBeUsed) {
  const absl::Status many = process_->Start({{"directory", directory_},
                                             {"readers", "65"},
                                             {"pin_pad", "false"},
                                             {"recording", ""},
                                             {"speed", "100"}});
  EXPECT_EQ(many.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(many.message()), testing::HasSubstr("readers"));
  const absl::Status nowhere = process_->Start({{"directory", "/proc/no/such"},
                                                {"readers", "1"},
                                                {"pin_pad", "false"},
                                                {"recording", ""},
                                                {"speed", "100"}});
  EXPECT_EQ(nowhere.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(nowhere.message()), testing::HasSubstr("directory"));
}

TEST_F(VirtualReaderTest, CountsInsertionsAndSeesRemovals) {
  Begin();
  for (uint64_t insertion = 1; insertion <= 3; ++insertion) {
    auto card = Insert();
    const auto state = client_->AwaitPresence(kReader, PRESENCE_PRESENT);
    ASSERT_TRUE(state.has_value());
    EXPECT_EQ(state->insertion(), insertion);
    EXPECT_FALSE(state->lying());
    EXPECT_EQ(Bytes(state->atr().begin(), state->atr().end()), ScriptedCard::Atr());
    card->Pull();
    const auto gone = client_->AwaitPresence(kReader, PRESENCE_ABSENT);
    ASSERT_TRUE(gone.has_value());
    EXPECT_EQ(gone->atr(), "");
  }
}

TEST_F(VirtualReaderTest, RefusesASecondCardAndTakesTheNextOne) {
  Begin();
  auto card = Insert();
  ScriptedCard second(Socket());
  EXPECT_TRUE(second.IsRefused());
  card->Pull();
  ASSERT_TRUE(client_->AwaitPresence(kReader, PRESENCE_ABSENT).has_value());
  auto next = Insert();
  EXPECT_TRUE(client_->Await([](const auto& s) { return s.reader(0).insertion() == 2; }));
}

TEST_F(VirtualReaderTest, ACardWithoutAnAtrIsUnpowered) {
  Begin();
  ScriptedCard mute(Socket());
  ScriptedCard babbling(Socket(1));
  ASSERT_TRUE(babbling.Greet({0x90, 0x00}));
  EXPECT_TRUE(client_->AwaitPresence(kOther, PRESENCE_UNPOWERED).has_value());
  EXPECT_TRUE(client_->AwaitPresence(kReader, PRESENCE_UNPOWERED).has_value());
  EXPECT_EQ(Code(client_->Open(kReader, 1)), "CARD_UNPOWERED");
}

TEST_F(VirtualReaderTest, CarriesApdusAndResetsAtTheEnd) {
  Begin();
  auto card = Insert();
  const uint64_t session = MustOpen();
  const Bytes lengthy(65535, 0xA5);
  for (const Bytes& command : {kSelect, lengthy}) {
    auto answer = Send(session, command);
    EXPECT_EQ(card->Hear(), command);
    card->Say(kOk);
    const auto got = answer.get();
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(*got, kOk);
  }
  EXPECT_TRUE(client_->Close(session).ok());
  EXPECT_EQ(card->Hear(), Bytes{2});
  EXPECT_TRUE(client_->Close(session).ok());
  EXPECT_EQ(Code(client_->Transmit(session, kSelect)), "READER_LOST");
}

TEST_F(VirtualReaderTest, RefusesToOpenTheWrongThing) {
  Begin();
  EXPECT_EQ(Code(client_->Open("Virtual Reader 9", 1)), "READER_LOST");
  EXPECT_EQ(Code(client_->Open(kReader, 0)), "CARD_GONE");
  auto card = Insert();
  EXPECT_EQ(Code(client_->Open(kReader, 2)), "CARD_GONE");
  MustOpen();
  EXPECT_EQ(Code(client_->Open(kReader, 1)), "CARD_BUSY");
}

TEST_F(VirtualReaderTest, PutsThePinIntoTheCommandOnce) {
  Begin();
  auto card = Insert();
  const uint64_t session = MustOpen();
  auto answer = std::async(std::launch::async, [&] {
    return client_->VerifyPin(session, {0x00, 0x20, 0x00, 0x80, 0x00}, {'1', '2', '3', '4'});
  });
  EXPECT_EQ(card->Hear(), (Bytes{0x00, 0x20, 0x00, 0x80, 0x04, '1', '2', '3', '4'}));
  card->Say({0x63, 0xC2});
  const auto got = answer.get();
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(*got, (Bytes{0x63, 0xC2}));
}

TEST_F(VirtualReaderTest, ThePinIsNowhereInItsMemoryAfterwards) {
  Begin();
  auto card = Insert();
  const uint64_t session = MustOpen();
  const Bytes pin = {'S', 'Y', 'N', 'T', 'H', 'E', 'T', 'I',
                     'C', '-', '4', '0', '7', '1', '8', '2'};
  auto answer = std::async(std::launch::async, [&] {
    return client_->VerifyPin(session, {0x00, 0x20, 0x00, 0x80, 0x00}, pin);
  });
  ASSERT_TRUE(card->Hear().has_value());
  // While the card thinks the command is held, once: the search does find what is there.
  EXPECT_EQ(process_->CopiesInMemory(pin), 1u);
  card->Say(kOk);
  ASSERT_EQ(Code(answer.get()), "OK");
  EXPECT_EQ(process_->CopiesInMemory(pin), 0u);
  // The same without an answer.
  auto pulled = std::async(std::launch::async, [&] {
    return client_->VerifyPin(session, {0x00, 0x20, 0x00, 0x80, 0x00}, pin);
  });
  ASSERT_TRUE(card->Hear().has_value());
  card->Pull();
  EXPECT_EQ(Code(pulled.get()), "CARD_GONE");
  EXPECT_EQ(process_->CopiesInMemory(pin), 0u);
}

// Its call was cancelled on the way.
TEST_F(VirtualReaderTest, APinWhoseCallNeverComesIsReadAndWiped) {
  Begin();
  const Bytes pin = {'S', 'Y', 'N', 'T', 'H', 'E', 'T', 'I',
                     'C', '-', '5', '1', '8', '2', '9', '3'};
  ASSERT_TRUE(process_->SendPin(std::string(16, 'o'), pin));
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  const auto in_time = [&] {
    std::this_thread::sleep_for(5ms);
    return std::chrono::steady_clock::now() < deadline;
  };
  int unread = 0;
  do {
    ASSERT_EQ(ioctl(process_->pin_fd(), SIOCOUTQ, &unread), 0);
  } while (unread > 0 && in_time());
  ASSERT_EQ(unread, 0);
  while (process_->CopiesInMemory(pin) != 0u && in_time()) {
  }
  EXPECT_EQ(process_->CopiesInMemory(pin), 0u);
}

TEST_F(VirtualReaderTest, ACardPulledInMidApduIsGone) {
  Begin();
  auto card = Insert();
  const uint64_t session = MustOpen();
  auto answer = Send(session, kSelect);
  EXPECT_EQ(card->Hear(), kSelect);
  card->SayRaw({0, 9, 0x90});  // half an answer
  card->Pull();
  EXPECT_EQ(Code(answer.get()), "CARD_GONE");
  EXPECT_EQ(Code(client_->Transmit(session, kSelect)), "CARD_GONE");
  EXPECT_TRUE(client_->AwaitPresence(kReader, PRESENCE_ABSENT).has_value());
  // The next card can be opened although nobody closed the old session.
  auto next = Insert();
  MustOpen(kReader, 2);
}

TEST_F(VirtualReaderTest, AnswersThatAreNoneAreInvalid) {
  Begin();
  auto card = Insert();
  const uint64_t session = MustOpen();
  for (const Bytes& shorty : {Bytes{}, Bytes{0x90}}) {
    auto answer = Send(session, kSelect);
    EXPECT_EQ(card->Hear(), kSelect);
    card->Say(shorty);
    EXPECT_EQ(Code(answer.get()), "CARD_ANSWER_INVALID");
  }
  card->Say(kOk);  // before it is asked
  EXPECT_EQ(Code(client_->Transmit(session, kSelect)), "CARD_ANSWER_INVALID");
  EXPECT_TRUE(client_->AwaitPresence(kReader, PRESENCE_ABSENT).has_value());
  EXPECT_TRUE(card->IsRefused());
}

TEST_F(VirtualReaderTest, ASilentCardBlocksItsOwnSessionAndCloseFreesIt) {
  Begin();
  auto silent = Insert(0);
  auto lively = Insert(1);
  const uint64_t stuck = MustOpen(kReader);
  auto never = Send(stuck, kSelect);
  EXPECT_EQ(silent->Hear(), kSelect);

  const uint64_t session = MustOpen(kOther);
  auto answer = Send(session, kSelect);
  EXPECT_EQ(lively->Hear(), kSelect);
  lively->Say(kOk);
  EXPECT_EQ(Code(answer.get()), "OK");

  EXPECT_TRUE(client_->Close(stuck).ok());
  EXPECT_EQ(Code(never.get()), "CANCELLED");
  EXPECT_EQ(Code(client_->Open(kReader, 1)), "CARD_BUSY");
  silent->Pull();
  EXPECT_TRUE(client_->AwaitPresence(kReader, PRESENCE_ABSENT).has_value());
  auto next = Insert(0);
  MustOpen(kReader, 2);
}

TEST_F(VirtualReaderTest, ALateAnswerIsNotTakenForTheNextOne) {
  Begin();
  auto card = Insert();
  const uint64_t first = MustOpen();
  auto abandoned = Send(first, kSelect);
  EXPECT_EQ(card->Hear(), kSelect);
  card->SayRaw({0, 4, 'l'});  // It began to answer.
  EXPECT_TRUE(client_->Close(first).ok());
  EXPECT_EQ(Code(abandoned.get()), "CANCELLED");
  EXPECT_EQ(card->Hear(), Bytes{2});
  EXPECT_EQ(card->Hear(), Bytes{4});

  auto opened = std::async(std::launch::async, [&] { return client_->Open(kReader, 1); });
  card->SayRaw({'a', 0x90, 0x00});
  card->Say(ScriptedCard::Atr());
  const auto second = opened.get();
  ASSERT_TRUE(second.ok()) << second.status();
  const Bytes read = {0x00, 0xB0, 0x00, 0x00, 0x02};
  auto answer = Send(second->session(), read);
  EXPECT_EQ(card->Hear(), read);
  card->Say({'o', 'k', 0x90, 0x00});
  const auto got = answer.get();
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(*got, (Bytes{'o', 'k', 0x90, 0x00}));
}

TEST_F(VirtualReaderTest, EndsWithItsHostAlsoWhenACardIsSilent) {
  Begin();
  auto card = Insert();
  const uint64_t session = MustOpen();
  auto never = Send(session, kSelect);
  EXPECT_EQ(card->Hear(), kSelect);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(process_->End(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  EXPECT_FALSE(never.get().ok());
}

}  // namespace
}  // namespace madoguchi::vpcd
