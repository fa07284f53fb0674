// bench_readers: what a reader plugin costs beside its bare library, in one run and one table. Run
// it with two readers of a private pcscd:
//
//   sdk/tools/private-pcscd --readers 2 -- build/release/tests/bench_readers [ROUNDS]
#include <gtest/gtest.h>
#include <unistd.h>
#include <winscard.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>

#include "sdk/conformance/plugin_process.h"
#include "sdk/conformance/reader_client.h"
#include "tests/bench/plain_card.h"
#include "tests/clinic/clinic.h"

namespace madoguchi::bench {
namespace {

using clinic::Clinic;
using Clock = std::chrono::steady_clock;
using Bytes = std::vector<uint8_t>;
using namespace std::chrono_literals;

double Since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double At(std::vector<double> times, double share) {
  if (times.empty()) return -1;
  std::sort(times.begin(), times.end());
  return times[std::min(times.size() - 1, static_cast<size_t>(share * times.size()))];
}

void Print(const char* what, const std::vector<double>& times) {
  std::printf("  %-58s %8.3f %8.3f %8.3f  n=%zu\n", what, At(times, 0), At(times, 0.5),
              At(times, 0.99), times.size());
  std::fflush(stdout);
}

void Head(const char* title) {
  std::printf("\n%-60s %8s %8s %8s  (ms)\n", title, "min", "p50", "p99");
}

// Processor time of a process so far, in milliseconds.
double ProcessorTime(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string field;
  double ticks = 0;
  for (int number = 3; fields >> field; ++number) {
    if (number == 14 || number == 15) ticks += std::stod(field);  // utime, stime
  }
  return ticks * 1000 / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double Memory(pid_t pid, const std::string& name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/smaps_rollup");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(name, 0) == 0) return std::stod(line.substr(name.size())) / 1024;
  }
  return -1;
}

// One APDU a call, as the host calls; the plain program's are of the same card a moment before.
void RoundTrips(const std::string& reader, int count) {
  PlainCard plain;
  const std::vector<double> bare = plain.Reads(reader, count);
  ASSERT_FALSE(bare.empty()) << "the plain program failed";
  auto process = conformance::PluginProcess::Spawn(
      std::filesystem::canonical("/proc/self/exe").parent_path().parent_path() /
      "plugins/reader_pcsc/reader_pcsc");
  ASSERT_TRUE(process.ok()) << process.status();
  ASSERT_TRUE((*process)
                  ->Start({{"pcscd_socket", std::getenv("PCSCLITE_CSOCK_NAME")},
                           {"readers", ""},
                           {"ignore_readers", ""},
                           {"pads", ""}})
                  .ok());
  conformance::ReaderClient client(**process);
  const auto state = client.AwaitPresence(reader, reader::v1::PRESENCE_PRESENT);
  ASSERT_TRUE(state.has_value());
  std::vector<double> opens, through;
  for (int i = 0; i < 20; ++i) {
    const auto start = Clock::now();
    const auto opened = client.Open(reader, state->insertion());
    ASSERT_TRUE(opened.ok()) << opened.status();
    opens.push_back(Since(start));
    ASSERT_TRUE(client.Close(opened->session()).ok());
  }
  const auto opened = client.Open(reader, state->insertion());
  ASSERT_TRUE(opened.ok()) << opened.status();
  const Bytes select = {0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0,
                        0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01};
  ASSERT_TRUE(client.Transmit(opened->session(), select).ok());
  for (int i = 0; i < count; ++i) {
    const auto start = Clock::now();
    const auto answer = client.Transmit(opened->session(), {0x00, 0xB0, 0x8A, 0x00, 0x00});
    through.push_back(Since(start));
    ASSERT_TRUE(answer.ok() && answer->size() == 258) << answer.status();
  }
  ASSERT_TRUE(client.Close(opened->session()).ok());
  Head("READ BINARY of 256 bytes, card at 0 ms, through pcscd");
  Print("plain libpcsclite", bare);
  Print("through reader_pcsc, a call each", through);
  std::printf("  %-58s %17.3f\n", "  above the plain program (p50 - p50)",
              At(through, 0.5) - At(bare, 0.5));
  Print("Open of reader_pcsc: connect and begin a transaction", opens);
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

void Events(Clinic& clinic, clinic::Card& card, const std::string& reader, int rounds) {
  auto staff = clinic.Staff();
  std::vector<double> plain, view, above;
  const auto await_card = [&](bool there) {
    staff->Await([&](const desk::v1::View& now) {
      return (now.card() != desk::v1::CARD_PLACE_NONE) == there;
    });
  };
  for (int i = 0; i < rounds; ++i) {
    card.Take();
    await_card(false);
    auto heard = PlainEvent(reader);
    // Not in step with pcscd's own looks.
    std::this_thread::sleep_for(std::chrono::milliseconds(i * 137 % 400));
    const auto start = Clock::now();
    card.LayAgain();
    await_card(true);
    const auto shown = Clock::now();
    const auto event = heard.get();
    view.push_back(std::chrono::duration<double, std::milli>(shown - start).count());
    plain.push_back(std::chrono::duration<double, std::milli>(event - start).count());
    above.push_back(std::chrono::duration<double, std::milli>(shown - event).count());
  }
  Head("A card is laid down (pcscd looks at vpcd every 400 ms)");
  Print("plain SCardGetStatusChange returns", plain);
  Print("the View says so", view);
  Print("  the View after the plain program", above);
}

void Idle(pid_t plugin, std::chrono::seconds time) {
  const double before = ProcessorTime(plugin);
  std::this_thread::sleep_for(time);
  const double used = ProcessorTime(plugin) - before;
  std::printf("\nreader_pcsc idle for %d s, two readers, a card on one\n",
              static_cast<int>(time.count()));
  std::printf("  %-58s %8.3f\n", "processor, percent of a core (at most 0.5)",
              used / (10.0 * static_cast<double>(time.count())));
  std::printf("  %-58s %8.1f\n", "resident (MiB)", Memory(plugin, "Rss:"));
  std::printf("  %-58s %8.1f\n", "private and dirty (MiB)", Memory(plugin, "Private_Dirty:"));
}

void Pcsc(int rounds) {
  Clinic::Options options;
  options.pcsc = true;
  auto clinic = Clinic::Make(options);
  clinic->Start();
  auto card = clinic->Lay("hanako");
  ASSERT_TRUE(clinic->AwaitCard(0));
  const std::string reader = clinic->ReaderName(0).substr(sizeof("reader_pcsc/") - 1);
  RoundTrips(reader, rounds * 50);
  if (testing::Test::HasFatalFailure()) return;
  Events(*clinic, *card, reader, rounds);
  Idle(clinic->Plugin("reader_pcsc").pid(), std::chrono::seconds(rounds > 1 ? 20 : 1));
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
  madoguchi::bench::Pcsc(argc > 1 ? std::max(1, std::atoi(argv[1])) : 30);
  return testing::Test::HasFailure() ? 1 : 0;
}
