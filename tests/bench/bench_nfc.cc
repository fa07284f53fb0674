// reader_nfc beside bare libnfc, on the same emulated board in one run: an APDU there and back, a
// card's arrival until the event, and what it costs while nothing happens.
//
//   bench_nfc [RUNS]
#include <nfc/nfc.h>
#include <stdlib.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "sdk/conformance/card_hand.h"
#include "sdk/conformance/plugin_process.h"
#include "sdk/conformance/program.h"
#include "sdk/conformance/reader_client.h"
#include "sdk/launch/launch.h"

namespace madoguchi::conformance {
namespace {

using std::chrono::steady_clock;
using Bytes = std::vector<uint8_t>;

constexpr std::chrono::milliseconds kIdle(2000);

// SELECT of the application JPKI, and of its certificate; READ BINARY of 256 bytes (ISO 7816-4).
const Bytes kSelect = {0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0,
                       0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01};
const Bytes kSelectCertificate = {0x00, 0xA4, 0x02, 0x0C, 0x02, 0x00, 0x0A};
const Bytes kRead = {0x00, 0xB0, 0x00, 0x00, 0x00};

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

void Must(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "%s failed\n", what);
  std::exit(1);
}

// Processor time of a process so far, in milliseconds.
double CpuOf(pid_t pid) {
  double own = 0;
  for (const auto& task :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    std::ifstream file(task.path() / "schedstat");
    double nanoseconds = 0;
    file >> nanoseconds;
    own += nanoseconds / 1e6;
  }
  return own;
}

struct Row {
  std::string title;
  std::vector<double> milliseconds = {};
};

void Print(Row row) {
  std::sort(row.milliseconds.begin(), row.milliseconds.end());
  const auto at = [&](double part) {
    return row.milliseconds[std::min(row.milliseconds.size() - 1,
                                     static_cast<size_t>(row.milliseconds.size() * part))];
  };
  std::printf("%-52s %8.3f %8.3f %8.3f %6zu\n", row.title.c_str(), at(0.5), at(0.9), at(0.99),
              row.milliseconds.size());
}

class Bench {
 public:
  Bench(const std::string& folder, const std::string& card, int calls,
        std::vector<std::string> options)
      : calls_(calls),
        folder_(folder),
        image_(Must(ReadPluginImage(MADOGUCHI_PLUGINS "/reader_nfc"))) {
    std::filesystem::create_directories(folder);
    for (const auto& setting : image_.folder.manifest.setting()) {
      if (setting.name() == "poll_ms") poll_ = setting.default_value();
    }
    std::vector<std::string> words = {MADOGUCHI_BIN "/madoguchi-pn532", "--link", Device(),
                                      "--slot", folder + "/slot"};
    words.insert(words.end(), options.begin(), options.end());
    board_ = Must(Program::Run(words, folder + "/board.log"));
    hand_ = HandOfSimulator(MADOGUCHI_BIN "/madoguchi-card", folder + "/slot", card, folder);
  }

  std::string Device() const { return folder_ + "/pn532"; }

  void Bare(Row* select, Row* read) {
    Must(hand_->Lay());
    nfc_context* context = nullptr;
    nfc_init(&context);
    nfc_device* const device = nfc_open(context, ("pn532_uart:" + Device() + ":115200").c_str());
    Must(device != nullptr && nfc_initiator_init(device) == 0, "nfc_open");
    const nfc_modulation type_b = {NMT_ISO14443B, NBR_106};
    nfc_target target;
    bool found = false;
    for (int i = 0; i < 100 && !found; ++i) {
      found = nfc_initiator_list_passive_targets(device, type_b, &target, 1) == 1;
    }
    Must(found, "nfc_initiator_list_passive_targets");
    const auto exchange = [&](const Bytes& command) {
      uint8_t answer[264];
      const auto begin = steady_clock::now();
      Must(nfc_initiator_transceive_bytes(device, command.data(), command.size(), answer,
                                          sizeof(answer), 5000) >= 2,
           "nfc_initiator_transceive_bytes");
      return Milliseconds(steady_clock::now() - begin);
    };
    for (int i = 0; i < calls_; ++i) select->milliseconds.push_back(exchange(kSelect));
    exchange(kSelectCertificate);
    for (int i = 0; i < calls_; ++i) read->milliseconds.push_back(exchange(kRead));
    nfc_close(device);
    nfc_exit(context);
  }

  // As a host runs it: in its jail.
  void StartPlugin() {
    plugin::v1::StartRequest settings;
    const std::map<std::string, std::string> values = {
        {"devices", Device()}, {"driver", "pn532_uart"}, {"speed", "115200"}, {"poll_ms", poll_}};
    for (const auto& [name, value] : values) (*settings.mutable_setting())[name] = value;
    plugin_ = Must(PluginProcess::SpawnJailed(
        image_, Must(JailOf(image_.folder.manifest, settings, {"serial"})), MADOGUCHI_LAUNCHER));
    Must(plugin_->Start(values));
    client_ = std::make_unique<ReaderClient>(*plugin_);
  }
  void EndPlugin() {
    client_.reset();
    plugin_.reset();
  }
  uint64_t AwaitCard(bool there) {
    const auto snapshot = client_->Await([&](const reader::v1::Snapshot& s) {
      return s.reader_size() == 1 &&
             s.reader(0).presence() ==
                 (there ? reader::v1::PRESENCE_PRESENT : reader::v1::PRESENCE_ABSENT);
    });
    Must(snapshot.has_value(), "the event");
    return snapshot->reader(0).insertion();
  }

  void Plugged(Row* select, Row* read) {
    Must(hand_->Lay());
    const uint64_t insertion = AwaitCard(true);
    const auto opened = Must(client_->Open("NFC " + Device(), insertion));
    const auto exchange = [&](const Bytes& command) {
      const auto begin = steady_clock::now();
      (void)Must(client_->Transmit(opened.session(), command));
      return Milliseconds(steady_clock::now() - begin);
    };
    for (int i = 0; i < calls_; ++i) select->milliseconds.push_back(exchange(kSelect));
    exchange(kSelectCertificate);
    for (int i = 0; i < calls_; ++i) read->milliseconds.push_back(exchange(kRead));
    Must(client_->Close(opened.session()));
  }

  void Events(int count, Row* arrival, Row* removal) {
    for (int i = 0; i < count; ++i) {
      Must(hand_->Lay());
      AwaitCard(true);
      // Not in step with its looks.
      Pause(500);
      auto begin = steady_clock::now();
      Must(hand_->Take());
      AwaitCard(false);
      removal->milliseconds.push_back(Milliseconds(steady_clock::now() - begin));
      Pause(300);
      begin = steady_clock::now();
      Must(hand_->Lay());
      AwaitCard(true);
      arrival->milliseconds.push_back(Milliseconds(steady_clock::now() - begin));
    }
  }

  // Percent of one processor while nothing happens.
  double Idle(bool card, std::chrono::milliseconds time) {
    Must(card ? hand_->Lay() : hand_->Take());
    AwaitCard(card);
    const double before = CpuOf(plugin_->pid());
    const auto begin = steady_clock::now();
    std::this_thread::sleep_for(time);
    return 100 * (CpuOf(plugin_->pid()) - before) / Milliseconds(steady_clock::now() - begin);
  }
  double Resident() {
    std::ifstream rollup("/proc/" + std::to_string(plugin_->pid()) + "/smaps_rollup");
    for (std::string line; std::getline(rollup, line);) {
      if (line.rfind("Rss:", 0) == 0) return std::atof(line.c_str() + 4) / 1024;
    }
    return 0;
  }

 private:
  // Any time below `most` milliseconds.
  void Pause(int most) {
    std::uniform_int_distribution<int> any(0, 1000 * most);
    std::this_thread::sleep_for(std::chrono::microseconds(any(random_)));
  }

  std::mt19937 random_{7};
  const int calls_;  // of each command in a run
  const std::string folder_;
  const PluginImage image_;
  std::string poll_;  // the manifest's
  std::unique_ptr<Program> board_;
  std::unique_ptr<CardHand> hand_;
  std::unique_ptr<PluginProcess> plugin_;
  std::unique_ptr<ReaderClient> client_;
};

int Run(int runs) {
  char folder[] = "/tmp/madoguchi-bench-XXXXXX";
  if (mkdtemp(folder) == nullptr) return 1;
  setenv("LIBNFC_AUTO_SCAN", "false", 1);
  std::printf("%-52s %8s %8s %8s %6s\n", "ms", "p50", "p90", "p99", "n");
  for (const bool paced : {false, true}) {
    const std::string line = paced ? ", 115200 bits a second" : "";
    Row rows[] = {{"SELECT, libnfc" + line},          {"SELECT, reader_nfc" + line},
                  {"READ BINARY 256, libnfc" + line}, {"READ BINARY 256, reader_nfc" + line},
                  {"arrival to event" + line},        {"removal to event" + line}};
    Bench bench(std::string(folder) + (paced ? "/paced" : "/fast"), std::string(folder) + "/card",
                runs > 1 ? 300 : 20,
                paced ? std::vector<std::string>{"--baud", "115200"} : std::vector<std::string>{});
    const std::chrono::milliseconds idle = runs > 1 ? kIdle : kIdle / 10;
    double without = 0, with = 0, resident = 0;
    // In turn, so that what else the machine does falls on both alike.
    for (int run = 0; run < runs; ++run) {
      bench.Bare(&rows[0], &rows[2]);
      bench.StartPlugin();
      bench.Plugged(&rows[1], &rows[3]);
      bench.Events(runs > 1 ? 10 : 2, &rows[4], &rows[5]);
      without += bench.Idle(false, idle) / runs;
      with += bench.Idle(true, idle) / runs;
      resident = bench.Resident();
      bench.EndPlugin();
    }
    for (const Row& row : rows) Print(row);
    std::printf("%-52s %7.2f %%  without a card, %.2f %% with one; %.1f MiB resident\n",
                ("processor of reader_nfc while idle" + line).c_str(), without, with, resident);
  }
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace madoguchi::conformance

int main(int argc, char** argv) {
  return madoguchi::conformance::Run(argc > 1 ? std::atoi(argv[1]) : 5);
}
