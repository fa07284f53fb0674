#ifndef MADOGUCHI_READERS_PCSC_READER_FACTS_H_
#define MADOGUCHI_READERS_PCSC_READER_FACTS_H_

#include <optional>
#include <string>

#include "madoguchi/reader/v1/reader.pb.h"
#include "readers/pcsc/pcsc_api.h"

namespace madoguchi::pcsc {

// What stays the same while a reader is plugged in, as its driver says it.
struct ReaderFacts {
  bool pin_pad = false;  // one that takes VERIFY
  std::string maker;     // printable, empty where the driver does not say
  reader::v1::Link link = reader::v1::LINK_UNSPECIFIED;
};

// Asks the reader, in a context of its own: a card is neither needed nor touched. Nothing when that
// cannot be learnt now (another program holds the reader). Blocks for as long as another program is
// in a transaction there.
std::optional<ReaderFacts> AskReader(PcscApi& api, const std::string& reader);

}  // namespace madoguchi::pcsc

#endif  // MADOGUCHI_READERS_PCSC_READER_FACTS_H_
