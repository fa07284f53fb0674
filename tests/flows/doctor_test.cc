// madoguchi doctor at a real host: what it finds, in which order, and with which status it ends.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "madoguchi/desk/v1/desk.grpc.pb.h"
#include "sdk/failure/failure.h"
#include "sdk/failure/grpc_status.h"
#include "tests/flows/flow.h"

namespace madoguchi::clinic {
namespace {

using namespace check::v1;  // NOLINT: codes, roles and outcomes.
using namespace desk::v1;   // NOLINT: stages.
using testing::HasSubstr;

class Doctor : public testing::Test {
 protected:
  void Start(const std::function<void(host::Config&)>& change = nullptr) {
    clinic_ = MakeFlowClinic(2, {{"hanako"}});
    if (change) change(clinic_->config());
    clinic_->Start();
  }
  // The status, and what it said.
  std::pair<int, std::string> Examine(const std::vector<std::string>& flags = {}) {
    std::vector<std::string> arguments = {"doctor"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const auto [status, text] = clinic_->Madoguchi(arguments);
    return {status.value_or(-1), text};
  }
  void ExpectFinds(const std::string& code, const std::string& seen = "") {
    const auto [status, text] = Examine();
    EXPECT_EQ(status, 1) << text;
    EXPECT_THAT(text, HasSubstr("(" + code + ")"));
    EXPECT_THAT(text, HasSubstr(seen));
    first_ = text.substr(0, text.find('\n'));
  }

  LookAtCardReply Look(FailureCode* code = nullptr) {
    const auto stub = desk::v1::Desk::NewStub(clinic_->Channel());
    grpc::ClientContext call;
    call.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    LookAtCardRequest request;
    request.set_reader(clinic_->ReaderName(0));
    LookAtCardReply reply;
    const absl::Status status = FromGrpc(stub->LookAtCard(&call, request, &reply));
    if (code != nullptr) *code = CodeOf(status);
    return reply;
  }

  std::unique_ptr<Clinic> clinic_;
  std::string first_;  // line of what was found last
};

TEST_F(Doctor, FindsNothingWhereNothingIsWrong) {
  Start();
  auto card = clinic_->Lay("hanako");
  ASSERT_TRUE(clinic_->AwaitCard(0));
  const auto [status, text] = Examine();
  EXPECT_EQ(status, 0) << text;
  EXPECT_THAT(text, HasSubstr("a My Number Card lies on"));
  EXPECT_THAT(text, HasSubstr("eligibility server  well"));
  // Now that it is known the table says so too, and nothing more is asked of the card.
  const int apdus = Number(*card, "apdus");
  EXPECT_EQ(Examine().first, 0);
  EXPECT_EQ(Number(*card, "apdus"), apdus);
  const auto [listed, readers] = clinic_->Madoguchi({"readers"});
  EXPECT_EQ(listed, 0);
  EXPECT_THAT(readers, HasSubstr("My Number"));
}

TEST_F(Doctor, JsonIsOneLine) {
  Start();
  const auto [status, text] = Examine({"--json"});
  EXPECT_EQ(status, 0) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  EXPECT_THAT(text, HasSubstr("{\"id\":\"clock\",\"state\":\"STATE_WELL\""));
}

TEST_F(Doctor, FindsAHostThatDoesNotRun) {
  Start();
  clinic_->StopHost();
  ExpectFinds("HOST_UNREACHABLE");
  EXPECT_THAT(first_, HasSubstr("1. The host cannot be reached."));
}

TEST_F(Doctor, FindsAnAuthorityThatIsGone) {
  Start();
  clinic_->StopAuthority();
  ExpectFinds("AUTHORITY_UNREACHABLE");
}

TEST_F(Doctor, FindsPluginsThatAreNotApprovedOrChanged) {
  Start();
  clinic_->Revoke(ReaderPlugin());
  ASSERT_TRUE(Await(
      [&] { return clinic_->Plugin(ReaderPlugin()).state() == PluginRow::STATE_UNAPPROVED; }));
  ExpectFinds("PLUGIN_NOT_APPROVED", "madoguchi plugins approve " + ReaderPlugin());
  EXPECT_THAT(first_, HasSubstr("The plugin is not approved."));
  clinic_->Approve(ReaderPlugin());
  ASSERT_TRUE(clinic_->AwaitPlugins());
  // What lies there when the host starts is not what was approved.
  clinic_->StopHost();
  const std::string manifest =
      clinic_->folder() + "/plugins/" + ReaderPlugin() + "/plugin.textproto";
  ASSERT_TRUE(std::filesystem::exists(manifest)) << manifest;
  const std::string text = (std::stringstream() << std::ifstream(manifest).rdbuf()).str();
  std::filesystem::remove(manifest);  // it may be a link
  std::ofstream(manifest) << text << "\n# Changed.\n";
  // Not by the clinic, which would approve it again.
  const auto host = Program::Run(
      {Clinic::Bin() + "/madoguchid", "--config", clinic_->folder() + "/host.textproto"},
      clinic_->folder() + "/log/host-again");
  ASSERT_TRUE(host.ok()) << host.status();
  EXPECT_TRUE(
      Await([&] { return Examine().second.find("(PLUGIN_CHANGED)") != std::string::npos; }));
  ExpectFinds("PLUGIN_CHANGED", ReaderPlugin());
}

TEST_F(Doctor, FindsACounterThatNamesAReaderWhichIsNotThere) {
  std::string wrong;
  Start([&](host::Config& config) {
    auto* const counter = config.add_counter();
    counter->set_name("misspelt");
    wrong =
        config.counter(0).reader_size() > 0 ? config.counter(0).reader(0) : clinic_->ReaderName(0);
    wrong.back() = wrong.back() == 'x' ? 'y' : 'x';
    counter->add_reader(wrong);
  });
  ExpectFinds("READER_UNKNOWN", "misspelt");
  EXPECT_THAT(Examine().second, HasSubstr("comes near"));
}

TEST_F(Doctor, FindsACardThatIsNone) {
  Start();
  auto card = clinic_->Lay("hanako", 0, {"--fault", "foreign-card"});
  ASSERT_TRUE(clinic_->AwaitCard(0));
  ExpectFinds("NOT_MY_NUMBER_CARD", clinic_->ReaderName(0).substr(0, 12));
}

// The first look leaves the card owing an answer: nothing gets better by asking again.
TEST_F(Doctor, FindsACardThatIsSilentEachTime) {
  Start();
  auto card = clinic_->Lay("hanako", 0, {"--fault", "silent-from=1"});
  ASSERT_TRUE(clinic_->AwaitCard(0));
  ExpectFinds("CARD_SILENT");
  // A reader may begin anew meanwhile, and is not examined then.
  for (int again = 0; again < 2; ++again) {
    EXPECT_TRUE(Await([&] { return Examine().first == 1; }));
  }
}

// A look that is under way when a check takes the card, again and again: no check is harmed.
TEST_F(Doctor, LooksHarmNoCheck) {
  Start();
  std::atomic<bool> done = false;
  std::atomic<int> looks = 0, seen = 0;
  std::jthread looking([&] {
    while (!done) {
      FailureCode code = FAILURE_CODE_UNSPECIFIED;
      const auto reply = Look(&code);
      ++looks;
      seen += reply.card() == CARD_KIND_MY_NUMBER_CARD;
      EXPECT_TRUE(code == FAILURE_CODE_UNSPECIFIED || code == FAILURE_CODE_CARD_GONE ||
                  code == FAILURE_CODE_CARD_BUSY || code == FAILURE_CODE_READER_LOST)
          << FailureCode_Name(code);
    }
  });
  Window window(*clinic_, 0, "hanako");
  for (int round = 0; round < 8; ++round) {
    window.BeginByEyes();
    window.Lay();
    const auto verdict = window.staff().AwaitVerdict();
    EXPECT_EQ(verdict.outcome(), OUTCOME_ELIGIBLE) << verdict.ShortDebugString();
    window.TakeAway();
    EXPECT_TRUE(window.staff().Close().ok());
  }
  done = true;
  looking.join();
  EXPECT_GT(looks, 8);
  EXPECT_GT(seen, 0);
}

TEST_F(Doctor, FindsPcscdHung) {
  if (!OnPcsc()) GTEST_SKIP() << "of readers/pcsc";
  Start();
  const std::string ctl = std::string(getenv("MADOGUCHI_PCSCD_DIR")) + "/private-pcscd-ctl ";
  ASSERT_EQ(std::system((ctl + "freeze").c_str()), 0);
  EXPECT_TRUE(Await([&] { return Examine().first == 1; }));
  ExpectFinds("READER_SERVICE_DOWN", "does not answer at");
  EXPECT_THAT(Examine().second, HasSubstr("systemctl restart pcscd.socket pcscd"));
  ASSERT_EQ(std::system((ctl + "thaw").c_str()), 0);
  EXPECT_TRUE(Await([&] { return Examine().first == 0; }));
}

TEST_F(Doctor, FindsPcscdStopped) {
  if (!OnPcsc()) GTEST_SKIP() << "of readers/pcsc";
  Start();
  const std::string ctl = std::string(getenv("MADOGUCHI_PCSCD_DIR")) + "/private-pcscd-ctl ";
  ASSERT_EQ(std::system((ctl + "stop").c_str()), 0);
  EXPECT_TRUE(Await([&] { return Examine().first == 1; }));
  ExpectFinds("READER_SERVICE_DOWN", "pcscd.socket");
  EXPECT_THAT(first_, HasSubstr("1. The card reader service is not running."));
  ASSERT_EQ(std::system((ctl + "start").c_str()), 0);
  EXPECT_TRUE(Await([&] { return Examine().first == 0; }));
}

}  // namespace
}  // namespace madoguchi::clinic
