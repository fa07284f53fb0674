// The rows about readers: snapshots, sessions, APDUs. reader.proto has the sentences.
#include <set>

#include "sdk/conformance/calls.h"
#include "sdk/conformance/reader_exam.h"
#include "sdk/failure/failure.h"
#include "sdk/failure/plain_line.h"

namespace madoguchi::conformance {
namespace {

using namespace check::v1;  // NOLINT: the codes.
using Bytes = ReaderExam::Bytes;
using Card = ReaderExam::Card;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr char kNowhere[] = "SYNTHETIC reader of nowhere";
constexpr uint64_t kNoSession = 0xFFFFFFFFFFFF;
constexpr char kTable[] = "return the failure that the table in reader.proto names: FailureStatus";

Finding SnapshotAtOnce(ReaderExam& exam) {
  exam.Drop();
  if (absl::Status ready = exam.Ready(); !ready.ok()) return Failed(Words(ready), "");
  const auto begin = steady_clock::now();
  if (exam.Snapshot()) return Passed(Milliseconds(steady_clock::now() - begin));
  return Failed("no snapshot within 1 s of Watch",
                "publish the first snapshot in Start, also when there is no reader");
}

Finding SecondWatch(ReaderExam& exam) {
  if (absl::Status ready = exam.Ready(); !ready.ok()) return Failed(Words(ready), "");
  if (!exam.Snapshot()) return Skipped("reader.snapshot-at-once failed");
  ReaderClient second(exam.process(), exam.patience());
  if (second.Await([](const auto&) { return true; }, exam.exam().Patience(milliseconds(1000)))) {
    return Passed();
  }
  return Failed("a second Watch beside the first got no snapshot within 1 s",
                "give each listener the newest snapshot at once");
}

std::string WrongIn(const reader::v1::ReaderState& state) {
  using namespace reader::v1;  // NOLINT: the codes.
  const std::string name = "reader \"" + state.name() + "\": ";
  const size_t atr = state.atr().size();
  if (state.battery_percent() > 100) return name + "a battery of more than 100 %";
  switch (state.presence()) {
    case PRESENCE_ABSENT:
      return atr == 0 ? "" : name + "an ATR without a card";
    case PRESENCE_UNPOWERED:
      if (atr != 0) return name + "an ATR of a card that gives none";
      break;
    case PRESENCE_PRESENT:
      if (atr < 2 || atr > 33) return name + "an ATR of " + std::to_string(atr) + " bytes";
      break;
    default:
      // Of a reader that cannot be used nobody knows what lies on it.
      return state.has_trouble() ? "" : name + "no presence, and no trouble";
  }
  return state.insertion() > 0 ? "" : name + "a card whose insertion is 0";
}

Finding SnapshotForm(ReaderExam& exam) {
  if (absl::Status ready = exam.Ready(); !ready.ok()) return Failed(Words(ready), "");
  (void)exam.AwaitCard();
  const auto snapshot = exam.Snapshot();
  if (!snapshot) return Skipped("reader.snapshot-at-once failed");
  std::string wrong;
  if (snapshot->service() == reader::v1::SERVICE_UNSPECIFIED) wrong = "no service";
  if (snapshot->service() == reader::v1::SERVICE_DOWN && snapshot->detail().empty()) {
    wrong = "the service is down, and the detail does not say which";
  }
  std::set<std::string> names;
  for (const auto& state : snapshot->reader()) {
    if (state.name().empty() || PlainLine(state.name()) != state.name()) {
      wrong = "a reader's name is no plain line";
    } else if (!names.insert(state.name()).second) {
      wrong = "two readers are called " + state.name();
    } else if (const std::string of_state = WrongIn(state); !of_state.empty()) {
      wrong = of_state;
    }
  }
  if (!wrong.empty()) return Failed(wrong, "fill in what reader.proto says of Snapshot");
  std::string seen = std::to_string(snapshot->reader_size()) + " readers";
  if (snapshot->service() == reader::v1::SERVICE_DOWN) seen = "down: " + snapshot->detail();
  return Passed(seen);
}

Finding OpenUnknown(ReaderExam& exam) {
  if (absl::Status ready = exam.Ready(); !ready.ok()) return Failed(Words(ready), "");
  const auto opened = exam.client().Open(kNowhere, 1);
  const auto snapshot = exam.Snapshot();
  const bool down = snapshot && snapshot->service() == reader::v1::SERVICE_DOWN;
  if (down && CodeOf(opened.status()) == FAILURE_CODE_READER_SERVICE_DOWN) return Passed();
  return ExpectCode(opened.status(), FAILURE_CODE_READER_LOST, "Open of a reader that is not there",
                    kTable);
}

Finding OpenStale(ReaderExam& exam) {
  return exam.WithCard([&](const Card& card) {
    for (const uint64_t insertion : {card.insertion + 1, card.insertion - 1}) {
      const auto opened = exam.client().Open(card.reader, insertion);
      if (opened.ok()) (void)exam.client().Close(opened->session());
      Finding finding = ExpectCode(opened.status(), FAILURE_CODE_CARD_GONE,
                                   "Open of insertion " + std::to_string(insertion) + " where " +
                                       std::to_string(card.insertion) + " lies",
                                   kTable);
      if (finding.outcome == Outcome::kFailed) return finding;
    }
    return Passed();
  });
}

Finding UnknownSession(ReaderExam& exam) {
  if (absl::Status ready = exam.Ready(); !ready.ok()) return Failed(Words(ready), "");
  return ExpectCode(exam.client().Transmit(kNoSession, exam.Harmless(4)).status(),
                    FAILURE_CODE_READER_LOST, "Transmit in a session that is not there", kTable);
}

Finding CloseIsNoError(ReaderExam& exam) {
  if (absl::Status ready = exam.Ready(); !ready.ok()) return Failed(Words(ready), "");
  const absl::Status closed = exam.client().Close(kNoSession);
  if (closed.ok()) return Passed();
  return Failed("Close of a session that is not there: " + Words(closed),
                "answer OK: the host closes on every path, also twice");
}

Finding OpenGivesAtr(ReaderExam& exam) {
  return exam.WithCard([&](const Card& card) {
    const auto opened = exam.client().Open(card.reader, card.insertion);
    if (!opened.ok()) return Failed("Open: " + Words(opened.status()), "open what was shown");
    const ReaderExam::Session session(exam, opened->session());
    if (opened->atr() == card.atr) return Passed();
    return Failed("Open gave an ATR of " + std::to_string(opened->atr().size()) +
                      " bytes, which is not the snapshot's",
                  "give the ATR of the card that was opened");
  });
}

Finding SecondSession(ReaderExam& exam) {
  return exam.WithSession([&](const Card& card, uint64_t) {
    const auto second = exam.client().Open(card.reader, card.insertion);
    if (second.ok()) (void)exam.client().Close(second->session());
    return ExpectCode(second.status(), FAILURE_CODE_CARD_BUSY,
                      "Open of a card that is in a session", kTable);
  });
}

Finding SessionsAreNew(ReaderExam& exam) {
  uint64_t first = 0;
  Finding finding = exam.WithSession([&](const Card&, uint64_t session) {
    first = session;
    return Passed();
  });
  if (finding.outcome != Outcome::kPassed) return finding;
  return exam.WithSession([&](const Card&, uint64_t session) {
    if (session == first) {
      return Failed("two sessions have the number " + std::to_string(first), "count them");
    }
    return Passed();
  });
}

Finding ClosedIsGone(ReaderExam& exam) {
  uint64_t closed = 0;
  Finding finding = exam.WithSession([&](const Card&, uint64_t session) {
    closed = session;
    return Passed();
  });
  if (finding.outcome != Outcome::kPassed) return finding;
  return ExpectCode(exam.client().Transmit(closed, exam.Harmless(4)).status(),
                    FAILURE_CODE_READER_LOST, "Transmit in a closed session", kTable);
}

std::string Sizes(const std::vector<size_t>& sizes) {
  std::string text;
  for (const size_t size : sizes) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return text;
}

Finding ShortApdus(ReaderExam& exam) {
  return exam.WithSession([&](const Card&, uint64_t session) {
    const std::vector<size_t> sizes = {4, 5, 6, 21, 128, 260, 261};
    for (const size_t size : sizes) {
      const auto answer = exam.client().Transmit(session, exam.Harmless(size));
      if (answer.ok() && answer->size() >= 2) continue;
      return Failed("a command of " + std::to_string(size) + " bytes: " +
                        (answer.ok() ? "an answer of " + std::to_string(answer->size()) + " bytes"
                                     : Words(answer.status())),
                    "send commands as they are, and give the whole answer with SW1 SW2");
    }
    return Passed(Sizes(sizes) + " bytes");
  });
}

Finding ExtendedApdus(ReaderExam& exam) {
  return exam.WithSession([&](const Card&, uint64_t session) {
    std::vector<size_t> carried;
    std::vector<size_t> sizes = {262, 1024, 4096, 65535, 65544};
    const size_t largest = exam.exam().options().largest_apdu;
    std::erase_if(sizes, [&](size_t size) { return size > largest; });
    for (const size_t size : sizes) {
      const auto answer = exam.client().Transmit(session, exam.Harmless(size));
      if (answer.ok() && answer->size() >= 2) {
        carried.push_back(size);
        continue;
      }
      const auto after = exam.client().Transmit(session, exam.Harmless(4));
      const bool refused = CodeOf(answer.status()) == FAILURE_CODE_REQUEST_INVALID;
      if (refused && after.ok()) continue;
      return Failed(
          "a command of " + std::to_string(size) + " bytes: " + Words(answer.status()) +
              "; the next command: " + Words(after.status()),
          "carry it, or refuse it with REQUEST_INVALID before anything is sent, and go on; where "
          "the driver is to blame, tell the kit with --largest-apdu");
    }
    return Passed(carried.empty() ? "none is carried" : Sizes(carried) + " bytes are carried");
  });
}

Finding WrongApdus(ReaderExam& exam) {
  return exam.WithSession([&](const Card&, uint64_t session) {
    const std::vector<std::pair<std::string, std::vector<Bytes>>> wrong = {
        {"no command", {}},
        {"65 commands", std::vector<Bytes>(65, exam.Harmless(4))},
        {"a command of 3 bytes", {{0x80, 0xFE, 0x00}}},
        {"a command of 65545 bytes", {Bytes(65545, 0x80)}}};
    for (const auto& [what, commands] : wrong) {
      Finding finding =
          ExpectCode(exam.client().TransmitAll(session, commands, exam.patience()).status(),
                     FAILURE_CODE_REQUEST_INVALID, "Transmit of " + what, kTable);
      if (finding.outcome == Outcome::kFailed) return finding;
    }
    return Passed();
  });
}

Finding CommandsInOrder(ReaderExam& exam) {
  return exam.WithSession([&](const Card&, uint64_t session) {
    const auto reply = exam.client().TransmitAll(
        session, {exam.Harmless(4), exam.Harmless(4), exam.Harmless(4)}, exam.patience());
    if (!reply.ok()) return Failed("Transmit of three commands: " + Words(reply.status()), kTable);
    int expected = 0;
    for (const std::string& response : reply->response()) {
      ++expected;
      if (!response.ends_with(std::string("\x90\x00", 2))) break;
    }
    if (reply->response_size() == expected && expected > 0) return Passed();
    return Failed(std::to_string(reply->response_size()) +
                      " answers to three commands, of which "
                      "the first was refused by the card",
                  "send nothing after the first answer that does not end with 9000");
  });
}

}  // namespace

void PipeRows(ReaderExam& reader) {
  Exam& exam = reader.exam();
  exam.Row("reader.snapshot-at-once", "Watch tells snapshots; the first at once.",
           [&] { return SnapshotAtOnce(reader); });
  exam.Row("reader.second-watch", "Whoever watches beside another gets the whole table as well.",
           [&] { return SecondWatch(reader); });
  exam.Row(
      "reader.snapshot-form",
      "A snapshot has the service and all readers, each with name, presence, insertion and ATR.",
      [&] { return SnapshotForm(reader); });
  exam.Row("reader.open-unknown", "Open of no such reader is READER_LOST.",
           [&] { return OpenUnknown(reader); });
  exam.Row("reader.session-unknown", "Transmit in no such session is READER_LOST.",
           [&] { return UnknownSession(reader); });
  exam.Row("reader.close-unknown", "Closing a session that is gone is no error.",
           [&] { return CloseIsNoError(reader); });
  exam.Row("reader.open-stale", "Open of another insertion is CARD_GONE.",
           [&] { return OpenStale(reader); });
  exam.Row("reader.open-atr", "Open gives a session and the card's ATR.",
           [&] { return OpenGivesAtr(reader); });
  exam.Row("reader.session-second-refused", "Open of a card that a session holds is CARD_BUSY.",
           [&] { return SecondSession(reader); });
  exam.Row("reader.session-new", "A session's number is never used twice by one process.",
           [&] { return SessionsAreNew(reader); });
  exam.Row("reader.session-closed", "Transmit in a closed session is READER_LOST.",
           [&] { return ClosedIsGone(reader); });
  exam.Row("reader.apdu-short", "C-APDUs of 4 to 261 bytes are sent as they are.",
           [&] { return ShortApdus(reader); });
  exam.Row("reader.apdu-extended",
           "C-APDUs of up to 65,544 bytes are sent; those that the reader cannot carry are "
           "REQUEST_INVALID.",
           [&] { return ExtendedApdus(reader); });
  exam.Row("reader.apdu-form",
           "No command, more than 64, or one under 4 or over 65,544 bytes is REQUEST_INVALID.",
           [&] { return WrongApdus(reader); });
  exam.Row("reader.apdu-order",
           "The first command whose answer does not end with 9000 is the last that is sent.",
           [&] { return CommandsInOrder(reader); });
}

void ReaderRows(Exam& exam) {
  ReaderExam reader(exam);
  PipeRows(reader);
  PinRows(reader);
  PullRows(reader);
}

}  // namespace madoguchi::conformance
