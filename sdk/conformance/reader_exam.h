#ifndef MADOGUCHI_SDK_CONFORMANCE_READER_EXAM_H_
#define MADOGUCHI_SDK_CONFORMANCE_READER_EXAM_H_

#include <memory>
#include <optional>
#include <string>

#include "sdk/conformance/card_hand.h"
#include "sdk/conformance/exam.h"
#include "sdk/conformance/reader_client.h"
#include "sdk/failure/failure.h"

namespace madoguchi::conformance {

// What the rows about readers share: one process, started again where a row was its end, and the
// card. One thread uses it.
class ReaderExam {
 public:
  using Bytes = ReaderClient::Bytes;
  // A card on a reader.
  struct Card {
    std::string reader;
    uint64_t insertion = 0;
    std::string atr;
    bool pin_pad = false;
  };
  // A session that is closed at its end.
  class Session {
   public:
    Session(ReaderExam& exam, uint64_t number) : exam_(exam), number_(number) {}
    ~Session() { (void)exam_.client().Close(number_); }
    uint64_t number() const { return number_; }

   private:
    ReaderExam& exam_;
    const uint64_t number_;
  };

  explicit ReaderExam(Exam& exam);
  // Takes the card away.
  ~ReaderExam();

  Exam& exam() { return exam_; }
  // Makes sure that a process is there and watched. What is wrong, otherwise.
  absl::Status Ready();
  PluginProcess& process() { return *life_; }
  ReaderClient& client() { return *client_; }
  // Ends the process; Ready starts another.
  void Drop();

  // The newest snapshot; one is there after Ready, or the plugin is to blame.
  std::optional<reader::v1::Snapshot> Snapshot();
  // The first card that lies on a reader. Waits for it, the first time; FAILED_PRECONDITION with a
  // sentence for the row when there is none.
  absl::StatusOr<Card> AwaitCard();
  // A card at any reader, within `patience`.
  std::optional<Card> CardWithin(std::chrono::milliseconds patience);
  CardHand* hand() { return hand_.get(); }

  // The row's finding on a card in a session, or why there is none: skipped without a card, failed
  // when the card cannot be opened.
  Finding WithSession(const std::function<Finding(const Card&, uint64_t)>& look);
  Finding WithCard(const std::function<Finding(const Card&)>& look);

  // A command of `size` bytes, 4..65544, that a card answers with a refusal and nothing else: CLA
  // 80 INS FE, with data that stands in no log.
  Bytes Harmless(size_t size);

  std::chrono::milliseconds patience() const { return exam_.Patience(std::chrono::seconds(5)); }

 private:
  Exam& exam_;
  std::unique_ptr<CardHand> hand_;
  bool laid_ = false;
  bool no_card_ = false;
  Exam::Life life_;
  std::unique_ptr<ReaderClient> client_;
};

// Passed when `status` carries `code`, otherwise failed with what came instead. `what` was done.
Finding ExpectCode(const absl::Status& status, check::v1::FailureCode code, const std::string& what,
                   const std::string& advice);

// The rows of a reader that need no card, and those that do.
void PipeRows(ReaderExam& exam);  // sessions and APDUs
void PinRows(ReaderExam& exam);   // the PIN lane
void PadRows(ReaderExam& exam);   // the reader's own PIN pad, where it has one
void PullRows(ReaderExam& exam);  // cards and devices that go and come

}  // namespace madoguchi::conformance

#endif  // MADOGUCHI_SDK_CONFORMANCE_READER_EXAM_H_
