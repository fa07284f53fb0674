#ifndef MADOGUCHI_READERS_BLUETOOTH_RADIO_PLACE_H_
#define MADOGUCHI_READERS_BLUETOOTH_RADIO_PLACE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "readers/bluetooth/ccid.h"
#include "readers/bluetooth/fake_bluez.h"
#include "readers/bluetooth/radio.h"

// What the tests of the radio share.
namespace madoguchi::bluetooth {

using namespace std::chrono_literals;  // NOLINT: for tests.

class RadioPlace : public testing::Test {
 protected:
  // A command's answer: "OK" and the bytes, or the failure's name.
  struct Answered {
    std::string code;  // empty: not yet
    std::vector<uint8_t> bytes;
  };

  void Start(const std::string& readers, bool power_on = false,
             std::optional<uint32_t> passkey = 0) {
    Radio::Options options;
    options.selection = *Selection::Parse(readers);
    options.power_on = power_on;
    options.passkey = passkey;
    radio_ = std::make_unique<Radio>(bluez_, loop_, std::move(options), make_codec_,
                                     [this](reader::v1::Snapshot snapshot) {
                                       shown_ = std::move(snapshot);
                                       if (on_show_) on_show_();
                                     });
    radio_->Start();
    loop_.Settle();
  }
  // A machine as it should be, with one reader FT_1 in reach.
  void StartWell() {
    bluez_.SetAdapter(true, true);
    bluez_.SetRunning(true);
    reader_ = &bluez_.Add("00:11:22:33:44:55", "FT_1");
    Start("FT_1");
    loop_.Advance(3s);
    ASSERT_EQ(State().presence(), reader::v1::PRESENCE_ABSENT) << shown_.DebugString();
  }
  // The same, with a card that was laid down after that.
  void StartWithCard() {
    StartWell();
    if (HasFatalFailure()) return;
    bluez_.LayCard(*reader_);
    loop_.Advance(1s);
    ASSERT_EQ(State().presence(), reader::v1::PRESENCE_PRESENT) << shown_.DebugString();
  }
  void TearDown() override { radio_.reset(); }

  const reader::v1::ReaderState& State(int index = 0) {
    static const reader::v1::ReaderState kNone;
    return index < shown_.reader_size() ? shown_.reader(index) : kNone;
  }
  std::string Trouble(int index = 0) { return NameOf(State(index).trouble().code()); }
  std::string ServiceTrouble() { return NameOf(shown_.trouble().code()); }

  std::shared_ptr<Answered> Open(uint64_t session, uint64_t insertion) {
    auto answered = std::make_shared<Answered>();
    radio_->Open(session, "FT_1", insertion, Into(answered));
    return answered;
  }
  std::shared_ptr<Answered> Transmit(uint64_t session,
                                     std::vector<uint8_t> command = {0x00, 0xB0, 0x00, 0x00}) {
    auto answered = std::make_shared<Answered>();
    Secret secret = *Secret::OfSize(command.size());
    std::copy(command.begin(), command.end(), secret.bytes().begin());
    radio_->Transmit(session, std::move(secret), Into(answered));
    return answered;
  }
  void MustOpen(uint64_t session) {
    const auto opened = Open(session, State().insertion());
    loop_.Advance(1s);
    ASSERT_EQ(opened->code, "OK");
  }

  FakeLoop loop_;
  FakeBluez bluez_{loop_};
  FakeBluez::Device* reader_ = nullptr;
  reader::v1::Snapshot shown_;
  std::function<void()> on_show_;
  Device::CodecMaker make_codec_ = [](const Family&) { return std::make_unique<Ccid>(); };
  std::unique_ptr<Radio> radio_;

 private:
  static Device::Answer Into(const std::shared_ptr<Answered>& answered) {
    return [answered](absl::StatusOr<std::vector<uint8_t>> bytes) {
      EXPECT_EQ(answered->code, "") << "answered twice";
      answered->code = bytes.ok() ? "OK" : NameOf(CodeOf(bytes.status()));
      if (bytes.ok()) answered->bytes = *bytes;
    };
  }
};

}  // namespace madoguchi::bluetooth

#endif  // MADOGUCHI_READERS_BLUETOOTH_RADIO_PLACE_H_
