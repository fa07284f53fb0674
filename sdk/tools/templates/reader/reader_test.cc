// One visit of a card, without a host.

#include "reader.h"

#include <chrono>
#include <iostream>

#include "sdk/failure/failure.h"

namespace {

namespace codes = madoguchi::check::v1;
int failed = 0;

void Expect(bool true_so_far, const std::string& what) {
  if (true_so_far) return;
  std::cerr << "expected: " << what << "\n";
  ++failed;
}

}  // namespace

int main() {
  MyReader reader;
  Expect(reader.Start(madoguchi::plugin::Settings()).ok(), "Start");
  madoguchi::reader::v1::Snapshot snapshot;
  Expect(reader.board().WaitNewer(0, std::chrono::seconds(2), &snapshot) > 0, "a first snapshot");
  Expect(snapshot.reader_size() == 1, "one reader");
  if (failed > 0) return 1;

  // TODO: from here on the card in memory is meant.
  madoguchi::reader::v1::OpenRequest request;
  request.set_reader(snapshot.reader(0).name());
  request.set_insertion(snapshot.reader(0).insertion());
  const auto opened = reader.Open(request);
  Expect(opened.ok(), "a session");
  if (failed > 0) return 1;
  Expect(madoguchi::CodeOf(reader.Open(request).status()) == codes::FAILURE_CODE_CARD_BUSY,
         "one session at a time");
  const uint8_t select[] = {0x00, 0xA4, 0x04, 0x0C};
  const auto answer = reader.Transmit(opened->session(), select);
  Expect(answer.ok() && answer->size() >= 2, "an answer with SW1 SW2");
  reader.Close(opened->session());
  Expect(madoguchi::CodeOf(reader.Transmit(opened->session(), select).status()) ==
             codes::FAILURE_CODE_READER_LOST,
         "nothing after Close");
  reader.Close(opened->session());
  const auto again = reader.Open(request);
  Expect(again.ok() && again->session() != opened->session(), "another session after it");
  request.set_insertion(request.insertion() + 1);
  Expect(madoguchi::CodeOf(reader.Open(request).status()) == codes::FAILURE_CODE_CARD_GONE,
         "no session with a card that is not there");
  return failed == 0 ? 0 : 1;
}
