#include "tests/flows/flow.h"

#include <signal.h>

#include <cstdlib>
#include <filesystem>

namespace madoguchi::clinic {
namespace {

using namespace desk::v1;  // NOLINT: stages.

}  // namespace

bool OnPcsc() { return KindOfThisRun() == ReaderKind::kPcsc; }

std::string ReaderPlugin() { return PluginOf(KindOfThisRun()); }

std::unique_ptr<Clinic> MakeFlowClinic(int readers, const std::vector<Patient>& patients) {
  Clinic::Options options;
  options.kind = KindOfThisRun();
  options.readers = readers;
  options.patients = patients;
  auto clinic = Clinic::Make(options);
  auto* limits = clinic->config().mutable_limits();
  limits->set_apdu_ms(2500);
  limits->set_card_ms(3000);
  limits->set_authority_ms(2000);
  limits->set_no_reader_ms(600);
  const std::filesystem::path real = clinic->config().plugin_folder();
  for (const auto& plugin : clinic->config().plugin()) {
    const std::filesystem::path own = clinic->folder() + "/plugins/" + plugin.name();
    std::filesystem::create_directories(own);
    std::filesystem::create_symlink(real / plugin.name() / plugin.name(), own / plugin.name());
    std::filesystem::copy(real / plugin.name() / "plugin.textproto", own);
  }
  clinic->config().set_plugin_folder("plugins");
  return clinic;
}

void Unplug(Clinic& clinic, const std::string& name) {
  const int pid = clinic.Plugin(name).pid();
  ASSERT_GT(pid, 0) << name << " does not run";
  kill(pid, SIGKILL);
  // Before it is started again, which takes a second.
  clinic.Revoke(name);
  EXPECT_TRUE(Await([&] { return clinic.Plugin(name).state() == PluginRow::STATE_UNAPPROVED; }));
}

void Replug(Clinic& clinic, const std::string& name) {
  clinic.Approve(name);
  EXPECT_TRUE(Await([&] { return clinic.Plugin(name).state() == PluginRow::STATE_RUNNING; }));
}

int Number(Card& card, const std::string& key) {
  const std::string status = " " + card.Control("status");
  const size_t at = status.find(" " + key + "=");
  if (at == std::string::npos) return -1;
  return std::atoi(status.c_str() + at + key.size() + 2);
}

const char* NameOf(Point point) {
  switch (point) {
    case Point::kAskPin:
      return "AskPin";
    case Point::kVisualMatch:
      return "VisualMatch";
    case Point::kLayCard:
      return "LayCard";
    case Point::kSameCard:
      return "SameCard";
    case Point::kReading:
      return "Reading";
    case Point::kChallenge:
      return "Challenge";
    case Point::kSigning:
      return "Signing";
    case Point::kLastTry:
      return "LastTry";
    case Point::kAskAuthority:
      return "AskAuthority";
  }
  return "";
}

Window::Window(Clinic& clinic, int number, std::string patient)
    : clinic_(clinic),
      number_(number),
      name_(std::move(patient)),
      staff_(clinic.Staff(std::to_string(number + 1))),
      patient_(clinic.PatientScreen(std::to_string(number + 1))) {}

// Leaves the counter idle and its reader empty.
Window::~Window() {
  Release();
  const View view = staff_->Await([](const View&) { return true; });
  if (view.stage() != STAGE_IDLE) {
    if (view.stage() != STAGE_DONE) (void)staff_->Cancel();
    EXPECT_TRUE(staff_->Close().ok());
  }
  TakeAway();
}

void Window::Lay(const std::vector<std::string>& flags, bool await) {
  card_ = clinic_.Lay(name_, number_, flags);
  if (await) {
    EXPECT_TRUE(clinic_.AwaitCard(number_));
  }
}

void Window::TakeAway() {
  if (card_ == nullptr) return;
  card_.reset();
  EXPECT_TRUE(clinic_.AwaitCard(number_, false));
}

void Window::BeginByPin(const std::string& pin) {
  EXPECT_EQ(staff_->Begin("pin"), absl::OkStatus());
  if (pin.empty()) return;
  EXPECT_EQ(patient_->Pin(pin), absl::OkStatus());
}

void Window::BeginByEyes() {
  EXPECT_EQ(staff_->Begin("visual"), absl::OkStatus());
  staff_->AwaitStage(STAGE_ASK_VISUAL_MATCH);
  Reply reply;
  reply.mutable_visual_match()->set_matches(true);
  EXPECT_EQ(staff_->Send(reply), absl::OkStatus());
}

absl::Status Window::SameCard(bool same) {
  staff_->AwaitStage(STAGE_ASK_SAME_CARD);
  Reply reply;
  reply.mutable_same_card()->set_same(same);
  return staff_->Send(reply);
}

absl::Status Window::LastTry(bool go_on) {
  patient_->AwaitStage(STAGE_ASK_LAST_TRY);
  Reply reply;
  reply.mutable_last_try()->set_go_on(go_on);
  return patient_->Send(reply);
}

FailureCode Window::AwaitCode() {
  const Verdict verdict = staff_->AwaitVerdict();
  EXPECT_NE(verdict.outcome(), check::v1::OUTCOME_UNSPECIFIED) << "the check has not ended";
  EXPECT_EQ(verdict.has_failure(), verdict.outcome() != check::v1::OUTCOME_ELIGIBLE);
  return verdict.failure().code();
}

void Window::HoldAt(Point point) {
  held_ = point;
  const auto freeze_authority = [&] {
    clinic_.authority()->Signal(SIGSTOP);
    authority_frozen_ = true;
  };
  switch (point) {
    case Point::kAskPin:
      BeginByPin("");
      patient_->AwaitStage(STAGE_ASK_PIN);
      return;
    case Point::kVisualMatch:
      EXPECT_EQ(staff_->Begin("visual"), absl::OkStatus());
      staff_->AwaitStage(STAGE_ASK_VISUAL_MATCH);
      return;
    case Point::kLayCard:
      BeginByPin();
      staff_->AwaitStage(STAGE_LAY_CARD);
      return;
    case Point::kSameCard:
      // An earlier check, which was over at once, makes the card one from before.
      Lay({}, true);
      EXPECT_EQ(staff_->Begin("visual"), absl::OkStatus());
      staff_->AwaitStage(STAGE_ASK_VISUAL_MATCH);
      EXPECT_EQ(staff_->Cancel(), absl::OkStatus());
      EXPECT_EQ(staff_->Close(), absl::OkStatus());
      BeginByPin();
      staff_->AwaitStage(STAGE_ASK_SAME_CARD);
      return;
    case Point::kReading:
      BeginByPin();
      staff_->AwaitStage(STAGE_LAY_CARD);
      Lay({"--fault", "slow=60"});
      EXPECT_TRUE(Await([&] { return Number(*card_, "apdus") >= 3; }));
      break;
    case Point::kChallenge:
      BeginByPin();
      staff_->AwaitStage(STAGE_LAY_CARD);
      freeze_authority();
      Lay();
      staff_->AwaitStage(STAGE_PROVING);
      return;
    case Point::kSigning:
      BeginByPin();
      staff_->AwaitStage(STAGE_LAY_CARD);
      Lay({"--fault", "slow-signature=500"});
      EXPECT_TRUE(Await([&] { return Number(*card_, "verifies") == 1; }));
      break;
    case Point::kLastTry:
      BeginByPin();
      staff_->AwaitStage(STAGE_LAY_CARD);
      Lay({"--fault", "tries-left=1"});
      patient_->AwaitStage(STAGE_ASK_LAST_TRY);
      return;
    case Point::kAskAuthority:
      BeginByPin();
      staff_->AwaitStage(STAGE_LAY_CARD);
      Lay({"--fault", "slow-signature=300"});
      EXPECT_TRUE(Await([&] { return Number(*card_, "verifies") == 1; }));
      freeze_authority();
      staff_->AwaitStage(STAGE_ASK_AUTHORITY);
      return;
  }
  card_->program().Signal(SIGSTOP);
  card_frozen_ = true;
}

void Window::Release() {
  if (std::exchange(card_frozen_, false)) card_->program().Signal(SIGCONT);
  if (std::exchange(authority_frozen_, false)) clinic_.authority()->Signal(SIGCONT);
}

void Window::GoOn() {
  Release();
  switch (held_) {
    case Point::kAskPin:
      EXPECT_EQ(patient_->Pin("1234"), absl::OkStatus());
      Lay();
      break;
    case Point::kVisualMatch: {
      Reply reply;
      reply.mutable_visual_match()->set_matches(true);
      EXPECT_EQ(staff_->Send(reply), absl::OkStatus());
      Lay();
      break;
    }
    case Point::kLayCard:
      Lay();
      break;
    case Point::kSameCard:
      EXPECT_EQ(SameCard(true), absl::OkStatus());
      break;
    case Point::kLastTry:
      EXPECT_EQ(LastTry(true), absl::OkStatus());
      break;
    default:
      break;
  }
}

void Window::ExpectNextCheckWorks() {
  EXPECT_FALSE(clinic_.host().Wait(std::chrono::milliseconds(0)).has_value()) << "the host ended";
  const View view = staff_->Await([](const View&) { return true; });
  if (view.stage() == STAGE_DONE) {
    EXPECT_EQ(staff_->Close(), absl::OkStatus());
  }
  if (card_ == nullptr) Lay();
  EXPECT_EQ(card_->Control("faults clear"), "ok");
  EXPECT_EQ(card_->Control("fault tries-left=3"), "ok");
  if (Number(*card_, "inserted") == 0) {
    EXPECT_TRUE(clinic_.AwaitCard(number_, false));
    EXPECT_TRUE(clinic_.LayAgain(*card_, number_));
  }
  const int before = Number(*card_, "verifies-total");
  BeginByPin();
  const View after = staff_->Await(
      [](const View& v) { return v.stage() == STAGE_ASK_SAME_CARD || v.stage() == STAGE_DONE; });
  if (after.stage() == STAGE_ASK_SAME_CARD) {
    EXPECT_EQ(SameCard(true), absl::OkStatus());
  }
  const Verdict verdict = staff_->AwaitVerdict();
  EXPECT_EQ(verdict.outcome(), check::v1::OUTCOME_ELIGIBLE)
      << verdict.DebugString() << card_->Control("status") << "\n"
      << card_->Trace();
  EXPECT_EQ(Number(*card_, "verifies-total"), before + 1);
}

}  // namespace madoguchi::clinic
