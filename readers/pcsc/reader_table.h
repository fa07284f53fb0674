#ifndef MADOGUCHI_READERS_PCSC_READER_TABLE_H_
#define MADOGUCHI_READERS_PCSC_READER_TABLE_H_

#include <winscard.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "madoguchi/reader/v1/reader.pb.h"
#include "readers/pcsc/reader_facts.h"

namespace madoguchi::pcsc {

// What is known of each reader, made from what SCardGetStatusChange says. Insertions are counted by
// PC/SC's own counter of card events, the upper 16 bits of dwEventState, which pcscd moves by one
// at each insertion and each removal: a card that was swapped between two looks is seen. The count
// of a name goes on when the reader, or pcscd, comes back.
//
// pcscd writes a reader's presence and moves its counter one after the other, and may be asked in
// between (EHStatusHandlerThread in its eventhandler.c). Then the two don't fit: presence turns at
// an odd number of events. Such a look is put by. Not thread-safe.
class ReaderTable {
 public:
  // Sets which readers there are; those not named are forgotten, but for their count.
  void SetReaders(const std::vector<std::string>& names);
  // The readers, in the order of SetReaders.
  const std::vector<std::string>& names() const { return names_; }
  // Takes in one look: dwEventState and the ATR of it. Nothing for a name that is not in the table.
  // What does not fit is taken only when it stays so, which the caller knows: `stays`.
  void Look(const std::string& name, DWORD event_state, const std::string& atr, bool stays = false);
  // The last dwEventState of a reader, to be given as dwCurrentState; SCARD_STATE_UNAWARE before
  // the first look.
  DWORD current_state(const std::string& name) const;
  // A look was put by.
  bool half_seen() const;

  // The readers that were looked at and of which nothing is known yet that stays; each once, until
  // SetFacts. A reader that could not say is named again when its state has changed.
  std::vector<std::string> TakeUnasked();
  // Names a reader that could not say again: what was in the way may be over.
  void AskAgain(const std::string& name);
  // What a reader said of itself; nothing: it could not be asked now.
  void SetFacts(const std::string& name, const std::optional<ReaderFacts>& facts);
  // Somebody of ours waits for another program's transaction at `name`, or does no longer. PC/SC
  // shows only an exclusive connection by itself.
  void SetAwaited(const std::string& name, bool awaited);

  // All readers that were looked at.
  reader::v1::Snapshot Snapshot() const;

  struct Card {
    uint64_t insertion = 0;
    uint16_t events = 0;  // PC/SC's counter at this insertion
    reader::v1::Presence presence = reader::v1::PRESENCE_ABSENT;
  };
  // What lies at `name` now; nullopt when there is no such reader.
  std::optional<Card> CardAt(const std::string& name) const;

 private:
  struct Entry {
    bool seen = false;
    DWORD state = SCARD_STATE_UNAWARE;
    std::optional<DWORD> half;  // the state that was put by
    enum class Facts { kUnknown, kAsked, kKnown } facts = Facts::kUnknown;
    std::optional<DWORD> asked_at;  // the state in which it could not say
    reader::v1::ReaderState shown;
  };

  std::vector<std::string> names_;
  std::map<std::string, Entry> entries_;
  std::map<std::string, uint64_t> insertions_;
  std::set<std::string> awaited_;
};

// The counter of card events in a dwEventState.
inline uint16_t EventsOf(DWORD event_state) { return static_cast<uint16_t>(event_state >> 16); }

}  // namespace madoguchi::pcsc

#endif  // MADOGUCHI_READERS_PCSC_READER_TABLE_H_
