#ifndef MADOGUCHI_HOST_CHECK_CARD_LOOK_H_
#define MADOGUCHI_HOST_CHECK_CARD_LOOK_H_

#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "host/check/ports.h"
#include "host/check/reader_table.h"
#include "madoguchi/check/v1/check.pb.h"

namespace madoguchi {

// What has the JPKI application and no label of a phone is taken for a card.
desk::v1::CardKind KindOf(check::v1::Credential credential);

// What lies on the reader `place` ("plugin/name"), without a check: two APDUs in one session, told
// to the table as well. A card that is known already is not touched, nor is one that a check has
// taken; a check that takes it meanwhile ends the look, and its Open waits until the card is reset.
// Blocks for six seconds at the most. The failures of desk.v1.Desk.LookAtCard; CANCELLED.
absl::StatusOr<desk::v1::CardKind> LookAtCard(ReaderTable& table, ReaderPort& port,
                                              const std::string& place,
                                              const std::stop_token& cancelled);

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_CHECK_CARD_LOOK_H_
