#ifndef MADOGUCHI_READERS_PCSC_PCSC_READER_H_
#define MADOGUCHI_READERS_PCSC_PCSC_READER_H_

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "readers/pcsc/pad_rules.h"
#include "readers/pcsc/pcsc_api.h"
#include "readers/pcsc/reader_watch.h"
#include "sdk/plugin/reader.h"

namespace madoguchi::pcsc {

class Card;

// Readers of PC/SC. Thread-safe.
//
// A session is a context, a connected card and a transaction of its own. Calls into PC/SC can block
// for as long as a card is silent, a person types at a pad or another program holds the card, and
// nothing ends them from outside; so the thread that is in such a call also does the clean-up when
// it comes back, and until then its reader counts as busy. Nobody else touches that context
// meanwhile (see PcscApi).
class PcscReader final : public plugin::Reader {
 public:
  // `api` must live for ever: threads that are stuck in it are left behind. `open_patience` is how
  // long Open waits for another program's transaction.
  explicit PcscReader(PcscApi& api,
                      std::chrono::milliseconds open_patience = std::chrono::milliseconds(1000));
  ~PcscReader() override;

  std::string name() const override { return "reader_pcsc"; }
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
  struct Holder;
  struct Registry;
  using Exchange = std::function<absl::StatusOr<std::vector<uint8_t>>(Card& card)>;

  // Asks a reader what it is, on a thread aside.
  void Ask(const std::string& reader);
  // One exchange with the card of `session`, on this thread.
  absl::StatusOr<std::vector<uint8_t>> During(uint64_t session, const Exchange& exchange);

  PcscApi& api_;
  const std::chrono::milliseconds open_patience_;
  PadRules pad_rules_;
  // Shared with the threads that are left behind.
  const std::shared_ptr<Registry> registry_;
  std::unique_ptr<ReaderWatch> watch_;
};

}  // namespace madoguchi::pcsc

#endif  // MADOGUCHI_READERS_PCSC_PCSC_READER_H_
