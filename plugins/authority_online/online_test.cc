// The plugin as a process, against the real server as a process.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "sdk/conformance/authority_client.h"
#include "sdk/conformance/plugin_process.h"
#include "sdk/conformance/program.h"
#include "sdk/failure/failure.h"
#include "sdk/proof/test_pki.h"

namespace madoguchi {
namespace {

using authority::v1::AskReply;
using authority::v1::AskRequest;
using authority::v1::ChallengeReply;
using conformance::Keys;
using conformance::PluginProcess;
using conformance::Program;
using conformance::ProvenByCard;
using conformance::SeenByStaff;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::HasSubstr;

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  return address;
}

// A wire between plugin and server that can be cut.
class Wire {
 public:
  Wire(const std::string& path, const std::string& server) : server_(AddressOf(server)) {
    const sockaddr_un address = AddressOf(path);
    listening_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(listening_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(listening_, 8), 0);
    EXPECT_EQ(pipe2(stop_, O_CLOEXEC), 0);
    thread_ = std::thread([this] { Carry(); });
  }
  ~Wire() {
    close(stop_[1]);
    thread_.join();
    close(stop_[0]);
    close(listening_);
  }
  // The connection ends when the next question comes, and the question is lost.
  void CutAtNextQuestion() { cut_ = true; }
  int cuts() const { return cuts_; }

 private:
  void Carry() {
    int ends[2] = {-1, -1};  // plugin, server
    for (;;) {
      pollfd watched[] = {
          {stop_[0], 0, 0}, {listening_, POLLIN, 0}, {ends[0], POLLIN, 0}, {ends[1], POLLIN, 0}};
      poll(watched, 4, -1);
      bool over = watched[0].revents != 0 || watched[1].revents != 0;
      for (int i = 0; i < 2 && !over; ++i) {
        if (watched[2 + i].revents == 0) continue;
        char block[65536];
        const ssize_t length = read(ends[i], block, sizeof(block));
        const bool asks = i == 0 && length > 0 && Asks({block, static_cast<size_t>(length)});
        if (asks && cut_.exchange(false)) {
          ++cuts_;
          over = true;
        } else {
          over = length <= 0 ||
                 send(ends[1 - i], block, static_cast<size_t>(length), MSG_NOSIGNAL) != length;
        }
      }
      if (!over) continue;
      for (int& end : ends) {
        if (end >= 0) close(end);
        end = -1;
      }
      sent_.clear();
      greeted_ = false;
      if (watched[0].revents != 0) return;
      if (watched[1].revents == 0) continue;
      ends[0] = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
      ends[1] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      connect(ends[1], reinterpret_cast<const sockaddr*>(&server_), sizeof(server_));
    }
  }

  // Whether a question begins in `bytes`, the next ones that the plugin sent: a HEADERS frame
  // (RFC 9113, section 4.1), behind the 24 bytes with which a client greets.
  bool Asks(std::string_view bytes) {
    constexpr size_t kGreeting = 24;
    constexpr size_t kHead = 9;
    constexpr char kHeaders = 1;
    sent_ += bytes;
    if (!greeted_ && sent_.size() >= kGreeting) {
      sent_.erase(0, kGreeting);
      greeted_ = true;
    }
    bool asks = false;
    while (greeted_ && sent_.size() >= kHead) {
      const auto byte = [&](size_t at) { return static_cast<unsigned char>(sent_[at]); };
      const size_t length = byte(0) << 16 | byte(1) << 8 | byte(2);
      if (sent_.size() < kHead + length) break;
      asks = asks || sent_[3] == kHeaders;
      sent_.erase(0, kHead + length);
    }
    return asks;
  }

  const sockaddr_un server_;
  int listening_ = -1;
  std::string sent_;  // by the plugin: a frame that is not whole yet
  bool greeted_ = false;
  int stop_[2];
  std::atomic<bool> cut_ = false;
  std::atomic<int> cuts_ = 0;
  std::thread thread_;
};

class OnlineTest : public testing::Test {
 protected:
  OnlineTest() {
    char pattern[] = "/tmp/madoguchi-online-XXXXXX";
    folder_ = mkdtemp(pattern);
    Write("cards.pem", test::Pem(Keys().cards.certificate));
    Write("card.pem", test::Pem(Keys().card));
    Write("network.pem", test::Pem(Keys().network.certificate));
    Write("server.pem", test::Pem(Keys().server));
    Write("server.key", test::Pem(Keys().server_key));
    Write("client.pem", test::Pem(Keys().client));
    Write("client.key", test::Pem(Keys().client_key));
    Write("insured.textproto",
          "person { certificate: \"card.pem\" validity: VALIDITY_VALID"
          " eligibility { insurer_number: \"01000000\" name: \"試験 花子\" } }");
    Write(
        "authority.textproto",
        "authority_id: \"authority.test\" database: \"a.db\" trust_anchors: \"cards.pem\""
        " listen_socket: \"a.sock\" listen_address: \"127.0.0.1:0\""
        " server_certificate: \"server.pem\" server_key: \"server.key\" client_ca: \"network.pem\""
        " host { host_id: \"clinic-1\" uid: " +
            std::to_string(getuid()) +
            " visual: true }"
            " host { host_id: \"clinic-2\" certificate_sha256: \"" +
            conformance::Sha256Hex(Keys().client) + "\" }");
    auto import = *Program::Run({"../bin/madoguchi-authority", "import", "--config",
                                 Path("authority.textproto"), Path("insured.textproto")},
                                Path("import.log"), /*await_ready=*/false);
    EXPECT_EQ(import->Wait(), 0) << import->Output();
  }
  ~OnlineTest() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(Path(name)) << text;
  }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  void StartServer(std::vector<std::string> more = {}) {
    std::vector<std::string> words = {"../bin/madoguchi-authority", "serve", "--config",
                                      Path("authority.textproto")};
    words.insert(words.end(), more.begin(), more.end());
    auto server = Program::Run(words, Path("server.log"));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  void StartPlugin(std::map<std::string, std::string> settings) {
    auto started = PluginProcess::StartFolder("../plugins/authority_online", settings);
    ASSERT_TRUE(started.ok()) << started.status();
    plugin_ = *std::move(started);
  }
  void StartLocalPlugin() { StartPlugin({{"socket", Path("a.sock")}}); }

  // Sets took_ as well.
  absl::StatusOr<ChallengeReply> Challenge(milliseconds timeout = seconds(10)) {
    const auto begin = steady_clock::now();
    auto reply = conformance::Challenge(plugin_->channel(), timeout);
    took_ = std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin);
    return reply;
  }
  absl::StatusOr<AskReply> Ask(const AskRequest& request) {
    return conformance::Ask(plugin_->channel(), request);
  }

  std::string folder_;
  std::unique_ptr<Program> server_;
  std::unique_ptr<PluginProcess> plugin_;
  milliseconds took_{0};
};

TEST_F(OnlineTest, RelaysOverTheLocalSocket) {
  StartServer();
  StartLocalPlugin();
  const auto challenge = Challenge();
  ASSERT_TRUE(challenge.ok()) << challenge.status();
  EXPECT_EQ(challenge->host_id(), "clinic-1");
  const auto reply = Ask(ProvenByCard(*challenge));
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->validity(), check::v1::VALIDITY_VALID);
  EXPECT_EQ(reply->eligibility().name(), "試験 花子");
  EXPECT_TRUE(Ask(SeenByStaff()).ok());
  // The server's own failures come through as they are.
  EXPECT_EQ(CodeOf(Ask(ProvenByCard(*challenge)).status()),
            check::v1::FAILURE_CODE_CHALLENGE_SPENT);
  EXPECT_EQ(plugin_->End(), 0);
}

// With a card that the server trusts no row is left out.
TEST_F(OnlineTest, KeepsTheContract) {
  auto card = *Program::Run({"../bin/madoguchi-card", "--dir", Path("card"), "--make-only"},
                            Path("card.log"), /*await_ready=*/false);
  ASSERT_EQ(card->Wait(), 0) << card->Output();
  std::filesystem::copy_file(Path("card/auth-ca.pem"), Path("cards.pem"),
                             std::filesystem::copy_options::overwrite_existing);
  StartServer();
  auto kit = *Program::Run({"../bin/madoguchi-conformance", "../plugins/authority_online", "--set",
                            "socket=" + Path("a.sock"), "--set", "timeout_ms=500", "--card-folder",
                            Path("card"), "--only", "authority"},
                           Path("kit.log"), /*await_ready=*/false);
  EXPECT_EQ(kit->Wait(), 0) << kit->Output();
  EXPECT_THAT(kit->Output(), HasSubstr(" 0 failed, 0 skipped"));
}

TEST_F(OnlineTest, RelaysOverMutualTls) {
  StartServer();
  const std::string log = server_->Output();
  const size_t at = log.find("listening on port ");
  ASSERT_NE(at, std::string::npos);
  const std::string port = std::to_string(std::stoi(log.substr(at + 18)));
  StartPlugin({{"address", "127.0.0.1:" + port},
               {"server_ca", Path("network.pem")},
               {"client_certificate", Path("client.pem")},
               {"client_key", Path("client.key")}});
  const auto challenge = Challenge();
  ASSERT_TRUE(challenge.ok()) << challenge.status();
  EXPECT_EQ(challenge->host_id(), "clinic-2");
  EXPECT_TRUE(Ask(ProvenByCard(*challenge)).ok());
  EXPECT_EQ(CodeOf(Ask(SeenByStaff()).status()), check::v1::FAILURE_CODE_METHOD_NOT_ENTITLED);

  // A server that another CA vouches for is none.
  StartPlugin({{"address", "127.0.0.1:" + port},
               {"server_ca", Path("cards.pem")},
               {"client_certificate", Path("client.pem")},
               {"client_key", Path("client.key")}});
  EXPECT_EQ(CodeOf(Challenge().status()), check::v1::FAILURE_CODE_AUTHORITY_UNREACHABLE);
}

TEST_F(OnlineTest, SaysAtOnceThatTheServerIsDown) {
  StartLocalPlugin();
  EXPECT_EQ(CodeOf(Challenge().status()), check::v1::FAILURE_CODE_AUTHORITY_UNREACHABLE);
  EXPECT_LT(took_, milliseconds(1000)) << "never started";
  StartServer();
  ASSERT_TRUE(Challenge().ok()) << "started afterwards";
  server_->End(SIGKILL);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(CodeOf(Challenge().status()), check::v1::FAILURE_CODE_AUTHORITY_UNREACHABLE);
    EXPECT_LT(took_, milliseconds(1000)) << "killed";
    EXPECT_EQ(CodeOf(Ask(SeenByStaff()).status()), check::v1::FAILURE_CODE_AUTHORITY_UNREACHABLE);
  }
}

TEST_F(OnlineTest, TheFirstCallAfterARestartWorks) {
  StartServer();
  StartLocalPlugin();
  ASSERT_TRUE(Challenge().ok());
  for (int i = 0; i < 3; ++i) {
    const auto before = Challenge();
    ASSERT_TRUE(before.ok()) << before.status();
    server_->End(i == 0 ? SIGKILL : SIGTERM);
    if (i == 2) {  // with a failure noticed in between
      EXPECT_EQ(CodeOf(Challenge().status()), check::v1::FAILURE_CODE_AUTHORITY_UNREACHABLE);
    }
    StartServer();
    if (i == 1) {
      EXPECT_TRUE(Ask(SeenByStaff()).ok());
    }
    const auto challenge = Challenge();
    ASSERT_TRUE(challenge.ok()) << i << ": " << challenge.status();
    EXPECT_EQ(CodeOf(Ask(ProvenByCard(*before)).status()), check::v1::FAILURE_CODE_CHALLENGE_SPENT);
    EXPECT_TRUE(Ask(ProvenByCard(*challenge)).ok());
  }
}

// As after a power cut at the server's end: the first question on the old connection resets it.
TEST_F(OnlineTest, AQuestionThatMeetsADeadConnectionIsAskedAgain) {
  StartServer();
  Wire wire(Path("wire.sock"), Path("a.sock"));
  StartPlugin({{"socket", Path("wire.sock")}});
  ASSERT_TRUE(Challenge().ok());
  wire.CutAtNextQuestion();
  const auto challenge = Challenge();
  ASSERT_TRUE(challenge.ok()) << challenge.status();
  wire.CutAtNextQuestion();
  EXPECT_TRUE(Ask(SeenByStaff()).ok());
  // A signature is sent once: nobody knows whether the server has seen it.
  wire.CutAtNextQuestion();
  EXPECT_EQ(CodeOf(Ask(ProvenByCard(*challenge)).status()),
            check::v1::FAILURE_CODE_AUTHORITY_UNREACHABLE);
  EXPECT_EQ(wire.cuts(), 3);
}

TEST_F(OnlineTest, TellsSlowFromUnreachable) {
  StartServer({"--answer-delay-ms", "60000"});
  StartPlugin({{"socket", Path("a.sock")}, {"timeout_ms", "300"}});
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(CodeOf(Challenge().status()), check::v1::FAILURE_CODE_AUTHORITY_SLOW);
    EXPECT_GE(took_, milliseconds(300));
    EXPECT_LT(took_, milliseconds(2000));
  }
  // A server that is stopped in its tracks takes connections and says nothing.
  ASSERT_GT(server_->pid(), 0);  // -1 would be everybody
  kill(server_->pid(), SIGSTOP);
  EXPECT_FALSE(Challenge().ok());
  EXPECT_LT(took_, milliseconds(2000));
  kill(server_->pid(), SIGCONT);
  server_->End(SIGKILL);
  StartServer();
  EXPECT_TRUE(Challenge().ok());
}

TEST_F(OnlineTest, DoesNotWorkPastTheHostsDeadline) {
  StartServer({"--answer-delay-ms", "60000"});
  StartPlugin({{"socket", Path("a.sock")}, {"timeout_ms", "60000"}});
  EXPECT_FALSE(Challenge(milliseconds(300)).ok());
  EXPECT_LT(took_, milliseconds(2000));
  // The plugin is idle again: it ends at once.
  EXPECT_EQ(plugin_->End(milliseconds(1000)), 0);
}

TEST_F(OnlineTest, NamesTheSettingThatCannotBeUsed) {
  const auto error = [&](const std::map<std::string, std::string>& settings) {
    const auto started = PluginProcess::StartFolder("../plugins/authority_online", settings);
    EXPECT_EQ(started.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(started.status().message());
  };
  EXPECT_THAT(error({}), HasSubstr("socket and address"));
  EXPECT_THAT(error({{"socket", "/a"}, {"address", "b:1"}}), HasSubstr("socket and address"));
  EXPECT_THAT(error({{"socket", "a.sock"}}), HasSubstr("setting socket is \"a.sock\""));
  EXPECT_THAT(error({{"socket", "/a"}, {"timeout_ms", "0"}}), HasSubstr("timeout_ms"));
  EXPECT_THAT(error({{"address", "b:1"}}), HasSubstr("server_ca"));
  EXPECT_THAT(error({{"address", "b:1"},
                     {"server_ca", Path("network.pem")},
                     {"client_certificate", Path("client.pem")},
                     {"client_key", Path("insured.textproto")}}),
              HasSubstr("client_key"));
}

}  // namespace
}  // namespace madoguchi
