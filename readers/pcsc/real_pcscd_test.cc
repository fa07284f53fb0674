// The plugin's own binary, a real pcscd and the virtual My Number Card. Runs inside private-pcscd.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <winscard.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <sstream>

#include "readers/pcsc/card_process.h"
#include "sdk/conformance/plugin_process.h"
#include "sdk/conformance/reader_client.h"
#include "sdk/failure/failure.h"

namespace madoguchi::pcsc {
namespace {

namespace fs = std::filesystem;
using conformance::PluginProcess;
using conformance::ReaderClient;
using reader::v1::PRESENCE_ABSENT;
using reader::v1::PRESENCE_PRESENT;
using Bytes = std::vector<uint8_t>;
using namespace std::chrono_literals;

const Bytes kSelectJpki = {0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0,
                           0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01};
const Bytes kSelectCertificate = {0x00, 0xA4, 0x02, 0x0C, 0x02, 0x00, 0x0A};
const Bytes kRead = {0x00, 0xB0, 0x00, 0x00, 0x04};
const Bytes kSelectPin = {0x00, 0xA4, 0x02, 0x0C, 0x02, 0x00, 0x18};
const Bytes kVerify = {0x00, 0x20, 0x00, 0x80, 0x00};
const Bytes kSelectKey = {0x00, 0xA4, 0x02, 0x0C, 0x02, 0x00, 0x17};
const Bytes kSign = {0x80, 0x2A, 0x00, 0x80, 0x02, 0xAB, 0xCD, 0x00};
const Bytes kOk = {0x90, 0x00};
const Bytes kPin = {'1', '2', '3', '4'};

template <typename T>
std::string Code(const absl::StatusOr<T>& status) {
  return status.ok() ? "OK" : NameOf(CodeOf(status.status()));
}

std::vector<std::string> Words(const char* variable, char separator) {
  std::vector<std::string> words;
  std::stringstream stream(std::getenv(variable) ? std::getenv(variable) : "");
  for (std::string word; std::getline(stream, word, separator);) words.push_back(word);
  return words;
}

class RealPcscdTest : public testing::Test {
 protected:
  // Keys take long to make: each test gets copies of two cards made once.
  static void SetUpTestSuite() {
    std::string name = testing::TempDir() + "real-pcscd-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    for (const char* card : {"a", "b"}) {
      ASSERT_EQ(
          RunProgram({BuildFolder() / "bin/madoguchi-card", "--dir", root_ / card, "--make-only"}),
          0);
    }
  }
  static void TearDownTestSuite() { fs::remove_all(root_); }

  void SetUp() override {
    readers_ = Words("MADOGUCHI_PCSCD_READERS", '\n');
    ports_ = Words("MADOGUCHI_PCSCD_PORTS", ' ');
    ASSERT_GE(ports_.size(), 2u) << "run this under private-pcscd";
    ASSERT_EQ(Pcscd("start"), 0);
    folder_ = root_ / testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::create_directory(folder_);
    for (const char* card : {"a", "b"}) {
      fs::copy(root_ / card, folder_ / card, fs::copy_options::recursive);
    }
  }
  void TearDown() override {
    client_.reset();
    process_.reset();
    card_a_.reset();
    card_b_.reset();
    // pcscd looks every 0.4 s: one that goes on would see the last test's card in the next.
    EXPECT_EQ(Pcscd("stop"), 0);
  }

  void StartPlugin(std::map<std::string, std::string> settings = {}) {
    settings["pcscd_socket"] = std::getenv("PCSCLITE_CSOCK_NAME");
    for (const char* name : {"readers", "ignore_readers", "pads"}) settings[name];
    auto process = PluginProcess::Spawn(BuildFolder() / "plugins/reader_pcsc/reader_pcsc");
    ASSERT_TRUE(process.ok()) << process.status();
    process_ = *std::move(process);
    const absl::Status status = process_->Start(settings);
    ASSERT_TRUE(status.ok()) << status;
    client_ = std::make_unique<ReaderClient>(*process_);
  }
  // Waits until both readers are there and empty.
  void StartEmpty() {
    StartPlugin();
    ASSERT_TRUE(client_->AwaitPresence(readers_[0], PRESENCE_ABSENT).has_value());
    ASSERT_TRUE(client_->AwaitPresence(readers_[1], PRESENCE_ABSENT).has_value());
  }
  void LayDownA() { card_a_ = std::make_unique<CardProcess>(folder_ / "a", ports_[0]); }
  void LayDownB() { card_b_ = std::make_unique<CardProcess>(folder_ / "b", ports_[1]); }

  uint64_t MustOpen(int reader) {
    const auto state = client_->AwaitPresence(readers_[reader], PRESENCE_PRESENT);
    EXPECT_TRUE(state.has_value()) << readers_[reader];
    if (!state.has_value()) return 0;
    const auto opened = client_->Open(readers_[reader], state->insertion());
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? opened->session() : 0;
  }
  void ExpectReads(uint64_t session) {
    for (const Bytes& command : {kSelectJpki, kSelectCertificate}) {
      const auto answer = client_->Transmit(session, command);
      ASSERT_TRUE(answer.ok()) << answer.status();
      EXPECT_EQ(*answer, kOk);
    }
    const auto read = client_->Transmit(session, kRead);
    ASSERT_TRUE(read.ok()) << read.status();
    ASSERT_EQ(read->size(), 6u);
    EXPECT_EQ(read->front(), 0x30);
  }

  void ExpectVerifies(uint64_t session) {
    for (const Bytes& command : {kSelectJpki, kSelectPin}) {
      EXPECT_EQ(Code(client_->Transmit(session, command)), "OK");
    }
    const auto verified = client_->VerifyPin(session, kVerify, kPin);
    ASSERT_TRUE(verified.ok()) << verified.status();
    EXPECT_EQ(*verified, kOk);
  }
  // The card signs only while a PIN is verified, which a SELECT does not change.
  Bytes StatusWordOfSignature(uint64_t session) {
    for (const Bytes& command : {kSelectJpki, kSelectKey}) {
      EXPECT_EQ(Code(client_->Transmit(session, command)), "OK");
    }
    const auto signature = client_->Transmit(session, kSign);
    if (!signature.ok() || signature->size() < 2) return {};
    return Bytes(signature->end() - 2, signature->end());
  }

  static fs::path root_;
  std::vector<std::string> readers_, ports_;
  fs::path folder_;
  std::unique_ptr<CardProcess> card_a_, card_b_;
  std::unique_ptr<PluginProcess> process_;
  std::unique_ptr<ReaderClient> client_;
};

fs::path RealPcscdTest::root_;

TEST_F(RealPcscdTest, ACardComesIsReadAndGoes) {
  StartEmpty();
  LayDownA();
  const auto state = client_->AwaitPresence(readers_[0], PRESENCE_PRESENT);
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->insertion(), 1u);
  EXPECT_FALSE(state->lying());
  EXPECT_EQ(state->atr().substr(0, 1), "\x3B");
  ExpectReads(MustOpen(0));
  card_a_->Tell("remove");
  ASSERT_TRUE(client_->AwaitPresence(readers_[0], PRESENCE_ABSENT).has_value());
  card_a_->Tell("insert");
  const auto again = client_->AwaitPresence(readers_[0], PRESENCE_PRESENT);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->insertion(), 2u);
  // The session of the removed card was never closed; it is in nobody's way.
  ExpectReads(MustOpen(0));
}

TEST_F(RealPcscdTest, ACardThatIsThereAtTheStartIsLying) {
  LayDownA();
  StartPlugin();
  auto state = client_->AwaitPresence(readers_[0], PRESENCE_PRESENT);
  ASSERT_TRUE(state.has_value());
  // By now it lies there for whoever comes next.
  client_.reset();
  process_.reset();
  StartPlugin();
  state = client_->AwaitPresence(readers_[0], PRESENCE_PRESENT);
  ASSERT_TRUE(state.has_value());
  EXPECT_TRUE(state->lying());
  EXPECT_EQ(state->insertion(), 1u);
}

TEST_F(RealPcscdTest, TwoCardsInTwoReadersStayApart) {
  StartEmpty();
  LayDownA();
  LayDownB();
  const uint64_t a = MustOpen(0), b = MustOpen(1);
  ExpectReads(a);
  // Nothing is selected on B yet, whatever A was told.
  const auto unselected = client_->Transmit(b, kRead);
  ASSERT_TRUE(unselected.ok()) << unselected.status();
  EXPECT_EQ(unselected->size(), 2u);
  ExpectReads(b);
}

TEST_F(RealPcscdTest, AVerifiedPinDoesNotOutliveItsSession) {
  StartEmpty();
  LayDownA();
  const uint64_t first = MustOpen(0);
  EXPECT_EQ(StatusWordOfSignature(first), (Bytes{0x69, 0x82}));
  ExpectVerifies(first);
  EXPECT_EQ(StatusWordOfSignature(first), kOk);
  ASSERT_TRUE(client_->Close(first).ok());

  const uint64_t second = MustOpen(0);
  EXPECT_EQ(StatusWordOfSignature(second), (Bytes{0x69, 0x82}));
  ExpectVerifies(second);
  // The host dies in the middle.
  client_.reset();
  EXPECT_EQ(process_->End(), 0);
  StartPlugin();
  EXPECT_EQ(StatusWordOfSignature(MustOpen(0)), (Bytes{0x69, 0x82}));
}

TEST_F(RealPcscdTest, ThePinIsNowhereInItsMemoryAfterwards) {
  StartEmpty();
  LayDownA();
  const uint64_t session = MustOpen(0);
  for (const Bytes& command : {kSelectJpki, kSelectPin}) {
    ASSERT_EQ(Code(client_->Transmit(session, command)), "OK");
  }
  const Bytes pin = {'S', 'Y', 'N', 'T', 'H', 'E', 'T', 'I',
                     'C', '-', '4', '0', '7', '1', '8', '2'};
  card_a_->Tell("fault slow=4000");  // longer than one search takes under a sanitizer
  auto answer =
      std::async(std::launch::async, [&] { return client_->VerifyPin(session, kVerify, pin); });
  // While the card thinks the command is held: the search does find what is there.
  bool held = false;
  while (!held && answer.wait_for(0ms) == std::future_status::timeout) {
    held = process_->CopiesInMemory(pin).value_or(0) > 0;
  }
  EXPECT_TRUE(held);
  ASSERT_EQ(Code(answer.get()), "OK");
  EXPECT_EQ(process_->CopiesInMemory(pin), 0u);
  ASSERT_TRUE(client_->Close(session).ok());
  EXPECT_EQ(process_->CopiesInMemory(pin), 0u);
}

TEST_F(RealPcscdTest, ACardPulledInMidApduIsGone) {
  StartEmpty();
  LayDownA();
  card_a_->Tell("fault pulled-before=2");
  const uint64_t session = MustOpen(0);
  EXPECT_EQ(Code(client_->Transmit(session, kSelectJpki)), "OK");
  EXPECT_EQ(Code(client_->Transmit(session, kSelectCertificate)), "CARD_GONE");
  EXPECT_EQ(Code(client_->Transmit(session, kRead)), "CARD_GONE");
  EXPECT_TRUE(client_->AwaitPresence(readers_[0], PRESENCE_ABSENT).has_value());
  EXPECT_TRUE(client_->Close(session).ok());
}

TEST_F(RealPcscdTest, ASilentCardStopsNobodyElse) {
  StartEmpty();
  LayDownA();
  LayDownB();
  card_a_->Tell("fault silent-from=1");
  const uint64_t silent = MustOpen(0);
  const auto insertion = client_->AwaitPresence(readers_[0], PRESENCE_PRESENT)->insertion();
  EXPECT_EQ(client_->Transmit(silent, kSelectJpki, 300ms).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  // Neither waits for the card: the deadlines of these calls would have passed.
  EXPECT_TRUE(client_->Close(silent).ok());
  EXPECT_EQ(Code(client_->Open(readers_[0], insertion)), "CARD_BUSY");

  const uint64_t lively = MustOpen(1);
  ExpectReads(lively);
  ASSERT_TRUE(client_->Close(lively).ok());
  card_b_->Tell("remove");
  EXPECT_TRUE(client_->AwaitPresence(readers_[1], PRESENCE_ABSENT).has_value());

  card_a_->Tell("remove");
  EXPECT_TRUE(client_->AwaitPresence(readers_[0], PRESENCE_ABSENT).has_value());
  card_a_->Tell("faults clear");
  card_a_->Tell("insert");
  ExpectReads(MustOpen(0));
}

TEST_F(RealPcscdTest, AnotherProgramsTransactionIsBusy) {
  StartEmpty();
  LayDownA();
  const auto state = client_->AwaitPresence(readers_[0], PRESENCE_PRESENT);
  ASSERT_TRUE(state.has_value());
  SCARDCONTEXT context;
  SCARDHANDLE card;
  DWORD protocol;
  ASSERT_EQ(SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &context), SCARD_S_SUCCESS);
  ASSERT_EQ(SCardConnect(context, readers_[0].c_str(), SCARD_SHARE_SHARED,
                         SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card, &protocol),
            SCARD_S_SUCCESS);
  ASSERT_EQ(SCardBeginTransaction(card), SCARD_S_SUCCESS);
  EXPECT_EQ(Code(client_->Open(readers_[0], state->insertion())), "CARD_BUSY");
  // It ends with a reset while the plugin waits for it.
  auto waiting = std::async(std::launch::async, [&] {
    absl::StatusOr<reader::v1::OpenReply> opened = absl::UnknownError("");
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (!opened.ok() && std::chrono::steady_clock::now() < deadline) {
      opened = client_->Open(readers_[0], state->insertion());
      std::this_thread::sleep_for(10ms);
    }
    return opened;
  });
  EXPECT_EQ(SCardDisconnect(card, SCARD_RESET_CARD), SCARD_S_SUCCESS);
  SCardReleaseContext(context);
  const auto opened = waiting.get();
  ASSERT_TRUE(opened.ok()) << opened.status();
  ExpectReads(opened->session());
}

TEST_F(RealPcscdTest, AnotherProgramsExclusiveConnectionIsBusy) {
  StartEmpty();
  LayDownA();
  const auto state = client_->AwaitPresence(readers_[0], PRESENCE_PRESENT);
  ASSERT_TRUE(state.has_value());
  EXPECT_FALSE(state->busy());
  const auto await_busy = [&](bool busy) {
    return client_
        ->Await([&](const reader::v1::Snapshot& snapshot) {
          for (const auto& reader : snapshot.reader()) {
            if (reader.name() == readers_[0]) return reader.busy() == busy;
          }
          return false;
        })
        .has_value();
  };
  SCARDCONTEXT context;
  SCARDHANDLE card;
  DWORD protocol;
  ASSERT_EQ(SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &context), SCARD_S_SUCCESS);
  ASSERT_EQ(SCardConnect(context, readers_[0].c_str(), SCARD_SHARE_EXCLUSIVE,
                         SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card, &protocol),
            SCARD_S_SUCCESS);
  EXPECT_TRUE(await_busy(true));
  EXPECT_EQ(Code(client_->Open(readers_[0], state->insertion())), "CARD_BUSY");
  EXPECT_EQ(SCardDisconnect(card, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
  SCardReleaseContext(context);
  EXPECT_TRUE(await_busy(false));
  ExpectReads(MustOpen(0));
}

TEST_F(RealPcscdTest, AnIgnoredReaderIsNotThere) {
  StartPlugin({{"ignore_readers", "*00 01"}});
  ASSERT_TRUE(client_->AwaitPresence(readers_[0], PRESENCE_ABSENT).has_value());
  LayDownB();
  LayDownA();
  ExpectReads(MustOpen(0));
  const auto snapshot = client_->Await([](const auto&) { return true; });
  ASSERT_TRUE(snapshot.has_value());
  EXPECT_EQ(snapshot->reader_size(), 1);
  EXPECT_FALSE(snapshot->has_trouble());
  EXPECT_EQ(Code(client_->Open(readers_[1], 1)), "READER_LOST");
}

TEST_F(RealPcscdTest, PcscdStopsAndComesBack) {
  StartEmpty();
  LayDownA();
  const uint64_t session = MustOpen(0);
  ExpectReads(session);
  ASSERT_EQ(Pcscd("stop"), 0);
  const auto down =
      client_->Await([](const auto& s) { return s.service() == reader::v1::SERVICE_DOWN; });
  ASSERT_TRUE(down.has_value());
  EXPECT_EQ(down->reader_size(), 0);
  EXPECT_THAT(down->detail(), testing::HasSubstr("pcscd"));
  EXPECT_EQ(Code(client_->Transmit(session, kRead)), "READER_SERVICE_DOWN");
  EXPECT_EQ(Code(client_->Open(readers_[0], 1)), "READER_SERVICE_DOWN");

  ASSERT_EQ(Pcscd("start"), 0);
  const auto back = client_->AwaitPresence(readers_[0], PRESENCE_PRESENT);
  ASSERT_TRUE(back.has_value());
  EXPECT_GE(back->insertion(), 2u);
  ExpectReads(MustOpen(0));
}

TEST_F(RealPcscdTest, AFrozenPcscdIsDownAndNoBusyCard) {
  StartEmpty();
  LayDownA();
  const auto state = client_->AwaitPresence(readers_[0], PRESENCE_PRESENT);
  ASSERT_TRUE(state.has_value());
  ASSERT_EQ(Pcscd("freeze"), 0);
  EXPECT_EQ(Code(client_->Open(readers_[0], state->insertion())), "READER_SERVICE_DOWN");
  EXPECT_TRUE(
      client_->Await([](const auto& s) { return s.service() == reader::v1::SERVICE_DOWN; }, 20s));
  ASSERT_EQ(Pcscd("thaw"), 0);
  const auto thawed = client_->AwaitPresence(readers_[0], PRESENCE_PRESENT);
  ASSERT_TRUE(thawed.has_value());
  EXPECT_EQ(thawed->insertion(), state->insertion());
  EXPECT_FALSE(thawed->lying());
  EXPECT_FALSE(thawed->busy());
  // The thread of the first Open still has the card for a moment.
  absl::StatusOr<reader::v1::OpenReply> opened = absl::UnknownError("");
  const auto deadline = std::chrono::steady_clock::now() + 5s;
  while (!opened.ok() && std::chrono::steady_clock::now() < deadline) {
    opened = client_->Open(readers_[0], thawed->insertion());
  }
  ASSERT_TRUE(opened.ok()) << opened.status();
  ExpectReads(opened->session());
}

TEST_F(RealPcscdTest, PcscdMayStartAfterThePlugin) {
  ASSERT_EQ(Pcscd("stop"), 0);
  StartPlugin();
  EXPECT_TRUE(
      client_->Await([](const auto& s) { return s.service() == reader::v1::SERVICE_DOWN; }));
  ASSERT_EQ(Pcscd("start"), 0);
  EXPECT_TRUE(client_->AwaitPresence(readers_[1], PRESENCE_ABSENT).has_value());
}

}  // namespace
}  // namespace madoguchi::pcsc
