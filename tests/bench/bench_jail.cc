// What the jail costs: plugins in it and as bare child processes, in turn, in one run.
//
//   bench_jail [RUNS]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "madoguchi/plugin/v1/plugin.grpc.pb.h"
#include "sdk/conformance/card_hand.h"
#include "sdk/conformance/plugin_process.h"
#include "sdk/conformance/reader_client.h"
#include "sdk/launch/denied_calls.h"
#include "sdk/launch/launch.h"

namespace madoguchi::conformance {
namespace {

using std::chrono::steady_clock;

constexpr int kCalls = 200;

double Milliseconds(steady_clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

template <typename T>
T Must(absl::StatusOr<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", result.status().ToString().c_str());
    std::exit(1);
  }
  return *std::move(result);
}

void Must(const absl::Status& status) {
  if (!status.ok()) (void)Must<int>(status);
}

struct Figures {
  const char* title;
  bool jailed;
  bool told = false;  // as a host runs it: with a listener for what the jail denies
  std::vector<std::string> without = {};
  std::vector<double> start = {}, health = {}, apdu = {}, resident = {}, own = {};
};

// MiB of /proc/PID/smaps_rollup.
double MebibytesOf(pid_t pid, const std::vector<std::string>& keys) {
  std::ifstream rollup("/proc/" + std::to_string(pid) + "/smaps_rollup");
  double sum = 0;
  for (std::string line; std::getline(rollup, line);) {
    for (const std::string& key : keys) {
      if (line.rfind(key, 0) == 0) sum += std::atof(line.c_str() + key.size()) / 1024;
    }
  }
  return sum;
}

// Ends the process before its listener.
struct Life {
  std::unique_ptr<DeniedCalls> denied;
  std::unique_ptr<PluginProcess> process;
  PluginProcess* operator->() const { return process.get(); }
};

Life Spawn(const PluginImage& image, const plugin::v1::StartRequest& settings,
           const Figures& figures) {
  if (!figures.jailed) return {nullptr, Must(PluginProcess::Spawn(image.folder.binary))};
  const plugin::v1::Manifest& manifest = image.folder.manifest;
  Jail jail = Must(
      JailOf(manifest, settings, {manifest.permission().begin(), manifest.permission().end()}));
  jail.without = figures.without;
  jail.notices = figures.told;
  Life life{nullptr, Must(PluginProcess::SpawnJailed(image, jail, MADOGUCHI_LAUNCHER))};
  if (figures.told) {
    life.denied =
        std::make_unique<DeniedCalls>(life->TakeNotices(), jail, [](const std::string&) {});
  }
  return life;
}

// A policy, from its spawn to its answers to Health.
void MeasurePolicy(const PluginImage& image, Figures& figures) {
  const auto begun = steady_clock::now();
  const auto process = Spawn(image, {}, figures);
  Must(process->Start({{"pin_shortest", "4"}, {"pin_longest", "4"}, {"pin_digits", "true"}}));
  figures.start.push_back(Milliseconds(steady_clock::now() - begun));
  const auto stub = plugin::v1::Plugin::NewStub(process->channel());
  for (int i = 0; i < kCalls; ++i) {
    grpc::ClientContext context;
    plugin::v1::HealthReply reply;
    const auto asked = steady_clock::now();
    if (!stub->Health(&context, {}, &reply).ok()) std::exit(1);
    figures.health.push_back(Milliseconds(steady_clock::now() - asked));
  }
  figures.resident.push_back(MebibytesOf(process->pid(), {"Rss:"}));
  figures.own.push_back(MebibytesOf(process->pid(), {"Private_Dirty:"}));
}

// A reader: commands to a virtual card that takes no time.
void MeasureReader(const PluginImage& image, const std::string& folder, Figures& figures) {
  plugin::v1::StartRequest settings;
  const std::string sockets = folder + "/sockets";
  std::filesystem::create_directories(sockets);
  std::map<std::string, std::string> values = {{"directory", sockets},
                                               {"readers", "1"},
                                               {"pin_pad", "false"},
                                               {"recording", ""},
                                               {"speed", "100"}};
  for (const auto& [name, value] : values) (*settings.mutable_setting())[name] = value;
  const auto process = Spawn(image, settings, figures);
  Must(process->Start(values));
  ReaderClient client(*process.process);
  const auto hand = HandOfSimulator(MADOGUCHI_BIN "/madoguchi-card", sockets + "/reader-0.sock",
                                    folder + "/card", folder);
  Must(hand->Lay());
  const auto snapshot = client.Await([](const reader::v1::Snapshot& s) {
    return s.reader_size() == 1 && s.reader(0).presence() == reader::v1::PRESENCE_PRESENT;
  });
  if (!snapshot) std::exit(1);
  const auto opened =
      Must(client.Open(snapshot->reader(0).name(), snapshot->reader(0).insertion()));
  // SELECT of the application JPKI (ISO 7816-4, 11.1.1).
  const std::vector<uint8_t> select = {0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0,
                                       0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01};
  for (int i = 0; i < kCalls; ++i) {
    const auto asked = steady_clock::now();
    (void)Must(client.Transmit(opened.session(), select));
    figures.apdu.push_back(Milliseconds(steady_clock::now() - asked));
  }
  Must(client.Close(opened.session()));
}

std::string Spread(std::vector<double> all) {
  std::sort(all.begin(), all.end());
  char text[64];
  std::snprintf(text, sizeof(text), "%8.3f %8.3f", all[all.size() / 2], all[all.size() * 9 / 10]);
  return text;
}

int Bench(int runs) {
  char folder[] = "/tmp/madoguchi-bench-XXXXXX";
  if (mkdtemp(folder) == nullptr) return 1;
  const PluginImage policy = Must(ReadPluginImage(MADOGUCHI_PLUGINS "/policy_pin"));
  const PluginImage reader = Must(ReadPluginImage(MADOGUCHI_PLUGINS "/reader_virtual"));
  Figures kinds[] = {{"bare child process", false},
                     {"in the jail", true, true},
                     {"in the jail, not told", true, false},
                     {"in the jail, no room", true, true, {"room"}}};
  // In turn, so that what else the machine does falls on all alike.
  for (int run = 0; run < runs; ++run) {
    for (Figures& figures : kinds) {
      MeasurePolicy(policy, figures);
      MeasureReader(reader, folder, figures);
    }
  }
  std::filesystem::remove_all(folder);
  std::printf("%-22s %17s  %17s  %17s  %17s\n", "", "spawn to Start, ms", "Health, ms", "APDU, ms",
              "MiB (Rss, own)");
  std::printf("%-22s", "");
  for (int i = 0; i < 3; ++i) std::printf(" %8s %8s ", "p50", "p90");
  std::printf("\n");
  for (Figures& figures : kinds) {
    std::sort(figures.resident.begin(), figures.resident.end());
    std::sort(figures.own.begin(), figures.own.end());
    std::printf("%-22s %s  %s  %s  %8.1f %8.1f\n", figures.title, Spread(figures.start).c_str(),
                Spread(figures.health).c_str(), Spread(figures.apdu).c_str(),
                figures.resident[figures.resident.size() / 2], figures.own[figures.own.size() / 2]);
  }
  return 0;
}

}  // namespace
}  // namespace madoguchi::conformance

int main(int argc, char** argv) {
  return madoguchi::conformance::Bench(argc > 1 ? std::atoi(argv[1]) : 30);
}
