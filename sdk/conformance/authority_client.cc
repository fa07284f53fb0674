#include "sdk/conformance/authority_client.h"

#include <grpcpp/client_context.h>

#include <cstdio>

#include "madoguchi/authority/v1/authority.grpc.pb.h"
#include "sdk/failure/grpc_status.h"
#include "sdk/proof/proof.h"

namespace madoguchi::conformance {

using authority::v1::AskReply;
using authority::v1::AskRequest;
using authority::v1::Authority;
using authority::v1::ChallengeReply;

AuthorityKeys::AuthorityKeys() {
  test::CertificateForm form = test::ValidNow();
  form.subject_alternative = "IP:127.0.0.1";
  server = test::Issue(network, server_key, form);
  client = test::Issue(network, client_key, test::ValidNow());
}

const AuthorityKeys& Keys() {
  static const auto* const keys = new AuthorityKeys;
  return *keys;
}

std::string Sha256Hex(const std::shared_ptr<X509>& certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  X509_digest(certificate.get(), EVP_sha256(), digest, &length);
  std::string text;
  char pair[3];
  for (unsigned i = 0; i < length; ++i) {
    std::snprintf(pair, sizeof(pair), "%02x", digest[i]);
    text += pair;
  }
  return text;
}

absl::StatusOr<ChallengeReply> Challenge(const std::shared_ptr<grpc::Channel>& channel,
                                         std::chrono::milliseconds deadline) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + deadline);
  authority::v1::ChallengeRequest request;
  request.set_check_id(kCheckId);
  ChallengeReply reply;
  const absl::Status status =
      FromGrpc(Authority::NewStub(channel)->Challenge(&context, request, &reply));
  if (!status.ok()) return status;
  return reply;
}

absl::StatusOr<AskReply> Ask(const std::shared_ptr<grpc::Channel>& channel,
                             const AskRequest& request) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  AskReply reply;
  const absl::Status status = FromGrpc(Authority::NewStub(channel)->Ask(&context, request, &reply));
  if (!status.ok()) return status;
  return reply;
}

AskRequest ProvenByCard(const ChallengeReply& challenge) {
  const auto certificate = *Certificate::Parse(test::Der(Keys().card));
  AskRequest request;
  request.set_check_id(kCheckId);
  request.set_certificate(std::string(certificate.der().begin(), certificate.der().end()));
  request.mutable_proof()->set_challenge(challenge.challenge());
  request.mutable_proof()->set_signature(test::SignDigest(
      Keys().card_key, ProofDigest({challenge.authority_id(), challenge.host_id(), kCheckId,
                                    challenge.challenge(), certificate.sha256()})));
  return request;
}

AskRequest SeenByStaff() {
  AskRequest request = ProvenByCard({});
  request.mutable_visual_match();
  return request;
}

}  // namespace madoguchi::conformance
