#include "readers/nfc/nfc_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "readers/nfc/fake_nfc.h"
#include "sdk/failure/failure.h"

namespace madoguchi::nfc {
namespace {

using testing::HasSubstr;
using Values = std::map<std::string, std::string>;
using namespace std::chrono_literals;

Values With(Values more) {
  more.insert({{"devices", ""}, {"driver", "pn532_uart"}, {"speed", "115200"}, {"poll_ms", "250"}});
  return more;
}

std::string WhyNot(const Values& values) {
  FakePorts ports;
  NfcReader reader(ports, Timing());
  const absl::Status status = reader.Start(plugin::Settings(With(values)));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(NfcReader, NamesTheSettingThatCannotBeUsed) {
  EXPECT_THAT(WhyNot({{"devices", "ttyUSB0"}}), HasSubstr("devices is \"ttyUSB0\"; expected abs"));
  EXPECT_THAT(WhyNot({{"devices", "/dev/a:b"}}), HasSubstr("without a colon"));
  EXPECT_THAT(WhyNot({{"devices", "/dev/a /dev/a"}}), HasSubstr("each device once"));
  EXPECT_THAT(WhyNot({{"driver", "pn53x_usb"}}), HasSubstr("pn532_uart, arygon or acr122s"));
  EXPECT_THAT(WhyNot({{"speed", "300"}}), HasSubstr("speed"));
  EXPECT_THAT(WhyNot({{"poll_ms", "0"}}), HasSubstr("poll_ms"));
}

// The newest snapshot with that many readers, all of them with a card.
reader::v1::Snapshot Await(NfcReader& reader, int readers) {
  reader::v1::Snapshot snapshot;
  const auto deadline = std::chrono::steady_clock::now() + 5s;
  for (uint64_t seen = 0; std::chrono::steady_clock::now() < deadline;) {
    seen = reader.board().WaitNewer(seen, 100ms, &snapshot);
    if (snapshot.reader_size() != readers) continue;
    bool all = true;
    for (const auto& state : snapshot.reader()) {
      all = all && state.presence() == reader::v1::PRESENCE_PRESENT;
    }
    if (all) return snapshot;
  }
  ADD_FAILURE() << "it did not come";
  return snapshot;
}

TEST(NfcReader, WithoutDevicesThereAreNoReaders) {
  FakePorts ports;
  NfcReader reader(ports, Timing());
  ASSERT_TRUE(reader.Start(plugin::Settings(With({}))).ok());
  const auto snapshot = Await(reader, 0);
  EXPECT_EQ(snapshot.service(), reader::v1::SERVICE_RUNNING);
  EXPECT_EQ(snapshot.trouble().code(), check::v1::FAILURE_CODE_READERS_NOT_CHOSEN);
}

TEST(NfcReader, SessionsOfOneReaderHaveNumbersOfTheirOwn) {
  FakePorts ports;
  ports.Tell([](FakePorts::Script& script) { script.find = Outcome::kDone; });
  NfcReader reader(ports, {.poll = 2ms, .ping = 5ms});
  ASSERT_TRUE(reader.Start(plugin::Settings(With({{"devices", "/dev/ttyUSB0"}}))).ok());
  const auto snapshot = Await(reader, 1);
  reader::v1::OpenRequest request;
  request.set_reader("NFC /dev/ttyUSB0");
  request.set_insertion(snapshot.reader(0).insertion());
  uint64_t last = 0;
  for (int i = 0; i < 3; ++i) {
    const auto opened = reader.Open(request);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_GT(opened->session(), last);
    last = opened->session();
    EXPECT_EQ(opened->atr(), snapshot.reader(0).atr());
    EXPECT_TRUE(reader.Transmit(last, std::vector<uint8_t>(5)).ok());
    reader.Close(last);
    EXPECT_EQ(CodeOf(reader.Transmit(last, std::vector<uint8_t>(5)).status()),
              FailureCode::FAILURE_CODE_READER_LOST);
  }
  request.set_reader("NFC");
  EXPECT_EQ(CodeOf(reader.Open(request).status()), FailureCode::FAILURE_CODE_READER_LOST);
  reader.Stop();
  EXPECT_EQ(ports.counts().closed, 1);
}

// libnfc's select() has no place for others.
TEST(NfcReader, LeavesNoRoomForDescriptorsAbove1023) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  if (before.rlim_max <= 1024) GTEST_SKIP() << "no process here may have them";
  const rlimit all{before.rlim_max, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &all), 0);
  FakePorts ports;
  NfcReader reader(ports, Timing());
  ASSERT_TRUE(reader.Start(plugin::Settings(With({}))).ok());
  rlimit limit{};
  EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(limit.rlim_cur, 1024u);
  setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace madoguchi::nfc
