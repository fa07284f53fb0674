// Replies as any screen may send them, in any role, to a counter with a check at each of its
// stages.
#include <google/protobuf/stubs/logging.h>

#include "host/check/fake_desk.h"

namespace {

using namespace madoguchi;  // NOLINT: all of it.

struct Clinic {
  fake::FakeWorld world;
  fake::Methods methods;
  std::unique_ptr<Counter> counter;
  std::shared_ptr<fake::Stay> card;

  Clinic() {
    google::protobuf::SetLogHandler(nullptr);
    world.world.limits.no_reader = std::chrono::milliseconds(1);
    world.world.limits.card = std::chrono::milliseconds(1);
    world.readers.Plug("a");
    card = world.readers.Lay("a");
    counter =
        std::make_unique<Counter>(world.world, methods.all, Counter::Place{"1", {"virtual/a"}});
  }
};

}  // namespace

// Byte 0: the method; then replies, each with a role, what it borrows of the view, and its length.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Clinic clinic;
  fake::Looker staff(*clinic.counter, check::v1::ROLE_STAFF);
  fake::Looker patient(*clinic.counter, check::v1::ROLE_PATIENT);
  if (size < 1) return 0;
  static const char* const kMethods[] = {"pin", "visual", "question"};
  if (!staff.Begin(kMethods[data[0] % 3]).ok()) __builtin_trap();
  const std::string check_id =
      patient
          .Await([](const desk::v1::View& view) {
            return view.question() != 0 || view.stage() == desk::v1::STAGE_DONE;
          })
          .check_id();
  size_t at = 1;
  while (at + 3 <= size) {
    const uint8_t how = data[at];
    const size_t length = std::min<size_t>(data[at + 1] << 8 | data[at + 2], size - at - 3);
    desk::v1::Reply reply;
    if (reply.ParseFromArray(data + at + 3, static_cast<int>(length))) {
      const desk::v1::View view = patient.View();
      if ((how & 4) != 0) reply.set_check_id(view.check_id());
      if ((how & 8) != 0) reply.set_question(view.question());
      (void)clinic.counter->Send(reply, static_cast<check::v1::Role>(how & 3));
    }
    at += 3 + length;
  }
  // Whatever they said: the check can be cancelled, ends, and spent no try that was not typed.
  if (staff.View().check_id() == check_id) {
    (void)staff.Cancel();
    if (staff.AwaitStage(desk::v1::STAGE_DONE).stage() != desk::v1::STAGE_DONE) __builtin_trap();
    (void)staff.Close();
  }
  while (staff.View().stage() != desk::v1::STAGE_IDLE) {
    (void)staff.Cancel();
    staff.AwaitStage(desk::v1::STAGE_DONE);
    (void)staff.Close();
  }
  if (clinic.card->card->state().TriesLeft("jpki.auth") != 3) __builtin_trap();
  return 0;
}
