#ifndef MADOGUCHI_SDK_CONFORMANCE_AUTHORITY_CLIENT_H_
#define MADOGUCHI_SDK_CONFORMANCE_AUTHORITY_CLIENT_H_

#include <grpcpp/channel.h>

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "madoguchi/authority/v1/authority.pb.h"
#include "sdk/proof/test_pki.h"

// The host's side of authority.v1, for tests: one synthetic card, one check, and calls that block.
namespace madoguchi::conformance {

// What an authority and its hosts need of keys. Made once in a process.
struct AuthorityKeys {
  AuthorityKeys();

  test::Authority cards = test::MakeAuthority();
  test::Key card_key = test::RsaKey();
  std::shared_ptr<X509> card = test::Issue(cards, card_key, test::ValidNow());
  // Mutual TLS: a server on 127.0.0.1 and a host.
  test::Authority network = test::MakeAuthority("Synthetic network CA");
  test::Key server_key = test::EcKey(), client_key = test::EcKey();
  std::shared_ptr<X509> server, client;
};
const AuthorityKeys& Keys();

// In lower-case hexadecimal.
std::string Sha256Hex(const std::shared_ptr<X509>& certificate);

// The statuses carry the failure, if there is one (CodeOf in sdk/failure/failure.h).
absl::StatusOr<authority::v1::ChallengeReply> Challenge(
    const std::shared_ptr<grpc::Channel>& channel,
    std::chrono::milliseconds deadline = std::chrono::seconds(10));
absl::StatusOr<authority::v1::AskReply> Ask(const std::shared_ptr<grpc::Channel>& channel,
                                            const authority::v1::AskRequest& request);

// The check that Challenge is about, and both requests below.
inline constexpr char kCheckId[] = "00112233445566778899aabbccddeeff";
// The question about the card, with its signature of `challenge`.
authority::v1::AskRequest ProvenByCard(const authority::v1::ChallengeReply& challenge);
// The question about the card, with staff's word for its holder.
authority::v1::AskRequest SeenByStaff();

}  // namespace madoguchi::conformance

#endif  // MADOGUCHI_SDK_CONFORMANCE_AUTHORITY_CLIENT_H_
