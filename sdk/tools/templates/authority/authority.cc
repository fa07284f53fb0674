#include "authority.h"

#include <openssl/rand.h>

#include <sstream>

#include "sdk/failure/failure.h"
#include "sdk/proof/proof.h"

using madoguchi::FailureStatus;
namespace codes = madoguchi::check::v1;
namespace v1 = madoguchi::authority::v1;

namespace {

constexpr std::chrono::seconds kChallengeAge(120);
constexpr size_t kMostChallenges = 10000;
constexpr char kHex[] = "0123456789abcdef";

bool IsHex(const std::string& text, size_t size) {
  return text.size() == size && text.find_first_not_of(kHex) == std::string::npos;
}

std::string FromHex(const std::string& text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

}  // namespace

absl::Status MyAuthority::Start(const madoguchi::plugin::Settings& settings) {
  const auto authority_id = settings.Text("authority_id");
  const auto host_id = settings.Text("host_id");
  const auto visual = settings.Boolean("visual");
  const auto persons = settings.Text("persons");
  for (const absl::Status& status :
       {authority_id.status(), host_id.status(), visual.status(), persons.status()}) {
    if (!status.ok()) return status;
  }
  authority_id_ = *authority_id;
  host_id_ = *host_id;
  visual_ = *visual;
  std::istringstream lines(*persons);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    std::string sha256, validity, more;
    words >> sha256 >> validity >> more;
    codes::Validity parsed = codes::VALIDITY_UNSPECIFIED;
    if (!IsHex(sha256, 64) || !more.empty() ||
        !codes::Validity_Parse("VALIDITY_" + validity, &parsed) ||
        parsed == codes::VALIDITY_UNSPECIFIED) {
      return absl::InvalidArgumentError("setting persons, line " + std::to_string(number) +
                                        ": expected 64 hexadecimal digits and a validity");
    }
    persons_[FromHex(sha256)] = parsed;
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::ChallengeReply> MyAuthority::Challenge(const madoguchi::plugin::Call& call,
                                                          const v1::ChallengeRequest& request) {
  if (!IsHex(request.check_id(), 32)) {
    return FailureStatus(codes::FAILURE_CODE_REQUEST_INVALID, "a check id has 32 hex digits");
  }
  std::string challenge(32, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(challenge.data()), challenge.size()) != 1) {
    return FailureStatus(codes::FAILURE_CODE_AUTHORITY_UNREACHABLE, "no random numbers");
  }
  const auto now = std::chrono::steady_clock::now();
  std::lock_guard<std::mutex> lock(mutex_);
  std::erase_if(given_, [&](const auto& one) { return one.second.until < now; });
  if (given_.size() >= kMostChallenges) given_.clear();
  given_[challenge] = {request.check_id(), now + kChallengeAge};
  v1::ChallengeReply reply;
  reply.set_challenge(challenge);
  reply.set_valid_for_s(kChallengeAge.count());
  reply.set_authority_id(authority_id_);
  reply.set_host_id(host_id_);
  return reply;
}

bool MyAuthority::Spend(const std::string& challenge, const std::string& check_id) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto given = given_.extract(challenge);
  return !given.empty() && given.mapped().check_id == check_id &&
         std::chrono::steady_clock::now() <= given.mapped().until;
}

absl::StatusOr<v1::AskReply> MyAuthority::Ask(const madoguchi::plugin::Call& call,
                                              const v1::AskRequest& request) {
  const std::string& der = request.certificate();
  const auto certificate =
      madoguchi::Certificate::Parse({reinterpret_cast<const uint8_t*>(der.data()), der.size()});
  if (request.has_proof()) {
    const v1::Proof& proof = request.proof();
    if (!Spend(proof.challenge(), request.check_id())) {
      return FailureStatus(codes::FAILURE_CODE_CHALLENGE_SPENT);
    }
    if (!certificate.ok()) return FailureStatus(codes::FAILURE_CODE_CERTIFICATE_UNKNOWN_ISSUER);
    const std::string digest = madoguchi::ProofDigest(
        {authority_id_, host_id_, request.check_id(), proof.challenge(), certificate->sha256()});
    const absl::Status right = CheckSignature(*certificate, digest, proof.signature());
    if (!right.ok()) return right;
  } else if (!request.has_visual_match()) {
    return FailureStatus(codes::FAILURE_CODE_REQUEST_INVALID, "nothing proves the person");
  } else if (!visual_) {
    return FailureStatus(codes::FAILURE_CODE_METHOD_NOT_ENTITLED);
  }
  if (!certificate.ok()) return FailureStatus(codes::FAILURE_CODE_CERTIFICATE_UNKNOWN_ISSUER);
  // TODO: ask whoever knows. Here a certificate that stands in the file is trusted because it
  // stands there; where you look a person up by what the certificate says, hold its issuer and its
  // dates first: madoguchi::TrustAnchors in sdk/proof/certificate.h.
  const auto person = persons_.find(certificate->sha256());
  v1::AskReply reply;
  reply.set_validity(person == persons_.end() ? codes::VALIDITY_NONE : person->second);
  return reply;
}
