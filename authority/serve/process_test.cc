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
#include "sdk/failure/failure.h"
#include "sdk/failure/grpc_status.h"
#include "sdk/plugin/program.h"
#include "sdk/proof/proof.h"
#include "sdk/proof/test_pki.h"

namespace madoguchi::authority {
namespace {

using plugin::Program;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::HasSubstr;

constexpr char kProgram[] = "../bin/madoguchi-authority";
constexpr char kCheck[] = "00112233445566778899aabbccddeeff";

struct Keys {
  test::Authority cards = test::MakeAuthority();
  test::Authority network = test::MakeAuthority("Synthetic network CA");
  test::Authority strangers = test::MakeAuthority("Synthetic network CA");
  test::Key card_key = test::RsaKey();
  std::shared_ptr<X509> card = test::Issue(cards, card_key, test::ValidNow());
  test::Key server_key = test::EcKey();
  test::Key client_key = test::EcKey();
  std::shared_ptr<X509> server, client, unlisted_client, strange_client;

  Keys() {
    test::CertificateForm form = test::ValidNow();
    form.subject_alternative = "IP:127.0.0.1";
    server = test::Issue(network, server_key, form);
    client = test::Issue(network, client_key, test::ValidNow());
    form.serial = 2;
    unlisted_client = test::Issue(network, client_key, form);
    strange_client = test::Issue(strangers, client_key, test::ValidNow());
  }
};
const Keys& keys() {
  static const auto* const keys = new Keys;
  return *keys;
}

std::string Sha256Hex(const std::shared_ptr<X509>& certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  X509_digest(certificate.get(), EVP_sha256(), digest, &length);
  std::string text;
  char pair[3];
  for (unsigned i = 0; i < length; ++i) {
    std::snprintf(pair, sizeof(pair), "%02X", digest[i]);
    text += pair;
  }
  return text;
}

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
    Write("cards.pem", test::Pem(keys().cards.certificate));
    Write("network.pem", test::Pem(keys().network.certificate));
    Write("server.pem", test::Pem(keys().server));
    Write("server.key", test::Pem(keys().server_key));
    Write("card.pem", test::Pem(keys().card));
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
        Sha256Hex(keys().client) + "\" }");
  }

  std::unique_ptr<Program> Run(std::vector<std::string> words) {
    words.insert(words.begin(), kProgram);
    auto program = Program::Start(words);
    EXPECT_TRUE(program.ok()) << program.status();
    return *std::move(program);
  }
  std::unique_ptr<Program> Serve(std::vector<std::string> more = {}) {
    std::vector<std::string> words = {"serve", "--config", Path("authority.textproto")};
    words.insert(words.end(), more.begin(), more.end());
    auto server = Run(words);
    EXPECT_TRUE(server->AwaitLine("ready")) << server->errors();
    return server;
  }
  std::unique_ptr<Program> Import(const std::string& data = "insured.textproto") {
    auto import = Run({"import", "--config", Path("authority.textproto"), Path(data)});
    import->End(0);
    return import;
  }

  std::shared_ptr<grpc::Channel> Local() const {
    return grpc::CreateChannel("unix:" + Path("a.sock"), grpc::InsecureChannelCredentials());
  }
  static std::shared_ptr<grpc::Channel> Remote(const Program& server,
                                               const std::shared_ptr<X509>& client) {
    const size_t at = server.errors().find("listening on port ");
    EXPECT_NE(at, std::string::npos);
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = test::Pem(keys().network.certificate);
    if (client) {
      options.pem_cert_chain = test::Pem(client);
      options.pem_private_key = test::Pem(keys().client_key);
    }
    const int port = std::stoi(server.errors().substr(at + 18));
    return grpc::CreateChannel("127.0.0.1:" + std::to_string(port), grpc::SslCredentials(options));
  }

  static absl::StatusOr<v1::ChallengeReply> Challenge(const std::shared_ptr<grpc::Channel>& channel,
                                                      milliseconds timeout = milliseconds(10000)) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + timeout);
    v1::ChallengeRequest request;
    request.set_check_id(kCheck);
    v1::ChallengeReply reply;
    auto status = FromGrpc(v1::Authority::NewStub(channel)->Challenge(&context, request, &reply));
    if (!status.ok()) return status;
    return reply;
  }

  static absl::StatusOr<v1::AskReply> Ask(const std::shared_ptr<grpc::Channel>& channel,
                                          const v1::AskRequest& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    v1::AskReply reply;
    auto status = FromGrpc(v1::Authority::NewStub(channel)->Ask(&context, request, &reply));
    if (!status.ok()) return status;
    return reply;
  }

  static v1::AskRequest Prove(const v1::ChallengeReply& challenge) {
    const auto certificate = *Certificate::Parse(test::Der(keys().card));
    v1::AskRequest request;
    request.set_check_id(kCheck);
    request.set_certificate(std::string(certificate.der().begin(), certificate.der().end()));
    request.mutable_proof()->set_challenge(challenge.challenge());
    request.mutable_proof()->set_signature(test::SignDigest(
        keys().card_key, ProofDigest({challenge.authority_id(), challenge.host_id(), kCheck,
                                      challenge.challenge(), certificate.sha256()})));
    return request;
  }

  static v1::AskRequest SeenByStaff() {
    v1::AskRequest request = Prove({});
    request.mutable_visual_match();
    return request;
  }

  std::string folder_;
};

TEST_F(ProcessTest, AnswersAHostOnTheLocalSocketAsItsUser) {
  ASSERT_EQ(Import()->output(), "imported 1\n");
  auto server = Serve();
  const auto channel = Local();
  const auto challenge = Challenge(channel);
  ASSERT_TRUE(challenge.ok()) << challenge.status();
  EXPECT_EQ(challenge->host_id(), "clinic-1");
  const auto reply = Ask(channel, Prove(*challenge));
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->validity(), check::v1::VALIDITY_VALID);
  EXPECT_EQ(reply->eligibility().name(), "試験 花子");
  EXPECT_EQ(CodeOf(Ask(channel, Prove(*challenge)).status()),
            check::v1::FAILURE_CODE_CHALLENGE_SPENT);
  EXPECT_EQ(CodeOf(Ask(channel, SeenByStaff()).status()),
            check::v1::FAILURE_CODE_METHOD_NOT_ENTITLED);
  EXPECT_EQ(server->output(), "ready\n");
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
  const auto channel = Remote(*server, keys().client);
  const auto challenge = Challenge(channel);
  ASSERT_TRUE(challenge.ok()) << challenge.status();
  EXPECT_EQ(challenge->host_id(), "clinic-2");
  const auto proven = Ask(channel, Prove(*challenge));
  ASSERT_TRUE(proven.ok()) << proven.status();
  const auto seen = Ask(channel, SeenByStaff());
  ASSERT_TRUE(seen.ok()) << seen.status();
  EXPECT_EQ(seen->eligibility().name(), "試験 花子");

  // A challenge of one host is nothing to another.
  EXPECT_EQ(CodeOf(Ask(Local(), Prove(*Challenge(channel))).status()),
            check::v1::FAILURE_CODE_CHALLENGE_SPENT);
}

TEST_F(ProcessTest, RefusesClientsThatItDoesNotKnow) {
  ConfigureTls();
  auto server = Serve();
  EXPECT_EQ(CodeOf(Challenge(Remote(*server, keys().unlisted_client)).status()),
            check::v1::FAILURE_CODE_NOT_ENROLLED);
  for (const auto& client : {keys().strange_client, std::shared_ptr<X509>()}) {
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
  EXPECT_EQ(CodeOf(Ask(Local(), Prove(*challenge)).status()),
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
  request.set_check_id(kCheck);
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
  EXPECT_EQ(second->End(0), 69);
  EXPECT_THAT(second->errors(), HasSubstr("another server listens there already"));
  EXPECT_TRUE(Challenge(Local()).ok());
  server->End(SIGTERM);

  const int foreign = ListenAt(Path("a.sock"));
  auto third = Run({"serve", "--config", Path("authority.textproto")});
  EXPECT_EQ(third->End(0), 69);
  close(foreign);
  std::filesystem::remove(Path("a.sock"));
  Write("a.sock", "somebody's file");
  auto fourth = Run({"serve", "--config", Path("authority.textproto")});
  EXPECT_EQ(fourth->End(0), 69);
  EXPECT_THAT(fourth->errors(), HasSubstr("a file that is no socket"));
  EXPECT_TRUE(std::filesystem::exists(Path("a.sock")));
}

TEST_F(ProcessTest, AMalformedImportChangesNothing) {
  ASSERT_EQ(Import()->output(), "imported 1\n");
  Write("bad.textproto", Insured("別人") + "person {\n  validity: VALIDITY_VALID\n}\n");
  auto import = Import("bad.textproto");
  EXPECT_EQ(import->End(0), 65);
  EXPECT_THAT(import->errors(), HasSubstr(Path("bad.textproto") + ":6:1: expected certificate"));
  Write("worse.textproto", Insured("別人") + "person {\n  validty: VALIDITY_VALID\n}\n");
  import = Import("worse.textproto");
  EXPECT_EQ(import->End(0), 65);
  EXPECT_THAT(import->errors(), HasSubstr(Path("worse.textproto") + ":7:"));

  auto server = Serve();
  const auto ask = [&] { return Ask(Local(), Prove(*Challenge(Local())))->eligibility().name(); };
  EXPECT_EQ(ask(), "試験 花子");
  Write("insured.textproto", Insured("試験 太郎"));
  EXPECT_EQ(Import()->End(0), 0);
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
    EXPECT_EQ(program->End(0), 64);
    EXPECT_THAT(program->errors(), HasSubstr("madoguchi-authority serve --config FILE"));
  }
  Configure("host { host_id: \"c\" }");
  auto program = Run({"serve", "--config", Path("authority.textproto")});
  EXPECT_EQ(program->End(0), 64);
  EXPECT_THAT(program->errors(), HasSubstr("authority.textproto:4:8: expected certificate_sha256"));
}

}  // namespace
}  // namespace madoguchi::authority
