// The rows about a reader's own PIN pad. What is typed goes into a command that no card knows: no
// try of a card is spent.
#include <future>

#include "sdk/conformance/calls.h"
#include "sdk/conformance/reader_exam.h"
#include "sdk/failure/failure.h"

namespace madoguchi::conformance {
namespace {

using namespace check::v1;  // NOLINT: the codes.
using Bytes = ReaderExam::Bytes;
using Card = ReaderExam::Card;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Long enough to see that the pad waits; no person is that quick.
constexpr milliseconds kPause(300);
constexpr uint32_t kTypingSeconds = 5;
constexpr uint32_t kNobodySeconds = 1;

const Bytes kTemplate = {0x80, 0xFE, 0x00, 0x00, 0x00};

reader::v1::PadForm FormOf(uint32_t seconds) {
  reader::v1::PadForm form;
  form.set_shortest(4);
  form.set_longest(4);
  form.set_patience_s(seconds);
  return form;
}

std::string Came(const absl::StatusOr<Bytes>& answer) {
  return answer.ok() ? "an answer of " + std::to_string(answer->size()) + " bytes"
                     : Words(answer.status());
}

// `press` happens while VerifyPin is under way; `judge` says what came of it.
template <typename Press, typename Judge>
Finding AtPad(ReaderExam& exam, Press press, Judge judge) {
  return exam.WithSession([&](const Card&, uint64_t session) {
    auto answer = std::async(std::launch::async, [&] {
      return exam.client().VerifyAtPad(session, kTemplate, FormOf(kTypingSeconds));
    });
    if (answer.wait_for(kPause) == std::future_status::ready) {
      return Failed("VerifyPin at the pad, before anybody typed: " + Came(answer.get()),
                    "come back when the card has answered, or the pad gave up");
    }
    const absl::Status pressed =
        exam.hand() == nullptr ? absl::UnimplementedError("nobody is here to type") : press();
    const auto came = answer.get();
    if (absl::IsUnimplemented(pressed)) return Skipped(std::string(pressed.message()));
    if (!pressed.ok()) {
      return Failed("the pad did not take the keys: " + std::string(pressed.message()),
                    "let the pad ask as soon as VerifyPin is called");
    }
    return judge(came);
  });
}

Finding Carried(ReaderExam& exam) {
  return AtPad(
      exam, [&] { return exam.hand()->Type(); },
      [](const absl::StatusOr<Bytes>& answer) {
        if (answer.ok() && answer->size() == 2) return Passed();
        return Failed("VerifyPin with a PIN typed at the pad: " + Came(answer),
                      "let the pad put the PIN at pin_offset, its length before it, send once, "
                      "and give SW1 SW2");
      });
}

Finding Cancelled(ReaderExam& exam) {
  return AtPad(
      exam, [&] { return exam.hand()->CancelTyping(); },
      [](const absl::StatusOr<Bytes>& answer) {
        return ExpectCode(
            answer.status(), FAILURE_CODE_PIN_PAD_CANCELLED,
            "VerifyPin that was cancelled at the pad",
            "tell the pad's cancel key (6401 of PC/SC part 10) from the card's words");
      });
}

Finding NotTyped(ReaderExam& exam) {
  return exam.WithSession([&](const Card&, uint64_t session) {
    const auto begin = steady_clock::now();
    const auto answer = exam.client().VerifyAtPad(session, kTemplate, FormOf(kNobodySeconds));
    const auto taken = steady_clock::now() - begin;
    if (taken < std::chrono::seconds(kNobodySeconds) - kPause) {
      return Failed("VerifyPin at the pad, before anybody typed: " + Came(answer),
                    "come back when the card has answered, or the pad gave up");
    }
    return ExpectCode(answer.status(), FAILURE_CODE_PIN_NOT_TYPED,
                      "VerifyPin at the pad with nobody there",
                      "give up after pad_form's time, or the pad's own");
  });
}

}  // namespace

void PadRows(ReaderExam& reader) {
  Exam& exam = reader.exam();
  exam.Row("reader.pad-carried",
           "At the reader's own pad, VerifyPin waits for the keys and carries the card's answer.",
           [&] { return Carried(reader); });
  exam.Row("reader.pad-cancelled", "The pad's cancel key is PIN_PAD_CANCELLED.",
           [&] { return Cancelled(reader); });
  exam.Row("reader.pad-not-typed", "Nobody types in time: PIN_NOT_TYPED.",
           [&] { return NotTyped(reader); });
}

}  // namespace madoguchi::conformance
