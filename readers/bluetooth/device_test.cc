// Cards on a reader, and their sessions.
#include "readers/bluetooth/radio_place.h"

namespace madoguchi::bluetooth {
namespace {

using reader::v1::PRESENCE_ABSENT;
using reader::v1::PRESENCE_PRESENT;
using reader::v1::PRESENCE_UNPOWERED;

using DeviceTest = RadioPlace;

// Tells of a card before it is ready, as an ACR1255U-J1 does with polling on.
class TellsFirst final : public Codec {
 public:
  void Begin() override { ccid_.Begin(); }
  void PowerOn() override { ccid_.PowerOn(); }
  void PowerOff() override { ccid_.PowerOff(); }
  void AskSlot() override { ccid_.AskSlot(); }
  void Transmit(std::span<const uint8_t> command) override { ccid_.Transmit(command); }
  void Receive(std::span<const uint8_t> piece) override { ccid_.Receive(piece); }
  std::optional<Secret> TakeFrame() override { return ccid_.TakeFrame(); }
  std::optional<Event> TakeEvent() override {
    if (std::exchange(told_, true)) return ccid_.TakeEvent();
    Event event;
    event.kind = Event::Kind::kCard;
    event.present = true;
    return event;
  }

 private:
  Ccid ccid_;
  bool told_ = false;
};

TEST_F(DeviceTest, ACardComesIsReadAndGoes) {
  StartWithCard();
  EXPECT_EQ(State().insertion(), 1u);
  EXPECT_FALSE(State().lying());
  EXPECT_EQ(State().atr(), std::string("\x3B\x80\x80\x01\x01"));
  EXPECT_FALSE(reader_->reader.powered) << "nobody has it";
  MustOpen(1);
  EXPECT_TRUE(reader_->reader.powered);
  reader_->reader.answer = std::vector<uint8_t>(258, 0x31);
  const std::vector<uint8_t> command(kLongestCommand, 0x17);
  const auto answer = Transmit(1, command);
  loop_.Settle();
  EXPECT_EQ(answer->code, "OK");
  EXPECT_EQ(answer->bytes, reader_->reader.answer);
  EXPECT_EQ(reader_->reader.apdus.back(), command);
  radio_->Close(1);
  loop_.Settle();
  EXPECT_FALSE(reader_->reader.powered) << "no PIN stays verified";
  EXPECT_EQ(Transmit(1)->code, "READER_LOST");
  bluez_.TakeCard(*reader_);
  loop_.Settle();
  EXPECT_EQ(State().presence(), PRESENCE_ABSENT);
  EXPECT_EQ(State().atr(), "");
  bluez_.LayCard(*reader_);
  loop_.Settle();
  EXPECT_EQ(State().presence(), PRESENCE_PRESENT);
  EXPECT_EQ(State().insertion(), 2u);
}

TEST_F(DeviceTest, ACardThatIsThereAtTheStartIsLying) {
  bluez_.SetAdapter(true, true);
  bluez_.SetRunning(true);
  reader_ = &bluez_.Add("00:11:22:33:44:55", "FT_1");
  reader_->reader.card = true;
  reader_->reader.powered = true;  // left on by somebody
  Start("FT_1");
  loop_.Advance(3s);
  EXPECT_EQ(State().presence(), PRESENCE_PRESENT);
  EXPECT_TRUE(State().lying());
  EXPECT_FALSE(reader_->reader.powered);
}

TEST_F(DeviceTest, IsNotUsedBeforeItHadTimeToLookWhatLies) {
  bluez_.SetAdapter(true, true);
  bluez_.SetRunning(true);
  reader_ = &bluez_.Add("00:11:22:33:44:55", "FT_1");
  Start("FT_1");
  loop_.Advance(500ms);
  EXPECT_TRUE(State().has_trouble()) << "nobody knows yet what lies there";
  loop_.Advance(1s);
  EXPECT_FALSE(State().has_trouble());
  EXPECT_EQ(State().presence(), PRESENCE_ABSENT);
  bluez_.LayCard(*reader_);
  loop_.Settle();
  EXPECT_FALSE(State().lying()) << "it was seen to be empty, and so the card is a new one";
}

TEST_F(DeviceTest, ASlowReaderIsNotUsedBeforeItSaidWhatLies) {
  bluez_.SetAdapter(true, true);
  bluez_.SetRunning(true);
  reader_ = &bluez_.Add("00:11:22:33:44:55", "FT_1");
  reader_->reader.card = reader_->reader.silent = true;
  Start("FT_1");
  loop_.Advance(3s);
  ASSERT_EQ(reader_->reader.types.size(), 1u);
  EXPECT_TRUE(State().has_trouble()) << "nobody knows yet what lies there";
  bluez_.TakeCard(*reader_);
  bluez_.LayCard(*reader_);
  bluez_.TakeCard(*reader_);
  loop_.Settle();
  EXPECT_TRUE(State().has_trouble()) << "what goes says nothing of what comes";
  bluez_.LayCard(*reader_);
  loop_.Settle();
  reader_->reader.silent = false;
  bluez_.Say(*reader_, reader_->reader.owed);
  loop_.Settle();
  EXPECT_EQ(State().presence(), PRESENCE_PRESENT);
  EXPECT_EQ(State().insertion(), 1u);
  EXPECT_TRUE(State().lying());
}

TEST_F(DeviceTest, ACardThatIsToldOfAndFoundIsOneCard) {
  bluez_.SetAdapter(true, true);
  bluez_.SetRunning(true);
  reader_ = &bluez_.Add("00:11:22:33:44:55", "FT_1");
  reader_->reader.card = reader_->reader.powered = true;
  make_codec_ = [](const Family&) { return std::make_unique<TellsFirst>(); };
  std::shared_ptr<Answered> opened;
  on_show_ = [&] {
    if (opened == nullptr && State().presence() == PRESENCE_PRESENT) {
      loop_.Post([&] { opened = Open(1, State().insertion()); });
    }
  };
  Start("FT_1");
  loop_.Advance(3s);
  EXPECT_EQ(State().insertion(), 1u);
  EXPECT_TRUE(State().lying());
  ASSERT_TRUE(opened != nullptr);
  EXPECT_EQ(opened->code, "OK");
  EXPECT_TRUE(reader_->reader.powered) << "nothing else that waited may switch it off";
}

TEST_F(DeviceTest, OpenOfAnotherCardIsRefused) {
  StartWithCard();
  EXPECT_EQ(Open(1, 0)->code, "CARD_GONE");
  EXPECT_EQ(Open(1, 2)->code, "CARD_GONE");
  MustOpen(1);
  EXPECT_EQ(Open(2, 1)->code, "CARD_BUSY");
  radio_->Close(2);  // nobody's
  const auto answer = Transmit(1);
  loop_.Settle();
  EXPECT_EQ(answer->code, "OK");
  EXPECT_EQ(Transmit(77)->code, "READER_LOST");
}

TEST_F(DeviceTest, ASwapBetweenTwoLooksIsSeenByItsAtr) {
  StartWithCard();
  reader_->reader.atr = {0x3B, 0x81, 0x80, 0x01, 0x80, 0x80};
  const auto opened = Open(1, 1);
  loop_.Settle();
  EXPECT_EQ(opened->code, "CARD_GONE");
  EXPECT_EQ(State().insertion(), 2u);
  EXPECT_TRUE(State().lying()) << "who laid it down, and when?";
  EXPECT_FALSE(reader_->reader.powered);
}

TEST_F(DeviceTest, ASecondComingIsANewInsertionOfUnknownAge) {
  StartWithCard();
  loop_.Advance(5s);
  bluez_.LayCard(*reader_);
  loop_.Settle();
  EXPECT_EQ(State().insertion(), 2u);
  EXPECT_TRUE(State().lying());
}

TEST_F(DeviceTest, AReaderThatTellsOfTheSameCardAgainAfterPoweringOff) {
  StartWithCard();
  MustOpen(1);
  radio_->Close(1);
  loop_.Settle();
  bluez_.LayCard(*reader_);
  loop_.Settle();
  EXPECT_EQ(State().insertion(), 1u);
}

TEST_F(DeviceTest, AReaderThatTellsOfTheSameCardAgainBeforeItHasPoweredItOff) {
  StartWithCard();
  MustOpen(1);
  loop_.Advance(2s);
  reader_->reader.silent = true;
  radio_->Close(1);
  bluez_.LayCard(*reader_);
  loop_.Settle();
  reader_->reader.silent = false;
  bluez_.Say(*reader_, reader_->reader.owed);
  loop_.Settle();
  EXPECT_EQ(State().presence(), PRESENCE_PRESENT);
  EXPECT_EQ(State().insertion(), 1u);
}

TEST_F(DeviceTest, ACardThatGivesNoAtr) {
  StartWell();
  reader_->reader.mute_card = true;
  bluez_.LayCard(*reader_);
  loop_.Settle();
  EXPECT_EQ(State().presence(), PRESENCE_UNPOWERED);
  EXPECT_EQ(State().insertion(), 1u);
  EXPECT_EQ(std::count(reader_->reader.types.begin(), reader_->reader.types.end(), 0x62), 2);
  EXPECT_EQ(Open(1, 1)->code, "CARD_UNPOWERED");
}

TEST_F(DeviceTest, ACardThatIsTakenInMidApduIsGoneAtOnce) {
  StartWithCard();
  MustOpen(1);
  reader_->reader.silent = true;
  const auto answer = Transmit(1);
  loop_.Advance(100ms);
  EXPECT_EQ(answer->code, "");
  bluez_.TakeCard(*reader_);
  loop_.Settle();
  EXPECT_EQ(answer->code, "CARD_GONE");
  EXPECT_EQ(State().presence(), PRESENCE_ABSENT);
  EXPECT_EQ(Transmit(1)->code, "CARD_GONE");
  // The reader owes an answer, and does not give it: only a new link makes sure of it.
  EXPECT_EQ(bluez_.Called("Disconnect"), 0);
  reader_->reader.silent = false;
  loop_.Advance(2s);
  EXPECT_EQ(bluez_.Called("Disconnect"), 1);
  loop_.Advance(2s);
  EXPECT_EQ(State().presence(), PRESENCE_ABSENT);
}

TEST_F(DeviceTest, ACardThatLostItsPowerIsANewOne) {
  StartWithCard();
  MustOpen(1);
  reader_->reader.powered = false;  // lifted and laid down again, and the reader did not tell
  const auto answer = Transmit(1);
  loop_.Settle();
  EXPECT_EQ(answer->code, "CARD_GONE");
  EXPECT_EQ(Transmit(1)->code, "CARD_GONE");
  EXPECT_EQ(State().insertion(), 2u);
  EXPECT_TRUE(State().lying());
}

TEST_F(DeviceTest, AnOpenThatFailsLateDoesNotTakeTheNextCardAway) {
  StartWithCard();
  reader_->reader.silent = true;
  reader_->reader.card = false;
  const auto opened = Open(1, 1);
  bluez_.TakeCard(*reader_);
  loop_.Settle();
  EXPECT_EQ(opened->code, "CARD_GONE");
  bluez_.LayCard(*reader_);
  loop_.Settle();
  reader_->reader.silent = false;
  bluez_.Say(*reader_, reader_->reader.owed);
  loop_.Settle();
  EXPECT_EQ(State().presence(), PRESENCE_PRESENT);
  EXPECT_EQ(State().insertion(), 2u);
  EXPECT_FALSE(State().lying());
  MustOpen(2);
}

TEST_F(DeviceTest, AnOpenThatSucceedsLateSaysNothingOfTheNextCard) {
  StartWithCard();
  reader_->reader.silent = true;
  const auto opened = Open(1, 1);
  bluez_.TakeCard(*reader_);
  loop_.Settle();
  EXPECT_EQ(opened->code, "CARD_GONE");
  bluez_.LayCard(*reader_);
  loop_.Settle();
  reader_->reader.silent = false;
  bluez_.Say(*reader_, {0x80, 2, 0, 0, 0, 0, static_cast<uint8_t>(reader_->reader.types.size()), 0,
                        0, 0, 0x3B, 0x00});
  loop_.Settle();
  EXPECT_EQ(State().insertion(), 2u);
  EXPECT_FALSE(State().lying());
  EXPECT_EQ(State().atr(), std::string("\x3B\x80\x80\x01\x01"));
  EXPECT_FALSE(reader_->reader.powered);
}

TEST_F(DeviceTest, TheSessionOfACardThatIsGoneIsInNobodysWay) {
  StartWithCard();
  MustOpen(1);
  bluez_.TakeCard(*reader_);
  bluez_.LayCard(*reader_);
  loop_.Advance(1s);
  EXPECT_EQ(State().insertion(), 2u);
  const auto opened = Open(2, 2);
  loop_.Settle();
  EXPECT_EQ(opened->code, "OK");
  radio_->Close(1);
  loop_.Settle();
  EXPECT_TRUE(reader_->reader.powered) << "it is the other session's";
  const auto answer = Transmit(2);
  loop_.Settle();
  EXPECT_EQ(answer->code, "OK");
}

TEST_F(DeviceTest, WhatWasStillAskedOfACardDoesNotSwitchItOffInItsSession) {
  StartWell();
  reader_->reader.silent = true;
  bluez_.LayCard(*reader_);
  bluez_.TakeCard(*reader_);
  bluez_.LayCard(*reader_);
  loop_.Settle();
  bluez_.Say(*reader_, reader_->reader.owed);
  loop_.Settle();
  ASSERT_EQ(State().presence(), PRESENCE_PRESENT);
  // It is powered a second time, for the second coming.
  const auto opened = Open(1, State().insertion());
  reader_->reader.silent = false;
  bluez_.Say(*reader_, reader_->reader.owed);
  loop_.Settle();
  EXPECT_EQ(opened->code, "OK");
  EXPECT_TRUE(reader_->reader.powered);
  EXPECT_EQ(State().insertion(), 1u);
  radio_->Close(1);
  loop_.Settle();
  EXPECT_FALSE(reader_->reader.powered);
}

TEST_F(DeviceTest, TheLinkIsLostInMidApdu) {
  StartWithCard();
  MustOpen(1);
  reader_->reader.silent = true;
  const auto answer = Transmit(1);
  loop_.Advance(100ms);
  bluez_.DropLink(*reader_);
  loop_.Settle();
  EXPECT_EQ(answer->code, "READER_LOST");
  EXPECT_EQ(Transmit(1)->code, "READER_LOST");
  reader_->reader.silent = false;
  const size_t before = reader_->reader.apdus.size();
  loop_.Advance(3s);
  EXPECT_EQ(State().presence(), PRESENCE_PRESENT);
  EXPECT_EQ(State().insertion(), 2u);
  EXPECT_TRUE(State().lying());
  EXPECT_EQ(reader_->reader.apdus.size(), before) << "a command is never sent twice";
  radio_->Close(1);
  MustOpen(2);
}

TEST_F(DeviceTest, ASilentReaderIsGivenUp) {
  StartWithCard();
  MustOpen(1);
  reader_->reader.silent = true;
  const auto answer = Transmit(1);
  loop_.Advance(29s);
  EXPECT_EQ(answer->code, "");
  loop_.Advance(1s);
  EXPECT_EQ(answer->code, "READER_LOST");
  EXPECT_EQ(Trouble(), "READER_SILENT");
}

TEST_F(DeviceTest, NonsenseIsGivenUp) {
  StartWithCard();
  MustOpen(1);
  reader_->reader.silent = true;
  const auto answer = Transmit(1);
  bluez_.Say(*reader_, {0x77, 0x77});
  loop_.Settle();
  EXPECT_EQ(answer->code, "READER_LOST");
  EXPECT_EQ(Trouble(), "READER_ANSWER_INVALID");
}

TEST_F(DeviceTest, CloseEndsATransmit) {
  StartWithCard();
  MustOpen(1);
  reader_->reader.silent = true;
  const auto answer = Transmit(1);
  loop_.Advance(100ms);
  EXPECT_EQ(Transmit(1)->code, "REQUEST_INVALID");
  radio_->Close(1);
  EXPECT_EQ(answer->code, "READER_LOST");
  // Its late answer is nobody's, and the card is reset after it.
  reader_->reader.silent = false;
  bluez_.Say(*reader_, {0x80, 2, 0, 0, 0, 0, static_cast<uint8_t>(reader_->reader.types.size()), 0,
                        0, 0, 0x90, 0x00});
  loop_.Settle();
  EXPECT_FALSE(reader_->reader.powered);
  MustOpen(2);
  EXPECT_EQ(bluez_.Called("Disconnect"), 0);
}

TEST_F(DeviceTest, TheEndOfThePluginPowersOffAndDisconnects) {
  StartWithCard();
  MustOpen(1);
  bool ended = false;
  radio_->End([&] { ended = true; });
  EXPECT_EQ(Transmit(1)->code, "READER_LOST");
  EXPECT_EQ(bluez_.Called("Disconnect"), 0) << "not before it is off";
  loop_.Settle();
  EXPECT_EQ(reader_->reader.types.back(), 0x63);
  EXPECT_EQ(bluez_.Called("Disconnect"), 1);
  EXPECT_TRUE(ended);
  loop_.Advance(60s);
  EXPECT_EQ(bluez_.Called("Connect"), 1);
}

TEST_F(DeviceTest, TheEndOfThePluginDoesNotWaitForASilentReader) {
  StartWithCard();
  MustOpen(1);
  reader_->reader.silent = true;
  const auto answer = Transmit(1);
  bool ended = false;
  radio_->End([&] { ended = true; });
  loop_.Advance(150ms);
  EXPECT_FALSE(ended);
  loop_.Advance(100ms);
  EXPECT_EQ(answer->code, "READER_LOST");
  EXPECT_EQ(bluez_.Called("Disconnect"), 1);
  EXPECT_TRUE(ended);
}

TEST_F(DeviceTest, TheEndOfThePluginWaitsForAClose) {
  StartWithCard();
  MustOpen(1);
  reader_->reader.silent = true;
  radio_->Close(1);
  bool ended = false;
  radio_->End([&] { ended = true; });
  loop_.Advance(150ms);
  EXPECT_EQ(bluez_.Called("Disconnect"), 0);
  reader_->reader.silent = false;
  bluez_.Say(*reader_, reader_->reader.owed);
  loop_.Settle();
  EXPECT_EQ(bluez_.Called("Disconnect"), 1);
  EXPECT_TRUE(ended);
}

TEST_F(DeviceTest, TheNextSessionWaitsForTheAnswerThatIsOwed) {
  StartWithCard();
  MustOpen(1);
  reader_->reader.silent = true;
  const auto first = Transmit(1);
  loop_.Advance(100ms);
  radio_->Close(1);
  // It stands behind the answer that is owed.
  const auto opened = Open(2, State().insertion());
  const size_t before = reader_->reader.apdus.size();
  loop_.Advance(3s);
  EXPECT_EQ(opened->code, "READER_LOST") << "the link was given up";
  EXPECT_EQ(reader_->reader.apdus.size(), before);
}

}  // namespace
}  // namespace madoguchi::bluetooth
