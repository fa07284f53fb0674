// The plugin's own binary on the real libnfc, with an emulated PN532 and the virtual My Number
// Card.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <filesystem>
#include <future>
#include <set>

#include "sdk/conformance/plugin_process.h"
#include "sdk/conformance/reader_client.h"
#include "sdk/failure/failure.h"
#include "sdk/launch/launch.h"
#include "sdk/sim/pn532/board_process.h"

namespace madoguchi::nfc {
namespace {

namespace fs = std::filesystem;
using conformance::PluginProcess;
using conformance::ReaderClient;
using pn532::BoardProcess;
using pn532::BuildFolder;
using pn532::CardProcess;
using reader::v1::PRESENCE_ABSENT;
using reader::v1::PRESENCE_PRESENT;
using reader::v1::PRESENCE_UNSPECIFIED;
using Bytes = std::vector<uint8_t>;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

const Bytes kSelectJpki = {0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0,
                           0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01};
const Bytes kSelectCertificate = {0x00, 0xA4, 0x02, 0x0C, 0x02, 0x00, 0x0A};
const Bytes kRead256 = {0x00, 0xB0, 0x00, 0x00, 0x00};
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

class RealLibnfcTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::string name = testing::TempDir() + "real-libnfc-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    CardProcess::Make(root_ / "card");
  }
  static void TearDownTestSuite() { fs::remove_all(root_); }

  void SetUp() override {
    folder_ = root_ / testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::create_directory(folder_);
    fs::copy(root_ / "card", folder_ / "hanako", fs::copy_options::recursive);
  }
  void TearDown() override {
    client_.reset();
    process_.reset();
    card_.reset();
    board_.reset();
  }

  void StartBoard(std::vector<std::string> more = {}) {
    board_ = std::make_unique<BoardProcess>(folder_, std::move(more));
    name_ = "NFC " + board_->link();
  }
  std::map<std::string, std::string> Settings() const {
    return {{"devices", (folder_ / "pn532").string()},
            {"driver", "pn532_uart"},
            {"speed", "115200"},
            {"poll_ms", "50"}};
  }
  std::unique_ptr<PluginProcess> Spawn() {
    auto process = PluginProcess::Spawn(BuildFolder() / "plugins/reader_nfc/reader_nfc");
    EXPECT_TRUE(process.ok()) << process.status();
    if (!process.ok()) return nullptr;
    const absl::Status status = (*process)->Start(Settings());
    EXPECT_TRUE(status.ok()) << status;
    return *std::move(process);
  }
  void StartPlugin() {
    process_ = Spawn();
    ASSERT_NE(process_, nullptr);
    client_ = std::make_unique<ReaderClient>(*process_);
  }
  // As a host does: in the jail, with what the manifest asks for.
  void StartJailed() {
    const auto image = ReadPluginImage((BuildFolder() / "plugins/reader_nfc").string());
    ASSERT_TRUE(image.ok()) << image.status();
    plugin::v1::StartRequest settings;
    for (const auto& [name, value] : Settings()) (*settings.mutable_setting())[name] = value;
    const auto jail = JailOf(image->folder.manifest, settings, {"serial"});
    ASSERT_TRUE(jail.ok()) << jail.status();
    auto process = PluginProcess::SpawnJailed(*image, *jail, BuildFolder() / "bin/madoguchi-jail");
    ASSERT_TRUE(process.ok()) << process.status();
    process_ = *std::move(process);
    const absl::Status status = process_->Start(Settings());
    ASSERT_TRUE(status.ok()) << status << process_->TakeLog();
    client_ = std::make_unique<ReaderClient>(*process_);
  }
  void LayDown() { card_ = std::make_unique<CardProcess>(folder_ / "hanako", folder_); }
  void StartEmpty(std::vector<std::string> more = {}) {
    StartBoard(std::move(more));
    StartPlugin();
    ASSERT_TRUE(client_->AwaitPresence(name_, PRESENCE_ABSENT).has_value());
  }
  // With a card, and a session on it.
  uint64_t StartSession(std::vector<std::string> more = {}) {
    StartEmpty(std::move(more));
    LayDown();
    return MustOpen();
  }

  uint64_t MustOpen() {
    const auto state = client_->AwaitPresence(name_, PRESENCE_PRESENT);
    EXPECT_TRUE(state.has_value());
    if (!state.has_value()) return 0;
    const auto opened = client_->Open(name_, state->insertion());
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? opened->session() : 0;
  }
  void ExpectReads(uint64_t session) {
    for (const Bytes& command : {kSelectJpki, kSelectCertificate}) {
      const auto answer = client_->Transmit(session, command);
      ASSERT_TRUE(answer.ok()) << answer.status();
      EXPECT_EQ(*answer, kOk);
    }
    const auto read = client_->Transmit(session, kRead256);
    ASSERT_TRUE(read.ok()) << read.status();
    ASSERT_EQ(read->size(), 258u);
    EXPECT_EQ(read->front(), 0x30);
  }
  // The state once its insertion is above `insertion`.
  std::optional<reader::v1::ReaderState> AwaitInsertionAbove(uint64_t insertion) {
    const auto snapshot = client_->Await([&](const auto& s) {
      return s.reader_size() == 1 && s.reader(0).insertion() > insertion &&
             s.reader(0).presence() == PRESENCE_PRESENT;
    });
    if (!snapshot) return std::nullopt;
    return snapshot->reader(0);
  }
  // "OK" while there is no trouble.
  std::string AwaitTrouble(check::v1::FailureCode code,
                           std::chrono::milliseconds patience = 10000ms) {
    const auto snapshot = client_->Await(
        [&](const auto& s) { return s.reader_size() == 1 && s.reader(0).trouble().code() == code; },
        patience);
    return snapshot ? NameOf(code) : "it did not come";
  }
  size_t Descriptors() const {
    const fs::directory_iterator all("/proc/" + std::to_string(process_->pid()) + "/fd");
    return static_cast<size_t>(std::distance(begin(all), end(all)));
  }
  Bytes StatusWordOfSignature(uint64_t session) {
    for (const Bytes& command : {kSelectJpki, kSelectKey}) {
      EXPECT_EQ(Code(client_->Transmit(session, command)), "OK");
    }
    const auto signature = client_->Transmit(session, kSign);
    if (!signature.ok() || signature->size() < 2) return {};
    return Bytes(signature->end() - 2, signature->end());
  }
  void ExpectVerifies(uint64_t session) {
    for (const Bytes& command : {kSelectJpki, kSelectPin}) {
      EXPECT_EQ(Code(client_->Transmit(session, command)), "OK");
    }
    const auto verified = client_->VerifyPin(session, kVerify, kPin);
    ASSERT_TRUE(verified.ok()) << verified.status();
    EXPECT_EQ(*verified, kOk);
  }

  static fs::path root_;
  fs::path folder_;
  std::string name_;
  std::unique_ptr<BoardProcess> board_;
  std::unique_ptr<CardProcess> card_;
  std::unique_ptr<PluginProcess> process_;
  std::unique_ptr<ReaderClient> client_;
};

fs::path RealLibnfcTest::root_;

TEST_F(RealLibnfcTest, ACardComesIsReadAndGoes) {
  StartEmpty();
  LayDown();
  const auto state = client_->AwaitPresence(name_, PRESENCE_PRESENT);
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->insertion(), 1u);
  EXPECT_FALSE(state->lying());
  // The ATR that the card itself has.
  EXPECT_EQ(state->atr(), std::string("\x3B\x88\x80\x01\x00\x00\x05\xE0\xB3\x81\xA1\x00\x7F", 13));
  EXPECT_EQ(state->maker(), "PN532 v1.6");
  EXPECT_EQ(state->link(), reader::v1::LINK_SERIAL);
  EXPECT_FALSE(state->has_trouble());
  ExpectReads(MustOpen());
  card_->Tell("remove");
  ASSERT_TRUE(client_->AwaitPresence(name_, PRESENCE_ABSENT).has_value());
  card_->Tell("insert");
  const auto again = AwaitInsertionAbove(1);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->insertion(), 2u);
  EXPECT_FALSE(again->lying());
  // The session of the removed card was never closed; it is in nobody's way.
  ExpectReads(MustOpen());
}

TEST_F(RealLibnfcTest, WorksInTheJail) {
  StartBoard();
  LayDown();
  ASSERT_TRUE(pn532::BuildFolder().is_absolute());
  ASSERT_TRUE(conformance::Await([&] { return board_->Status("card") == "1"; }));
  StartJailed();
  const uint64_t session = MustOpen();
  ExpectReads(session);
  ExpectVerifies(session);
  EXPECT_TRUE(client_->Close(session).ok());
  EXPECT_TRUE(client_->AwaitPresence(name_, PRESENCE_PRESENT)->lying());
  EXPECT_EQ(process_->End(), 0);
  EXPECT_EQ(process_->TakeLog(), "");
}

TEST_F(RealLibnfcTest, ACardWithARandomPupiIsOneCard) {
  StartEmpty();
  LayDown();
  ASSERT_TRUE(client_->AwaitPresence(name_, PRESENCE_PRESENT).has_value());
  for (int i = 0; i < 5; ++i) {
    const uint64_t session = MustOpen();
    EXPECT_EQ(Code(client_->Transmit(session, kSelectJpki)), "OK");
    // The reset gives it another PUPI.
    EXPECT_TRUE(client_->Close(session).ok());
  }
  // It is still the first one after the next ping.
  const std::string commands = board_->Status("commands");
  ASSERT_TRUE(conformance::Await([&] { return board_->Status("commands") != commands; }));
  EXPECT_EQ(client_->AwaitPresence(name_, PRESENCE_PRESENT)->insertion(), 1u);
}

TEST_F(RealLibnfcTest, ACardPulledInMidApduIsGone) {
  const uint64_t session = StartSession();
  card_->Tell("fault pulled-before=2");
  EXPECT_EQ(Code(client_->Transmit(session, kSelectJpki)), "OK");
  EXPECT_EQ(Code(client_->Transmit(session, kSelectCertificate)), "CARD_GONE");
  EXPECT_EQ(Code(client_->Transmit(session, kRead256)), "CARD_GONE");
  EXPECT_TRUE(client_->AwaitPresence(name_, PRESENCE_ABSENT).has_value());
  EXPECT_TRUE(client_->Close(session).ok());
}

TEST_F(RealLibnfcTest, ACardOutOfTheFieldIsGoneAndComesBack) {
  const uint64_t session = StartSession();
  ExpectReads(session);
  board_->Tell("fault field-lost@4");
  EXPECT_EQ(Code(client_->Transmit(session, kSelectJpki)), "CARD_GONE");
  EXPECT_TRUE(client_->AwaitPresence(name_, PRESENCE_ABSENT).has_value());
  board_->Tell("faults clear");
  const auto again = AwaitInsertionAbove(1);
  ASSERT_TRUE(again.has_value());
  EXPECT_FALSE(again->lying());
}

TEST_F(RealLibnfcTest, AWrongChecksumEndsTheSessionAndTheCardLies) {
  const uint64_t session = StartSession();
  board_->Tell("fault corrupt");
  EXPECT_EQ(Code(client_->Transmit(session, kSelectJpki)), "READER_ANSWER_INVALID");
  EXPECT_EQ(Code(client_->Transmit(session, kSelectJpki)), "READER_ANSWER_INVALID");
  const auto again = AwaitInsertionAbove(1);
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->lying()) << "nobody laid it down";
  ExpectReads(MustOpen());
}

TEST_F(RealLibnfcTest, AStatusByteAndStrayBytesAreNoAnswers) {
  uint64_t session = StartSession();
  for (const auto& [fault, code] : std::vector<std::pair<std::string, std::string>>{
           {"status=14", "READER_ANSWER_INVALID"},
           {"status=27", "CARD_GONE"},
           {"status=29", "CARD_GONE"},
           {"status=01", "CARD_GONE"},
           {"stray=55AA00", "READER_ANSWER_INVALID"}}) {
    const auto before = client_->AwaitPresence(name_, PRESENCE_PRESENT);
    ASSERT_TRUE(before.has_value());
    board_->Tell("fault " + fault);
    EXPECT_EQ(Code(client_->Transmit(session, kSelectJpki)), code) << fault;
    ASSERT_TRUE(AwaitInsertionAbove(before->insertion()).has_value()) << fault;
    session = MustOpen();
    EXPECT_EQ(Code(client_->Transmit(session, kSelectJpki)), "OK") << fault;
  }
}

TEST_F(RealLibnfcTest, AnAnswerThatDoesNotComeIsASilentCardAndAllGoesOn) {
  const uint64_t session = StartSession();
  board_->Tell("fault hang");
  const auto begin = Clock::now();
  EXPECT_EQ(Code(client_->Transmit(session, kSelectJpki)), "CARD_SILENT");
  EXPECT_GE(Clock::now() - begin, 5s);
  ASSERT_TRUE(AwaitInsertionAbove(1).has_value());
  ExpectReads(MustOpen());
}

TEST_F(RealLibnfcTest, ACardMayTakeASecond) {
  const uint64_t session = StartSession();
  board_->Tell("fault latency=1000");
  const auto begin = Clock::now();
  EXPECT_EQ(Code(client_->Transmit(session, kSelectJpki)), "OK");
  EXPECT_GE(Clock::now() - begin, 1s);
}

TEST_F(RealLibnfcTest, ACommandOf261BytesIsCarriedAndOf263Refused) {
  const uint64_t session = StartSession();
  Bytes command(261, 0x00);
  command[1] = 0xA4;
  command[2] = 0x04;
  command[4] = 0xFF;
  EXPECT_EQ(Code(client_->Transmit(session, command)), "OK");
  for (const size_t size : {262u, 263u, 264u, 1000u, 65544u}) {
    EXPECT_EQ(Code(client_->Transmit(session, Bytes(size, 0x00))), "REQUEST_INVALID") << size;
  }
  ExpectReads(session);
}

TEST_F(RealLibnfcTest, ADeviceThatIsUnpluggedAndPluggedInAgain) {
  const uint64_t session = StartSession();
  ExpectReads(session);
  board_->Tell("unplug");
  EXPECT_EQ(Code(client_->Transmit(session, kSelectJpki)), "READER_LOST");
  EXPECT_EQ(AwaitTrouble(check::v1::FAILURE_CODE_READER_PORT_ABSENT), "READER_PORT_ABSENT");
  EXPECT_EQ(client_->AwaitPresence(name_, PRESENCE_UNSPECIFIED)->name(), name_);
  EXPECT_EQ(Code(client_->Open(name_, 1)), "READER_LOST");
  board_->Tell("replug");
  const auto again = AwaitInsertionAbove(1);
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->lying()) << "it lay there when the reader was seen again";
  EXPECT_FALSE(again->has_trouble());
  ExpectReads(MustOpen());
}

TEST_F(RealLibnfcTest, UnpluggedWhileIdleAndInMidApdu) {
  StartEmpty();
  board_->Tell("unplug");
  EXPECT_EQ(AwaitTrouble(check::v1::FAILURE_CODE_READER_PORT_ABSENT), "READER_PORT_ABSENT");
  board_->Tell("replug");
  ASSERT_TRUE(client_->AwaitPresence(name_, PRESENCE_ABSENT).has_value());
  LayDown();
  const uint64_t session = MustOpen();
  board_->Tell("fault latency=3000");
  auto answer =
      std::async(std::launch::async, [&] { return client_->Transmit(session, kSelectJpki); });
  ASSERT_TRUE(conformance::Await([&] { return board_->Status("apdus") == "1"; }));
  board_->Tell("unplug");
  EXPECT_EQ(Code(answer.get()), "READER_LOST");
}

TEST_F(RealLibnfcTest, AChipThatIsDeadIsSilentUntilItIsWell) {
  StartBoard({"--fault", "dead"});
  StartPlugin();
  EXPECT_EQ(AwaitTrouble(check::v1::FAILURE_CODE_READER_SILENT), "READER_SILENT");
  board_->Tell("faults clear");
  ASSERT_TRUE(client_->AwaitPresence(name_, PRESENCE_ABSENT, 10s).has_value());
  board_->Tell("fault dead");
  EXPECT_EQ(AwaitTrouble(check::v1::FAILURE_CODE_READER_SILENT), "READER_SILENT");
}

TEST_F(RealLibnfcTest, ADeviceThatIsNotThereYet) {
  StartBoard({"--unplugged"});
  StartPlugin();
  EXPECT_EQ(AwaitTrouble(check::v1::FAILURE_CODE_READER_PORT_ABSENT), "READER_PORT_ABSENT");
  board_->Tell("replug");
  EXPECT_TRUE(client_->AwaitPresence(name_, PRESENCE_ABSENT).has_value());
}

TEST_F(RealLibnfcTest, ASecondOpenerIsRefused) {
  StartEmpty();
  // Another plugin, by another name of the device.
  fs::create_symlink(folder_ / "pn532", folder_ / "other");
  auto second = PluginProcess::Spawn(BuildFolder() / "plugins/reader_nfc/reader_nfc");
  ASSERT_TRUE(second.ok()) << second.status();
  auto settings = Settings();
  settings["devices"] = (folder_ / "other").string();
  ASSERT_TRUE((*second)->Start(settings).ok());
  {
    ReaderClient client(**second);
    const auto snapshot = client.Await([&](const auto& s) {
      return s.reader_size() == 1 &&
             s.reader(0).trouble().code() == check::v1::FAILURE_CODE_READER_PORT_BUSY;
    });
    EXPECT_TRUE(snapshot.has_value());
    LayDown();
    ExpectReads(MustOpen());
    // The first one crashes: nothing is left of its lock.
    client_.reset();
    process_->Kill();
    const auto free = client.Await(
        [&](const auto& s) {
          return s.reader_size() == 1 && s.reader(0).presence() == PRESENCE_PRESENT;
        },
        10s);
    EXPECT_TRUE(free.has_value());
  }
  EXPECT_EQ((*second)->End(), 0);
}

TEST_F(RealLibnfcTest, ASecondSessionIsRefused) {
  const uint64_t first = StartSession();
  EXPECT_EQ(Code(client_->Open(name_, 1)), "CARD_BUSY");
  EXPECT_EQ(Code(client_->Open(name_, 7)), "CARD_GONE");
  EXPECT_EQ(Code(client_->Open("NFC /dev/other", 1)), "READER_LOST");
  ASSERT_TRUE(client_->Close(first).ok());
  EXPECT_EQ(Code(client_->Transmit(first, kSelectJpki)), "READER_LOST");
  EXPECT_NE(MustOpen(), first);
}

TEST_F(RealLibnfcTest, AVerifiedPinDoesNotOutliveItsSessionNorItsHost) {
  const uint64_t first = StartSession();
  EXPECT_EQ(StatusWordOfSignature(first), (Bytes{0x69, 0x82}));
  ExpectVerifies(first);
  EXPECT_EQ(StatusWordOfSignature(first), kOk);
  // An activation alone resets this card, but not every one.
  const int before = std::stoi(board_->Status("fields-off"));
  ASSERT_TRUE(client_->Close(first).ok());
  EXPECT_EQ(std::stoi(board_->Status("fields-off")), before + 1);
  const uint64_t second = MustOpen();
  EXPECT_EQ(StatusWordOfSignature(second), (Bytes{0x69, 0x82}));
  ExpectVerifies(second);
  // The host dies in the middle: the field is off before anybody else comes.
  client_.reset();
  EXPECT_EQ(process_->End(), 0);
  EXPECT_EQ(board_->Status("field"), "0");
  StartPlugin();
  EXPECT_EQ(StatusWordOfSignature(MustOpen()), (Bytes{0x69, 0x82}));
}

TEST_F(RealLibnfcTest, ThePinIsNowhereInItsMemoryAfterwards) {
  const uint64_t session = StartSession();
  for (const Bytes& command : {kSelectJpki, kSelectPin}) {
    ASSERT_EQ(Code(client_->Transmit(session, command)), "OK");
  }
  const Bytes pin = {'S', 'Y', 'N', 'T', 'H', 'E', 'T', 'I',
                     'C', '-', '4', '0', '7', '1', '8', '2'};
  board_->Tell("fault latency=4000");  // longer than one search takes under a sanitizer
  auto answer =
      std::async(std::launch::async, [&] { return client_->VerifyPin(session, kVerify, pin); });
  // While the card thinks libnfc has its copies: the search does find what is there.
  size_t held = 0;
  while (held == 0 && answer.wait_for(0ms) == std::future_status::timeout) {
    held = process_->CopiesInMemory(pin).value_or(0);
  }
  EXPECT_GT(held, 1u);
  RecordProperty("copies_while_under_way", static_cast<int>(held));
  ASSERT_EQ(Code(answer.get()), "OK");
  // Each half: what is used again is often written over at its head.
  const Bytes halves[] = {Bytes(pin.begin(), pin.begin() + 8), Bytes(pin.begin() + 8, pin.end())};
  for (const Bytes& half : halves) EXPECT_EQ(process_->CopiesInMemory(half), 0u);
  ASSERT_TRUE(client_->Close(session).ok());
  for (const Bytes& half : halves) EXPECT_EQ(process_->CopiesInMemory(half), 0u);
}

TEST_F(RealLibnfcTest, ClosingASessionEndsItsApduWithinATenthOfASecond) {
  uint64_t session = StartSession();
  const size_t before = Descriptors();
  for (int i = 0; i < 5; ++i) {
    board_->Tell("fault hang");
    const std::string apdus = board_->Status("apdus-total");
    auto answer =
        std::async(std::launch::async, [&] { return client_->Transmit(session, kSelectJpki); });
    ASSERT_TRUE(conformance::Await([&] { return board_->Status("apdus-total") != apdus; }));
    const auto begin = Clock::now();
    EXPECT_TRUE(client_->Close(session).ok());
    EXPECT_EQ(Code(answer.get()), "CANCELLED");
    EXPECT_LT(Clock::now() - begin, 100ms);
    // The card is reset and free, and still the same one.
    session = MustOpen();
    EXPECT_EQ(Code(client_->Transmit(session, kSelectJpki)), "OK");
  }
  EXPECT_EQ(client_->AwaitPresence(name_, PRESENCE_PRESENT)->insertion(), 1u);
  EXPECT_LE(Descriptors(), before + 2);
}

TEST_F(RealLibnfcTest, EndsAtOnceWhileAnApduIsUnderWay) {
  const uint64_t session = StartSession();
  board_->Tell("fault hang");
  auto answer =
      std::async(std::launch::async, [&] { return client_->Transmit(session, kSelectJpki); });
  ASSERT_TRUE(conformance::Await([&] { return board_->Status("apdus") == "1"; }));
  std::future<void> off = std::async(std::launch::async, [&, begin = Clock::now()] {
    EXPECT_TRUE(conformance::Await([&] { return board_->Status("field") == "0"; }));
    EXPECT_LT(Clock::now() - begin, 100ms) << "until the field is off";
  });
  EXPECT_EQ(process_->End(1000ms), 0);
  off.get();
  EXPECT_FALSE(answer.get().ok());
  client_.reset();
}

TEST_F(RealLibnfcTest, AStatusThatKillsLibnfcKillsThisProcessAlone) {
  const uint64_t session = StartSession();
  board_->Tell("fault status=80");
  EXPECT_FALSE(client_->Transmit(session, kSelectJpki).ok());
  EXPECT_EQ(process_->Fell(5000ms), 128 + SIGABRT);
  client_.reset();
  // As the host starts it again.
  StartPlugin();
  const auto state = client_->AwaitPresence(name_, PRESENCE_PRESENT);
  ASSERT_TRUE(state.has_value());
  EXPECT_TRUE(state->lying());
  ExpectReads(MustOpen());
}

TEST_F(RealLibnfcTest, AThousandCardsLeaveNoDescriptorAndNoThreadBehind) {
  StartEmpty();
  LayDown();
  ASSERT_TRUE(AwaitInsertionAbove(0).has_value());
  const size_t before = Descriptors();
  const auto threads = [&] {
    const fs::directory_iterator all("/proc/" + std::to_string(process_->pid()) + "/task");
    return std::distance(begin(all), end(all));
  };
  const auto threads_before = threads();
  // Each removal takes a ping. The soak run has all of the thousand.
  const char* const cards = std::getenv("MADOGUCHI_CARDS");
  const int cycles = cards == nullptr ? 20 : std::atoi(cards);
  for (int i = 1; i <= cycles; ++i) {
    card_->Tell("remove");
    ASSERT_TRUE(client_->AwaitPresence(name_, PRESENCE_ABSENT).has_value()) << i;
    card_->Tell("insert");
    const auto state = AwaitInsertionAbove(i);
    ASSERT_TRUE(state.has_value()) << i;
    ASSERT_EQ(state->insertion(), static_cast<uint64_t>(i) + 1);
    ASSERT_FALSE(state->lying());
  }
  EXPECT_LE(Descriptors(), before + 1);
  EXPECT_LE(threads(), threads_before + 2) << "gRPC's own come and go";
}

TEST_F(RealLibnfcTest, ALineOf115200BitsASecondIsFastEnough) {
  const uint64_t session = StartSession({"--baud", "115200"});
  ExpectReads(session);
  ASSERT_TRUE(client_->Close(session).ok());
  ExpectReads(MustOpen());
}

}  // namespace
}  // namespace madoguchi::nfc
