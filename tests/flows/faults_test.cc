// Every failure has its own code. One test a named fault; after each the same counter works again,
// and no card has seen a VERIFY for which nobody typed a PIN.
#include <gmock/gmock.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "sdk/failure/failure.h"
#include "tests/flows/flow.h"

namespace madoguchi::clinic {
namespace {

using namespace check::v1;  // NOLINT: codes.
using desk::v1::STAGE_LAY_CARD;

constexpr int kWindows = 6;

std::unique_ptr<Clinic> clinic;

class House : public testing::Environment {
 public:
  void SetUp() override {
    std::vector<Patient> patients;
    for (int i = 0; i < kWindows; ++i) patients.push_back({"p" + std::to_string(i)});
    clinic = MakeFlowClinic(kWindows, patients);
    clinic->Start();
  }
  void TearDown() override { clinic.reset(); }
};

const auto* const house = testing::AddGlobalTestEnvironment(new House);

Window At(int number) { return Window(*clinic, number, "p" + std::to_string(number)); }

// The APDUs that a good PIN check needs, from insertion to signature; the certificate is read in
// the second and following ones.
int ApdusOfPinCheck() {
  static const int count = [] {
    Window window = At(0);
    window.BeginByPin();
    window.Lay();
    EXPECT_EQ(window.staff().AwaitVerdict().outcome(), OUTCOME_ELIGIBLE);
    return Number(window.card(), "apdus");
  }();
  return count;
}

// ---- faults of the card ----

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
      windows.push_back(std::make_unique<Window>(*clinic, i, "p" + std::to_string(i)));
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
  EXPECT_TRUE(clinic->AwaitCard(0, false));
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

// ---- cards that are well, if unusual ----

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

// Phones are not taken yet; they come to their end all the same, and lose no try.
TEST(PhoneToken, DoesNotHang) {
  for (const char* kind : {"android", "iphone"}) {
    Window window = At(0);
    window.BeginByPin();
    window.staff().AwaitStage(STAGE_LAY_CARD);
    window.Lay({"--fault", std::string("phone-token=") + kind});
    const Verdict verdict = window.staff().AwaitVerdict();
    EXPECT_NE(verdict.outcome(), OUTCOME_UNSPECIFIED) << kind;
    EXPECT_LE(Number(window.card(), "verifies-total"), 1) << kind;
    EXPECT_EQ(Number(window.card(), "tries-left"), 3) << kind;
    window.ExpectNextCheckWorks();
  }
}

// ---- the PIN ----

TEST(Pin, WrongIsAskedAgainAndCounted) {
  Window window = At(0);
  window.BeginByPin("0000");
  window.staff().AwaitStage(STAGE_LAY_CARD);
  window.Lay();
  const auto again = window.patient().Await(
      [](const desk::v1::View& v) { return v.pin_rejected() && v.question() != 0; });
  EXPECT_EQ(again.stage(), desk::v1::STAGE_ASK_PIN);
  EXPECT_EQ(again.tries_left(), 2u);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 1);
  EXPECT_TRUE(window.patient().Pin("1234").ok());
  EXPECT_EQ(window.staff().AwaitVerdict().outcome(), OUTCOME_ELIGIBLE);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 2);
  EXPECT_EQ(Number(window.card(), "tries-left"), 3);
}

TEST(Pin, WrongAndNoOtherTyped) {
  Window window = At(0);
  window.BeginByPin("0000");
  window.staff().AwaitStage(STAGE_LAY_CARD);
  window.Lay();
  window.patient().Await([](const desk::v1::View& v) { return v.pin_rejected(); });
  EXPECT_TRUE(window.patient().Cancel().ok());
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_CANCELLED);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 1);
  EXPECT_EQ(Number(window.card(), "tries-left"), 2);
  window.ExpectNextCheckWorks();
}

TEST(Pin, OfAnotherFormSpendsNoTry) {
  Window window = At(0);
  window.Lay({}, true);
  window.BeginByPin("");
  for (const char* pin : {"123", "12345", "12a4"}) {
    const absl::Status refused = window.patient().Pin(pin);
    EXPECT_EQ(CodeOf(refused), FAILURE_CODE_PIN_FORM) << pin << refused;
  }
  EXPECT_EQ(Number(window.card(), "verifies-total"), 0);
  EXPECT_TRUE(window.patient().Pin("1234").ok());
  EXPECT_EQ(window.staff().AwaitVerdict().outcome(), OUTCOME_ELIGIBLE);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 1);
}

TEST(LastTry, Refused) {
  Window window = At(0);
  window.HoldAt(Point::kLastTry);
  EXPECT_TRUE(window.LastTry(false).ok());
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_PIN_LAST_TRY_DECLINED);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 0);
  EXPECT_EQ(Number(window.card(), "tries-left"), 1);
  window.ExpectNextCheckWorks();
}

TEST(LastTry, AcceptedAndRight) {
  Window window = At(0);
  window.HoldAt(Point::kLastTry);
  EXPECT_TRUE(window.LastTry(true).ok());
  EXPECT_EQ(window.staff().AwaitVerdict().outcome(), OUTCOME_ELIGIBLE);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 1);
  EXPECT_EQ(Number(window.card(), "tries-left"), 3);
}

TEST(LastTry, AcceptedAndWrongBlocks) {
  Window window = At(0);
  window.BeginByPin("0000");
  window.staff().AwaitStage(STAGE_LAY_CARD);
  window.Lay({"--fault", "tries-left=1"});
  EXPECT_TRUE(window.LastTry(true).ok());
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_PIN_BLOCKED);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 1);
  EXPECT_EQ(Number(window.card(), "tries-left"), 0);
  window.ExpectNextCheckWorks();
}

// Three wrong PINs in one check: the last of them only after a yes.
TEST(LastTry, IsAskedForInTheMiddleOfACheck) {
  Window window = At(0);
  window.BeginByPin("0000");
  window.staff().AwaitStage(STAGE_LAY_CARD);
  window.Lay();
  window.patient().Await([](const desk::v1::View& v) { return v.pin_rejected(); });
  EXPECT_TRUE(window.patient().Pin("0001").ok());
  window.patient().Await(
      [](const desk::v1::View& v) { return v.pin_rejected() && v.tries_left() == 1; });
  EXPECT_TRUE(window.patient().Pin("0002").ok());
  window.patient().AwaitStage(desk::v1::STAGE_ASK_LAST_TRY);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 2);
  EXPECT_TRUE(window.LastTry(true).ok());
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_PIN_BLOCKED);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 3);
  window.ExpectNextCheckWorks();
}

// ---- the reader ----

TEST(NoReader, HasItsCode) {
  Window window = At(0);
  Unplug(*clinic, ReaderPlugin());
  EXPECT_TRUE(window.staff().Begin("pin").ok());
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_NO_READER);
  Replug(*clinic, ReaderPlugin());
  EXPECT_TRUE(clinic->AwaitCard(0, false));
  window.ExpectNextCheckWorks();
}

class Pcscd : public testing::Test {
 protected:
  void SetUp() override {
    if (!OnPcsc()) GTEST_SKIP() << "for readers/pcsc";
  }
  static std::string Folder() { return std::getenv("MADOGUCHI_PCSCD_DIR"); }
  static void Control(const std::string& command) {
    auto ran = Program::Run({Folder() + "/private-pcscd-ctl", command},
                            clinic->folder() + "/log/ctl", false);
    ASSERT_TRUE(ran.ok());
    EXPECT_EQ((*ran)->Wait(), 0) << (*ran)->Output();
  }
};

TEST_F(Pcscd, NotRunning) {
  Window window = At(0);
  Control("stop");
  // A check that begins before that waits for the patient's PIN.
  ASSERT_TRUE(clinic->AwaitNoReader(0));
  EXPECT_TRUE(window.staff().Begin("pin").ok());
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_READER_SERVICE_DOWN);
  Control("start");
  EXPECT_TRUE(clinic->AwaitCard(0, false));
  window.ExpectNextCheckWorks();
}

TEST_F(Pcscd, RunsWithoutAnyReader) {
  Window window = At(0);
  Control("stop");
  std::filesystem::rename(Folder() + "/conf", Folder() + "/conf.away");
  std::filesystem::create_directory(Folder() + "/conf");
  EXPECT_TRUE(clinic->AwaitNoReader(0));
  Control("start");
  EXPECT_TRUE(window.staff().Begin("pin").ok());
  const FailureCode code = window.AwaitCode();
  std::filesystem::remove(Folder() + "/conf");
  std::filesystem::rename(Folder() + "/conf.away", Folder() + "/conf");
  Control("restart");
  EXPECT_TRUE(clinic->AwaitCard(0, false));
  EXPECT_EQ(code, FAILURE_CODE_NO_READER);
  window.ExpectNextCheckWorks();
}

TEST_F(Pcscd, DiesInMidCheck) {
  Window laying = At(0), reading = At(2), proving = At(4);
  laying.HoldAt(Point::kLayCard);
  proving.HoldAt(Point::kSigning);
  reading.HoldAt(Point::kReading);
  // Not stopped but killed, while the cards hold still: nothing that was under way gets through.
  int pid = 0;
  std::ifstream(Folder() + "/pcscd.pid") >> pid;
  ASSERT_GT(pid, 0);
  kill(pid, SIGKILL);
  Control("stop");
  reading.Release();
  proving.Release();
  EXPECT_EQ(laying.AwaitCode(), FAILURE_CODE_READER_SERVICE_DOWN);
  // Those that were talking to a card may notice it by the card or by the service.
  for (Window* window : {&reading, &proving}) {
    EXPECT_THAT(window->AwaitCode(),
                testing::AnyOf(FAILURE_CODE_READER_SERVICE_DOWN, FAILURE_CODE_READER_LOST,
                               FAILURE_CODE_CARD_GONE));
  }
  EXPECT_EQ(Number(reading.card(), "verifies-total"), 0);
  EXPECT_EQ(Number(proving.card(), "verifies-total"), 1);
  Control("start");
  for (Window* window : {&laying, &reading, &proving}) window->ExpectNextCheckWorks();
}

// ---- the authority ----

TEST(Authority, Down) {
  Window window = At(0);
  clinic->StopAuthority();
  window.BeginByPin();
  window.Lay();
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_AUTHORITY_UNREACHABLE);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 0) << "no challenge, no VERIFY";
  EXPECT_TRUE(window.staff().Close().ok());
  window.BeginByEyes();
  EXPECT_TRUE(window.SameCard(true).ok());
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_AUTHORITY_UNREACHABLE);
  clinic->StartAuthority();
  window.ExpectNextCheckWorks();
}

TEST(Authority, Slow) {
  Window window = At(0);
  window.ExpectNextCheckWorks();
  EXPECT_TRUE(window.staff().Close().ok());
  const int before = Number(window.card(), "verifies-total");
  clinic->authority()->Signal(SIGSTOP);
  window.BeginByPin();
  EXPECT_TRUE(window.SameCard(true).ok());
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_AUTHORITY_SLOW);
  clinic->authority()->Signal(SIGCONT);
  EXPECT_EQ(Number(window.card(), "verifies-total"), before);
  window.ExpectNextCheckWorks();
}

TEST(Authority, SlowAfterTheProof) {
  Window window = At(0);
  window.HoldAt(Point::kAskAuthority);
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_AUTHORITY_SLOW);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 1);
  window.Release();
  window.ExpectNextCheckWorks();
}

TEST(Authority, RestartedInMidCheck) {
  Window window = At(0);
  window.HoldAt(Point::kSigning);
  clinic->StopAuthority();
  clinic->StartAuthority();
  window.Release();
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_CHALLENGE_SPENT);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 1);
  window.ExpectNextCheckWorks();
}

// ---- plugins killed, checks cancelled, at each step ----

constexpr Point kPoints[] = {Point::kAskPin,  Point::kLayCard, Point::kLastTry,
                             Point::kReading, Point::kSigning, Point::kAskAuthority};

// Kills `plugin` while each counter stands at another step, and lets all go on. What becomes of
// them is `code`, but for those of `unharmed`, which needed it no more.
void KilledAtEachStep(const std::string& plugin, FailureCode code, std::set<Point> unharmed) {
  std::vector<std::unique_ptr<Window>> windows;
  for (int i = 0; i < kWindows; ++i) {
    windows.push_back(std::make_unique<Window>(*clinic, i, "p" + std::to_string(i)));
    windows[i]->HoldAt(kPoints[i]);
  }
  Unplug(*clinic, plugin);
  for (const auto& window : windows) window->GoOn();
  for (int i = 0; i < kWindows; ++i) {
    const FailureCode found = windows[i]->AwaitCode();
    EXPECT_EQ(found, unharmed.count(kPoints[i]) ? FAILURE_CODE_UNSPECIFIED : code)
        << NameOf(kPoints[i]) << ": " << FailureCode_Name(found);
    const bool proven = kPoints[i] == Point::kSigning || kPoints[i] == Point::kAskAuthority;
    EXPECT_EQ(Number(windows[i]->card(), "verifies-total"), proven ? 1 : 0) << NameOf(kPoints[i]);
  }
  Replug(*clinic, plugin);
  for (int i = 0; i < kWindows; ++i) EXPECT_TRUE(clinic->AwaitCard(i));
  for (const auto& window : windows) window->ExpectNextCheckWorks();
}

TEST(Killed, ReaderAtEachStep) {
  KilledAtEachStep(ReaderPlugin(), FAILURE_CODE_READER_LOST, {Point::kAskAuthority});
}

TEST(Killed, PolicyAtEachStep) { KilledAtEachStep("policy_pin", FAILURE_CODE_POLICY_FAILED, {}); }

TEST(Killed, AuthorityAtEachStep) {
  KilledAtEachStep("authority_online", FAILURE_CODE_AUTHORITY_UNREACHABLE, {});
}

// A session whose opening was under way when the check was cancelled would hold its card for ever.
TEST(CancelledAtOnce, LeavesNoSessionBehind) {
  Window window = At(0);
  for (int round = 0; round < (OnPcsc() ? 2 : 20); ++round) {
    window.Lay({}, true);
    EXPECT_TRUE(window.staff().Begin("visual").ok());
    window.staff().AwaitStage(desk::v1::STAGE_ASK_VISUAL_MATCH);
    EXPECT_TRUE(window.staff().Cancel().ok());
    EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_CANCELLED);
    window.ExpectNextCheckWorks();
    EXPECT_TRUE(window.staff().Close().ok());
    window.TakeAway();
  }
}

class Cancelled : public testing::TestWithParam<std::tuple<Point, bool>> {};

TEST_P(Cancelled, AtEachStep) {
  const auto [point, by_staff] = GetParam();
  Window window = At(0);
  window.HoldAt(point);
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_TRUE((by_staff ? window.staff() : window.patient()).Cancel().ok());
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_CANCELLED);
  // Not even a card that does not answer holds it up for long.
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(4));
  window.Release();
  const bool proven = point == Point::kSigning || point == Point::kAskAuthority;
  if (!window.has_card()) window.Lay({}, true);
  // The PIN that was typed is not used for what comes next.
  EXPECT_TRUE(window.staff().Close().ok());
  window.BeginByEyes();
  EXPECT_TRUE(window.SameCard(true).ok());
  EXPECT_EQ(window.staff().AwaitVerdict().outcome(), OUTCOME_ELIGIBLE);
  EXPECT_EQ(Number(window.card(), "verifies-total"), proven ? 1 : 0);
  window.ExpectNextCheckWorks();
}

INSTANTIATE_TEST_SUITE_P(
    , Cancelled,
    testing::Combine(testing::Values(Point::kAskPin, Point::kVisualMatch, Point::kLayCard,
                                     Point::kSameCard, Point::kReading, Point::kChallenge,
                                     Point::kSigning, Point::kLastTry, Point::kAskAuthority),
                     testing::Bool()),
    [](const auto& row) {
      return std::string(NameOf(std::get<0>(row.param))) +
             (std::get<1>(row.param) ? "ByStaff" : "ByPatient");
    });

}  // namespace
}  // namespace madoguchi::clinic
