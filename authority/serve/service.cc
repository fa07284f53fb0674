#include "authority/serve/service.h"

#include <grpc/grpc_security_constants.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "sdk/failure/failure.h"
#include "sdk/failure/grpc_status.h"

namespace madoguchi::authority {
namespace {

grpc::Status NotEnrolled() { return ToGrpc(FailureStatus(check::v1::FAILURE_CODE_NOT_ENROLLED)); }

// Also ends when the server is shut down, which cancels the calls.
void HoldBack(const grpc::ServerContext& call, std::chrono::milliseconds delay) {
  constexpr std::chrono::milliseconds kGlance(20);
  while (delay.count() > 0 && !call.IsCancelled()) {
    const auto pause = std::min(delay, kGlance);
    std::this_thread::sleep_for(pause);
    delay -= pause;
  }
}

}  // namespace

grpc::Status AuthorityService::Challenge(grpc::ServerContext* call,
                                         const v1::ChallengeRequest* request,
                                         v1::ChallengeReply* reply) {
  const auto host = who_calls_(*call);
  if (!host) return NotEnrolled();
  HoldBack(*call, delay_);
  auto answer = eligibility_.Challenge(*host, *request);
  if (!answer.ok()) return ToGrpc(answer.status());
  *reply = *std::move(answer);
  return grpc::Status::OK;
}

grpc::Status AuthorityService::Ask(grpc::ServerContext* call, const v1::AskRequest* request,
                                   v1::AskReply* reply) {
  const auto host = who_calls_(*call);
  if (!host) return NotEnrolled();
  HoldBack(*call, delay_);
  auto answer = eligibility_.Ask(*host, *request);
  if (!answer.ok()) return ToGrpc(answer.status());
  *reply = *std::move(answer);
  return grpc::Status::OK;
}

std::string PeerCertificateSha256(const grpc::ServerContext& call) {
  const auto peer = call.auth_context();
  if (!peer || !peer->IsPeerAuthenticated()) return "";
  const auto pem = peer->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (pem.size() != 1) return "";
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(
      BIO_new_mem_buf(pem[0].data(), static_cast<int>(pem[0].size())), BIO_free_all);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  const bool read = certificate && X509_digest(certificate.get(), EVP_sha256(), digest, &length);
  ERR_clear_error();
  if (!read) return "";
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < length; ++i) {
    text += kDigits[digest[i] >> 4];
    text += kDigits[digest[i] & 15];
  }
  return text;
}

}  // namespace madoguchi::authority
