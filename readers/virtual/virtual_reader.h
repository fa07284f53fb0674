#ifndef MADOGUCHI_READERS_VIRTUAL_VIRTUAL_READER_H_
#define MADOGUCHI_READERS_VIRTUAL_VIRTUAL_READER_H_

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "readers/virtual/card_link.h"
#include "readers/virtual/pad.h"
#include "readers/virtual/recorded_reader.h"
#include "sdk/plugin/reader.h"

namespace madoguchi::vpcd {

// Readers whose cards are processes that connect to a socket, or the one reader of a recording
// (README.md). Thread-safe.
//
// One thread watches all sockets and owns what a card says while no session is open; a session's
// own thread owns it during a Transmit. After an exchange that was abandoned the card is reset and
// asked for its ATR, and settles: whatever comes before that ATR is a late answer and is dropped.
class VirtualReader final : public plugin::Reader {
 public:
  VirtualReader() = default;
  // Ends the thread. No other call may be under way.
  ~VirtualReader() override;

  std::string name() const override { return "reader_virtual"; }
  absl::Status Start(const plugin::Settings& settings) override;
  absl::StatusOr<reader::v1::OpenReply> Open(const reader::v1::OpenRequest& request) override;
  absl::StatusOr<std::vector<uint8_t>> Transmit(uint64_t session,
                                                std::span<const uint8_t> command) override;
  absl::StatusOr<std::vector<uint8_t>> VerifyAtPad(uint64_t session,
                                                   std::span<const uint8_t> apdu_template,
                                                   uint32_t pin_offset,
                                                   const reader::v1::PadForm& form) override;
  void Close(uint64_t session) override;

 private:
  using Clock = std::chrono::steady_clock;

  enum class Phase { kGreeting, kReady, kUnpowered, kSettling, kGone };

  struct Card {
    explicit Card(int fd) : link(fd) {}
    CardLink link;
    uint64_t id = 0;  // as in the events of epoll
    size_t slot = 0;
    Phase phase = Phase::kGreeting;
    Clock::time_point deadline;  // of the ATR, while greeting
    std::string atr;
    bool held = false;     // by a session
    bool closing = false;  // that session is closed, its exchange not yet back
    int late = 0;          // answers dropped while settling
  };

  struct Slot {
    std::string name;
    int listener = -1;
    std::unique_ptr<Pad> pad;  // used by the session of its card
    uint64_t insertion = 0;
    std::shared_ptr<Card> card;
  };

  struct Session {
    ~Session();
    std::shared_ptr<Card> card;
    int cancelled = -1;  // eventfd
    bool exchanging = false;
    bool closed = false;
  };

  // A turn of a session's own thread with the card.
  using Turn = std::function<absl::StatusOr<std::vector<uint8_t>>(const Session& session,
                                                                  CardLink::End* end)>;

  absl::Status Listen(const std::string& directory, size_t index, bool pin_pad);
  absl::StatusOr<std::vector<uint8_t>> During(uint64_t id, const Turn& turn);
  void Watch();
  // All of these want mutex_ held.
  void Accept(Slot& slot);
  void Hear(const std::shared_ptr<Card>& card);
  void Arrive(Card& card, Phase phase);
  void Remove(const std::shared_ptr<Card>& card);
  void Reset(const std::shared_ptr<Card>& card, CardLink::End end);
  void Heed(const Card& card, bool words);
  int GreetingTimeout();
  void Publish();

  // Instead of all below, once Start was told of a recording.
  std::unique_ptr<RecordedReader> recorded_;
  std::mutex mutex_;
  std::condition_variable settled_;
  std::vector<Slot> slots_;
  std::map<uint64_t, std::shared_ptr<Card>> cards_;
  std::map<uint64_t, std::shared_ptr<Session>> sessions_;
  uint64_t last_session_ = 0;
  uint64_t last_card_ = 1000;  // below: the listeners, by index
  int epoll_ = -1;
  int stop_ = -1;
  std::thread thread_;
};

}  // namespace madoguchi::vpcd

#endif  // MADOGUCHI_READERS_VIRTUAL_VIRTUAL_READER_H_
