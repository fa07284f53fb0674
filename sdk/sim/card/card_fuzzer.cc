// Any bytes as command APDUs: a card answers at least a status word and never more than its
// largest file. The input is a list of commands, each after one byte of its length; a length of
// zero stands for a reset.

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <algorithm>
#include <span>

#include "sdk/sim/card/memory_card.h"

// Making RSA keys takes seconds now and then, which are not the first input's.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  (void)madoguchi::sim::MemoryContents();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using madoguchi::sim::Card;
  static Card card = madoguchi::sim::MemoryCard();
  card.state() = madoguchi::sim::MemoryState();
  card.Reset();
  std::span<const uint8_t> input(data, size);
  for (int commands = 0; !input.empty() && commands < 16; ++commands) {
    const size_t length = std::min<size_t>(input[0], input.size() - 1);
    if (length == 0) {
      card.Reset();
    } else {
      const madoguchi::sim::Bytes answer = card.Transmit(input.subspan(1, length));
      if (answer.size() < 2 || answer.size() > 2050) abort();
    }
    input = input.subspan(1 + length);
  }
  return 0;
}
