// bench_readers: what reading through Madoguchi costs, with readers of all four kinds, in one run:
//
// - APDUs through the plugin, beside its bare library;
// - from a card that is laid down, or taken away, to the View that says so;
// - processor and memory of each plugin while nothing happens.
//
// Run it with two readers of a private pcscd:
//
//   sdk/tools/private-pcscd --readers 2 -- build/release/tests/bench_readers [ROUNDS]
#include <gtest/gtest.h>
#include <winscard.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <random>
#include <thread>

#include "tests/bench/round_trips.h"
#include "tests/clinic/clinic.h"

namespace madoguchi::bench {
namespace {

using clinic::Clinic;
using clinic::ReaderKind;

constexpr ReaderKind kKinds[] = {ReaderKind::kVirtual, ReaderKind::kPcsc, ReaderKind::kNfc,
                                 ReaderKind::kBluetooth};

void AllRoundTrips(const Turns& turns) {
  char folder[] = "/tmp/madoguchi-bench-XXXXXX";
  Must(mkdtemp(folder) != nullptr, "mkdtemp");
  const auto own = [&](const char* name) {
    const std::string path = std::string(folder) + "/" + name;
    std::filesystem::create_directory(path);
    return path;
  };
  VirtualRoundTrips(turns, own("v"));
  PcscRoundTrips(turns, own("p"));
  NfcRoundTrips(turns, own("n"), false);
  NfcRoundTrips(turns, own("115200"), true);
  BluetoothRoundTrips(turns, own("b"));
  std::filesystem::remove_all(folder);
}

// When a plain program in SCardGetStatusChange hears of the reader's next event.
std::future<Clock::time_point> PlainEvent(const std::string& reader) {
  auto waiting = std::make_shared<std::promise<void>>();
  auto heard = std::async(std::launch::async, [reader, waiting] {
    SCARDCONTEXT context;
    SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &context);
    SCARD_READERSTATE state{};
    state.szReader = reader.c_str();
    SCardGetStatusChange(context, 0, &state, 1);
    state.dwCurrentState = state.dwEventState & ~SCARD_STATE_CHANGED;
    waiting->set_value();
    SCardGetStatusChange(context, 5000, &state, 1);
    const auto now = Clock::now();
    SCardReleaseContext(context);
    return now;
  });
  waiting->get_future().wait();
  return heard;
}

// A counter with one reader, and its card.
class Place {
 public:
  Place(Clinic& clinic, int number)
      : name_(clinic.ReaderName(number)),
        staff_(clinic.Staff(std::to_string(number + 1))),
        card_(clinic.Lay("hanako", number)) {
    Await(true);
  }

  void Lay() {
    card_->LayAgain();
    Await(true);
  }
  void Take() {
    card_->Take();
    Await(false);
  }
  // The reader's name without its plugin.
  std::string reader() const { return name_.substr(name_.find('/') + 1); }

 private:
  void Await(bool there) {
    const auto view = staff_->Await([&](const desk::v1::View& now) {
      return (now.card() != desk::v1::CARD_PLACE_NONE) == there;
    });
    Must((view.card() != desk::v1::CARD_PLACE_NONE) == there, "the view of " + name_);
  }

  const std::string name_;
  std::unique_ptr<clinic::Screen> staff_;
  std::unique_ptr<clinic::Card> card_;
};

void Events(std::vector<std::unique_ptr<Place>>& places, int rounds) {
  std::mt19937 dice(7);
  // Not in step with whoever looks now and then.
  const auto pause = [&] {
    std::this_thread::sleep_for(std::chrono::microseconds(dice() % 500000));
  };
  Row laid[std::size(kKinds)], taken[std::size(kKinds)], plain, above;
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < std::size(kKinds); ++i) {
      pause();
      auto start = Clock::now();
      places[i]->Take();
      taken[i].AddSince(start);
      std::future<Clock::time_point> heard;
      const bool pcsc = kKinds[i] == ReaderKind::kPcsc;
      if (pcsc) heard = PlainEvent(places[i]->reader());
      pause();
      start = Clock::now();
      places[i]->Lay();
      const auto shown = Clock::now();
      laid[i].Add(Between(start, shown));
      if (!pcsc) continue;
      const auto event = heard.get();
      plain.Add(Between(start, event));
      above.Add(Between(event, shown));
    }
  }
  Head("From a card that is laid down to the View (ms)");
  for (size_t i = 0; i < std::size(kKinds); ++i) Print(clinic::PluginOf(kKinds[i]), laid[i]);
  Print("pcscd: plain SCardGetStatusChange returns", plain);
  Print("  the View after that", above);
  Head("From a card that is taken away to the View (ms)");
  for (size_t i = 0; i < std::size(kKinds); ++i) Print(clinic::PluginOf(kKinds[i]), taken[i]);
}

void IdleOfAll(Clinic& clinic, const char* what, std::chrono::milliseconds time) {
  std::map<std::string, pid_t> programs = {{"madoguchid", clinic.host().pid()}};
  for (const ReaderKind kind : kKinds) {
    const std::string plugin = clinic::PluginOf(kind);
    programs[plugin] = clinic.Plugin(plugin).pid();
  }
  std::map<std::string, double> before;
  for (const auto& [name, pid] : programs) before[name] = ProcessorTime(pid);
  const auto start = Clock::now();
  std::this_thread::sleep_for(time);
  const double passed = Since(start);
  std::printf("\n%-60s %9s %9s %9s\n", what, "% of core", "MiB", "own MiB");
  for (const auto& [name, pid] : programs) {
    std::printf("  %-58s %9.3f %9.1f %9.1f\n", name.c_str(),
                100 * (ProcessorTime(pid) - before[name]) / passed, Memory(pid, "Rss"),
                Memory(pid, "Private_Dirty"));
  }
}

void WholeClinic(int rounds) {
  Clinic::Options options;
  options.kinds.assign(std::begin(kKinds), std::end(kKinds));
  auto clinic = Clinic::Make(options);
  clinic->Start();
  std::vector<std::unique_ptr<Place>> places;
  for (size_t i = 0; i < std::size(kKinds); ++i) {
    places.push_back(std::make_unique<Place>(*clinic, static_cast<int>(i)));
  }
  Events(places, rounds);
  const std::chrono::seconds time(rounds > 1 ? 20 : 1);
  IdleOfAll(*clinic, "Idle, a card on each reader", time);
  for (const auto& place : places) place->Take();
  IdleOfAll(*clinic, "Idle, without cards", time);
}

}  // namespace
}  // namespace madoguchi::bench

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (std::getenv("MADOGUCHI_PCSCD_DIR") == nullptr) {
    std::fprintf(stderr,
                 "run it by sdk/tools/private-pcscd --readers 2 -- bench_readers [ROUNDS]\n");
    return 64;
  }
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 50;
  madoguchi::bench::AllRoundTrips(rounds > 1 ? madoguchi::bench::Turns()
                                             : madoguchi::bench::Turns{1, 10});
  madoguchi::bench::WholeClinic(rounds);
  return testing::Test::HasFailure() ? 1 : 0;
}
