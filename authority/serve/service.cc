#include "authority/serve/service.h"

#include <grpc/grpc_security_constants.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>

#include "sdk/failure/failure.h"
#include "sdk/failure/grpc_status.h"

namespace madoguchi::authority {
namespace {

grpc::Status NotEnrolled() { return ToGrpc(FailureStatus(check::v1::FAILURE_CODE_NOT_ENROLLED)); }

}  // namespace

void AnswerDelay::Wait(const grpc::ServerContext& call) {
  constexpr std::chrono::milliseconds kGlance(20);
  const auto until = std::chrono::steady_clock::now() + delay_;
  std::unique_lock lock(mutex_);
  while (!stop_ && !call.IsCancelled()) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= until) return;
    stopped_.wait_until(lock, std::min(until, now + kGlance));
  }
}

void AnswerDelay::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopped_.notify_all();
}

grpc::Status AuthorityService::Challenge(grpc::ServerContext* call,
                                         const v1::ChallengeRequest* request,
                                         v1::ChallengeReply* reply) {
  const auto host = who_calls_(*call);
  if (!host) return NotEnrolled();
  delay_.Wait(*call);
  auto answer = eligibility_.Challenge(*host, *request);
  if (!answer.ok()) return ToGrpc(answer.status());
  *reply = *std::move(answer);
  return grpc::Status::OK;
}

grpc::Status AuthorityService::Ask(grpc::ServerContext* call, const v1::AskRequest* request,
                                   v1::AskReply* reply) {
  const auto host = who_calls_(*call);
  if (!host) return NotEnrolled();
  delay_.Wait(*call);
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
