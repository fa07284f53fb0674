// bench_check: what a check costs beside a plain program, in one run and one table. Run it with two
// readers of a private pcscd:
//
//   sdk/tools/private-pcscd --readers 2 -- build/release/tests/bench_check [ROUNDS]
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>

#include "tests/bench/measures.h"
#include "tests/bench/plain_card.h"
#include "tests/clinic/clinic.h"

namespace madoguchi::bench {
namespace {

using clinic::Clinic;
std::string ReaderOf(const Clinic& clinic, int reader) {
  return clinic.ReaderName(reader).substr(sizeof("reader_pcsc/") - 1);
}

// The steps of the newest check, from the host's log line.
std::map<std::string, double> StepsOf(Clinic& clinic) {
  std::map<std::string, double> steps;
  std::istringstream lines(clinic.host().Output());
  std::string line, last;
  while (std::getline(lines, line)) {
    if (line.rfind("check ", 0) == 0) last = line;
  }
  static const std::regex kStep("([a-z_]+) ([0-9.]+)(,|$)");
  for (std::sregex_iterator i(last.begin(), last.end(), kStep), end; i != end; ++i) {
    steps[(*i)[1]] = std::stod((*i)[2]);
  }
  return steps;
}

// The card's arrival as the plain program and the host see it, from the same moment on.
void LayAgain(Clinic& clinic, clinic::Card& card) {
  card.Take();
  ASSERT_TRUE(clinic.AwaitCard(0, false));
  card.LayAgain();
  ASSERT_TRUE(clinic.AwaitCard(0, true));
}

void Column(int latency_ms, int rounds) {
  Clinic::Options options;
  options.kind = clinic::ReaderKind::kPcsc;
  auto clinic = Clinic::Make(options);
  clinic->Start();
  auto card = clinic->Lay("hanako", 0, {"--latency-ms", std::to_string(latency_ms)});
  ASSERT_TRUE(clinic->AwaitCard(0));
  auto staff = clinic->Staff(), patient = clinic->PatientScreen();
  PlainCard plain;

  Row alone, whole, prompt, typed, rest;
  std::map<std::string, Row> steps;
  for (int i = 0; i < rounds; ++i) {
    LayAgain(*clinic, *card);
    if (testing::Test::HasFatalFailure()) return;
    alone.Add(plain.CheckByPin(ReaderOf(*clinic, 0), "1234"));
    ASSERT_GT(alone.Last(), 0) << "the plain program failed";
    const auto start = Clock::now();
    ASSERT_TRUE(staff->Begin("pin").ok());
    patient->Await([](const desk::v1::View& view) { return view.has_pin_prompt(); });
    prompt.AddSince(start);
    ASSERT_TRUE(patient->Pin("1234").ok());
    typed.AddSince(start);
    ASSERT_EQ(staff->AwaitVerdict().outcome(), check::v1::OUTCOME_ELIGIBLE);
    whole.AddSince(start);
    rest.Add(whole.Last() - typed.Last());
    for (const auto& [name, ms] : StepsOf(*clinic)) steps[name].Add(ms);
    ASSERT_TRUE(staff->Close().ok());
  }
  Head("Card at " + std::to_string(latency_ms) + " ms an APDU, through pcscd");
  Print("plain libpcsclite program, the same APDUs", alone);
  Print("Madoguchi, Begin to Verdict (card there, PIN ready)", whole);
  Print("  above the plain program (p50 - p50; aim: at most 5)", whole.At(0.5) - alone.At(0.5));
  Print("  Begin to the prompt on the patient's screen", prompt);
  Print("  Begin to the sealed PIN accepted", typed);
  Print("  PIN accepted to the verdict on the staff's screen", rest);
  for (const auto& [name, row] : steps) Print("  in the host: " + name, row);

  Row opensc;
  const std::string command =
      "printf challenge | pkcs11-tool --login --pin 1234 --sign --id 01 "
      "-m SHA256-RSA-PKCS -o /dev/null >/dev/null 2>&1";
  for (int i = 0; i < std::max(3, rounds / 5); ++i) {
    const auto start = Clock::now();
    const int status = std::system(command.c_str());
    if (status == 0) opensc.AddSince(start);
  }
  Print("OpenSC: pkcs11-tool --login --sign (a process each)", opensc);
}

void StartAndMemory(int rounds) {
  Clinic::Options options;
  options.kind = clinic::ReaderKind::kPcsc;
  auto clinic = Clinic::Make(options);
  clinic->StartAuthority();
  Row first_view, all_plugins;
  for (int i = 0; i < rounds; ++i) {
    const auto start = Clock::now();
    clinic->StartHost();
    clinic->Staff()->AwaitStage(desk::v1::STAGE_IDLE);
    first_view.AddSince(start);
    ASSERT_TRUE(clinic->AwaitCard(0, false));
    for (const auto& plugin : clinic->config().plugin()) {
      ASSERT_TRUE(clinic::Await([&] {
        return clinic->Plugin(plugin.name()).state() == desk::v1::PluginRow::STATE_RUNNING;
      }));
    }
    all_plugins.AddSince(start);
    if (i + 1 < rounds) clinic->StopHost();
  }
  Head("Host start (keys made once)");
  Print("to the first View", first_view);
  Print("to all plugins running and the readers known", all_plugins);

  std::printf("\n%-60s %8s %8s\n", "Memory of each process (MiB)", "Rss", "Private");
  const auto print = [](const std::string& name, pid_t pid) {
    std::printf("  %-58s %8.1f %8.1f\n", name.c_str(), Memory(pid, "Rss"),
                Memory(pid, "Private_Dirty"));
  };
  print("madoguchid", clinic->host().pid());
  print("madoguchi-authority", clinic->authority()->pid());
  for (const auto& plugin : clinic->config().plugin()) {
    print(plugin.name(), clinic->Plugin(plugin.name()).pid());
  }
}

}  // namespace
}  // namespace madoguchi::bench

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (std::getenv("MADOGUCHI_PCSCD_DIR") == nullptr) {
    std::fprintf(stderr, "run it by sdk/tools/private-pcscd --readers 2 -- bench_check [ROUNDS]\n");
    return 64;
  }
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 30;
  madoguchi::bench::Column(0, rounds);
  madoguchi::bench::Column(20, rounds);
  madoguchi::bench::StartAndMemory(std::min(rounds, 10));
  return testing::Test::HasFailure() ? 1 : 0;
}
