#include "sdk/sim/bluez/acr1255.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "sdk/sim/bluez/hex.h"
#include "sdk/sim/bluez/sim_host.h"

namespace madoguchi::bluez {
namespace {

using acr1255::Block;
using acr1255::Error;
using namespace std::chrono_literals;

Bytes Hex(const char* text) { return FromHex(text).value(); }

// A host that knows the protocol, written from the manual and not from the codec under test but for
// frames, blocks and AES, which have vectors of their own below.
class Acr1255Test : public testing::Test {
 protected:
  Acr1255Test() {
    radio_.firmware = &reader_;
    reader_.LinkUp(radio_);
  }

  void Write(const Bytes& frame, size_t piece = 20) {
    for (size_t at = 0; at < frame.size(); at += piece) {
      reader_.Take(std::span(frame).subspan(at, std::min(piece, frame.size() - at)));
    }
  }
  void WriteBlock(const Block& block) {
    Bytes bytes = acr1255::Encode(block);
    if (!key_.empty()) {
      bytes.resize((bytes.size() + 15) / 16 * 16, 0xFF);
      bytes = acr1255::Encrypt(key_, bytes);
    }
    Write(acr1255::Framed(bytes));
  }
  // The blocks that came.
  std::vector<Block> Blocks() {
    std::vector<Block> blocks;
    acr1255::FrameCutter cutter;
    cutter.Feed(radio_.Heard());
    while (const auto frame = cutter.Next()) {
      auto payload = acr1255::Unframed(*frame);
      EXPECT_EQ(payload.index(), 0u) << "a frame that is wrong";
      if (payload.index() != 0) break;
      Bytes bytes = std::get<Bytes>(payload);
      if (!key_.empty() && bytes.size() != acr1255::kBlockHeader) {
        bytes = acr1255::Decrypt(key_, bytes);
      }
      const auto block = acr1255::DecodeBlock(bytes);
      EXPECT_EQ(block.index(), 0u) << "a block that is wrong";
      if (block.index() != 0) break;
      blocks.push_back(std::get<Block>(block));
    }
    return blocks;
  }
  Block Answer() {
    const std::vector<Block> blocks = Blocks();
    EXPECT_EQ(blocks.size(), 1u);
    return blocks.empty() ? Block{} : blocks[0];
  }
  Block Ask(const Block& block) {
    WriteBlock(block);
    return Answer();
  }
  void ExpectError(const Block& block, Error error) {
    EXPECT_EQ(block.type, acr1255::kError);
    EXPECT_EQ(block.param, static_cast<uint8_t>(error));
  }
  // The answer to step 2; on success the session key is in use, as `a` and `b` make it.
  Block Authenticate(Bytes master = acr1255::DefaultMasterKey(), bool right = true) {
    const Block first = Ask({.type = 0x6B, .data = Hex("E0 00 00 45 00")});
    if (first.data.size() != 21) return first;
    Bytes a = acr1255::Decrypt(master, std::span(first.data).subspan(5));
    if (!right) a[3] ^= 1;
    b_ = Hex("15674582433ffb64257682ac360b4889");
    Bytes both = b_;
    both.insert(both.end(), a.begin(), a.end());
    const Bytes proof = acr1255::Decrypt(master, both);
    Bytes data = Hex("E0 00 00 46 00");
    data.insert(data.end(), proof.begin(), proof.end());
    const Block second = Ask({.type = 0x6B, .data = data});
    if (second.type == acr1255::kEscapeAnswer) {
      key_.assign(a.begin(), a.begin() + 8);
      key_.insert(key_.end(), b_.begin(), b_.begin() + 8);
    }
    return second;
  }
  void PowerUp() {
    Authenticate();
    EXPECT_EQ(Ask({.type = acr1255::kPowerOn}).data, card_.atr);
  }
  void Respond(const Bytes& response) { reader_.CardAnswered(response); }

  Faults faults_;
  Timers timers_;
  SimCard card_;
  SimRadio radio_;
  Acr1255 reader_{card_, timers_, faults_, 5000ms};
  Bytes key_, b_;
};

// From the manual; its two misprinted examples left out.
TEST(Acr1255FrameTest, TheManualsExamples) {
  const Bytes ask = Hex("6b 0005 00 00 00 cb e000004500");
  const auto block = acr1255::DecodeBlock(ask);
  ASSERT_EQ(block.index(), 0u);
  EXPECT_EQ(std::get<Block>(block).data, Hex("E0 00 00 45 00"));
  EXPECT_EQ(acr1255::Encode(std::get<Block>(block)), ask);
  const Bytes framed = acr1255::Framed(ask);
  EXPECT_EQ(Bytes(framed.begin(), framed.begin() + 3), Hex("05 00 0c"));
  EXPECT_EQ(framed.back(), 0x0A);

  const Bytes proof =
      Hex("6b 0025 00 00 00 ea e000004600"
          "a68117919f4607aeae4e948e0514e8c825f7900576f8de7d6ded553f8010c2ca");
  const auto proof_block = acr1255::DecodeBlock(proof);
  ASSERT_EQ(proof_block.index(), 0u);
  const Bytes& data = std::get<Block>(proof_block).data;
  const Bytes shown = acr1255::Encrypt(acr1255::DefaultMasterKey(), std::span(data).subspan(5));
  const Bytes b = Hex("15674582433ffb64257682ac360b4889");
  EXPECT_TRUE(std::equal(b.begin(), b.end(), shown.begin()));

  const Bytes answer = Hex("83 0015 00 00 02 53 e100004600 47d55054f349d417b16540219bdac9b2");
  const auto answer_block = acr1255::DecodeBlock(answer);
  ASSERT_EQ(answer_block.index(), 0u);
  EXPECT_EQ(acr1255::Decrypt(acr1255::DefaultMasterKey(),
                             std::span(std::get<Block>(answer_block).data).subspan(5)),
            b);
}

TEST_F(Acr1255Test, TalksToWhoeverKnowsTheKey) {
  EXPECT_FALSE(reader_.authenticated());
  const Block second = Authenticate();
  EXPECT_EQ(second.type, acr1255::kEscapeAnswer);
  EXPECT_EQ(Bytes(second.data.begin(), second.data.begin() + 5), Hex("E1 00 00 46 00"));
  EXPECT_EQ(acr1255::Decrypt(acr1255::DefaultMasterKey(), std::span(second.data).subspan(5)), b_);
  EXPECT_TRUE(reader_.authenticated());
  const Block atr = Ask({.type = acr1255::kPowerOn, .seq = 7});
  EXPECT_EQ(atr.type, acr1255::kData);
  EXPECT_EQ(atr.seq, 7);
  EXPECT_EQ(atr.data, card_.atr);
  EXPECT_EQ(Ask({.type = acr1255::kGetSlotStatus}).param, 0);
  WriteBlock({.type = acr1255::kApdu, .seq = 8, .data = Hex("00 A4 04 0C 00")});
  EXPECT_TRUE(Blocks().empty()) << "the card has not answered yet";
  EXPECT_EQ(card_.sent.back(), Hex("00 A4 04 0C 00"));
  Respond(Hex("90 00"));
  const Block response = Answer();
  EXPECT_EQ(response.type, acr1255::kData);
  EXPECT_EQ(response.seq, 8);
  EXPECT_EQ(response.data, Hex("90 00"));
  EXPECT_EQ(Ask({.type = acr1255::kApdu, .data = Hex("FF CA 00 00 00")}).data.size(), 6u);
  EXPECT_EQ(card_.sent.size(), 1u) << "GET DATA is the reader's to answer";
  EXPECT_EQ(Ask({.type = acr1255::kPowerOff}).param, 1);
  EXPECT_EQ(Ask({.type = acr1255::kApdu, .data = Hex("00 A4")}).type, acr1255::kSlotStatus);
}

TEST_F(Acr1255Test, PiecesMayEndAnywhere) {
  for (const size_t piece : {1u, 3u, 20u, 200u}) {
    Write(acr1255::Framed(acr1255::Encode({.type = 0x6B, .data = Hex("E0 00 00 45 00")})), piece);
    EXPECT_EQ(Answer().type, acr1255::kEscapeAnswer) << piece;
  }
  Bytes two = acr1255::Framed(acr1255::Encode({.type = 0x6B, .data = Hex("E0 00 00 45 00")}));
  two.insert(two.end(), two.begin(), two.end());
  Write(two, 13);
  EXPECT_EQ(Blocks().size(), 2u);
}

TEST_F(Acr1255Test, AnswersComeInPiecesOfTheMtu) {
  Ask({.type = 0x6B, .data = Hex("E0 00 00 45 00")});
  WriteBlock({.type = 0x6B, .data = Hex("E0 00 00 45 00")});
  ASSERT_EQ(radio_.pieces.size(), 2u);
  EXPECT_EQ(radio_.pieces[0].second.size(), 20u);
  radio_.pieces.clear();
  radio_.mtu_ = 185;
  WriteBlock({.type = 0x6B, .data = Hex("E0 00 00 45 00")});
  EXPECT_EQ(radio_.pieces.size(), 1u);
}

TEST_F(Acr1255Test, RefusesWhatIsNoFrame) {
  Bytes frame = acr1255::Framed(acr1255::Encode({.type = 0x6B, .data = Hex("E0 00 00 45 00")}));
  Bytes wrong_end = frame;
  wrong_end.back() = 0x0B;
  Write(wrong_end);
  ExpectError(Answer(), Error::kChecksum);
  Bytes wrong_xor = frame;
  wrong_xor[5] ^= 0x10;
  Write(wrong_xor);
  ExpectError(Answer(), Error::kChecksum);
  Write(Hex("FF 00 01"));
  ExpectError(Answer(), Error::kReceivedData);
  Write(Hex("05 08 01 00"));
  ExpectError(Answer(), Error::kReceivedData);
  Write(acr1255::Framed(Hex("62 00 00")));
  ExpectError(Answer(), Error::kReceivedData);
  Write(frame);
  EXPECT_EQ(Answer().type, acr1255::kEscapeAnswer) << "it listens on";
}

TEST_F(Acr1255Test, DoesNothingForStrangers) {
  ExpectError(Ask({.type = acr1255::kPowerOn}), Error::kUnauthorized);
  ExpectError(Ask({.type = 0x6B, .data = Hex("E0 00 00 40 01")}), Error::kUnauthorized);
  EXPECT_EQ(card_.power_ons, 0);
  Authenticate();
  ExpectError(Ask({.type = 0x77}), Error::kCommand);
  Write(acr1255::Framed(Hex("00 01 02 03 04 05 06 07 08")));
  ExpectError(Answer(), Error::kReceivedData);
}

TEST_F(Acr1255Test, LocksAfterTheThirdWrongProof) {
  for (int i = 0; i < 3; ++i) {
    ExpectError(Authenticate(acr1255::DefaultMasterKey(), false), Error::kUnauthorized);
  }
  ExpectError(Authenticate(acr1255::DefaultMasterKey(), false), Error::kTooManyAuthentications);
  ExpectError(Authenticate(), Error::kTooManyAuthentications);
  reader_.LinkUp(radio_);
  EXPECT_EQ(Authenticate().type, acr1255::kEscapeAnswer);
}

TEST_F(Acr1255Test, TellsOfCardsWhenAskedTo) {
  Authenticate();
  reader_.CardLeft();
  EXPECT_TRUE(Blocks().empty());
  WriteBlock({.type = 0x6B, .data = Hex("E0 00 00 40 01")});
  std::vector<Block> blocks = Blocks();
  ASSERT_EQ(blocks.size(), 2u);
  EXPECT_EQ(blocks[0].data, Hex("E1 00 00 40 01"));
  EXPECT_EQ(blocks[1].type, acr1255::kEvent);
  EXPECT_EQ(blocks[1].param, 2);
  card_.lies = false;
  reader_.CardLeft();
  EXPECT_EQ(Answer().param, 3);
  EXPECT_EQ(Ask({.type = acr1255::kPowerOn}).param, 2) << "81, absent";
  Ask({.type = 0x6B, .data = Hex("E0 00 00 40 00")});
  card_.lies = true;
  reader_.CardArrived();
  EXPECT_TRUE(Blocks().empty());
}

TEST_F(Acr1255Test, ACardThatLeavesOrIsSilentEndsItsApdu) {
  PowerUp();
  WriteBlock({.type = acr1255::kApdu, .data = Hex("00 20 00 80")});
  card_.lies = false;
  reader_.CardLeft();
  const Block gone = Answer();
  EXPECT_EQ(gone.type, acr1255::kSlotStatus);
  EXPECT_EQ(gone.param, 2);
  card_.lies = true;
  reader_.CardArrived();
  Ask({.type = acr1255::kPowerOn});
  WriteBlock({.type = acr1255::kApdu, .data = Hex("00 20 00 80")});
  timers_.AdvanceTo(timers_.now() + 4999ms);
  EXPECT_TRUE(Blocks().empty());
  timers_.AdvanceTo(timers_.now() + 1ms);
  ExpectError(Answer(), Error::kTimeout);
  EXPECT_EQ(card_.abandoned, 1);
}

TEST_F(Acr1255Test, TheEndOfTheLinkForgetsEverything) {
  PowerUp();
  WriteBlock({.type = acr1255::kApdu, .data = Hex("00 20 00 80")});
  Write(Hex("05 00 10 01 02"));
  reader_.LinkDown();
  EXPECT_EQ(card_.power_offs, 1);
  Respond(Hex("90 00"));
  EXPECT_TRUE(radio_.pieces.empty());
  key_.clear();
  reader_.LinkUp(radio_);
  EXPECT_FALSE(reader_.authenticated());
  ExpectError(Ask({.type = acr1255::kPowerOn}), Error::kUnauthorized);
}

TEST_F(Acr1255Test, GivesLongResponsesInParts) {
  faults_.chained = 3;
  PowerUp();
  WriteBlock({.type = acr1255::kApdu, .data = Hex("00 B0 00 00 05")});
  Respond(Hex("01 02 03 04 05 90 00"));
  const Block first = Answer();
  EXPECT_EQ(first.param, 1);
  EXPECT_EQ(first.data, Hex("01 02 03"));
  const Block second = Ask({.type = acr1255::kApdu, .param = 0x10});
  EXPECT_EQ(second.param, 3);
  const Block third = Ask({.type = acr1255::kApdu, .param = 0x10});
  EXPECT_EQ(third.param, 2);
  EXPECT_EQ(third.data, Hex("00"));
  ExpectError(Ask({.type = acr1255::kApdu, .param = 0x10}), Error::kReceivedData);
}

TEST_F(Acr1255Test, TakesLongCommandsInParts) {
  PowerUp();
  const Block more = Ask({.type = acr1255::kApdu, .param = 1, .data = Hex("00 A4 04")});
  EXPECT_EQ(more.param, 0x10);
  Ask({.type = acr1255::kApdu, .param = 3, .data = Hex("0C")});
  WriteBlock({.type = acr1255::kApdu, .param = 2, .data = Hex("00")});
  EXPECT_EQ(card_.sent.back(), Hex("00 A4 04 0C 00"));
}

TEST_F(Acr1255Test, FaultsOfAuthentication) {
  faults_.refuse_authentication = true;
  ExpectError(Authenticate(), Error::kUnauthorized);
  faults_ = {};
  faults_.other_key = Bytes(16, 0x42);
  ExpectError(Authenticate(), Error::kUnauthorized);
  EXPECT_EQ(Authenticate(Bytes(16, 0x42)).type, acr1255::kEscapeAnswer);
  reader_.LinkUp(radio_);
  key_.clear();
  faults_ = {};
  faults_.wrong_proof = true;
  const Block second = Authenticate();
  EXPECT_NE(acr1255::Decrypt(acr1255::DefaultMasterKey(), std::span(second.data).subspan(5)), b_);
}

TEST_F(Acr1255Test, FaultsOfFrames) {
  faults_.flip_every = 2;
  const Bytes ask = acr1255::Framed(acr1255::Encode({.type = 0x6B, .data = Hex("E000004500")}));
  int wrong = 0;
  for (int i = 0; i < 6; ++i) {
    Write(ask);
    const Bytes heard = radio_.Heard();
    if (acr1255::Unframed(heard).index() != 0) ++wrong;
  }
  EXPECT_EQ(wrong, 3);
  faults_ = {};
  faults_.slow = 40ms;
  Write(ask);
  timers_.AdvanceTo(timers_.now() + 39ms);
  EXPECT_TRUE(radio_.Heard().empty());
  timers_.AdvanceTo(timers_.now() + 1ms);
  EXPECT_FALSE(radio_.Heard().empty());
  faults_ = {};
  faults_.silent_from = 8;
  Write(ask);
  EXPECT_TRUE(radio_.Heard().empty());
  faults_ = {};
  faults_.drop_at = reader_.frames() + 2;
  Write(ask);
  EXPECT_FALSE(radio_.dropped);
  radio_.Heard();
  Write(ask);
  EXPECT_TRUE(radio_.dropped);
  EXPECT_TRUE(radio_.Heard().empty());
}

TEST_F(Acr1255Test, DropsAtAnApduOfTheCard) {
  faults_.drop_at_apdu = 2;
  PowerUp();
  WriteBlock({.type = acr1255::kApdu, .data = Hex("00 A4 04 0C")});
  Respond(Hex("90 00"));
  EXPECT_FALSE(radio_.dropped);
  WriteBlock({.type = acr1255::kApdu, .data = Hex("00 20 00 80")});
  EXPECT_TRUE(radio_.dropped);
  EXPECT_EQ(card_.sent.size(), 1u) << "the card never saw the second";
}

TEST_F(Acr1255Test, SlowAnswersKeepTheirOrder) {
  Authenticate();
  faults_.slow = 10ms;
  WriteBlock({.type = 0x6B, .data = Hex("E0 00 00 40 01")});
  WriteBlock({.type = acr1255::kGetSlotStatus});
  EXPECT_TRUE(Blocks().empty());
  timers_.AdvanceTo(timers_.now() + 10ms);
  std::vector<Block> blocks = Blocks();
  ASSERT_EQ(blocks.size(), 2u);
  EXPECT_EQ(blocks[0].type, acr1255::kEscapeAnswer);
  EXPECT_EQ(blocks[1].type, acr1255::kEvent);
  timers_.AdvanceTo(timers_.now() + 10ms);
  EXPECT_EQ(Answer().type, acr1255::kSlotStatus);
}

}  // namespace
}  // namespace madoguchi::bluez
