#ifndef MADOGUCHI_READERS_NFC_BOARD_FIXTURE_H_
#define MADOGUCHI_READERS_NFC_BOARD_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>

#include "sdk/conformance/plugin_process.h"
#include "sdk/conformance/reader_client.h"
#include "sdk/failure/failure.h"
#include "sdk/launch/launch.h"
#include "sdk/sim/pn532/board_process.h"

namespace madoguchi::nfc {

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

inline const Bytes kSelectJpki = {0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0,
                                  0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01};
inline const Bytes kSelectCertificate = {0x00, 0xA4, 0x02, 0x0C, 0x02, 0x00, 0x0A};
inline const Bytes kRead256 = {0x00, 0xB0, 0x00, 0x00, 0x00};
inline const Bytes kSelectPin = {0x00, 0xA4, 0x02, 0x0C, 0x02, 0x00, 0x18};
inline const Bytes kVerify = {0x00, 0x20, 0x00, 0x80, 0x00};
inline const Bytes kSelectKey = {0x00, 0xA4, 0x02, 0x0C, 0x02, 0x00, 0x17};
inline const Bytes kSign = {0x80, 0x2A, 0x00, 0x80, 0x02, 0xAB, 0xCD, 0x00};
inline const Bytes kOk = {0x90, 0x00};
inline const Bytes kPin = {'1', '2', '3', '4'};

template <typename T>
std::string Code(const absl::StatusOr<T>& status) {
  return status.ok() ? "OK" : NameOf(CodeOf(status.status()));
}

// The plugin's own binary, a madoguchi-pn532 and a madoguchi-card, in a folder of each test's own.
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
  // One that is under way on the board, and does not come back because of `fault`.
  std::future<absl::StatusOr<Bytes>> TransmitWith(const std::string& fault, uint64_t session) {
    board_->Tell("fault " + fault);
    const std::string apdus = board_->Status("apdus-total");
    auto answer = std::async(std::launch::async,
                             [=, this] { return client_->Transmit(session, kSelectJpki); });
    EXPECT_TRUE(conformance::Await([&] { return board_->Status("apdus-total") != apdus; }));
    return answer;
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

  static inline fs::path root_;
  fs::path folder_;
  std::string name_;
  std::unique_ptr<BoardProcess> board_;
  std::unique_ptr<CardProcess> card_;
  std::unique_ptr<PluginProcess> process_;
  std::unique_ptr<ReaderClient> client_;
};

}  // namespace madoguchi::nfc

#endif  // MADOGUCHI_READERS_NFC_BOARD_FIXTURE_H_
