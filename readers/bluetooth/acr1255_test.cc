#include "readers/bluetooth/acr1255.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "readers/bluetooth/acr_peer.h"

namespace madoguchi::bluetooth {
namespace {

using Kind = Event::Kind;

bool Fill(std::span<uint8_t> bytes) {
  std::fill(bytes.begin(), bytes.end(), 0x5B);
  return true;
}

class Acr1255Test : public testing::Test {
 protected:
  // The next frame of the host's, as the reader hears it.
  Bytes Heard() {
    auto frame = codec_.TakeFrame();
    if (!frame) return {};
    return peer_.Hear(BytesOf(*frame));
  }
  Event Told() { return codec_.TakeEvent().value_or(Event{}); }
  std::string Code(const Event& event) { return NameOf(CodeOf(event.status)); }

  void Challenge() {
    codec_.Begin();
    EXPECT_EQ(Heard(), FromHex("6b00e000004500"));
    codec_.Receive(peer_.Challenge());
  }
  void BecomeReady() {
    Challenge();
    Bytes proof = Heard();
    ASSERT_GT(proof.size(), 2u);
    proof.erase(proof.begin(), proof.begin() + 2);
    ASSERT_TRUE(peer_.Believes(proof));
    codec_.Receive(peer_.OwnProof());
    EXPECT_EQ(Heard(), FromHex("6b00e000004001"));
    codec_.Receive(peer_.Say(0x83, 0, FromHex("e100004001")));
    EXPECT_EQ(Heard(), FromHex("6b00e000004804"));
    codec_.Receive(peer_.Say(0x83, 0, FromHex("e100004804")));
    EXPECT_EQ(Told().kind, Kind::kReady);
  }

  AcrPeer peer_;
  Acr1255 codec_{SecretOf(kMakersKey), Fill};
};

TEST_F(Acr1255Test, AuthenticatesAndListensForCards) {
  BecomeReady();
  codec_.Receive(peer_.Say(0x50, 0x02));
  Event event = Told();
  EXPECT_EQ(event.kind, Kind::kCard);
  EXPECT_TRUE(event.present);
  codec_.Receive(peer_.Say(0x50, 0x03));
  event = Told();
  EXPECT_EQ(event.kind, Kind::kCard);
  EXPECT_FALSE(event.present);
  codec_.Receive(peer_.Say(0x50, 0x77));
  EXPECT_FALSE(codec_.TakeEvent().has_value());
}

TEST_F(Acr1255Test, CarriesApdus) {
  BecomeReady();
  codec_.PowerOn();
  EXPECT_EQ(Heard(), FromHex("6200"));
  codec_.Receive(peer_.Say(0x80, 0, FromHex("3b8880010000000000000009")));
  Event event = Told();
  EXPECT_EQ(event.kind, Kind::kDone);
  EXPECT_EQ(event.bytes, FromHex("3b8880010000000000000009"));

  const Bytes longest(kLongestCommand, 0x11);
  codec_.Transmit(longest);
  Bytes expected = {0x6F, 0x00};
  expected.insert(expected.end(), longest.begin(), longest.end());
  EXPECT_EQ(Heard(), expected);
  // In pieces of 20 bytes, an event in front of it.
  Bytes stream = peer_.Say(0x50, 0x03);
  Bytes answer(256, 0x22);
  answer.push_back(0x90);
  answer.push_back(0x00);
  const Bytes frame = peer_.Say(0x80, 0, answer);
  stream.insert(stream.end(), frame.begin(), frame.end());
  for (size_t at = 0; at < stream.size(); at += 20) {
    codec_.Receive(std::span(stream).subspan(at, std::min<size_t>(20, stream.size() - at)));
  }
  EXPECT_EQ(Told().kind, Kind::kCard);
  event = Told();
  EXPECT_EQ(event.kind, Kind::kDone);
  EXPECT_EQ(event.bytes, answer);

  codec_.PowerOff();
  EXPECT_EQ(Heard(), FromHex("6300"));
  codec_.Receive(peer_.Say(0x81, 0x01));
  EXPECT_EQ(Told().kind, Kind::kDone);
}

TEST_F(Acr1255Test, AsksForTheSlot) {
  BecomeReady();
  for (const auto& [parameter, slot] :
       {std::pair<uint8_t, Slot>{0, Slot::kActive}, {1, Slot::kPresent}, {2, Slot::kAbsent}}) {
    codec_.AskSlot();
    EXPECT_EQ(Heard(), FromHex("6500"));
    codec_.Receive(peer_.Say(0x81, parameter));
    const Event event = Told();
    EXPECT_EQ(event.kind, Kind::kDone);
    EXPECT_EQ(event.slot, slot);
  }
  codec_.AskSlot();
  codec_.Receive(peer_.Say(0x81, 0x03));
  EXPECT_EQ(Told().kind, Kind::kBroken);
}

TEST_F(Acr1255Test, TakesAnAnswerInParts) {
  BecomeReady();
  codec_.Transmit(FromHex("00b0000000"));
  Heard();
  codec_.Receive(peer_.Say(0x80, 0x01, FromHex("0102")));
  EXPECT_EQ(Heard(), FromHex("6f10"));
  codec_.Receive(peer_.Say(0x80, 0x03, FromHex("0304")));
  EXPECT_EQ(Heard(), FromHex("6f10"));
  EXPECT_FALSE(codec_.TakeEvent().has_value());
  codec_.Receive(peer_.Say(0x80, 0x02, FromHex("059000")));
  EXPECT_EQ(Told().bytes, FromHex("01020304059000"));
  // The next answer begins anew.
  codec_.Transmit(FromHex("00b0000000"));
  codec_.Receive(peer_.Say(0x80, 0x00, FromHex("6a82")));
  EXPECT_EQ(Told().bytes, FromHex("6a82"));
}

TEST_F(Acr1255Test, AnAnswerWithoutAnEndIsRefused) {
  BecomeReady();
  codec_.Transmit(FromHex("00b0000000"));
  Event event;
  for (int part = 0; part < 40 && event.kind != Kind::kFailed; ++part) {
    codec_.Receive(peer_.Say(0x80, 0x03, Bytes(2000, 0)));
    if (auto told = codec_.TakeEvent()) event = *std::move(told);
    if (event.status.ok()) continue;
    break;
  }
  EXPECT_EQ(event.kind, Kind::kBroken);
  EXPECT_EQ(Code(event), "READER_ANSWER_INVALID");
}

TEST_F(Acr1255Test, NoCardHasManyForms) {
  BecomeReady();
  const std::vector<std::pair<Bytes, std::string>> forms = {
      {peer_.Say(0x81, 0x02), "CARD_GONE"},
      {peer_.Say(0x81, 0x01), "CARD_UNPOWERED"},
      {peer_.Say(0x80, 0x00), "CARD_UNPOWERED"},
      {AcrPeer::Frame(AcrPeer::Block(0x51, 0x02, {})), "CARD_UNPOWERED"}};
  for (const auto& [answer, code] : forms) {
    codec_.PowerOn();
    codec_.Receive(answer);
    const Event event = Told();
    EXPECT_EQ(event.kind, Kind::kFailed);
    EXPECT_EQ(Code(event), code);
  }
}

TEST_F(Acr1255Test, ACardThatWentInMidApduIsGone) {
  BecomeReady();
  for (const Bytes& answer :
       {AcrPeer::Frame(AcrPeer::Block(0x51, 0x02, {})), peer_.Say(0x81, 0x02),
        peer_.Say(0x81, 0x01), peer_.Say(0x80, 0), peer_.Say(0x80, 0, FromHex("90"))}) {
    codec_.Transmit(FromHex("00b0000000"));
    codec_.Receive(answer);
    const Event event = Told();
    EXPECT_EQ(event.kind, Kind::kFailed);
    EXPECT_EQ(Code(event), "CARD_GONE");
  }
}

TEST_F(Acr1255Test, AReaderThatRefusesTheKey) {
  for (const uint8_t error : {0x04, 0x07}) {
    Acr1255 codec(SecretOf(kMakersKey), Fill);
    codec.Begin();
    codec.Receive(peer_.Challenge());
    codec.Receive(AcrPeer::Frame(AcrPeer::Block(0x51, error, {})));
    const auto event = codec.TakeEvent();
    ASSERT_TRUE(event.has_value());
    EXPECT_EQ(event->kind, Kind::kBroken);
    EXPECT_EQ(Code(*event), "READER_KEY_WRONG");
  }
}

TEST_F(Acr1255Test, AReaderWithoutTheKey) {
  Challenge();
  codec_.Receive(peer_.Say(0x83, 0, FromHex("e100004600000102030405060708090a0b0c0d0e0f")));
  const Event event = Told();
  EXPECT_EQ(event.kind, Kind::kBroken);
  EXPECT_EQ(Code(event), "READER_KEY_WRONG");
  // It says nothing more, whatever comes.
  while (codec_.TakeFrame()) {
  }
  codec_.Receive(peer_.Challenge());
  codec_.PowerOn();
  EXPECT_FALSE(codec_.TakeFrame().has_value());
  EXPECT_FALSE(codec_.TakeEvent().has_value());
}

TEST_F(Acr1255Test, AnotherMasterKeyIsSeenByTheReader) {
  AcrPeer other("ACR1255U-J1 Othe");
  codec_.Begin();
  codec_.TakeFrame();
  codec_.Receive(other.Challenge());
  Bytes proof = Heard();
  proof.erase(proof.begin(), proof.begin() + 2);
  EXPECT_FALSE(other.Believes(proof));
}

TEST_F(Acr1255Test, AReaderThatSleepsAllTheSameIsUsed) {
  Challenge();
  Bytes proof = Heard();
  proof.erase(proof.begin(), proof.begin() + 2);
  ASSERT_TRUE(peer_.Believes(proof));
  codec_.Receive(peer_.OwnProof());
  codec_.Receive(peer_.Say(0x83, 0, FromHex("e100004001")));
  codec_.Receive(AcrPeer::Frame(AcrPeer::Block(0x51, 0x03, {})));
  EXPECT_EQ(Told().kind, Kind::kReady);
}

TEST_F(Acr1255Test, DamagedAnswersBreakTheLink) {
  BecomeReady();
  codec_.Transmit(FromHex("00b0000000"));
  Bytes answer = peer_.Say(0x80, 0, FromHex("9000"));
  answer[10] ^= 0x10;
  codec_.Receive(answer);
  const Event event = Told();
  EXPECT_EQ(event.kind, Kind::kBroken);
  EXPECT_EQ(Code(event), "READER_ANSWER_INVALID");
}

TEST_F(Acr1255Test, PlainAnswersAfterAuthenticationAreRefused) {
  BecomeReady();
  codec_.Transmit(FromHex("00b0000000"));
  codec_.Receive(AcrPeer::Frame(AcrPeer::Block(0x80, 0, FromHex("9000"))));
  EXPECT_EQ(Told().kind, Kind::kBroken);
}

}  // namespace
}  // namespace madoguchi::bluetooth
