// The rows about the PIN lane. The PINs are synthetic and go into a command that no card knows: no
// try of a card is spent.
#include <thread>

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

constexpr milliseconds kWipePatience(3000);
// The second that a packet may take, and what a busy machine adds.
constexpr milliseconds kLongestWait(2500);
constexpr char kLane[] =
    "let Serve take the packet of the call's own token from fd 4, and wait 1 s for it";

const Bytes kTemplate = {0x80, 0xFE, 0x00, 0x00, 0x00};

// A PIN of the longest form, one for each use, so that a copy shows whose it is.
Bytes Pin(Exam& exam, const std::string& number) {
  const std::string text = "SYNTHPIN-" + number;
  exam.AddSecret("a PIN", text);
  return Bytes(text.begin(), text.end());
}

Finding Carried(ReaderExam& exam) {
  return exam.WithSession([&](const Card&, uint64_t session) {
    const auto answer = exam.client().VerifyPin(session, kTemplate, Pin(exam.exam(), "4071001"));
    if (answer.ok() && answer->size() == 2) return Passed();
    return Failed("VerifyPin with its packet: " +
                      (answer.ok() ? "an answer of " + std::to_string(answer->size()) + " bytes"
                                   : Words(answer.status())),
                  "put the PIN at pin_offset, its length before it, send once, give SW1 SW2");
  });
}

Finding Wiped(ReaderExam& exam) {
  return exam.WithSession([&](const Card&, uint64_t session) {
    const Bytes pin = Pin(exam.exam(), "4071002");
    const auto answer = exam.client().VerifyPin(session, kTemplate, pin);
    if (!answer.ok()) return Skipped("VerifyPin: " + Words(answer.status()));
    const auto copies = exam.process().CopiesInMemory(pin);
    if (!copies) return Skipped("this system does not show the memory of another process");
    if (*copies == 0) return Passed();
    return Failed(std::to_string(*copies) + " copies of the PIN in its memory after VerifyPin",
                  "send from the locked memory that TransmitPin is given, and make no copy");
  });
}

Finding Refused(ReaderExam& exam, const std::string& token, const std::string& what) {
  return exam.WithSession([&](const Card&, uint64_t session) {
    const auto begin = steady_clock::now();
    const auto answer = exam.client().VerifyToken(session, kTemplate, token);
    const auto taken = steady_clock::now() - begin;
    if (CodeOf(answer.status()) == FAILURE_CODE_REQUEST_INVALID && taken < kLongestWait) {
      return Passed(Milliseconds(taken));
    }
    return Failed(what + ": expected REQUEST_INVALID after 1 s, came " + Words(answer.status()) +
                      " after " + Milliseconds(taken),
                  kLane);
  });
}

Finding OtherToken(ReaderExam& exam) {
  return exam.WithCard([&](const Card&) {
    exam.process().SendPin(exam.client().NewToken(), Pin(exam.exam(), "4071003"));
    return Refused(exam, exam.client().NewToken(), "VerifyPin with the PIN of another token");
  });
}

Finding Used(ReaderExam& exam) {
  std::string token;
  Finding first = exam.WithSession([&](const Card&, uint64_t session) {
    token = exam.client().NewToken();
    exam.process().SendPin(token, Pin(exam.exam(), "4071004"));
    const auto answer = exam.client().VerifyToken(session, kTemplate, token);
    return answer.ok() ? Passed() : Skipped("VerifyPin: " + Words(answer.status()));
  });
  if (first.outcome != Outcome::kPassed) return first;
  return Refused(exam, token, "VerifyPin with a token that was used");
}

Finding Late(ReaderExam& exam) {
  std::string token;
  Finding refused = exam.WithCard([&](const Card&) {
    token = exam.client().NewToken();
    return Refused(exam, token, "VerifyPin without a packet");
  });
  if (refused.outcome != Outcome::kPassed) return refused;
  const Bytes pin = Pin(exam.exam(), "4071005");
  if (!exam.process().SendPin(token, pin)) return Failed("fd 4 is closed", kLane);
  // It has been read by then, or never is.
  std::this_thread::sleep_for(milliseconds(300));
  const auto until = steady_clock::now() + kWipePatience;
  while (true) {
    const auto copies = exam.process().CopiesInMemory(pin);
    if (!copies || *copies == 0) return refused;
    if (steady_clock::now() > until) {
      return Failed(std::to_string(*copies) + " copies of a PIN that came too late stay in memory",
                    "wipe what nobody takes: Serve does it");
    }
    std::this_thread::sleep_for(milliseconds(50));
  }
}

Finding NoPad(ReaderExam& exam) {
  return exam.WithSession([&](const Card&, uint64_t session) {
    const auto answer = exam.client().VerifyToken(session, kTemplate, "");
    if (absl::IsUnimplemented(answer.status())) return Passed();
    return Failed("VerifyPin without a token: " + Words(answer.status()),
                  "leave VerifyAtPad as it is where there is no pad");
  });
}

}  // namespace

void PinRows(ReaderExam& reader) {
  Exam& exam = reader.exam();
  exam.Row("reader.pin-carried",
           "VerifyPin puts the packet's PIN into the command and sends it once.",
           [&] { return Carried(reader); });
  exam.Row("reader.pin-wiped", "The reader wipes every copy of the PIN that it made.",
           [&] { return Wiped(reader); });
  exam.Row("reader.pin-other-token", "A PIN goes to the owner of its token and to nobody else.",
           [&] { return OtherToken(reader); });
  exam.Row("reader.pin-used-token", "A token serves once.", [&] { return Used(reader); });
  exam.Row("reader.pin-late",
           "No packet within 1 s is REQUEST_INVALID; one that comes later is wiped.",
           [&] { return Late(reader); });
  const auto card = reader.Ready().ok() ? reader.AwaitCard() : absl::UnknownError("");
  if (card.ok() && card->pin_pad) return PadRows(reader);
  exam.Row("reader.pin-no-pad", "No token, and the reader has no pad: UNIMPLEMENTED.",
           [&] { return NoPad(reader); });
}

}  // namespace madoguchi::conformance
