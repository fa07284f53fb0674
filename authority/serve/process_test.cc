// madoguchi-authority as a process: what a host and an admin see of it.
#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "madoguchi/authority/v1/authority.grpc.pb.h"
#include "sdk/conformance/authority_client.h"
#include "sdk/conformance/program.h"
#include "sdk/failure/failure.h"
#include "sdk/proof/test_pki.h"

namespace madoguchi::authority {
namespace {

using conformance::Ask;
using conformance::Challenge;
using conformance::Keys;
using conformance::Program;
using conformance::ProvenByCard;
using conformance::SeenByStaff;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::HasSubstr;

constexpr char kProgram[] = "../bin/madoguchi-authority";

// Fd of a socket that listens at `path`, of whoever.
int ListenAt(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(listen(fd, 1), 0);
  return fd;
}

class ProcessTest : public testing::Test {
 protected:
  ProcessTest() {
    char pattern[] = "/tmp/madoguchi-authority-XXXXXX";
    folder_ = mkdtemp(pattern);
    Write("cards.pem", test::Pem(Keys().cards.certificate));
    Write("network.pem", test::Pem(Keys().network.certificate));
    Write("server.pem", test::Pem(Keys().server));
    Write("server.key", test::Pem(Keys().server_key));
    Write("card.pem", test::Pem(Keys().card));
    Write("insured.textproto", Insured("試験 花子"));
    Configure("");
  }
  ~ProcessTest() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
  }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  static std::string Insured(const std::string& name) {
    return "person {\n  certificate: \"card.pem\"\n  validity: VALIDITY_VALID\n"
           "  eligibility { insurer_number: \"01000000\" name: \"" +
           name + "\" }\n}\n";
  }

  // A configuration that listens on a.sock for this user, and `more`.
  void Configure(const std::string& more, uid_t uid = getuid()) {
    Write("authority.textproto",
          "authority_id: \"authority.test\" database: \"a.db\" trust_anchors: \"cards.pem\"\n"
          "listen_socket: \"a.sock\"\n"
          "host { host_id: \"clinic-1\" uid: " +
              std::to_string(uid) + " }\n" + more);
  }
  void ConfigureTls() {
    Configure(
        "listen_address: \"127.0.0.1:0\" server_certificate: \"server.pem\" "
        "server_key: \"server.key\" client_ca: \"network.pem\"\n"
        "host { host_id: \"clinic-2\" visual: true certificate_sha256: \"" +
        conformance::Sha256Hex(Keys().client) + "\" }");
  }

  std::unique_ptr<Program> Run(std::vector<std::string> words, bool await_ready = false) {
    words.insert(words.begin(), kProgram);
    const std::string log = Path("run-" + std::to_string(++runs_));
    auto program = Program::Run(words, log, await_ready, "", log + "-errors");
    EXPECT_TRUE(program.ok()) << program.status();
    return *std::move(program);
  }
  std::unique_ptr<Program> Serve(std::vector<std::string> more = {}) {
    std::vector<std::string> words = {"serve", "--config", Path("authority.textproto")};
    words.insert(words.end(), more.begin(), more.end());
    return Run(words, /*await_ready=*/true);
  }
  std::unique_ptr<Program> Import(const std::string& data = "insured.textproto") {
    auto import = Run({"import", "--config", Path("authority.textproto"), Path(data)});
    import->Wait();
    return import;
  }

  std::shared_ptr<grpc::Channel> Local() const {
    return grpc::CreateChannel("unix:" + Path("a.sock"), grpc::InsecureChannelCredentials());
  }
  static std::shared_ptr<grpc::Channel> Remote(const Program& server,
                                               const std::shared_ptr<X509>& client) {
    const std::string errors = server.Errors();
    const size_t at = errors.find("listening on port ");
    EXPECT_NE(at, std::string::npos);
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = test::Pem(Keys().network.certificate);
    if (client) {
      options.pem_cert_chain = test::Pem(client);
      options.pem_private_key = test::Pem(Keys().client_key);
    }
    const int port = std::stoi(errors.substr(at + 18));
    return grpc::CreateChannel("127.0.0.1:" + std::to_string(port), grpc::SslCredentials(options));
  }

  std::string folder_;
  int runs_ = 0;
};

TEST_F(ProcessTest, AnswersAHostOnTheLocalSocketAsItsUser) {
  ASSERT_EQ(Import()->Output(), "imported 1\n");
  auto server = Serve();
  const auto channel = Local();
  const auto challenge = Challenge(channel);
  ASSERT_TRUE(challenge.ok()) << challenge.status();
  EXPECT_EQ(challenge->host_id(), "clinic-1");
  const auto reply = Ask(channel, ProvenByCard(*challenge));
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->validity(), check::v1::VALIDITY_VALID);
  EXPECT_EQ(reply->eligibility().name(), "試験 花子");
  EXPECT_EQ(CodeOf(Ask(channel, ProvenByCard(*challenge)).status()),
            check::v1::FAILURE_CODE_CHALLENGE_SPENT);
  EXPECT_EQ(CodeOf(Ask(channel, SeenByStaff()).status()),
            check::v1::FAILURE_CODE_METHOD_NOT_ENTITLED);
  EXPECT_EQ(server->Output(), "ready\n");
}

TEST_F(ProcessTest, TellsAStrangeUserThatItIsNotEnrolled) {
  Configure("", getuid() + 1);
  auto server = Serve();
  const auto channel = Local();
  for (int i = 0; i < 2; ++i) {
    const absl::Status status = Challenge(channel).status();
    EXPECT_EQ(CodeOf(status), check::v1::FAILURE_CODE_NOT_ENROLLED) << status;
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  }
  EXPECT_EQ(CodeOf(Ask(channel, SeenByStaff()).status()), check::v1::FAILURE_CODE_NOT_ENROLLED);
}

TEST_F(ProcessTest, AnswersAHostOverMutualTlsAsItsCertificate) {
  ConfigureTls();
  Import();
  auto server = Serve();
  const auto channel = Remote(*server, Keys().client);
  const auto challenge = Challenge(channel);
  ASSERT_TRUE(challenge.ok()) << challenge.status();
  EXPECT_EQ(challenge->host_id(), "clinic-2");
  const auto proven = Ask(channel, ProvenByCard(*challenge));
  ASSERT_TRUE(proven.ok()) << proven.status();
  const auto seen = Ask(channel, SeenByStaff());
  ASSERT_TRUE(seen.ok()) << seen.status();
  EXPECT_EQ(seen->eligibility().name(), "試験 花子");

  // A challenge of one host is nothing to another.
  EXPECT_EQ(CodeOf(Ask(Local(), ProvenByCard(*Challenge(channel))).status()),
            check::v1::FAILURE_CODE_CHALLENGE_SPENT);
}

TEST_F(ProcessTest, RefusesClientsThatItDoesNotKnow) {
  test::CertificateForm form = test::ValidNow();
  form.serial = 2;
  const auto unlisted = test::Issue(Keys().network, Keys().client_key, form);
  const auto strange =
      test::Issue(test::MakeAuthority("Synthetic network CA"), Keys().client_key, test::ValidNow());
  ConfigureTls();
  auto server = Serve();
  EXPECT_EQ(CodeOf(Challenge(Remote(*server, unlisted)).status()),
            check::v1::FAILURE_CODE_NOT_ENROLLED);
  for (const auto& client : {strange, std::shared_ptr<X509>()}) {
    const absl::Status status = Challenge(Remote(*server, client)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  }
}

TEST_F(ProcessTest, AChallengeOfBeforeTheRestartIsSpent) {
  Import();
  auto server = Serve();
  const auto challenge = Challenge(Local());
  ASSERT_TRUE(challenge.ok()) << challenge.status();
  EXPECT_EQ(server->End(SIGTERM), 0);
  server = Serve();
  EXPECT_EQ(CodeOf(Ask(Local(), ProvenByCard(*challenge)).status()),
            check::v1::FAILURE_CODE_CHALLENGE_SPENT);
}

TEST_F(ProcessTest, StopsWithinASecondWhileAnAnswerIsHeldBack) {
  auto server = Serve({"--answer-delay-ms", "60000"});
  const auto channel = Local();
  EXPECT_EQ(Challenge(channel, milliseconds(200)).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  grpc::ClientContext context;
  v1::ChallengeRequest request;
  v1::ChallengeReply reply;
  grpc::CompletionQueue queue;
  const auto stub = v1::Authority::NewStub(channel);
  grpc::Status status;
  request.set_check_id(conformance::kCheckId);
  const auto call = stub->AsyncChallenge(&context, request, &queue);
  call->Finish(&reply, &status, nullptr);
  const auto begin = steady_clock::now();
  EXPECT_EQ(server->End(SIGTERM), 0);
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(1));
  EXPECT_FALSE(std::filesystem::exists(Path("a.sock")));
  void* tag = nullptr;
  bool ok = false;
  EXPECT_TRUE(queue.Next(&tag, &ok));
  queue.Shutdown();
}

TEST_F(ProcessTest, ReplacesTheSocketOfADeadServerAndLeavesALiveOneAlone) {
  auto killed = Serve();
  killed->End(SIGKILL);
  ASSERT_TRUE(std::filesystem::exists(Path("a.sock")));
  auto server = Serve();
  auto second = Run({"serve", "--config", Path("authority.textproto")});
  EXPECT_EQ(second->Wait(), 69);
  EXPECT_THAT(second->Errors(), HasSubstr("another server listens there already"));
  EXPECT_TRUE(Challenge(Local()).ok());
  server->End(SIGTERM);

  const int foreign = ListenAt(Path("a.sock"));
  auto third = Run({"serve", "--config", Path("authority.textproto")});
  EXPECT_EQ(third->Wait(), 69);
  close(foreign);
  std::filesystem::remove(Path("a.sock"));
  Write("a.sock", "somebody's file");
  auto fourth = Run({"serve", "--config", Path("authority.textproto")});
  EXPECT_EQ(fourth->Wait(), 69);
  EXPECT_THAT(fourth->Errors(), HasSubstr("a file that is no socket"));
  EXPECT_TRUE(std::filesystem::exists(Path("a.sock")));
}

TEST_F(ProcessTest, AMalformedImportChangesNothing) {
  ASSERT_EQ(Import()->Output(), "imported 1\n");
  Write("bad.textproto", Insured("別人") + "person {\n  validity: VALIDITY_VALID\n}\n");
  auto import = Import("bad.textproto");
  EXPECT_EQ(import->Wait(), 65);
  EXPECT_THAT(import->Errors(), HasSubstr(Path("bad.textproto") + ":6:1: expected certificate"));
  Write("worse.textproto", Insured("別人") + "person {\n  validty: VALIDITY_VALID\n}\n");
  import = Import("worse.textproto");
  EXPECT_EQ(import->Wait(), 65);
  EXPECT_THAT(import->Errors(), HasSubstr(Path("worse.textproto") + ":7:"));

  auto server = Serve();
  const auto ask = [&] {
    return Ask(Local(), ProvenByCard(*Challenge(Local())))->eligibility().name();
  };
  EXPECT_EQ(ask(), "試験 花子");
  Write("insured.textproto", Insured("試験 太郎"));
  EXPECT_EQ(Import()->Wait(), 0);
  EXPECT_EQ(ask(), "試験 太郎") << "an import while serving is seen by the next check";
}

TEST_F(ProcessTest, SaysWhatIsWrongWithItsArgumentsAndConfiguration) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {},
           {"serve"},
           {"serve", "--config"},
           {"mend", "--config", "x"},
           {"import", "--config", "x"},
           {"serve", "--config", "x", "y"},
           {"serve", "--config", "x", "--answer-delay-ms", "soon"},
           {"serve", "--verbose"}}) {
    auto program = Run(words);
    EXPECT_EQ(program->Wait(), 64);
    EXPECT_THAT(program->Errors(), HasSubstr("madoguchi-authority serve --config FILE"));
  }
  Configure("host { host_id: \"c\" }");
  auto program = Run({"serve", "--config", Path("authority.textproto")});
  EXPECT_EQ(program->Wait(), 64);
  EXPECT_THAT(program->Errors(), HasSubstr("authority.textproto:4:8: expected certificate_sha256"));
}

}  // namespace
}  // namespace madoguchi::authority
