#ifndef MADOGUCHI_READERS_NFC_NFC_SLOT_H_
#define MADOGUCHI_READERS_NFC_NFC_SLOT_H_

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "madoguchi/reader/v1/reader.pb.h"
#include "readers/nfc/nfc_device.h"
#include "readers/nfc/wiped_thread.h"
#include "sdk/secret/secret.h"

namespace madoguchi::nfc {

// How often, and for how long.
struct Timing {
  std::chrono::milliseconds poll{150};         // between looks for a card
  std::chrono::milliseconds ping{500};         // between looks whether it is still there
  std::chrono::milliseconds first_retry{500};  // of opening the device; doubles each time
  std::chrono::milliseconds last_retry{5000};
  std::chrono::milliseconds exchange{5000};  // for one answer of a card
  std::chrono::milliseconds reset{1000};     // how long Open and Close wait for a reset
};

// One reader: a device, the thread that alone talks to it, and at most one session. Thread-safe.
class NfcSlot {
 public:
  // `ports` must outlive it. `changed` is called from the slot's thread, with no lock held,
  // whenever State() is another than before.
  NfcSlot(NfcPorts& ports, std::string path, Timing timing, std::function<void()> changed);
  NfcSlot(const NfcSlot&) = delete;
  NfcSlot& operator=(const NfcSlot&) = delete;
  // Stops, and waits for the device to be closed.
  ~NfcSlot();

  const std::string& name() const { return name_; }
  // nullopt until the device was opened, or could not be, for the first time.
  std::optional<reader::v1::ReaderState> State() const;

  // Begins session `session` with the card of this insertion: its ATR. Makes sure that it is there.
  absl::StatusOr<std::string> Open(uint64_t session, uint64_t insertion);
  // A PIN in `command` is not left anywhere in the process. Returns at once when the session is
  // closed meanwhile, whatever the device does.
  absl::StatusOr<std::vector<uint8_t>> Transmit(uint64_t session, std::span<const uint8_t> command,
                                                bool secret);
  // Ends the session and resets the card; waits for it a little.
  void Close(uint64_t session);

  // Everything ends: what is under way is aborted, the field goes off, the device is closed. Does
  // not wait; AwaitStopped does.
  void Stop();
  bool AwaitStopped(std::chrono::milliseconds patience);

 private:
  using Clock = std::chrono::steady_clock;

  // One thing that a session wants of the device.
  struct Job {
    enum class Kind { kOpen, kExchange };
    Kind kind;
    std::vector<uint8_t> command;
    Secret secret;  // in the place of `command`
    bool done = false;
    absl::Status status;
    std::vector<uint8_t> answer;
    bool abandoned = false;
  };

  void Run();
  // These run on the slot's thread, and without the lock but where they take it.
  void TryToOpen();
  void Look();
  void LookForCard();
  // What came of a look.
  void Looked(Outcome outcome, const std::vector<uint8_t>& atr);
  void PingCard();
  void Do(const std::shared_ptr<Job>& job);
  void Reset();
  // False when it could not be: the device was given up then, which closes it.
  bool SwitchOff();
  // The card is gone, for all that can be told. One that answers at once after all was not laid
  // down: it is another insertion, and lies.
  void LoseCard(const absl::Status& why);
  void CardGone(const absl::Status& why);
  void Unusable(const absl::Status& why);
  // A fault of chip or line that is no news about the card. True when the device was given up.
  bool GiveUp(Outcome outcome);
  absl::Status FailureAfter(Outcome outcome);
  template <typename Change>
  void Update(Change change);

  // Aborts the exchange under way, if there is one. An abort may be lost: AwaitAborted waits a
  // little, and cuts it off.
  void Abort(std::unique_lock<std::mutex>& lock);
  void AwaitAborted(std::unique_lock<std::mutex>& lock);

  NfcPorts& ports_;
  const std::string path_, name_;
  const Timing timing_;
  const std::function<void()> changed_;

  // The slot's thread's own.
  std::unique_ptr<NfcDevice> device_;
  std::chrono::milliseconds retry_;
  bool first_look_ = true;
  int faults_ = 0;  // in a row
  Clock::time_point next_look_;

  mutable std::mutex mutex_;
  std::condition_variable changed_here_;  // for all who wait
  reader::v1::ReaderState state_;
  bool seen_ = false;
  uint64_t session_ = 0;  // 0: none
  absl::Status lost_;     // why the session's card is no more
  std::shared_ptr<Job> job_;
  bool reset_wanted_ = false;
  bool in_exchange_ = false;
  Clock::time_point exchange_begin_;
  bool stopping_ = false;
  bool stopped_ = false;

  std::unique_ptr<WipedThread> thread_;
};

}  // namespace madoguchi::nfc

#endif  // MADOGUCHI_READERS_NFC_NFC_SLOT_H_
