#ifndef MADOGUCHI_HOST_PLAY_CARDS_H_
#define MADOGUCHI_HOST_PLAY_CARDS_H_

#include <memory>

#include "sdk/proof/certificate.h"
#include "sdk/sim/card/card.h"

// Virtual My Number Cards without a process of their own. Their keys and certificates are made when
// the first is asked for, are shared by all, and mean nothing outside this process.
namespace madoguchi::play {

enum class Paper {
  kGood,
  kAnother,  // as good, of another person
  kExpired,
  kNotYetValid,
  kAbsent,
  kUnknownIssuer
};

// The PIN of all of them.
inline constexpr uint8_t kPin[] = {'1', '2', '3', '4'};

// A card with a certificate of that kind. Of the faults those count that are the card's own, not
// those of the link.
std::unique_ptr<sim::Card> MakeCard(Paper paper = Paper::kGood, const sim::Faults& faults = {});
// A card without the JPKI application.
std::unique_ptr<sim::Card> MakeForeignCard();
// The card that the names of `faults` describe (sdk/sim/card/README.md).
std::unique_ptr<sim::Card> CardOf(const sim::Faults& faults);
// The CA that the good certificates come from.
const TrustAnchors& Anchors();

}  // namespace madoguchi::play

#endif  // MADOGUCHI_HOST_PLAY_CARDS_H_
