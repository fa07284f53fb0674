// Readers with a PIN pad, from the driver to the plugin's calls.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <reader.h>

#include <atomic>
#include <future>

#include "readers/pcsc/pcsc_reader_fixture.h"

namespace madoguchi::pcsc {
namespace {

using testing::ElementsAre;
using Bytes = FakePcsc::Bytes;

constexpr DWORD kVerifyCode = 0x42330006, kPropertiesCode = 0x42330012;
const Bytes kVerify = {0x00, 0x20, 0x00, 0x98, 0x00};
const Bytes kFeatures = {0x06, 4, 0x42, 0x33, 0x00, 0x06, 0x12, 4, 0x42, 0x33, 0x00, 0x12};

class PcscPadTest : public PcscReaderTest {
 protected:
  // A started plugin with one card in A, whose pad does `typed`, and one in B, which has none.
  void StartWithPad(FakePcsc::Driver typed, std::map<std::string, std::string> settings = {}) {
    api_.AddReader("A");
    api_.SetDriver("A", [this, typed](DWORD code, std::span<const uint8_t> data, Bytes* answer) {
      if (code == CM_IOCTL_GET_FEATURE_REQUEST) {
        *answer = kFeatures;
        return SCARD_S_SUCCESS;
      }
      if (code == kPropertiesCode) {
        *answer = properties_;
        return SCARD_S_SUCCESS;
      }
      structure_.assign(data.begin(), data.end());
      return typed(code, data, answer);
    });
    StartWithCards(std::move(settings));
  }
  // A pad that answers `response`.
  static FakePcsc::Driver Answers(const Bytes& response) {
    return [response](DWORD code, std::span<const uint8_t>, Bytes* answer) {
      EXPECT_EQ(code, kVerifyCode);
      *answer = response;
      return SCARD_S_SUCCESS;
    };
  }
  absl::StatusOr<Bytes> Verify(uint64_t session) {
    reader::v1::PadForm form;
    form.set_shortest(4);
    form.set_longest(4);
    form.set_patience_s(45);
    return reader_.VerifyAtPad(session, kVerify, 5, form);
  }
  absl::StatusOr<Bytes> VerifyAtA() {
    const auto session = Open("A", 1);
    if (!session.ok()) return session.status();
    auto answer = Verify(*session);
    reader_.Close(*session);
    return answer;
  }
  bool AwaitPad(bool pad) {
    return AwaitReader(
        "A", [&](const auto& state) { return state.pin_pad() == pad && state.maker() == "M"; });
  }

  Bytes properties_ = {6, 1, 4, 7, 1, 12};
  Bytes structure_;
};

TEST_F(PcscPadTest, ShowsItAndCarriesTheCardsAnswer) {
  StartWithPad(Answers({0x90, 0x00}));
  ASSERT_TRUE(AwaitPad(true));
  EXPECT_FALSE(newest_.reader(1).pin_pad());
  const auto answer = VerifyAtA();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(*answer, ElementsAre(0x90, 0x00));
  // The template goes to the pad as it is, with the host's form.
  ASSERT_EQ(structure_.size(), 19u + 5);
  EXPECT_EQ(Bytes(structure_.end() - 5, structure_.end()), kVerify);
  EXPECT_EQ(structure_[0], 45);
  EXPECT_THAT(Bytes(structure_.begin() + 5, structure_.begin() + 7), ElementsAre(4, 4));
}

TEST_F(PcscPadTest, AWrongPinIsTheCardsAnswer) {
  StartWithPad(Answers({0x63, 0xC2}));
  const auto answer = VerifyAtA();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(*answer, ElementsAre(0x63, 0xC2));
  EXPECT_THAT(api_.Endings(), ElementsAre("reset A"));
}

TEST_F(PcscPadTest, CancelTimeoutAndLengthAreThreeFailures) {
  Bytes response;
  StartWithPad([&](DWORD, std::span<const uint8_t>, Bytes* answer) {
    *answer = response;
    return SCARD_S_SUCCESS;
  });
  for (const auto& [bytes, code] :
       std::vector<std::pair<Bytes, std::string>>{{{0x64, 0x01}, "PIN_PAD_CANCELLED"},
                                                  {{0x64, 0x00}, "PIN_NOT_TYPED"},
                                                  {{0x64, 0x03}, "PIN_FORM"},
                                                  {{0x6B, 0x80}, "REQUEST_INVALID"},
                                                  {{}, "CARD_GONE"},
                                                  {{0x90}, "CARD_GONE"}}) {
    response = bytes;
    EXPECT_EQ(Code(VerifyAtA()), code);
  }
}

TEST_F(PcscPadTest, AFailingDriverHasItsCodes) {
  LONG result = SCARD_S_SUCCESS;
  StartWithPad([&](DWORD, std::span<const uint8_t>, Bytes*) { return result; });
  for (const auto& [failure, code] :
       std::map<LONG, std::string>{{SCARD_E_NOT_TRANSACTED, "CARD_GONE"},
                                   {SCARD_W_REMOVED_CARD, "CARD_GONE"},
                                   {SCARD_E_READER_UNAVAILABLE, "READER_LOST"},
                                   {SCARD_F_COMM_ERROR, "READER_SERVICE_DOWN"},
                                   {SCARD_E_TIMEOUT, "PIN_NOT_TYPED"},
                                   {SCARD_E_CANCELLED, "PIN_PAD_CANCELLED"},
                                   {SCARD_W_CANCELLED_BY_USER, "PIN_PAD_CANCELLED"},
                                   {SCARD_E_INSUFFICIENT_BUFFER, "CARD_ANSWER_INVALID"}}) {
    result = failure;
    EXPECT_EQ(Code(VerifyAtA()), code);
  }
  result = SCARD_E_UNSUPPORTED_FEATURE;
  EXPECT_TRUE(absl::IsUnimplemented(VerifyAtA().status()));
}

TEST_F(PcscPadTest, GarbageIsNoPad) {
  StartWithPad(Answers({0x90, 0x00}));
  ASSERT_TRUE(AwaitPad(true));
  const Bytes garbage[] = {
      {0x06},           {0x06, 4, 0x42},  {0x06, 5, 0x42, 0x33, 0x00, 0x06, 0x00},
      Bytes(255, 0xFF), Bytes(255, 0x00), {}};
  for (const Bytes& list : garbage) {
    api_.SetDriver("A", [&](DWORD, std::span<const uint8_t>, Bytes* answer) {
      *answer = list;
      return SCARD_S_SUCCESS;
    });
    EXPECT_TRUE(absl::IsUnimplemented(VerifyAtA().status())) << list.size();
  }
  const auto session = Open("B", 1);
  ASSERT_TRUE(session.ok());
  EXPECT_TRUE(absl::IsUnimplemented(Verify(*session).status()));
  EXPECT_EQ(Code(reader_.Transmit(*session, kVerify)), "OK");  // and the session goes on
}

TEST_F(PcscPadTest, ALiarsLengthsAreNotBelieved) {
  properties_ = {6, 1, 9, 7, 1, 3};
  StartWithPad(Answers({0x90, 0x00}));
  EXPECT_EQ(Code(VerifyAtA()), "OK");
  EXPECT_THAT(Bytes(structure_.begin() + 5, structure_.begin() + 7), ElementsAre(4, 4));
  properties_ = Bytes(200, 0xAB);
  EXPECT_EQ(Code(VerifyAtA()), "OK");
  EXPECT_THAT(Bytes(structure_.begin() + 5, structure_.begin() + 7), ElementsAre(4, 4));
}

TEST_F(PcscPadTest, TheClinicsRulesGoBeforeWhatItSays) {
  StartWithPad(Answers({0x90, 0x00}), {{"pads", "A: timeout=60 format=81 lc=off; *: pin_pad=off"}});
  ASSERT_TRUE(AwaitPad(true));
  EXPECT_EQ(Code(VerifyAtA()), "OK");
  EXPECT_EQ(structure_[0], 60);
  EXPECT_EQ(structure_[2], 0x81);
  EXPECT_EQ(structure_.size(), 19u + 4);
}

TEST_F(PcscPadTest, APadCanBeTurnedOff) {
  StartWithPad(Answers({0x90, 0x00}), {{"pads", "*: pin_pad=off"}});
  ASSERT_TRUE(AwaitPad(false));
  EXPECT_TRUE(absl::IsUnimplemented(VerifyAtA().status()));
  EXPECT_TRUE(structure_.empty());
}

TEST_F(PcscPadTest, IsAskedAgainWhenTheReaderIsFree) {
  api_.AddReader("A");
  api_.SetDriver("A", [](DWORD, std::span<const uint8_t>, Bytes* answer) {
    *answer = kFeatures;
    return SCARD_S_SUCCESS;
  });
  api_.SetAttrib("A", SCARD_ATTR_VENDOR_NAME, {'M', 0});
  api_.HoldExclusively("A", true);
  Start();
  ASSERT_TRUE(AwaitReader("A", [](const auto& state) { return state.busy(); }));
  ASSERT_TRUE(api_.AwaitRefusal());
  EXPECT_FALSE(newest_.reader(0).pin_pad());
  api_.HoldExclusively("A", false);
  EXPECT_TRUE(AwaitPad(true));
}

TEST_F(PcscPadTest, IsAskedAgainWhenOurOwnSessionWasInTheWay) {
  std::atomic<bool> in_session = true;
  std::promise<void> asked;
  api_.AddReader("A");
  api_.SetAttrib("A", SCARD_ATTR_VENDOR_NAME, {'M', 0});
  api_.SetDriver("A", [&](DWORD, std::span<const uint8_t>, Bytes* answer) -> LONG {
    // What pcscd says of another connection's transaction.
    if (in_session) {
      asked.set_value();
      return SCARD_E_SHARING_VIOLATION;
    }
    *answer = kFeatures;
    return SCARD_S_SUCCESS;
  });
  api_.Insert("A");
  Start();
  asked.get_future().wait();
  const auto session = Open("A", 1);
  ASSERT_TRUE(session.ok()) << session.status();
  in_session = false;
  reader_.Close(*session);
  EXPECT_TRUE(AwaitPad(true));
}

TEST_F(PcscPadTest, CloseDoesNotWaitForAPersonAtThePad) {
  std::promise<void> asked, typed;
  auto pressed = typed.get_future().share();
  StartWithPad([&](DWORD, std::span<const uint8_t>, Bytes* answer) {
    asked.set_value();
    pressed.wait();
    *answer = {0x90, 0x00};
    return SCARD_S_SUCCESS;
  });
  const auto session = Open("A", 1);
  ASSERT_TRUE(session.ok());
  auto typing = std::async(std::launch::async, [&] { return Verify(*session); });
  asked.get_future().wait();
  reader_.Close(*session);
  EXPECT_TRUE(api_.Endings().empty());
  EXPECT_EQ(Code(Open("A", 1)), "CARD_BUSY");
  typed.set_value();
  EXPECT_EQ(Code(typing.get()), "OK");
  // The PIN was verified for nobody: it is gone with the reset.
  EXPECT_THAT(api_.Endings(), ElementsAre("reset A"));
}

}  // namespace
}  // namespace madoguchi::pcsc
