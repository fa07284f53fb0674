#include "readers/bluetooth/ccid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "readers/bluetooth/acr_peer.h"

namespace madoguchi::bluetooth {
namespace {

using Kind = Event::Kind;

class CcidTest : public testing::Test {
 protected:
  void SetUp() override {
    codec_.Begin();
    ASSERT_EQ(Told().kind, Kind::kReady);
  }
  Bytes Heard() {
    auto frame = codec_.TakeFrame();
    return frame ? BytesOf(*frame) : Bytes();
  }
  Event Told() { return codec_.TakeEvent().value_or(Event{}); }
  std::string Code(const Event& event) { return NameOf(CodeOf(event.status)); }
  // An answer to the command that was heard last, whose sequence is `sequence`.
  static Bytes Answer(uint8_t type, uint8_t sequence, uint8_t status, uint8_t error = 0,
                      uint8_t chain = 0, const Bytes& data = {}) {
    Bytes message = {type,
                     static_cast<uint8_t>(data.size()),
                     static_cast<uint8_t>(data.size() >> 8),
                     0,
                     0,
                     0,
                     sequence,
                     status,
                     error,
                     chain};
    message.insert(message.end(), data.begin(), data.end());
    return message;
  }
  void Answered(const Bytes& answer) { codec_.Receive(answer); }

  Ccid codec_;
};

TEST_F(CcidTest, SpeaksAsThoseReadersWereHeard) {
  codec_.PowerOn();
  EXPECT_EQ(Heard(), FromHex("62000000000001000000"));
  Answered(Answer(0x80, 1, 0, 0, 0, FromHex("3b8b80010011223344556677")));
  EXPECT_EQ(Told().bytes, FromHex("3b8b80010011223344556677"));
  codec_.AskSlot();
  EXPECT_EQ(Heard(), FromHex("65000000000002000000"));
  Answered(FromHex("81000000000002010000"));
  EXPECT_EQ(Told().slot, Slot::kPresent);
  // A recorded exchange: 6f0c0000 00000300 0000..., 80020000 00000300 00009000.
  codec_.Transmit(FromHex("00a4040c07d2760001448000"));
  EXPECT_EQ(Heard(), FromHex("6f0c000000000300000000a4040c07d2760001448000"));
  Answered(FromHex("800200000000030000009000"));
  const Event event = Told();
  EXPECT_EQ(event.kind, Kind::kDone);
  EXPECT_EQ(event.bytes, FromHex("9000"));
  codec_.PowerOff();
  EXPECT_EQ(Heard(), FromHex("63000000000004000000"));
  Answered(FromHex("81000000000004010000"));
  EXPECT_EQ(Told().kind, Kind::kDone);
}

TEST_F(CcidTest, PiecesMeanNothingAndCardsComeInBetween) {
  codec_.Transmit(FromHex("00b0000000"));
  Bytes stream = FromHex("5003");
  const Bytes answer = Answer(0x80, 1, 0, 0, 0, FromHex("01029000"));
  stream.insert(stream.end(), answer.begin(), answer.end());
  stream.push_back(0x50);
  stream.push_back(0x02);
  for (size_t piece = 1; piece <= stream.size(); ++piece) {
    Ccid codec;
    codec.Begin();
    codec.TakeEvent();
    codec.Transmit(FromHex("00b0000000"));
    for (size_t at = 0; at < stream.size(); at += piece) {
      codec.Receive(std::span(stream).subspan(at, std::min(piece, stream.size() - at)));
    }
    const auto came = codec.TakeEvent(), done = codec.TakeEvent(), went = codec.TakeEvent();
    ASSERT_TRUE(came && done && went) << piece;
    EXPECT_TRUE(came->present);
    EXPECT_EQ(done->bytes, FromHex("01029000"));
    EXPECT_EQ(went->kind, Kind::kCard);
    EXPECT_FALSE(went->present);
  }
}

TEST_F(CcidTest, TheStatusCharacteristicTellsOfCards) {
  for (const char* form : {"5003", "0103", "8103"}) {
    codec_.ReceiveStatus(FromHex(form));
    EXPECT_TRUE(Told().present) << form;
  }
  codec_.ReceiveStatus(FromHex("0102"));
  EXPECT_FALSE(Told().present);
  for (const char* no_news : {"", "50", "0101", "0100"}) {
    codec_.ReceiveStatus(FromHex(no_news));
    EXPECT_FALSE(codec_.TakeEvent().has_value()) << no_news;
  }
}

TEST_F(CcidTest, MoreTimeIsNoAnswer) {
  codec_.Transmit(FromHex("00b0000000"));
  Answered(Answer(0x80, 1, 0x80, 0x01));
  EXPECT_FALSE(codec_.TakeEvent().has_value());
  Answered(Answer(0x80, 1, 0, 0, 0, FromHex("9000")));
  EXPECT_EQ(Told().bytes, FromHex("9000"));
}

TEST_F(CcidTest, LateAnswersAreDropped) {
  Answered(Answer(0x80, 0, 0, 0, 0, FromHex("6f00")));
  codec_.Transmit(FromHex("00b0000000"));
  Answered(Answer(0x80, 0, 0, 0, 0, FromHex("6f00")));
  EXPECT_FALSE(codec_.TakeEvent().has_value());
  Answered(Answer(0x80, 1, 0, 0, 0, FromHex("9000")));
  EXPECT_EQ(Told().bytes, FromHex("9000"));
}

TEST_F(CcidTest, TakesAnAnswerInParts) {
  codec_.Transmit(FromHex("00b0000000"));
  Heard();
  Answered(Answer(0x80, 1, 0, 0, 0x01, FromHex("0102")));
  EXPECT_EQ(Heard(), FromHex("6f000000000002001000"));
  Answered(Answer(0x80, 2, 0, 0, 0x02, FromHex("9000")));
  EXPECT_EQ(Told().bytes, FromHex("01029000"));
}

TEST_F(CcidTest, FailuresByStatusAndError) {
  struct Row {
    void (*command)(Ccid&);
    uint8_t type, status, error;
    const char* code;
  };
  const auto on = +[](Ccid& codec) { codec.PowerOn(); };
  const auto apdu = +[](Ccid& codec) { codec.Transmit(FromHex("00b0000000")); };
  uint8_t sequence = 0;
  for (const Row& row :
       {Row{on, 0x80, 0x42, 0xFE, "CARD_GONE"}, Row{on, 0x81, 0x42, 0xFE, "CARD_GONE"},
        Row{on, 0x80, 0x41, 0xFE, "CARD_UNPOWERED"}, Row{on, 0x80, 0x00, 0x00, "CARD_UNPOWERED"},
        Row{apdu, 0x80, 0x42, 0xFE, "CARD_GONE"}, Row{apdu, 0x80, 0x41, 0xFE, "CARD_GONE"},
        Row{apdu, 0x80, 0x40, 0xFE, "CARD_SILENT"},
        Row{apdu, 0x80, 0x40, 0xFC, "READER_ANSWER_INVALID"},
        Row{apdu, 0x81, 0x02, 0x00, "CARD_GONE"}, Row{apdu, 0x80, 0x00, 0x00, "CARD_GONE"}}) {
    row.command(codec_);
    Answered(Answer(row.type, ++sequence, row.status, row.error));
    const Event event = Told();
    EXPECT_EQ(event.kind, Kind::kFailed) << row.code;
    EXPECT_EQ(Code(event), row.code) << int{row.status};
  }
}

TEST_F(CcidTest, WhatIsNoMessageBreaksTheLink) {
  for (const char* wrong :
       {"7f", "80ffffffff0001000000", "80000000000101000000", "8000000000000103000000"}) {
    Ccid codec;
    codec.Begin();
    codec.TakeEvent();
    codec.Transmit(FromHex("00b0000000"));
    codec.Receive(FromHex(wrong));
    const auto event = codec.TakeEvent();
    ASSERT_TRUE(event.has_value()) << wrong;
    EXPECT_EQ(event->kind, Kind::kBroken) << wrong;
  }
  codec_.Transmit(FromHex("00b0000000"));
  Answered(Answer(0x80, 1, 0, 0, 0xC0));
  EXPECT_EQ(Told().kind, Kind::kBroken);
}

}  // namespace
}  // namespace madoguchi::bluetooth
