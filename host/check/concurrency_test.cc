// Many counters, readers and screens at once, on plain threads. ThreadSanitizer sees all of it.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "host/check/fake_desk.h"
#include "sdk/failure/failure.h"

namespace madoguchi {
namespace {

using namespace check::v1;  // NOLINT: codes and roles.
using namespace desk::v1;   // NOLINT: stages and replies.
using namespace std::chrono_literals;
using fake::Looker;

constexpr int kCounters = 32;

struct Clinic {
  fake::FakeWorld fake;
  fake::Methods methods;
  std::vector<std::unique_ptr<Counter>> counters;

  Clinic() {
    for (int i = 0; i < kCounters; ++i) {
      fake.readers.Plug(Reader(i));
      counters.push_back(std::make_unique<Counter>(
          fake.world, methods.all, Counter::Place{std::to_string(i), {"virtual/" + Reader(i)}}));
    }
  }
  static std::string Reader(int i) { return "r" + std::to_string(i); }
};

TEST(ConcurrencyTest, ThirtyTwoChecksAtOnceGiveTheirThirtyTwoAnswers) {
  Clinic clinic;
  std::atomic<bool> over = false;
  // Meanwhile another plugin's readers come and go, and screens look.
  std::jthread table([&] {
    for (uint64_t i = 1; !over; ++i) {
      reader::v1::Snapshot snapshot;
      snapshot.set_service(reader::v1::SERVICE_RUNNING);
      snapshot.add_reader()->set_name("other");
      clinic.fake.table.Update("nfc", i, snapshot);
      clinic.fake.table.Remove("nfc", "gone");
      std::this_thread::yield();
    }
  });
  std::jthread looks([&] {
    for (int i = 0; !over; ++i) {
      desk::v1::View view;
      clinic.counters[i % kCounters]->View(ROLE_STAFF, &view);
      clinic.fake.table.Rows();
    }
  });
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> patients;
    for (int i = 0; i < kCounters; ++i) {
      patients.emplace_back([&, i] {
        Looker staff(*clinic.counters[i], ROLE_STAFF), patient(*clinic.counters[i], ROLE_PATIENT);
        // One card in four is refused its wrong PIN first, one in four lies there from before.
        const bool wrong = i % 4 == 1, lying = i % 4 == 2;
        const auto lay = [&] {
          clinic.fake.readers.Lay(Clinic::Reader(i), fake::MakeCard(), lying);
        };
        if (lying) lay();
        ASSERT_TRUE(staff.Begin("pin").ok());
        const View prompt = patient.AwaitStage(STAGE_ASK_PIN);
        if (i % 4 == 3) lay();
        ASSERT_TRUE(patient.Pin(wrong ? "9999" : "1234", prompt).ok());
        if (lying) {
          Reply same;
          same.mutable_same_card()->set_same(true);
          ASSERT_TRUE(staff
                          .Send(same, staff.Await([](const View& view) {
                            return view.stage() == STAGE_ASK_SAME_CARD && view.question() != 0;
                          }))
                          .ok());
        } else if (i % 4 != 3) {
          lay();
        }
        if (wrong) {
          const View again = patient.Await([&](const View& view) {
            return view.has_pin_prompt() && view.question() > prompt.question();
          });
          ASSERT_TRUE(patient.Pin("1234", again).ok());
        }
        const View done = staff.AwaitStage(STAGE_DONE);
        EXPECT_EQ(done.verdict().outcome(), OUTCOME_ELIGIBLE) << i << done.verdict().DebugString();
        EXPECT_EQ(done.verdict().check_id(), prompt.check_id());
        EXPECT_TRUE(staff.Close().ok());
        ++right;
      });
    }
  }
  over = true;
  EXPECT_EQ(right, kCounters);
  EXPECT_EQ(clinic.fake.authority.asked().size(), static_cast<size_t>(kCounters));
}

// A reply that was accepted counts, however the screens' thread and the check's fall together.
TEST(ConcurrencyTest, AnAcceptedReplyIsNeverLost) {
  Clinic clinic;
  std::vector<std::jthread> counters;
  std::atomic<bool> over = false;
  std::jthread table([&] {
    while (!over) clinic.fake.readers.Plug("r0");
  });
  for (int i = 0; i < 4; ++i) {
    counters.emplace_back([&, i] {
      Looker staff(*clinic.counters[i], ROLE_STAFF);
      for (int round = 0; round < 25; ++round) {
        clinic.fake.readers.Lay(Clinic::Reader(i), fake::MakeCard(), /*lying=*/true);
        ASSERT_TRUE(staff.Begin("visual").ok());
        Reply matches, same;
        matches.mutable_visual_match()->set_matches(true);
        same.mutable_same_card()->set_same(true);
        ASSERT_TRUE(staff.Send(matches, staff.AwaitStage(STAGE_ASK_VISUAL_MATCH)).ok());
        const View asked = staff.Await([](const View& view) {
          return view.stage() == STAGE_ASK_SAME_CARD && view.question() != 0;
        });
        ASSERT_TRUE(staff.Send(same, asked).ok());
        const View done = staff.AwaitStage(STAGE_DONE);
        ASSERT_EQ(done.stage(), STAGE_DONE) << "round " << round << done.DebugString();
        EXPECT_EQ(done.verdict().outcome(), OUTCOME_ELIGIBLE);
        clinic.fake.readers.Take(Clinic::Reader(i));
        ASSERT_TRUE(staff.Close().ok());
      }
    });
  }
  counters.clear();
  over = true;
}

// A card is this patient's from its first moment: the staff are not asked about it in between.
TEST(ConcurrencyTest, ACardThatJustCameIsNotAskedAbout) {
  Clinic clinic;
  Counter& counter = *clinic.counters[0];
  std::atomic<int> asked = 0;
  const auto watch = std::make_shared<Listener>([&] {
    View view;
    counter.View(ROLE_STAFF, &view);
    if (view.stage() == STAGE_ASK_SAME_CARD) ++asked;
  });
  counter.Tell(watch);
  std::atomic<bool> over = false;
  std::jthread chatter([&] {
    while (!over) clinic.fake.readers.Plug("r1");
  });
  Looker staff(counter, ROLE_STAFF);
  for (int round = 0; round < 150; ++round) {
    ASSERT_TRUE(staff.Begin("visual").ok());
    Reply matches;
    matches.mutable_visual_match()->set_matches(true);
    ASSERT_TRUE(staff.Send(matches, staff.AwaitStage(STAGE_ASK_VISUAL_MATCH)).ok());
    staff.AwaitStage(STAGE_LAY_CARD);
    clinic.fake.readers.Lay("r0");
    EXPECT_EQ(staff.AwaitStage(STAGE_DONE).verdict().outcome(), OUTCOME_ELIGIBLE);
    clinic.fake.readers.Take("r0");
    ASSERT_TRUE(staff.Close().ok());
  }
  over = true;
  chatter.join();
  watch->Stop();
  EXPECT_EQ(asked, 0);
}

// Replies, cancels and cards at random, all at once; whatever happens, every check ends.
TEST(ConcurrencyTest, EverythingAtOnceEndsInAVerdict) {
  Clinic clinic;
  clinic.fake.world.limits.card = 30ms;
  clinic.fake.world.limits.typing = 60ms;
  clinic.fake.world.limits.question = 60ms;
  std::atomic<bool> over = false;
  std::vector<std::jthread> threads;
  threads.emplace_back([&] {
    for (int i = 0; !over; ++i) {
      const std::string reader = Clinic::Reader(i % kCounters);
      if (i % 3 == 0) clinic.fake.readers.Take(reader);
      if (i % 3 == 1) clinic.fake.readers.Lay(reader, fake::MakeCard(), i % 2 == 0);
      if (i % 97 == 0) clinic.fake.readers.Restart();
    }
  });
  std::atomic<int> verdicts = 0;
  std::vector<std::jthread> staffs;
  for (int i = 0; i < kCounters; ++i) {
    Counter& counter = *clinic.counters[i];
    threads.emplace_back([&] {
      Looker patient(counter, ROLE_PATIENT);
      while (!over) {
        const View view = patient.View();
        Reply reply;
        if (view.has_pin_prompt()) {
          (void)patient.Pin("1234", view);
        } else if (view.stage() == STAGE_ASK) {
          reply.mutable_answer()->set_choice_id("yes");
          (void)patient.Send(reply, view);
        }
        std::this_thread::sleep_for(2ms);
      }
    });
    staffs.emplace_back([&, i] {
      Looker staff(counter, ROLE_STAFF);
      static const char* const kMethods[] = {"pin", "visual", "question"};
      for (int round = 0; round < 5; ++round) {
        ASSERT_TRUE(staff.Begin(kMethods[(i + round) % 3]).ok());
        if ((i + round) % 4 == 0) (void)staff.Cancel();
        while (true) {
          const View view = staff.Await([](const View& now) {
            return now.stage() == STAGE_DONE || now.stage() == STAGE_ASK_VISUAL_MATCH ||
                   now.stage() == STAGE_ASK_SAME_CARD;
          });
          if (view.stage() == STAGE_DONE) break;
          Reply reply;
          if (view.stage() == STAGE_ASK_SAME_CARD) {
            reply.mutable_same_card()->set_same(round % 2 == 0);
          } else {
            reply.mutable_visual_match()->set_matches(true);
          }
          (void)staff.Send(reply, view);
        }
        EXPECT_NE(staff.View().verdict().outcome(), OUTCOME_UNSPECIFIED);
        ++verdicts;
        ASSERT_TRUE(staff.Close().ok());
      }
    });
  }
  staffs.clear();
  over = true;
  EXPECT_EQ(verdicts, kCounters * 5);
}

TEST(ConcurrencyTest, StoppingAllCountersInTheMiddleOfChecks) {
  Clinic clinic;
  clinic.fake.world.limits.apdu = 60s;
  for (int i = 0; i < kCounters; ++i) {
    if (i % 2 == 0) clinic.fake.readers.Lay(Clinic::Reader(i))->silent_from = 1 + i % 5;
    ASSERT_TRUE(Looker(*clinic.counters[i], ROLE_STAFF).Begin("pin").ok());
  }
  for (const auto& counter : clinic.counters) counter->RequestStop();
  for (const auto& counter : clinic.counters) counter->Stop();
  for (const auto& counter : clinic.counters) {
    const Record record = counter->last_record();
    ASSERT_GT(record.entry_size(), 0);
    EXPECT_EQ(record.entry(record.entry_size() - 1).verdict().failure().code(),
              FAILURE_CODE_CANCELLED);
  }
}

}  // namespace
}  // namespace madoguchi
