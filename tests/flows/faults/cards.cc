// Faults of the card, and cards that are well, if unusual.
#include <gtest/gtest.h>

#include "tests/flows/faults/house.h"

namespace madoguchi::clinic {
namespace {

using namespace check::v1;  // NOLINT: codes.
using desk::v1::STAGE_LAY_CARD;

struct CardFault {
  const char* name;
  std::vector<std::string> flags;
  FailureCode code;
  int verifies = 0;
  bool eyes_too = true;  // the same by 目視
};

class CardFaults : public testing::TestWithParam<CardFault> {};

TEST_P(CardFaults, HaveTheirCode) {
  const CardFault& fault = GetParam();
  Window window = At(0);
  window.BeginByPin();
  window.staff().AwaitStage(STAGE_LAY_CARD);
  window.Lay(fault.flags);
  EXPECT_EQ(window.AwaitCode(), fault.code);
  EXPECT_EQ(Number(window.card(), "verifies-total"), fault.verifies);
  if (fault.eyes_too) {
    EXPECT_TRUE(window.staff().Close().ok());
    window.BeginByEyes();
    EXPECT_TRUE(window.SameCard(true).ok());
    EXPECT_EQ(window.AwaitCode(), fault.code);
    EXPECT_EQ(Number(window.card(), "verifies-total"), fault.verifies);
  }
  window.ExpectNextCheckWorks();
}

INSTANTIATE_TEST_SUITE_P(
    , CardFaults,
    testing::Values(
        CardFault{"ForeignCard", {"--fault", "foreign-card"}, FAILURE_CODE_NOT_MY_NUMBER_CARD},
        CardFault{"GarbageAtOnce", {"--fault", "garbage-from=1"}, FAILURE_CODE_CARD_ANSWER_INVALID},
        CardFault{"GarbageInTheCertificate",
                  {"--fault", "garbage-from=3"},
                  FAILURE_CODE_CARD_ANSWER_INVALID,
                  0,
                  false},
        CardFault{"Expired", {"--fault", "certificate=expired"}, FAILURE_CODE_CERTIFICATE_EXPIRED},
        CardFault{"NotYetValid",
                  {"--fault", "certificate=not-yet-valid"},
                  FAILURE_CODE_CERTIFICATE_NOT_YET_VALID},
        CardFault{"CertificateAbsent",
                  {"--fault", "certificate=absent"},
                  FAILURE_CODE_CERTIFICATE_ABSENT},
        CardFault{
            "CertificateBlank", {"--fault", "certificate=blank"}, FAILURE_CODE_CERTIFICATE_ABSENT},
        CardFault{"UnknownCa", {"--fault", "unknown-ca"}, FAILURE_CODE_CERTIFICATE_UNKNOWN_ISSUER},
        CardFault{"FlippedSignature",
                  {"--fault", "flipped-signature"},
                  FAILURE_CODE_SIGNATURE_WRONG,
                  1,
                  false},
        CardFault{"Blocked", {"--fault", "tries-left=0"}, FAILURE_CODE_PIN_BLOCKED, 0, false}),
    [](const auto& row) { return row.param.name; });

// The card dies at each APDU of a check in turn; the counters take turns, several at once.
void PulledAtEach(int apdus, bool by_pin) {
  for (int first = 1; first <= apdus; first += kWindows) {
    std::vector<std::unique_ptr<Window>> windows;
    for (int i = 0; i < kWindows && first + i <= apdus; ++i) {
      windows.push_back(std::make_unique<Window>(House(), i, "p" + std::to_string(i)));
      by_pin ? windows[i]->BeginByPin() : windows[i]->BeginByEyes();
      windows[i]->staff().AwaitStage(STAGE_LAY_CARD);
      windows[i]->Lay({"--fault", "pulled-before=" + std::to_string(first + i)});
    }
    for (size_t i = 0; i < windows.size(); ++i) {
      const int apdu = first + static_cast<int>(i);
      EXPECT_EQ(windows[i]->AwaitCode(), FAILURE_CODE_CARD_GONE) << "APDU " << apdu;
      // The PIN is in the last APDU but one; the last is the signature.
      EXPECT_EQ(Number(windows[i]->card(), "verifies-total"), by_pin && apdu >= apdus - 1 ? 1 : 0)
          << "APDU " << apdu;
    }
    for (const auto& window : windows) window->ExpectNextCheckWorks();
  }
}

TEST(Pulled, AtEachApduOfACheckByPin) { PulledAtEach(ApdusOfPinCheck(), true); }

TEST(Pulled, AtEachApduOfACheckByEyes) { PulledAtEach(ApdusOfPinCheck() - 3, false); }

// While the PIN is being typed, what is read ahead is a convenience: a card that bounces at the
// first APDU may be laid down again.
TEST(Pulled, WhileThePinIsTypedItMayBeLaidDownAgain) {
  Window window = At(0);
  window.BeginByPin("");
  window.patient().AwaitStage(desk::v1::STAGE_ASK_PIN);
  window.Lay({"--fault", "pulled-before=1"});
  ASSERT_TRUE(Await([&] { return window.card().Control("status").rfind("wanted=0", 0) == 0; }));
  EXPECT_TRUE(House().AwaitCard(0, false));
  window.card().Control("faults clear");
  EXPECT_TRUE(window.patient().Pin("1234").ok());
  window.staff().AwaitStage(STAGE_LAY_CARD);
  window.card().LayAgain();
  EXPECT_EQ(window.staff().AwaitVerdict().outcome(), OUTCOME_ELIGIBLE);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 1);
}

TEST(Silent, EndsAtItsDeadlineAndOtherReadersWork) {
  Window silent = At(0), other = At(2);
  silent.BeginByPin();
  silent.staff().AwaitStage(STAGE_LAY_CARD);
  silent.Lay({"--fault", "silent-from=3"});
  ASSERT_TRUE(Await([&] { return Number(silent.card(), "apdus") == 3; }));
  const auto begun = std::chrono::steady_clock::now();
  other.ExpectNextCheckWorks();
  EXPECT_EQ(silent.AwaitCode(), FAILURE_CODE_CARD_SILENT);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(6));
  EXPECT_EQ(Number(silent.card(), "verifies-total"), 0);
  silent.TakeAway();
  silent.ExpectNextCheckWorks();
}

// The VERIFY went out and no answer came: it is never repeated, and nothing is claimed about it.
TEST(Silent, AtTheSignature) {
  Window window = At(0);
  window.BeginByPin();
  window.staff().AwaitStage(STAGE_LAY_CARD);
  window.Lay({"--fault", "silent-from=" + std::to_string(ApdusOfPinCheck())});
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_CARD_SILENT);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 1);
  window.TakeAway();
  window.ExpectNextCheckWorks();
}

TEST(NoCard, HasItsCode) {
  Window window = At(0);
  window.BeginByEyes();
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_NO_CARD);
  window.ExpectNextCheckWorks();
}

class GoodCards : public testing::TestWithParam<std::pair<const char*, std::vector<std::string>>> {
};

TEST_P(GoodCards, Pass) {
  Window window = At(0);
  window.BeginByPin();
  window.staff().AwaitStage(STAGE_LAY_CARD);
  window.Lay(GetParam().second);
  EXPECT_EQ(window.staff().AwaitVerdict().outcome(), OUTCOME_ELIGIBLE);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 1);
  EXPECT_EQ(Number(window.card(), "tries-left"), 3);
}

INSTANTIATE_TEST_SUITE_P(
    , GoodCards,
    testing::Values(
        std::pair("NoShortIds6A82", std::vector<std::string>{"--fault", "no-short-ef"}),
        std::pair("NoShortIds6A86", std::vector<std::string>{"--fault", "no-short-ef=6A86"}),
        std::pair("NoShortIds6986", std::vector<std::string>{"--fault", "no-short-ef=6986"}),
        std::pair("EndOfFile6282", std::vector<std::string>{"--fault", "eof-6282"}),
        std::pair("ContactlessAtr", std::vector<std::string>{"--atr", "contactless"}),
        std::pair("ContactAtr", std::vector<std::string>{"--atr", "contact"}),
        std::pair("Slow", std::vector<std::string>{"--latency-ms", "10"})),
    [](const auto& row) { return row.param.first; });

// Which kind of credential it is, is known from its label. An Android phone wants its PIN before it
// shows its certificate, which is not asked for here; no try is lost.
TEST(PhoneToken, IsRecognised) {
  for (const std::string kind : {"android", "iphone"}) {
    const bool readable = kind == "iphone";
    Window window = At(0);
    window.BeginByPin();
    window.staff().AwaitStage(STAGE_LAY_CARD);
    window.Lay({"--fault", "phone-token=" + kind});
    EXPECT_EQ(window.AwaitCode(),
              readable ? FAILURE_CODE_UNSPECIFIED : FAILURE_CODE_PHONE_NOT_READABLE);
    EXPECT_EQ(Number(window.card(), "verifies-total"), readable ? 1 : 0) << kind;
    EXPECT_EQ(Number(window.card(), "tries-left"), 3) << kind;
    const auto [status, table] = House().Madoguchi({"readers", "--json"});
    EXPECT_EQ(status, 0);
    EXPECT_NE(table.find(readable ? "CARD_KIND_IPHONE" : "CARD_KIND_ANDROID"), std::string::npos)
        << table;
    window.ExpectNextCheckWorks();
  }
}

}  // namespace
}  // namespace madoguchi::clinic
