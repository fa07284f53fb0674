// The plugin's process with one of the recordings that stand beside it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "sdk/conformance/plugin_process.h"
#include "sdk/conformance/reader_client.h"
#include "sdk/failure/failure.h"

namespace madoguchi::vpcd {
namespace {

using conformance::PluginProcess;
using conformance::ReaderClient;
using reader::v1::PRESENCE_ABSENT;
using reader::v1::PRESENCE_PRESENT;
using Bytes = ReaderClient::Bytes;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr char kReader[] = "Virtual Reader 0";
const Bytes kSelect = {0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0,
                       0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01};
const Bytes kVerify = {0x00, 0x20, 0x00, 0x98, 0x00};
const Bytes kGood = {0x90, 0x00};

std::string Folder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() /
         "plugins/reader_virtual";
}

class RecordedReaderTest : public testing::Test {
 protected:
  void Play(const std::string& recording, const std::string& speed) {
    auto process =
        PluginProcess::StartFolder(Folder(), {{"pin_pad", "false"},
                                              {"recording", MADOGUCHI_RECORDINGS "/" + recording},
                                              {"speed", speed}});
    ASSERT_TRUE(process.ok()) << process.status();
    process_ = *std::move(process);
    client_ = std::make_unique<ReaderClient>(*process_);
  }
  ~RecordedReaderTest() override {
    client_.reset();
    process_.reset();
  }
  uint64_t Open() {
    EXPECT_TRUE(client_->AwaitPresence(kReader, PRESENCE_PRESENT).has_value());
    const auto opened = client_->Open(kReader, 1);
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? opened->session() : 0;
  }

  std::unique_ptr<PluginProcess> process_;
  std::unique_ptr<ReaderClient> client_;
};

TEST_F(RecordedReaderTest, ShowsWhatWasSeen) {
  Play("visual_eligible.textproto", "0");
  const auto state = client_->AwaitPresence(kReader, PRESENCE_PRESENT);
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->insertion(), 1u);
  EXPECT_FALSE(state->lying());
  EXPECT_THAT(state->atr(), testing::HasSubstr("SYNTHETI"));
}

TEST_F(RecordedReaderTest, ChecksTheSession) {
  Play("pin_eligible.textproto", "0");
  const uint64_t session = Open();
  EXPECT_EQ(CodeOf(client_->Open(kReader, 1).status()), check::v1::FAILURE_CODE_CARD_BUSY);
  EXPECT_EQ(CodeOf(client_->Open("Another", 1).status()), check::v1::FAILURE_CODE_READER_LOST);
  EXPECT_EQ(CodeOf(client_->Transmit(session + 1, kSelect).status()),
            check::v1::FAILURE_CODE_READER_LOST);
  EXPECT_EQ(*client_->Transmit(session, kSelect), kGood);
  EXPECT_TRUE(client_->Close(session).ok());
  EXPECT_EQ(CodeOf(client_->Transmit(session, kSelect).status()),
            check::v1::FAILURE_CODE_READER_LOST);
  EXPECT_EQ(CodeOf(client_->Open(kReader, 2).status()), check::v1::FAILURE_CODE_CARD_GONE);
}

// A PIN comes through fd 4 as to any reader; which one it is does not matter, and no copy stays.
TEST_F(RecordedReaderTest, TakesAnyPinAndKeepsNone) {
  Play("pin_eligible.textproto", "0");
  const uint64_t session = Open();
  const Bytes pin = {'8', '0', '5', '1', '9', '9', '2', '7', '3', '6'};
  EXPECT_EQ(*client_->VerifyPin(session, kVerify, pin), kGood);
  EXPECT_EQ(process_->CopiesInMemory(pin), 0u);
  const auto second = client_->VerifyPin(session, kVerify, pin);
  EXPECT_EQ(CodeOf(second.status()), check::v1::FAILURE_CODE_CARD_ANSWER_INVALID);
  EXPECT_THAT(process_->log(), testing::Not(testing::HasSubstr("8051")));
}

TEST_F(RecordedReaderTest, TakesTheTimeThatItTook) {
  Play("pin_eligible.textproto", "25");  // 8.5 ms as recorded
  const uint64_t session = Open();
  const auto before = steady_clock::now();
  EXPECT_EQ(*client_->Transmit(session, kSelect), kGood);
  EXPECT_GE(steady_clock::now() - before, milliseconds(30));
}

// The host closes when its deadline is over: the wait ends with the session.
TEST_F(RecordedReaderTest, ClosingEndsTheWait) {
  // 0.85 s an APDU, and the card at once: it would be 40 s until it comes.
  std::ifstream file(MADOGUCHI_RECORDINGS "/pin_eligible.textproto");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const size_t at = text.find("after_us: ", text.find("after_us: ") + 1);
  text.erase(at, text.find('\n', at) - at);
  process_ = *PluginProcess::Spawn(Folder() + "/reader_virtual");
  ASSERT_TRUE(process_
                  ->Start({{"directory", ""},
                           {"readers", "1"},
                           {"pin_pad", "false"},
                           {"recording", text},
                           {"speed", "1"}})
                  .ok());
  client_ = std::make_unique<ReaderClient>(*process_);
  const uint64_t session = Open();
  const auto before = steady_clock::now();
  auto waiting =
      std::async(std::launch::async, [&] { return client_->Transmit(session, kSelect); });
  EXPECT_EQ(waiting.wait_for(milliseconds(100)), std::future_status::timeout);
  EXPECT_TRUE(client_->Close(session).ok());
  EXPECT_EQ(CodeOf(waiting.get().status()), check::v1::FAILURE_CODE_CANCELLED);
  EXPECT_LT(steady_clock::now() - before, milliseconds(800));
}

TEST_F(RecordedReaderTest, SaysWhatIsWrongWithARecording) {
  process_ = *PluginProcess::Spawn(Folder() + "/reader_virtual");
  const absl::Status status = process_->Start({{"directory", ""},
                                               {"readers", "1"},
                                               {"pin_pad", "false"},
                                               {"recording", "version: 1\nfoo: 2"},
                                               {"speed", "0"}});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("setting recording:2"));
}

TEST_F(RecordedReaderTest, NeitherFolderNorRecordingIsRefused) {
  const auto process = PluginProcess::StartFolder(Folder());
  EXPECT_EQ(process.status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace madoguchi::vpcd
