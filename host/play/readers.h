#ifndef MADOGUCHI_HOST_PLAY_READERS_H_
#define MADOGUCHI_HOST_PLAY_READERS_H_

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "host/check/ports.h"
#include "host/play/cards.h"

namespace madoguchi::play {

// One stay of a card on a reader. Shared with the sessions that hold it.
struct Stay {
  std::unique_ptr<sim::Card> card;
  // What happens instead of APDU number n (counted from 1 since the card was laid down): an answer,
  // or an error. Nothing: the card itself answers.
  std::function<std::optional<absl::StatusOr<std::vector<uint8_t>>>(int n)> instead;
  int silent_from = 0;  // from this APDU on nothing comes back; 0: never
  std::chrono::milliseconds apdu_time{0}, signature_time{0};  // what each takes, a signature more
  // What a PIN is taken for, one after the other, whatever was typed; right when the list is over.
  // Nothing: the PIN itself counts.
  std::optional<std::deque<bool>> typed_right;
  // At a reader's own pad: this fails instead of the VERIFY. The PIN itself cannot count there:
  // without typed_right it is right.
  check::v1::FailureCode pad_fails = check::v1::FAILURE_CODE_UNSPECIFIED;
  std::chrono::milliseconds pad_time{0};  // how long the person takes there
  std::mutex mutex;
  std::condition_variable_any taken;
  bool gone = false;
  std::vector<std::string>
      trace;  // INS P1 P2 of each APDU; "VERIFY" with a PIN, "RESET" at the end
};

// The readers of one plugin.
class Readers final : public ReaderPort {
 public:
  explicit Readers(ReaderTable& table, std::string plugin = "virtual")
      : table_(table), plugin_(std::move(plugin)) {}

  void Plug(const std::string& reader, bool pin_pad = false);
  // Plugs it in, and it cannot be used.
  void PlugInTrouble(const std::string& reader, check::v1::FailureCode why);
  void Unplug(const std::string& reader);
  std::shared_ptr<Stay> Lay(const std::string& reader, std::unique_ptr<sim::Card> card = MakeCard(),
                            bool lying = false,
                            reader::v1::Presence presence = reader::v1::PRESENCE_PRESENT);
  // The same, for stays that were arranged before, by reader: all at the same moment.
  void Lay(const std::map<std::string, std::shared_ptr<Stay>>& stays, bool lying,
           reader::v1::Presence presence);
  void Take(const std::string& reader);
  // The plugin died and came back: what lies there is lying now.
  void Restart();
  void ServiceDown();
  void ServiceUp();

  absl::StatusOr<std::unique_ptr<CardSession>> Open(const CardSeen& card,
                                                    const CallLimits& limits) override;

 private:
  struct Slot {
    std::shared_ptr<Stay> stay;
    uint64_t insertion = 0;
    bool lying = false;
    bool pin_pad = false;
    reader::v1::Presence presence = reader::v1::PRESENCE_ABSENT;
    check::v1::FailureCode trouble = check::v1::FAILURE_CODE_UNSPECIFIED;
  };
  void Tell();

  ReaderTable& table_;
  const std::string plugin_;
  std::mutex mutex_;
  uint64_t generation_ = 1;
  reader::v1::Service service_ = reader::v1::SERVICE_RUNNING;
  std::map<std::string, Slot> slots_;
};

}  // namespace madoguchi::play

#endif  // MADOGUCHI_HOST_PLAY_READERS_H_
