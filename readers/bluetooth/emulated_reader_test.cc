// The plugin's own program in its jail, against emulated readers on a real D-Bus.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "readers/bluetooth/bluetooth_place.h"
#include "sdk/failure/failure.h"

namespace madoguchi::bluetooth {
namespace {

using namespace std::chrono_literals;
using reader::v1::PRESENCE_ABSENT;
using reader::v1::PRESENCE_PRESENT;
using Bytes = std::vector<uint8_t>;

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

class EmulatedReaderTest : public testing::TestWithParam<const char*> {
 protected:
  // A reader of the kind with nothing on it.
  void StartEmpty(const std::vector<std::string>& further = {}) {
    place_.StartBluez({GetParam()}, further);
    place_.StartPlugin({{"readers", "*-000001, FT_*"}});
    if (HasFatalFailure()) return;
    const auto shown = place_.client().Await(
        [](const auto& snapshot) {
          return snapshot.reader_size() > 0 && snapshot.reader(0).presence() == PRESENCE_ABSENT;
        },
        10s);
    ASSERT_TRUE(shown.has_value()) << place_.process().log() << place_.TellBluez("status reader1");
    name_ = shown->reader(0).name();
  }
  void StartWithCard() {
    StartEmpty();
    if (HasFatalFailure()) return;
    place_.LayCard();
  }
  std::optional<reader::v1::ReaderState> Await(reader::v1::Presence presence) {
    return place_.client().AwaitPresence(name_, presence, 10s);
  }
  uint64_t MustOpen() {
    const auto state = Await(PRESENCE_PRESENT);
    EXPECT_TRUE(state.has_value());
    if (!state) return 0;
    const auto opened = place_.client().Open(name_, state->insertion());
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? opened->session() : 0;
  }
  void ExpectReads(uint64_t session) {
    for (const Bytes& command : {kSelectJpki, kSelectCertificate}) {
      const auto answer = place_.client().Transmit(session, command);
      ASSERT_TRUE(answer.ok()) << answer.status();
      EXPECT_EQ(*answer, kOk);
    }
    const auto read = place_.client().Transmit(session, kRead256);
    ASSERT_TRUE(read.ok()) << read.status();
    ASSERT_EQ(read->size(), 258u);
    EXPECT_EQ(read->front(), 0x30);
  }
  // The card signs only while a PIN is verified, which a SELECT does not change.
  Bytes StatusWordOfSignature(uint64_t session) {
    for (const Bytes& command : {kSelectJpki, kSelectKey}) {
      EXPECT_EQ(Code(place_.client().Transmit(session, command)), "OK");
    }
    const auto signature = place_.client().Transmit(session, kSign);
    if (!signature.ok() || signature->size() < 2) return {};
    return Bytes(signature->end() - 2, signature->end());
  }

  BluetoothPlace place_;
  std::string name_;
};

TEST_P(EmulatedReaderTest, ACardComesIsReadAndGoes) {
  StartEmpty();
  // What comes in a link's first second may have lain there before: it is shown as lying.
  std::this_thread::sleep_for(1s);
  place_.LayCard();
  const auto state = Await(PRESENCE_PRESENT);
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->insertion(), 1u);
  EXPECT_FALSE(state->lying());
  EXPECT_FALSE(state->has_trouble());
  EXPECT_EQ(state->link(), reader::v1::LINK_BLUETOOTH);
  EXPECT_NE(state->maker(), "");
  EXPECT_TRUE(state->has_battery_percent());
  EXPECT_EQ(state->atr().substr(0, 1), "\x3B");
  const uint64_t session = MustOpen();
  ExpectReads(session);
  EXPECT_EQ(Code(place_.client().Open(name_, 1)), "CARD_BUSY");
  place_.TellCard("remove");
  ASSERT_TRUE(Await(PRESENCE_ABSENT).has_value());
  EXPECT_EQ(Code(place_.client().Transmit(session, kRead256)), "CARD_GONE");
  place_.TellCard("insert");
  const auto again = Await(PRESENCE_PRESENT);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->insertion(), 2u);
  EXPECT_FALSE(again->lying());
  // The session of the removed card was never closed; it is in nobody's way.
  ExpectReads(MustOpen());
}

TEST_P(EmulatedReaderTest, ACardThatIsThereAtTheStartIsLying) {
  place_.StartBluez({GetParam()});
  place_.LayCard();
  place_.StartPlugin({{"readers", "*-000001, FT_*"}});
  const auto shown = place_.client().Await(
      [](const auto& snapshot) {
        return snapshot.reader_size() > 0 && snapshot.reader(0).presence() == PRESENCE_PRESENT;
      },
      10s);
  ASSERT_TRUE(shown.has_value()) << place_.process().log();
  EXPECT_TRUE(shown->reader(0).lying());
  EXPECT_EQ(shown->reader(0).insertion(), 1u);
}

TEST_P(EmulatedReaderTest, AVerifiedPinDoesNotOutliveItsSession) {
  StartWithCard();
  const uint64_t first = MustOpen();
  EXPECT_EQ(StatusWordOfSignature(first), (Bytes{0x69, 0x82}));
  for (const Bytes& command : {kSelectJpki, kSelectPin}) {
    EXPECT_EQ(Code(place_.client().Transmit(first, command)), "OK");
  }
  const auto verified = place_.client().VerifyPin(first, kVerify, kPin);
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(*verified, kOk);
  EXPECT_EQ(StatusWordOfSignature(first), kOk);
  ASSERT_TRUE(place_.client().Close(first).ok());
  EXPECT_EQ(StatusWordOfSignature(MustOpen()), (Bytes{0x69, 0x82}));
}

TEST_P(EmulatedReaderTest, ItsEndLeavesNoReaderWithAnOpenCard) {
  StartWithCard();
  const uint64_t session = MustOpen();
  for (const Bytes& command : {kSelectJpki, kSelectPin}) {
    EXPECT_EQ(Code(place_.client().Transmit(session, command)), "OK");
  }
  EXPECT_EQ(Code(place_.client().VerifyPin(session, kVerify, kPin)), "OK");
  EXPECT_EQ(place_.StatusOf("reader1", "connected"), 1);
  EXPECT_EQ(place_.process().End(), 0);
  EXPECT_EQ(place_.StatusOf("reader1", "connected"), 0);
}

TEST_P(EmulatedReaderTest, ThePinIsNowhereInItsMemoryAfterwards) {
  StartWithCard();
  const uint64_t session = MustOpen();
  for (const Bytes& command : {kSelectJpki, kSelectPin}) {
    ASSERT_EQ(Code(place_.client().Transmit(session, command)), "OK");
  }
  // CCID goes in pieces of 20 bytes, the PIN begins at byte 15: its two parts are searched for too.
  const Bytes pin = {'S', 'Y', 'N', 'T', 'H', 'E', 'T', 'I',
                     'C', '-', '4', '0', '7', '1', '8', '2'};
  const std::span<const uint8_t> begin = std::span(pin).first(5), end = std::span(pin).last(11);
  for (int round = 0; round < 3; ++round) {
    const auto answer = place_.client().VerifyPin(session, kVerify, pin);
    ASSERT_EQ(Code(answer), "OK");
    EXPECT_EQ(place_.process().CopiesInMemory(pin), 0u);
    EXPECT_EQ(place_.process().CopiesInMemory(begin), 0u);
    EXPECT_EQ(place_.process().CopiesInMemory(end), 0u);
  }
}

TEST_P(EmulatedReaderTest, LongAnswersInPartsAndOtherMtus) {
  StartEmpty({"--fault", "chained=100", "--fault", "mtu=185"});
  place_.LayCard();
  ExpectReads(MustOpen());
}

TEST_P(EmulatedReaderTest, ACardPulledInMidApduIsGone) {
  StartWithCard();
  const uint64_t session = MustOpen();
  EXPECT_EQ(place_.TellCard("fault slow=4000"), "ok");
  auto answer = std::async(std::launch::async,
                           [&] { return Code(place_.client().Transmit(session, kSelectJpki)); });
  EXPECT_TRUE(conformance::Await([&] { return place_.StatusOf("reader1", "apdus") == 1; }));
  place_.TellCard("remove");
  EXPECT_EQ(answer.get(), "CARD_GONE");
  EXPECT_TRUE(Await(PRESENCE_ABSENT).has_value());
}

TEST_P(EmulatedReaderTest, CommandsThatAreTooLongAreNotSent) {
  StartWithCard();
  const uint64_t session = MustOpen();
  EXPECT_EQ(Code(place_.client().Transmit(session, Bytes(262))), "REQUEST_INVALID");
  ExpectReads(session);
}

INSTANTIATE_TEST_SUITE_P(Kinds, EmulatedReaderTest,
                         testing::Values("acr1255", "br301", "springcore"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace madoguchi::bluetooth
