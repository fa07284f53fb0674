#include "sdk/conformance/desk_rules.h"

#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>

#include "sdk/conformance/desk_screen.h"
#include "sdk/conformance/program.h"
#include "sdk/failure/failure.h"
#include "sdk/failure/grpc_status.h"
#include "sdk/screen/connect.h"

namespace madoguchi::conformance {
namespace {

using namespace check::v1;  // NOLINT: roles and codes.
using namespace desk::v1;   // NOLINT: stages and replies.
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A host that plays, for all tests of this file.
class DeskRules : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    char folder[] = "/tmp/madoguchi-desk-rules-XXXXXX";
    folder_ = mkdtemp(folder);
    auto host = Program::Run(
        {MADOGUCHID, "--play", "eligible-pin", "--speed", "50", "--socket", folder_ + "/desk.sock"},
        folder_ + "/log");
    ASSERT_TRUE(host.ok()) << host.status();
    host_ = *std::move(host);
  }
  static void TearDownTestSuite() {
    host_.reset();
    std::filesystem::remove_all(folder_);
  }

  static std::shared_ptr<grpc::Channel> Connect() {
    const auto channel = screen::Connect(folder_ + "/desk.sock");
    EXPECT_TRUE(channel.ok()) << channel.status();
    return *channel;
  }

  static inline std::string folder_;
  static inline std::unique_ptr<Program> host_;
};

std::vector<std::string> FailedRows(const Report& report) {
  std::vector<std::string> failed;
  for (const Row& row : report.rows()) {
    if (row.finding.outcome == Outcome::kFailed) failed.push_back(row.id);
  }
  return failed;
}

TEST_F(DeskRules, OurDeskKeepsThemAll) {
  const auto desk = ReachDesk({folder_ + "/desk.sock"});
  ASSERT_TRUE(desk.ok()) << desk.status();
  Report report("our desk");
  ExamineDesk(*desk, &report);
  EXPECT_TRUE(report.Passes()) << report.Text();
  EXPECT_EQ(report.CountOf(Outcome::kSkipped), 0) << report.Text();
  EXPECT_GT(report.rows().size(), 30u);
}

TEST_F(DeskRules, TheProgramReportsThem) {
  const std::string log = folder_ + "/report";
  const auto run = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = {MADOGUCHI_CONFORMANCE, "--desk"};
    words.insert(words.end(), more.begin(), more.end());
    auto program = Program::Run(words, log, /*await_ready=*/false);
    EXPECT_TRUE(program.ok()) << program.status();
    return (*program)->Wait();
  };
  const auto said = [&] {
    std::ostringstream text;
    text << std::ifstream(log).rdbuf();
    return text.str();
  };
  EXPECT_EQ(run({folder_ + "/desk.sock", "--json"}), 0) << said();
  EXPECT_THAT(said(), HasSubstr("desk.eligibility-of-staff"));
  EXPECT_EQ(run({"/nowhere/at-all"}), 2);
  EXPECT_THAT(said(), HasSubstr("/nowhere/at-all"));
  EXPECT_EQ(run({folder_ + "/desk.sock", "a-plugin"}), 64);
}

TEST_F(DeskRules, EachRowQuotesTheContract) {
  // Words alone, as they follow each other in the comments and tables.
  const auto words = [](const std::string& text) {
    std::string plain;
    for (size_t at = 0; at < text.size(); ++at) {
      const bool comment = text.compare(at, 2, "//") == 0;
      if (comment) ++at;
      plain += comment || text[at] == '|' ? ' ' : text[at];
    }
    std::istringstream stream(plain);
    std::string all;
    for (std::string word; stream >> word;) all += word + " ";
    return all;
  };
  std::string contract;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(MADOGUCHI_PROTO)) {
    if (entry.path().extension() != ".proto") continue;
    std::ostringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    contract += words(text.str());
  }
  const auto desk = ReachDesk({folder_ + "/desk.sock"});
  ASSERT_TRUE(desk.ok()) << desk.status();
  Report report("our desk");
  ExamineDesk(*desk, &report);
  std::set<std::string> ids;
  for (const Row& row : report.rows()) {
    EXPECT_TRUE(ids.insert(row.id).second) << row.id << " is there twice";
    const size_t colon = row.sentence.find(": ");
    ASSERT_NE(colon, std::string::npos) << row.id;
    std::string quote = words(row.sentence.substr(colon + 2));
    quote.pop_back();
    EXPECT_THAT(contract, HasSubstr(quote)) << row.id;
  }
}

TEST_F(DeskRules, ADeskInUseIsLeftAlone) {
  ExaminedDesk desk;
  desk.channels = {{ROLE_STAFF, Connect()}, {ROLE_PATIENT, Connect()}};
  const auto stub = Desk::NewStub(desk.channels[ROLE_STAFF]);
  SendRequest request;
  SendReply begun;
  request.mutable_reply()->set_role(ROLE_STAFF);
  request.mutable_reply()->mutable_begin()->set_method("pin");
  grpc::ClientContext begin, cancel, close;
  ASSERT_TRUE(stub->Send(&begin, request, &begun).ok());
  Report report("a desk in use");
  ExamineDesk(desk, &report);
  EXPECT_EQ(report.CountOf(Outcome::kSkipped), static_cast<int>(report.rows().size()));
  EXPECT_FALSE(report.Passes());

  DeskScreen staff(desk.channels[ROLE_STAFF], "", ROLE_STAFF);
  const auto running = staff.Await([](const View&) { return true; });
  ASSERT_TRUE(running);
  EXPECT_EQ(running->check_id(), begun.check_id()) << "the check was not left alone";
  request.mutable_reply()->set_check_id(begun.check_id());
  request.mutable_reply()->mutable_cancel();
  EXPECT_TRUE(stub->Send(&cancel, request, &begun).ok());
  ASSERT_TRUE(staff.Await([](const View& view) { return view.stage() == STAGE_DONE; }));
  request.mutable_reply()->mutable_close();
  EXPECT_TRUE(stub->Send(&close, request, &begun).ok());
}

TEST_F(DeskRules, AnAddressThatLeadsNowhereIsNamed) {
  EXPECT_THAT(std::string(ReachDesk({"/nowhere/at-all"}).status().message()),
              HasSubstr("/nowhere/at-all"));
}

TEST_F(DeskRules, AFileOfAnotherKindIsNoDesk) {
  const std::string path = folder_ + "/notes.txt";
  std::ofstream(path) << "Dear diary\n";
  for (const std::string& address : {path, folder_, std::string("/bin/true")}) {
    const std::string said(ReachDesk({address}).status().message());
    EXPECT_THAT(said, testing::StartsWith(address + " is neither a socket nor a device file"));
    EXPECT_THAT(said, testing::Not(HasSubstr("private key")));
  }
}

// ---- desks that break one rule each ----

// Passes everything on to our desk, and bends what comes back.
class BentDesk final : public Desk::Service {
 public:
  struct Bend {
    const char* name;
    const char* row;  // the only one that may fail
    void (*view)(View* view, int stream) = nullptr;
    void (*reply)(Reply* reply, uint64_t question) = nullptr;  // on its way to our desk
    grpc::Status (*status)(const Reply& reply, const grpc::Status& status) = nullptr;
    void (*host)(GetHostReply* host) = nullptr;
  };

  BentDesk(const std::shared_ptr<grpc::Channel>& behind, const Bend& bend)
      : stub_(Desk::NewStub(behind)), bend_(bend) {}

  grpc::Status Watch(grpc::ServerContext* context, const WatchRequest* request,
                     grpc::ServerWriter<View>* writer) override {
    const auto behind = grpc::ClientContext::FromServerContext(*context);
    const int stream = ++streams_;
    const auto views = stub_->Watch(behind.get(), *request);
    View view;
    while (views->Read(&view)) {
      Remember(view);
      if (bend_.view != nullptr) bend_.view(&view, stream);
      if (!writer->Write(view)) behind->TryCancel();
    }
    return views->Finish();
  }
  grpc::Status Send(grpc::ServerContext* context, const SendRequest* request,
                    SendReply* reply) override {
    const auto behind = grpc::ClientContext::FromServerContext(*context);
    SendRequest sent = *request;
    if (bend_.reply != nullptr) bend_.reply(sent.mutable_reply(), Question());
    const grpc::Status status = stub_->Send(behind.get(), sent, reply);
    return bend_.status != nullptr ? bend_.status(request->reply(), status) : status;
  }
  grpc::Status ListCounters(grpc::ServerContext* context, const ListCountersRequest* request,
                            ListCountersReply* reply) override {
    return stub_->ListCounters(grpc::ClientContext::FromServerContext(*context).get(), *request,
                               reply);
  }
  grpc::Status WatchReaders(grpc::ServerContext* context, const WatchReadersRequest* request,
                            grpc::ServerWriter<desk::v1::ReaderTable>* writer) override {
    const auto behind = grpc::ClientContext::FromServerContext(*context);
    const auto tables = stub_->WatchReaders(behind.get(), *request);
    desk::v1::ReaderTable table;
    while (tables->Read(&table)) writer->Write(table);
    return tables->Finish();
  }
  grpc::Status GetHost(grpc::ServerContext* context, const GetHostRequest* request,
                       GetHostReply* reply) override {
    const grpc::Status status =
        stub_->GetHost(grpc::ClientContext::FromServerContext(*context).get(), *request, reply);
    if (bend_.host != nullptr) bend_.host(reply);
    return status;
  }

 private:
  // The streams of the roles come here each at its own pace: only the newest view counts.
  void Remember(const View& view) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (view.revision() < revision_) return;
    revision_ = view.revision();
    question_ = view.question();
  }
  uint64_t Question() {
    std::lock_guard<std::mutex> lock(mutex_);
    return question_;
  }

  const std::unique_ptr<Desk::Stub> stub_;
  const Bend bend_;
  std::atomic<int> streams_ = 0;
  std::mutex mutex_;
  uint64_t revision_ = 0;
  uint64_t question_ = 0;
};

grpc::Status WithoutTexts(const grpc::Status& status) { return ToGrpc(FromGrpc(status)); }

const BentDesk::Bend kBends[] = {
    {"straight", nullptr},
    {"shows_the_patient_the_eligibility", "desk.eligibility-of-staff",
     [](View* view, int) {
       if (view->role() == ROLE_PATIENT && view->has_verdict()) {
         view->mutable_verdict()->mutable_eligibility()->set_name("試験　花子");
       }
     }},
    {"counts_no_revisions", "desk.revision", [](View* view, int) { view->set_revision(7); }},
    {"gives_the_staff_the_prompt", "desk.prompt-of-patient",
     [](View* view, int) {
       if (view->role() == ROLE_STAFF && view->stage() == STAGE_ASK_PIN) {
         view->mutable_pin_prompt()->set_prompt_id("0123456789abcdef");
       }
     }},
    {"signs_with_another_key", "desk.prompt-signed",
     [](View* view, int) {
       if (view->has_pin_prompt()) view->mutable_pin_prompt()->mutable_signature()->back() ^= 1;
     }},
    {"takes_an_answer_for_any_question", "desk.stale-question", nullptr,
     [](Reply* reply, uint64_t question) {
       if (reply->has_pin()) reply->set_question(question);
     }},
    {"calls_a_busy_counter_stale", "desk.busy", nullptr, nullptr,
     [](const Reply& reply, const grpc::Status& status) {
       if (CodeOf(FromGrpc(status)) != FAILURE_CODE_COUNTER_BUSY) return status;
       return ToScreen(FailureStatus(FAILURE_CODE_REPLY_STALE));
     }},
    {"says_no_words", "desk.failure-texts", nullptr, nullptr,
     [](const Reply&, const grpc::Status& status) { return WithoutTexts(status); }},
    {"sends_half_a_view", "desk.whole-view",
     [](View* view, int) { view->mutable_advice()->clear_en(); }},
    {"remembers_its_streams", "desk.reconnect",
     [](View* view, int stream) {
       view->mutable_title()->set_en(view->title().en() + std::to_string(stream));
     }},
    {"forgets_the_card", "desk.take-away",
     [](View* view, int) {
       if (view->card() == CARD_PLACE_TAKE_AWAY) view->set_card(CARD_PLACE_NONE);
     }},
    {"grants_no_role", "desk.host", nullptr, nullptr, nullptr,
     [](GetHostReply* host) { host->clear_role(); }},
    {"lets_the_patient_vouch", "desk.roles-apart",
     [](View* view, int) {
       if (view->role() == ROLE_PATIENT && view->stage() == STAGE_ASK_PIN) {
         view->add_allowed(REPLY_KIND_SAME_CARD);
       }
     }},
    {"asks_which_card_and_names_none", "desk.which-card",
     [](View* view, int) {
       if (view->role() == ROLE_STAFF && view->stage() == STAGE_ASK_PIN) {
         view->add_allowed(REPLY_KIND_WHICH_CARD);
       }
     }},
};

class BentDesks : public DeskRules, public testing::WithParamInterface<BentDesk::Bend> {};

TEST_P(BentDesks, FailTheirRowAndNoOther) {
  BentDesk bent(Connect(), GetParam());
  grpc::ServerBuilder builder;
  const std::string address = "unix:" + folder_ + "/bent.sock";
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.RegisterService(&bent);
  const auto server = builder.BuildAndStart();
  ASSERT_NE(server, nullptr);
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto channel =
      grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  Report report(GetParam().name);
  ExamineDesk({{{ROLE_STAFF, channel}, {ROLE_PATIENT, channel}}, ""}, &report);
  if (GetParam().row == nullptr) {
    EXPECT_THAT(FailedRows(report), IsEmpty()) << report.Text();
  } else {
    EXPECT_THAT(FailedRows(report), ElementsAre(GetParam().row)) << report.Text();
  }
  EXPECT_EQ(report.CountOf(Outcome::kSkipped), 0) << report.Text();
  server->Shutdown(std::chrono::system_clock::now());
}

INSTANTIATE_TEST_SUITE_P(All, BentDesks, testing::ValuesIn(kBends),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace madoguchi::conformance
