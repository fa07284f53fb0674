// A plugin may die at any point, in any way: the check ends in a verdict with a code soon after its
// deadline, no VERIFY is repeated, the host lives on, and the plugin comes back.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdlib>
#include <random>
#include <thread>

#include "tests/flows/flow.h"

namespace madoguchi::clinic {
namespace {

using namespace check::v1;  // NOLINT: codes.
using namespace std::chrono_literals;
using desk::v1::PluginRow;
using std::chrono::steady_clock;

constexpr Point kPoints[] = {Point::kAskPin,  Point::kLayCard, Point::kLastTry,
                             Point::kReading, Point::kSigning, Point::kAskAuthority};
constexpr int kWindows = std::size(kPoints);
// What a verdict may come after the last deadline.
constexpr auto kAfterDeadline = 2s;

std::unique_ptr<Clinic> clinic;

class House : public testing::Environment {
 public:
  void SetUp() override {
    std::vector<Patient> patients;
    for (int i = 0; i < kWindows; ++i) patients.push_back({"p" + std::to_string(i)});
    clinic = MakeFlowClinic(kWindows, patients);
    clinic->Start();
    host = clinic->host().pid();
  }
  void TearDown() override {
    EXPECT_FALSE(clinic->host().Wait(0ms).has_value()) << "the host ended";
    clinic.reset();
  }
  static pid_t host;
};
pid_t House::host = -1;

const auto* const house = testing::AddGlobalTestEnvironment(new House);

enum class Fault { kKill, kCrash, kHang, kNoMemory };
constexpr Fault kFaults[] = {Fault::kKill, Fault::kCrash, Fault::kHang, Fault::kNoMemory};

std::string NameOf(Fault fault) {
  switch (fault) {
    case Fault::kKill:
      return "Kill";
    case Fault::kCrash:
      return "Crash";
    case Fault::kHang:
      return "Hang";
    default:
      return "NoMemory";
  }
}

// False when the plugin does not run just now.
bool Strike(const std::string& plugin, Fault fault) {
  const pid_t pid = clinic->Plugin(plugin).pid();
  if (pid <= 0) return false;
  switch (fault) {
    case Fault::kKill:
      return kill(pid, SIGKILL) == 0;
    case Fault::kCrash:
      return kill(pid, SIGSEGV) == 0;
    case Fault::kHang:
      return kill(pid, SIGSTOP) == 0;
    case Fault::kNoMemory: {
      // Not a byte more than it has.
      const rlimit none{1, 1};
      return prlimit(pid, RLIMIT_DATA, &none, nullptr) == 0 &&
             prlimit(pid, RLIMIT_AS, &none, nullptr) == 0;
    }
  }
  return false;
}

// As an admin does, who does not wait for the backoff.
void Restart(const std::string& plugin) {
  const pid_t before = clinic->Plugin(plugin).pid();
  const auto stub = desk::v1::Desk::NewStub(clinic->Channel());
  grpc::ClientContext context;
  desk::v1::RestartPluginRequest request;
  request.set_name(plugin);
  desk::v1::RestartPluginReply reply;
  const grpc::Status status = stub->RestartPlugin(&context, request, &reply);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(Await([&] {
    const PluginRow row = clinic->Plugin(plugin);
    return row.state() == PluginRow::STATE_RUNNING && row.pid() > 0 && row.pid() != before;
  })) << clinic->Plugin(plugin).DebugString();
}

// The codes that a check may end with when the plugin fails it, besides that it may not have needed
// it any more, or that it came back in time.
testing::Matcher<FailureCode> CodesOf(const std::string& plugin) {
  using testing::AnyOf;
  if (plugin == "policy_pin") return AnyOf(FAILURE_CODE_UNSPECIFIED, FAILURE_CODE_POLICY_FAILED);
  if (plugin == "authority_online") {
    return AnyOf(FAILURE_CODE_UNSPECIFIED, FAILURE_CODE_AUTHORITY_UNREACHABLE,
                 FAILURE_CODE_AUTHORITY_SLOW);
  }
  return AnyOf(FAILURE_CODE_UNSPECIFIED, FAILURE_CODE_READER_LOST, FAILURE_CODE_CARD_SILENT,
               FAILURE_CODE_NO_CARD, FAILURE_CODE_CARD_GONE, FAILURE_CODE_NO_READER);
}

// The longest that a check waits for a plugin that says nothing, by the limits of this clinic.
std::chrono::milliseconds DeadlineOf(const std::string& plugin) {
  const auto& limits = clinic->config().limits();
  if (plugin == "policy_pin") return 1000ms;
  // The challenge that was asked for ahead, and the one that is asked for then.
  if (plugin == "authority_online") return 2 * std::chrono::milliseconds(limits.authority_ms());
  return std::chrono::milliseconds(limits.card_ms());
}

// The longest that a whole check waits while people answer at once: for a reader that is missing at
// its beginning, the card, the challenge that was asked for ahead, the one that is asked for then,
// and the answer. Another wait for a plugin that says nothing is shorter, and ends the check.
std::chrono::milliseconds DeadlineOfCheck() {
  const auto& limits = clinic->config().limits();
  return std::chrono::milliseconds(limits.no_reader_ms() + limits.card_ms() +
                                   3 * limits.authority_ms());
}

class AtEachStep : public testing::TestWithParam<std::tuple<const char*, Fault>> {};

TEST_P(AtEachStep, TheCheckEndsInTime) {
  const std::string plugin = std::get<0>(GetParam());
  std::vector<std::unique_ptr<Window>> windows;
  for (int i = 0; i < kWindows; ++i) {
    windows.push_back(std::make_unique<Window>(*clinic, i, "p" + std::to_string(i)));
    windows[i]->HoldAt(kPoints[i]);
  }
  ASSERT_TRUE(Strike(plugin, std::get<1>(GetParam())));
  for (const auto& window : windows) window->GoOn();
  const auto since = steady_clock::now();
  for (int i = 0; i < kWindows; ++i) {
    const FailureCode code = windows[i]->AwaitCode();
    EXPECT_LT(steady_clock::now() - since, DeadlineOf(plugin) + kAfterDeadline)
        << clinic::NameOf(kPoints[i]);
    EXPECT_THAT(code, CodesOf(plugin))
        << clinic::NameOf(kPoints[i]) << ": " << FailureCode_Name(code);
    EXPECT_LE(Number(windows[i]->card(), "verifies-total"), 1) << clinic::NameOf(kPoints[i]);
  }
  Restart(plugin);
  for (int i = 0; i < kWindows; ++i) EXPECT_TRUE(clinic->AwaitCard(i));
  for (const auto& window : windows) window->ExpectNextCheckWorks();
  EXPECT_EQ(clinic->host().pid(), House::host);
}

INSTANTIATE_TEST_SUITE_P(, AtEachStep,
                         testing::Combine(testing::Values("reader_virtual", "policy_pin",
                                                          "authority_online"),
                                          testing::ValuesIn(kFaults)),
                         [](const auto& row) {
                           return std::string(std::get<0>(row.param)) +
                                  NameOf(std::get<1>(row.param));
                         });

// Without an admin, and from the first crash of a host's life.
TEST(FirstCrash, IsMadeGoodSoon) {
  for (const std::string plugin : {"reader_virtual", "policy_pin", "authority_online"}) {
    Restart(plugin);
    const pid_t before = clinic->Plugin(plugin).pid();
    const auto since = steady_clock::now();
    ASSERT_TRUE(Strike(plugin, Fault::kCrash));
    EXPECT_TRUE(Await([&] {
      const PluginRow row = clinic->Plugin(plugin);
      return row.state() == PluginRow::STATE_RUNNING && row.pid() != before;
    }));
    const auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - since);
    std::printf("%s: back after %d ms\n", plugin.c_str(), static_cast<int>(took.count()));
    EXPECT_LT(took, 2s) << plugin;
  }
}

// Nobody restarts it: its Health is what gives it away.
TEST(Hang, IsNoticedAndEnded) {
  Restart("policy_pin");
  const pid_t before = clinic->Plugin("policy_pin").pid();
  ASSERT_TRUE(Strike("policy_pin", Fault::kHang));
  EXPECT_TRUE(Await(
      [&] {
        const PluginRow row = clinic->Plugin("policy_pin");
        return row.state() == PluginRow::STATE_RUNNING && row.pid() != before;
      },
      40s))
      << clinic->Plugin("policy_pin").DebugString();
}

// Checks run at all counters while plugins die, one after the other.
TEST(AtRandom, EveryCheckEndsAndNoPinIsSentTwice) {
  const char* const told = std::getenv("MADOGUCHI_KILLS");
  const int kills = told == nullptr ? 20 : std::atoi(told);
  const unsigned seed = static_cast<unsigned>(kills);
  std::mt19937 random(seed);
  std::atomic<bool> done = false;
  std::atomic<int> checks = 0, eligible = 0;
  std::vector<std::jthread> counters;
  for (int i = 0; i < kWindows; ++i) {
    counters.emplace_back([&, i] {
      Window window(*clinic, i, "p" + std::to_string(i));
      window.Lay();
      while (!done) {
        const int before = Number(window.card(), "verifies-total");
        Screen& staff = window.staff();
        ASSERT_TRUE(staff.Begin("pin").ok());
        // One PIN, and a yes to every question, until there is a verdict.
        bool typed = false;
        const auto since = steady_clock::now();
        desk::v1::View view;
        while (view.stage() != desk::v1::STAGE_DONE && steady_clock::now() - since < 20s) {
          view = staff.Await([&](const desk::v1::View& v) {
            return v.stage() == desk::v1::STAGE_DONE ||
                   v.stage() == desk::v1::STAGE_ASK_SAME_CARD ||
                   (v.stage() == desk::v1::STAGE_ASK_PIN && !typed);
          });
          if (view.stage() == desk::v1::STAGE_ASK_PIN) {
            typed = window.patient().Pin("1234").ok();
          } else if (view.stage() == desk::v1::STAGE_ASK_SAME_CARD) {
            // Refused when the reader, and the question with it, went meanwhile.
            desk::v1::Reply reply;
            reply.mutable_same_card()->set_same(true);
            (void)staff.Send(reply);
          }
        }
        EXPECT_EQ(view.stage(), desk::v1::STAGE_DONE);
        EXPECT_LT(steady_clock::now() - since, DeadlineOfCheck() + kAfterDeadline);
        EXPECT_TRUE(view.verdict().outcome() == OUTCOME_ELIGIBLE || view.verdict().has_failure())
            << view.DebugString();
        EXPECT_LE(Number(window.card(), "verifies-total") - before, 1);
        ++checks;
        if (view.verdict().outcome() == OUTCOME_ELIGIBLE) ++eligible;
        EXPECT_TRUE(staff.Close().ok());
      }
      window.ExpectNextCheckWorks();
    });
  }
  const char* const plugins[] = {"reader_virtual", "policy_pin", "authority_online"};
  for (int n = 0; n < kills; ++n) {
    const std::string plugin = plugins[random() % 3];
    const Fault fault = kFaults[random() % 4];
    // At another moment of the checks each time.
    const int meanwhile = checks + static_cast<int>(random() % 4);
    EXPECT_TRUE(Await([&] { return checks >= meanwhile; }));
    EXPECT_TRUE(Strike(plugin, fault)) << plugin << " " << NameOf(fault);
    Restart(plugin);
    if (HasFailure()) break;
  }
  done = true;
  counters.clear();
  std::printf("%d plugins struck, %d checks ended, %d of them eligible\n", kills, checks.load(),
              eligible.load());
  EXPECT_GT(eligible, 0);
}

}  // namespace
}  // namespace madoguchi::clinic
