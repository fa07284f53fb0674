#include "host/check/card_look.h"

#include <chrono>
#include <functional>

#include "host/card/jpki.h"
#include "sdk/failure/failure.h"

namespace madoguchi {
namespace {

using namespace check::v1;  // NOLINT: the codes.

// For opening the card, and for both APDUs together.
constexpr std::chrono::milliseconds kCallTime(2000);

// The card is let go on every path, and only then is the look over.
class Look {
 public:
  Look(ReaderTable& table, uint64_t arrival) : table_(table), arrival_(arrival) {}
  ~Look() { table_.EndLook(arrival_); }
  Look(const Look&) = delete;
  Look& operator=(const Look&) = delete;

 private:
  ReaderTable& table_;
  const uint64_t arrival_;
};

absl::StatusOr<desk::v1::CardKind> Recognise(ReaderPort& port, const CardSeen& card,
                                             const std::stop_token& end) {
  const auto visit = port.Visit(card);
  if (visit == nullptr) {
    return FailureStatus(FAILURE_CODE_CARD_BUSY, "the reader's plugin is being replaced just now");
  }
  auto session = port.Open(card, {kCallTime, end});
  if (!session.ok()) return session.status();
  const auto credential = Jpki::Recognise(*std::move(session));
  if (credential.ok()) return KindOf(*credential);
  if (CodeOf(credential.status()) != FAILURE_CODE_NOT_MY_NUMBER_CARD) return credential.status();
  return desk::v1::CARD_KIND_OTHER;
}

}  // namespace

desk::v1::CardKind KindOf(Credential credential) {
  switch (credential) {
    case CREDENTIAL_ANDROID:
      return desk::v1::CARD_KIND_ANDROID;
    case CREDENTIAL_IPHONE:
      return desk::v1::CARD_KIND_IPHONE;
    default:
      return desk::v1::CARD_KIND_MY_NUMBER_CARD;
  }
}

absl::StatusOr<desk::v1::CardKind> LookAtCard(ReaderTable& table, ReaderPort& port,
                                              const std::string& place,
                                              const std::stop_token& cancelled) {
  std::stop_source end;
  const auto begun = table.BeginLook(place, end);
  if (!begun.ok()) return begun.status();
  if (begun->known != desk::v1::CARD_KIND_UNSPECIFIED) return begun->known;
  const Look look(table, begun->card.arrival);
  const std::stop_callback<std::function<void()>> stop(cancelled, [&end] { end.request_stop(); });
  const auto kind = Recognise(port, begun->card, end.get_token());
  if (kind.ok()) {
    table.Recognise(begun->card.arrival, *kind);
  } else if (end.stop_requested() && !cancelled.stop_requested()) {
    return FailureStatus(FAILURE_CODE_CARD_BUSY, "a check has taken it meanwhile");
  }
  return kind;
}

}  // namespace madoguchi
