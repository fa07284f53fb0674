#ifndef MADOGUCHI_HOST_CARD_JPKI_H_
#define MADOGUCHI_HOST_CARD_JPKI_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/card/session.h"
#include "madoguchi/check/v1/check.pb.h"

namespace madoguchi {

// What VERIFY brought. Exactly one of them.
struct PinResult {
  bool verified = false;
  bool blocked = false;
  int tries_left = 0;  // when neither
};

// The JPKI application (公的個人認証AP, AID D392F000260100000001) of one card in one session. Files
// are addressed by short EF id, which saves a SELECT each; where a card refuses that (6A82, 6A86,
// 6986) the file is selected first. Sources of the card facts: OpenSC's card-jpki.c, jpki/myna and
// soltia48/myna-card, the latter measured on cards. Used by one thread.
//
// Errors besides the session's: NOT_MY_NUMBER_CARD, CERTIFICATE_ABSENT, PHONE_NOT_READABLE, and
// CARD_ANSWER_INVALID for a status word or a length that makes no sense at that place.
class Jpki {
 public:
  // 利用者証明用 certificates are about 1.6 kB; nothing longer than this is believed.
  static constexpr size_t kLongestCertificate = 8192;

  // What is going to be wanted of the card, so that it is asked for in the same call.
  enum class Ahead { kNothing, kCertificate, kCertificateAndTries };

  // Selects the application: one APDU. A card is recognised by this, never by its ATR.
  static absl::StatusOr<Jpki> Select(std::unique_ptr<CardSession> session,
                                     Ahead ahead = Ahead::kNothing);

  // What holds the application, and nothing else: selects it, reads the label and ends the session.
  // Two APDUs in one call. UNSPECIFIED as credential() is.
  static absl::StatusOr<check::v1::Credential> Recognise(std::unique_ptr<CardSession> session);

  // EF 000A, free to read: the DER bytes without the filler behind them. Costs n/256 APDUs, rounded
  // up, for n bytes, in two calls; the first goes with Select where that was told.
  absl::StatusOr<std::vector<uint8_t>> ReadAuthenticationCertificate();

  // What holds the certificate, by the label in EF 0006 (PKCS #11 CK_TOKEN_INFO, its first 32
  // bytes). Known once the certificate was read, where that was told ahead and the card takes short
  // ids, or refused by a phone; UNSPECIFIED where the label is missing or of no known kind.
  check::v1::Credential credential() const { return credential_; }

  // Tries left of the 利用者証明用 PIN (EF 0018), 0 when it is blocked; an empty VERIFY, which
  // costs nothing. Nothing when the card says that a PIN is verified already (9000).
  absl::StatusOr<std::optional<int>> TriesLeft();

  // One VERIFY with the form that TriesLeft found to work; it is never repeated. `pin` is wiped as
  // soon as it is on its way. `digest_info` is what is going to be signed: where the card takes
  // short ids it is signed in the same call. Empty: nothing is.
  absl::StatusOr<PinResult> VerifyPin(Secret* pin, const std::string& digest_info = "");

  // The same, with the PIN typed at the reader's own pad.
  absl::StatusOr<PinResult> VerifyAtPad(const PadForm& form, const std::string& digest_info = "");

  // COMPUTE DIGITAL SIGNATURE with the 利用者証明用 key (EF 0017) over a DigestInfo of 51 bytes,
  // the one that VerifyPin was told of if it was; 256 bytes (RSA-2048). CARD_ANSWER_INVALID when
  // the card gives another length.
  absl::StatusOr<std::string> Sign(const std::string& digest_info);

 private:
  struct Answer {
    std::vector<uint8_t> data;
    uint16_t sw = 0;
  };
  explicit Jpki(std::unique_ptr<CardSession> session) : session_(std::move(session)) {}
  absl::StatusOr<Answer> Exchange(std::span<const uint8_t> command);
  absl::StatusOr<Answer> ReadBinary(uint8_t p1, uint8_t p2, size_t expected);
  absl::Status SelectFile(uint8_t short_id);
  // Into credential_, which stays as it is where the card has no label.
  absl::Status ReadLabel();

  // Selects the application and sends `next` in the same call; its answer is `first_part_`.
  static absl::StatusOr<Jpki> SelectAnd(std::unique_ptr<CardSession> session,
                                        const std::vector<uint8_t>& next);
  // VERIFY without its PIN, what goes in the same call with it, and what both brought.
  std::vector<uint8_t> VerifyTemplate() const;
  std::vector<std::vector<uint8_t>> AfterVerify(const std::string& digest_info) const;
  absl::StatusOr<PinResult> TakeVerified(
      const absl::StatusOr<std::vector<std::vector<uint8_t>>>& responses);

  static absl::StatusOr<Answer> Split(const std::vector<uint8_t>& response);
  // Sends the rest of the certificate's READs, the empty VERIFY where it is wanted and the READ of
  // the label, in one call.
  absl::Status ReadRest(size_t size, std::vector<uint8_t>* bytes);

  std::unique_ptr<CardSession> session_;
  Ahead ahead_ = Ahead::kNothing;
  bool short_ids_ = true;
  check::v1::Credential credential_ = check::v1::CREDENTIAL_UNSPECIFIED;
  // Answers that came ahead of their question, each taken once.
  std::optional<Answer> first_part_;
  std::optional<Answer> tries_;
  std::optional<Answer> signature_;
};

// The length of the DER object that starts with `head`, header included: 2 to 4 bytes of header are
// needed. 0 when `head` is no SEQUENCE of definite length.
size_t DerLength(std::span<const uint8_t> head);

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_CARD_JPKI_H_
