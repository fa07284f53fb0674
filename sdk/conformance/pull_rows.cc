// The rows about cards and devices that go and come. They need a hand.
#include <future>
#include <thread>

#include "sdk/conformance/calls.h"
#include "sdk/conformance/reader_exam.h"
#include "sdk/failure/failure.h"

namespace madoguchi::conformance {
namespace {

using namespace check::v1;  // NOLINT: the codes.
using Card = ReaderExam::Card;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kUnderWay(150);
constexpr milliseconds kNoticed(3000);
constexpr milliseconds kBack(10000);

Finding NoHand() {
  return Skipped(std::string("nobody moves the card: give --card-command PROGRAM, ") +
                 kAboutTheKit);
}

Finding HandFailed(const absl::Status& why) { return Skipped(std::string(why.message())); }

// Puts things back as they were, whatever the row found.
class LaidAgain {
 public:
  explicit LaidAgain(CardHand& hand) : hand_(hand) {}
  ~LaidAgain() {
    (void)hand_.Slow(false);
    (void)hand_.Lay();
  }

 private:
  CardHand& hand_;
};

Finding Pulled(ReaderExam& exam) {
  if (exam.hand() == nullptr) return NoHand();
  return exam.WithSession([&](const Card&, uint64_t session) {
    const LaidAgain again(*exam.hand());
    // With a card that is quick one command follows the other, until one fails.
    (void)exam.hand()->Slow(true);
    auto failed = std::async(std::launch::async, [&] {
      const auto until = steady_clock::now() + std::chrono::seconds(40);
      absl::Status status;
      while (status.ok() && steady_clock::now() < until) {
        status = exam.client().Transmit(session, exam.Harmless(4)).status();
      }
      return status;
    });
    std::this_thread::sleep_for(kUnderWay);
    const absl::Status taken = exam.hand()->Take();
    const auto begin = steady_clock::now();
    const absl::Status status = failed.get();
    if (!taken.ok()) return HandFailed(taken);
    const auto noticed = steady_clock::now() - begin;
    Finding finding =
        ExpectCode(status, FAILURE_CODE_CARD_GONE, "Transmit while the card was taken away",
                   "tell a removal from other errors of the device");
    if (finding.outcome == Outcome::kFailed) return finding;
    if (noticed > kNoticed) {
      return Failed("Transmit failed only " + Milliseconds(noticed) + " after the card was taken",
                    "let the call end with the removal");
    }
    return Passed(Milliseconds(noticed));
  });
}

// The card is taken and laid down again; the states of its reader without it, and with it.
Finding Moved(ReaderExam& exam, const std::function<Finding(const Card& before)>& taken,
              const std::function<Finding(const Card& before, const Card& after)>& back) {
  if (exam.hand() == nullptr) return NoHand();
  return exam.WithCard([&](const Card& before) {
    const LaidAgain again(*exam.hand());
    if (absl::Status moved = exam.hand()->Take(); !moved.ok()) return HandFailed(moved);
    Finding finding = taken(before);
    if (finding.outcome != Outcome::kPassed) return finding;
    if (absl::Status moved = exam.hand()->Lay(); !moved.ok()) return HandFailed(moved);
    const auto after = exam.CardWithin(exam.exam().Patience(kBack));
    if (!after) return Skipped("the card did not come back");
    return back(before, *after);
  });
}

bool AwaitAbsent(ReaderExam& exam, const Card& card) {
  return exam.client()
      .Await(
          [&](const reader::v1::Snapshot& snapshot) {
            for (const auto& state : snapshot.reader()) {
              if (state.name() == card.reader)
                return state.presence() == reader::v1::PRESENCE_ABSENT;
            }
            return true;
          },
          exam.exam().Patience(kNoticed))
      .has_value();
}

Finding RemovalShown(ReaderExam& exam) {
  return Moved(
      exam,
      [&](const Card& before) {
        if (AwaitAbsent(exam, before)) return Passed();
        return Failed("3 s after the card was taken a snapshot still shows it",
                      "publish a snapshot when a card goes");
      },
      [](const Card&, const Card&) { return Passed(); });
}

Finding InsertionGrows(ReaderExam& exam) {
  return Moved(
      exam,
      [&](const Card& before) {
        return AwaitAbsent(exam, before) ? Passed() : Skipped("reader.removal-shown failed");
      },
      [](const Card& before, const Card& after) {
        if (after.reader != before.reader || after.insertion > before.insertion) return Passed();
        return Failed("insertion " + std::to_string(before.insertion) + " before, " +
                          std::to_string(after.insertion) + " after the card was laid down again",
                      "count each arrival of a card");
      });
}

Finding Restarted(ReaderExam& exam) {
  if (exam.hand() == nullptr) return NoHand();
  const pid_t pid = exam.Ready().ok() ? exam.process().pid() : -1;
  Finding finding = exam.WithSession([&](const Card&, uint64_t session) {
    if (absl::Status moved = exam.hand()->Restart(); !moved.ok()) return HandFailed(moved);
    const auto answer = exam.client().Transmit(session, exam.Harmless(4));
    if (!answer.ok() && CodeOf(answer.status()) != FAILURE_CODE_UNSPECIFIED) return Passed();
    return Failed("Transmit in a session from before: " + Words(answer.status()),
                  "fail with CARD_GONE, READER_LOST or READER_SERVICE_DOWN");
  });
  if (finding.outcome != Outcome::kPassed) return finding;
  const std::string advice = "connect again to what the readers hang on, without an end";
  // A snapshot from before the restart may still be the newest: its card cannot be opened any more.
  const auto until = steady_clock::now() + exam.exam().Patience(kBack);
  absl::Status opened = absl::NotFoundError("no card was shown");
  while (!opened.ok() && steady_clock::now() < until) {
    if (exam.process().Wait(milliseconds(0))) break;
    const auto card = exam.CardWithin(milliseconds(500));
    if (!card) continue;
    const auto session = exam.client().Open(card->reader, card->insertion);
    opened = session.status();
    if (session.ok()) (void)exam.client().Close(session->session());
    if (!opened.ok()) std::this_thread::sleep_for(milliseconds(50));
  }
  const auto ended = exam.process().Wait(milliseconds(0));
  if (ended) return Failed(Words(ended), advice);
  if (!opened.ok()) return Failed("10 s after the restart: " + Words(opened), advice);
  return exam.process().pid() == pid ? Passed() : Failed("another process", advice);
}

}  // namespace

void PullRows(ReaderExam& reader) {
  Exam& exam = reader.exam();
  exam.Row("reader.card-pulled", "A card that is taken away during Transmit is CARD_GONE.",
           [&] { return Pulled(reader); });
  exam.Row("reader.removal-shown", "A snapshot tells when a card is taken away.",
           [&] { return RemovalShown(reader); });
  exam.Row(
      "reader.insertion-grows", "The insertion grows with each arrival of a card.",
      [&] { return InsertionGrows(reader); }, "reader.removal-shown");
  exam.Row("reader.device-restarted", "A reader that was off and on again works again.",
           [&] { return Restarted(reader); });
}

}  // namespace madoguchi::conformance
