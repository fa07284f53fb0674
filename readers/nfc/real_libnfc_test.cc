// The plugin's own binary on the real libnfc, with an emulated PN532 and the virtual My Number
// Card.
#include "readers/nfc/board_fixture.h"

namespace madoguchi::nfc {
namespace {

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

TEST_F(RealLibnfcTest, APinThatWasVerifiedBeforeACrashIsForgotten) {
  const uint64_t session = StartSession();
  ExpectVerifies(session);
  client_.reset();
  process_->Kill();
  EXPECT_EQ(board_->Status("field"), "1");
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
