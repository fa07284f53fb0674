// The rows about authorities.
#include <openssl/pem.h>

#include <filesystem>
#include <set>
#include <thread>

#include "madoguchi/authority/v1/authority.grpc.pb.h"
#include "sdk/conformance/authority_client.h"
#include "sdk/conformance/calls.h"
#include "sdk/conformance/exam.h"
#include "sdk/conformance/mute_server.h"
#include "sdk/failure/failure.h"
#include "sdk/failure/grpc_status.h"
#include "sdk/proof/proof.h"
#include "sdk/textproto/textproto.h"

namespace madoguchi::conformance {
namespace {

using namespace check::v1;  // NOLINT: the codes.
using authority::v1::ChallengeReply;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// What a host waits for an authority.
constexpr milliseconds kHostPatience(8000);
constexpr milliseconds kShortDeadline(300);
constexpr int kAtOnce = 10;
constexpr int kChallenges = 16;
constexpr size_t kChallengeLength = 32;
constexpr uint32_t kLongestLife = 3600;  // seconds
constexpr char kNoServer[] = "no server was given: say where one is, with --set";
constexpr char kNoCard[] = "no card signs: give --card-folder, of a madoguchi-card that it trusts";

// The part of a card that answers for its holder.
struct CardKey {
  std::string certificate;  // DER
  std::shared_ptr<EVP_PKEY> key;
};

absl::StatusOr<CardKey> ReadCard(const std::string& folder) {
  CardKey card;
  const auto pem = ReadFile(folder + "/auth.pem");
  const auto key = ReadFile(folder + "/auth.key");
  if (!pem.ok()) return pem.status();
  if (!key.ok()) return key.status();
  const std::unique_ptr<BIO, decltype(&BIO_free)> certificate(
      BIO_new_mem_buf(pem->data(), static_cast<int>(pem->size())), BIO_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> secret(
      BIO_new_mem_buf(key->data(), static_cast<int>(key->size())), BIO_free);
  const std::shared_ptr<X509> parsed(
      PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr), X509_free);
  card.key.reset(PEM_read_bio_PrivateKey(secret.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  if (parsed == nullptr || card.key == nullptr) {
    return absl::InvalidArgumentError(folder + ": auth.pem and auth.key are not those of a card");
  }
  unsigned char* der = nullptr;
  const int size = i2d_X509(parsed.get(), &der);
  card.certificate.assign(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return card;
}

absl::StatusOr<authority::v1::AskRequest> Question(const CardKey& card,
                                                   const ChallengeReply& challenge) {
  const auto certificate = Certificate::Parse(
      {reinterpret_cast<const uint8_t*>(card.certificate.data()), card.certificate.size()});
  if (!certificate.ok()) return certificate.status();
  authority::v1::AskRequest request;
  request.set_check_id(kCheckId);
  request.set_certificate(card.certificate);
  request.mutable_proof()->set_challenge(challenge.challenge());
  request.mutable_proof()->set_signature(test::SignDigest(
      card.key, ProofDigest({challenge.authority_id(), challenge.host_id(), kCheckId,
                             challenge.challenge(), certificate->sha256()})));
  return request;
}

class AuthorityExam {
 public:
  explicit AuthorityExam(Exam& exam) : exam_(exam) {}

  // `look` at a process whose server answers.
  Finding WithServer(const std::function<Finding(PluginProcess&)>& look) {
    if (!exam_.has_server()) return Skipped(kNoServer);
    auto life = exam_.Start();
    if (!life.ok()) return Failed(Words(life.status()), "see plugin.starts");
    return look(**life);
  }

  // `look` at a process whose server does not answer (deaf: refuses).
  Finding WithoutServer(bool deaf,
                        const std::function<Finding(PluginProcess&, const MuteServer&)>& look) {
    const std::string& name = exam_.server_setting();
    if (name.empty()) {
      return Skipped("nobody knows which setting names the server: give --server-setting NAME");
    }
    bool socket = false;
    for (const auto& setting : exam_.manifest().setting()) {
      socket = socket || (setting.name() == name &&
                          setting.type() == plugin::v1::SettingDeclaration::TYPE_SOCKET);
    }
    const std::string folder = exam_.scratch() + "/server-" + std::to_string(++servers_);
    std::filesystem::create_directory(folder);
    const MuteServer server(socket ? folder + "/server.sock" : "", deaf);
    Exam::Form form;
    form.settings[name] = server.address();
    auto life = exam_.Start(form);
    if (!life.ok()) {
      return Failed("with " + name + " = " + server.address() + ": " + Words(life.status()),
                    "start without the server; it may come later");
    }
    return look(**life, server);
  }

 private:
  Exam& exam_;
  int servers_ = 0;
};

Finding ChallengeForm(Exam& exam, PluginProcess& process) {
  const auto reply = Challenge(process.channel(), exam.Patience(kHostPatience));
  if (!reply.ok()) return Failed(Words(reply.status()), "see its log, and the server's");
  std::string wrong;
  if (reply->challenge().size() != kChallengeLength) {
    wrong = "a challenge of " + std::to_string(reply->challenge().size()) + " bytes";
  } else if (reply->valid_for_s() < 1 || reply->valid_for_s() > kLongestLife) {
    wrong = "a challenge that is valid for " + std::to_string(reply->valid_for_s()) + " s";
  } else if (reply->authority_id().empty()) {
    wrong = "no authority_id";
  } else if (reply->host_id().empty()) {
    wrong = "no host_id";
  }
  if (wrong.empty()) return Passed("valid for " + std::to_string(reply->valid_for_s()) + " s");
  return Failed(wrong, "give 32 random bytes, 1 to 3600 s, and both names that the proof binds");
}

Finding ChallengeFresh(Exam& exam, PluginProcess& process) {
  std::set<std::string> seen;
  for (int i = 0; i < kChallenges; ++i) {
    const auto reply = Challenge(process.channel(), exam.Patience(kHostPatience));
    if (!reply.ok()) return Failed(Words(reply.status()), "see its log, and the server's");
    if (!seen.insert(reply->challenge()).second) {
      return Failed("challenge " + std::to_string(i + 1) + " was given before",
                    "give 32 bytes of a random generator each time; keep none");
    }
  }
  return Passed(std::to_string(kChallenges) + " were different");
}

Finding CheckIdForm(Exam& exam, PluginProcess& process) {
  const auto stub = authority::v1::Authority::NewStub(process.channel());
  for (const std::string& check_id :
       {std::string(), std::string("no check"), std::string(31, '0')}) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + exam.Patience(kHostPatience));
    authority::v1::ChallengeRequest request;
    request.set_check_id(check_id);
    ChallengeReply reply;
    const absl::Status status = FromGrpc(stub->Challenge(&context, request, &reply));
    if (CodeOf(status) == FAILURE_CODE_REQUEST_INVALID) continue;
    return Failed("Challenge for the check \"" + check_id + "\": " + Words(status),
                  "refuse it with REQUEST_INVALID");
  }
  return Passed();
}

Finding ChallengeServesOnce(Exam& exam, PluginProcess& process) {
  if (exam.options().card_folder.empty()) return Skipped(kNoCard);
  const auto card = ReadCard(exam.options().card_folder);
  if (!card.ok()) return Skipped(Words(card.status()));
  const auto challenge = Challenge(process.channel(), exam.Patience(kHostPatience));
  if (!challenge.ok()) return Failed(Words(challenge.status()), "see its log, and the server's");
  const auto question = Question(*card, *challenge);
  if (!question.ok()) return Skipped(Words(question.status()));
  const auto first = Ask(process.channel(), *question);
  if (!first.ok()) return Failed("the first Ask: " + Words(first.status()), "see its log");
  const auto second = Ask(process.channel(), *question);
  if (CodeOf(second.status()) != FAILURE_CODE_CHALLENGE_SPENT) {
    return Failed("the second Ask with one challenge: " + Words(second.status()),
                  "forget a challenge when it is used, and answer CHALLENGE_SPENT");
  }
  ChallengeReply own = *challenge;
  own.set_challenge(std::string(kChallengeLength, 'm'));
  const auto foreign = Ask(process.channel(), *Question(*card, own));
  if (CodeOf(foreign.status()) == FAILURE_CODE_CHALLENGE_SPENT) return Passed();
  return Failed("Ask with a challenge that it never gave: " + Words(foreign.status()),
                "remember what was given, and answer CHALLENGE_SPENT");
}

Finding Unreachable(Exam& exam, PluginProcess& process) {
  const auto begin = steady_clock::now();
  const auto reply = Challenge(process.channel(), exam.Patience(kHostPatience));
  const auto taken = steady_clock::now() - begin;
  if (CodeOf(reply.status()) == FAILURE_CODE_AUTHORITY_UNREACHABLE) {
    return Passed(Milliseconds(taken));
  }
  return Failed("a server that takes no connection: " + Words(reply.status()) + " after " +
                    Milliseconds(taken),
                "answer AUTHORITY_UNREACHABLE, within the 8 s that a host waits");
}

Finding Slow(Exam& exam, PluginProcess& process, const MuteServer& server) {
  const auto begin = steady_clock::now();
  const auto reply = Challenge(process.channel(), exam.Patience(kHostPatience));
  const auto taken = steady_clock::now() - begin;
  const FailureCode code = CodeOf(reply.status());
  if (code == FAILURE_CODE_AUTHORITY_SLOW) return Passed(Milliseconds(taken));
  // A protocol in which the server greets first has not reached one that says nothing.
  if (code == FAILURE_CODE_AUTHORITY_UNREACHABLE && !server.greeted_http2()) {
    return Passed("AUTHORITY_UNREACHABLE, " + Milliseconds(taken));
  }
  return Failed("a server that takes the connection and never answers: " + Words(reply.status()) +
                    " after " + Milliseconds(taken),
                "answer AUTHORITY_SLOW, within the 8 s that a host waits");
}

Finding Deadline(PluginProcess& process) {
  const int before = ThreadsOf(process.pid());
  std::vector<std::thread> callers;
  for (int i = 0; i < kAtOnce; ++i) {
    callers.emplace_back([&] { (void)Challenge(process.channel(), kShortDeadline); });
  }
  for (std::thread& caller : callers) caller.join();
  const int most = before + kAtOnce / 2;
  const int after = AwaitThreads(process.pid(), most);
  if (after <= most) return Passed();
  return Failed(std::to_string(after - before) +
                    " more threads than before, 2 s after the "
                    "deadlines of " +
                    std::to_string(kAtOnce) + " calls",
                "do not work past Call::deadline()");
}

}  // namespace

void AuthorityRows(Exam& exam) {
  AuthorityExam authority(exam);
  const auto with = [&](Finding (*look)(Exam&, PluginProcess&)) {
    return [&exam, &authority, look] {
      return authority.WithServer([&](PluginProcess& process) { return look(exam, process); });
    };
  };
  exam.Row("authority.challenge-form",
           "A challenge is 32 bytes, says how long it is good for, and names authority and host.",
           with(ChallengeForm));
  exam.Row("authority.challenge-fresh", "No challenge is given twice.", with(ChallengeFresh),
           "authority.challenge-form");
  exam.Row("authority.check-id-form", "A check id of another form is REQUEST_INVALID.",
           with(CheckIdForm), "authority.challenge-form");
  exam.Row("authority.challenge-one-use",
           "A challenge is for one Ask: used, or not its own, is CHALLENGE_SPENT.",
           with(ChallengeServesOnce), "authority.challenge-form");
  exam.Row("authority.unreachable", "A server that is not reached is AUTHORITY_UNREACHABLE.", [&] {
    return authority.WithoutServer(true, [&](PluginProcess& process, const MuteServer&) {
      return Unreachable(exam, process);
    });
  });
  exam.Row("authority.slow", "A server that does not answer in time is AUTHORITY_SLOW.", [&] {
    return authority.WithoutServer(false, [&](PluginProcess& process, const MuteServer& server) {
      return Slow(exam, process, server);
    });
  });
  exam.Row("authority.deadline", "It does not work past the deadline of the host.", [&] {
    return authority.WithoutServer(
        false, [&](PluginProcess& process, const MuteServer&) { return Deadline(process); });
  });
}

}  // namespace madoguchi::conformance
