// reader_bluetooth beside a bare client of bluetoothd, on the same emulated reader in one run: an
// APDU there and back, a card's arrival until the event, and what it costs while nothing happens.
// The bare client speaks CCID, in the clear, through libsystemd: write, and wait for the signal.
//
//   bench_bluetooth [RUNS]
#include <poll.h>
#include <systemd/sd-bus.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "sdk/conformance/card_hand.h"
#include "sdk/conformance/plugin_process.h"
#include "sdk/conformance/private_bus.h"
#include "sdk/conformance/program.h"
#include "sdk/conformance/reader_client.h"
#include "sdk/launch/bus_proxy.h"
#include "sdk/launch/launch.h"

namespace madoguchi::conformance {
namespace {

using std::chrono::steady_clock;
using Bytes = std::vector<uint8_t>;

constexpr int kCalls = 300;
constexpr std::chrono::milliseconds kIdle(2000);

// SELECT of the application JPKI, and of its certificate; READ BINARY of 256 bytes (ISO 7816-4).
const Bytes kSelect = {0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0,
                       0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01};
const Bytes kSelectCertificate = {0x00, 0xA4, 0x02, 0x0C, 0x02, 0x00, 0x0A};
const Bytes kRead = {0x00, 0xB0, 0x00, 0x00, 0x00};

double Milliseconds(steady_clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

void Must(bool good, const std::string& what) {
  if (good) return;
  std::fprintf(stderr, "%s failed\n", what.c_str());
  std::exit(1);
}

void Must(const absl::Status& status) { Must(status.ok(), status.ToString()); }

template <typename T>
T Must(absl::StatusOr<T> result) {
  Must(result.status());
  return *std::move(result);
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
  std::printf("%-48s %8.3f %8.3f %8.3f %6zu\n", row.title.c_str(), at(0.5), at(0.9), at(0.99),
              row.milliseconds.size());
}

// The least that reads a card in a bR301.
class BareClient {
 public:
  explicit BareClient(const std::string& address) {
    Must(sd_bus_new(&bus_) >= 0 && sd_bus_set_address(bus_, address.c_str()) >= 0 &&
             sd_bus_set_bus_client(bus_, 1) >= 0 && sd_bus_start(bus_) >= 0,
         "sd_bus_start");
    Must(sd_bus_add_match(bus_, nullptr, "type='signal',sender='org.bluez'", Hear, this) >= 0,
         "sd_bus_add_match");
    Call("/org/bluez/hci0", "org.bluez.Adapter1", "StartDiscovery");
    Until([&] { return !device_.empty(); });
    Call("/org/bluez/hci0", "org.bluez.Adapter1", "StopDiscovery");
    Call(device_, "org.bluez.Device1", "Connect");
    Until([&] { return !write_.empty() && !notify_.empty() && resolved_; });
    Call(notify_, "org.bluez.GattCharacteristic1", "StartNotify");
    Exchange(0x62, {});
  }
  ~BareClient() {
    Call(device_, "org.bluez.Device1", "Disconnect");
    sd_bus_flush_close_unref(bus_);
  }

  void Exchange(uint8_t type, const Bytes& data) {
    Bytes message = {type, static_cast<uint8_t>(data.size()), 0, 0, 0, 0, ++sequence_, 0, 0, 0};
    message.insert(message.end(), data.begin(), data.end());
    heard_.clear();
    for (size_t at = 0; at < message.size(); at += 20) {
      sd_bus_message* call = nullptr;
      Must(sd_bus_message_new_method_call(bus_, &call, "org.bluez", write_.c_str(),
                                          "org.bluez.GattCharacteristic1", "WriteValue") >= 0 &&
               sd_bus_message_append_array(call, 'y', message.data() + at,
                                           std::min<size_t>(20, message.size() - at)) >= 0 &&
               sd_bus_message_append(call, "a{sv}", 1, "type", "s", "request") >= 0 &&
               sd_bus_call(bus_, call, 0, nullptr, nullptr) >= 0,
           "WriteValue");
      sd_bus_message_unref(call);
    }
    Until(
        [&] { return heard_.size() >= 10 && heard_.size() >= 10u + (heard_[1] | heard_[2] << 8); });
    Must(heard_[0] == 0x80 && heard_[7] == 0, "the exchange");
  }

 private:
  void Call(const std::string& path, const char* interface, const char* method) {
    sd_bus_error error = SD_BUS_ERROR_NULL;
    Must(sd_bus_call_method(bus_, "org.bluez", path.c_str(), interface, method, &error, nullptr,
                            nullptr) >= 0,
         method);
  }
  template <typename Condition>
  void Until(Condition done) {
    while (!done()) {
      const int result = sd_bus_process(bus_, nullptr);
      Must(result >= 0, "sd_bus_process");
      if (result == 0) Must(sd_bus_wait(bus_, 10'000'000) > 0, "a signal");
    }
  }
  static int Hear(sd_bus_message* message, void* self, sd_bus_error*) {
    static_cast<BareClient*>(self)->HearOne(message);
    return 0;
  }
  void HearOne(sd_bus_message* message) {
    const char* text = nullptr;
    if (sd_bus_message_is_signal(message, nullptr, "InterfacesAdded") > 0) {
      sd_bus_message_read(message, "o", &text);
      const std::string path = text;
      if (Contains(message, "FT_000000000001")) device_ = path;
      sd_bus_message_rewind(message, 1);
      sd_bus_message_skip(message, "o");
      if (Contains(message, "46540002-0002-00c4-0000-465453414645")) write_ = path;
      sd_bus_message_rewind(message, 1);
      sd_bus_message_skip(message, "o");
      if (Contains(message, "46540003-0002-00c4-0000-465453414645")) notify_ = path;
      return;
    }
    sd_bus_message_read(message, "s", &text);
    const std::string interface = text;
    sd_bus_message_enter_container(message, 'a', "{sv}");
    while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
      sd_bus_message_read(message, "s", &text);
      const std::string name = text;
      if (name == "ServicesResolved") resolved_ = true;
      if (name == "Value" && notify_ == sd_bus_message_get_path(message)) {
        const void* bytes = nullptr;
        size_t size = 0;
        sd_bus_message_enter_container(message, 'v', "ay");
        sd_bus_message_read_array(message, 'y', &bytes, &size);
        const auto* const begin = static_cast<const uint8_t*>(bytes);
        heard_.insert(heard_.end(), begin, begin + size);
        sd_bus_message_exit_container(message);
      } else {
        sd_bus_message_skip(message, "v");
      }
      sd_bus_message_exit_container(message);
    }
  }
  // Whether a string of a{sa{sv}} is `wanted`.
  static bool Contains(sd_bus_message* message, const std::string& wanted) {
    bool found = false;
    sd_bus_message_enter_container(message, 'a', "{sa{sv}}");
    while (sd_bus_message_enter_container(message, 'e', "sa{sv}") > 0) {
      sd_bus_message_skip(message, "s");
      sd_bus_message_enter_container(message, 'a', "{sv}");
      while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
        const char *type = nullptr, *text = nullptr;
        sd_bus_message_skip(message, "s");
        sd_bus_message_peek_type(message, nullptr, &type);
        if (std::strcmp(type, "s") == 0) {
          sd_bus_message_read(message, "v", "s", &text);
          found = found || wanted == text;
        } else {
          sd_bus_message_skip(message, "v");
        }
        sd_bus_message_exit_container(message);
      }
      sd_bus_message_exit_container(message);
      sd_bus_message_exit_container(message);
    }
    return found;
  }

  sd_bus* bus_ = nullptr;
  std::string device_, write_, notify_;
  bool resolved_ = false;
  uint8_t sequence_ = 0;
  Bytes heard_;
};

class Bench {
 public:
  // `cards` is where the two cards live, which take long to make.
  Bench(const std::string& folder, const std::string& cards)
      : folder_(folder),
        bus_(Must(PrivateBus::Start(folder))),
        image_(Must(ReadPluginImage(MADOGUCHI_PLUGINS "/reader_bluetooth"))) {
    bluez_ = Must(Program::Run(
        {MADOGUCHI_BIN "/madoguchi-bluez", "--reader", "br301,card=" + folder + "/slot1",
         "--reader", "acr1255,card=" + folder + "/slot2"},
        folder + "/bluez.log"));
    for (const char* number : {"1", "2"}) {
      const std::string own = folder + "/hand" + number;
      std::filesystem::create_directory(own);
      hands_.push_back(HandOfSimulator(MADOGUCHI_BIN "/madoguchi-card", folder + "/slot" + number,
                                       cards + "/card" + number, own));
      Must(hands_.back()->Lay());
    }
  }

  void Bare(Row* select, Row* read) {
    BareClient client(bus_->address());
    Time(select, read, [&](const Bytes& command) { client.Exchange(0x6F, command); });
  }

  // As a host runs it: in its jail, behind its proxy.
  void StartPlugin(const std::string& reader) {
    reader_ = reader;
    plugin::v1::StartRequest settings;
    const auto& manifest = image_.folder.manifest;
    for (const auto& setting : manifest.setting()) {
      (*settings.mutable_setting())[setting.name()] = setting.default_value();
    }
    (*settings.mutable_setting())["readers"] = reader;
    FillInBus(manifest, folder_ + "/proxy/bus.sock", &settings);
    proxy_ = Must(BusProxy::Start(folder_ + "/proxy/bus.sock"));
    plugin_ = Must(PluginProcess::SpawnJailed(
        image_, Must(JailOf(manifest, settings, {"bluetooth"})), MADOGUCHI_LAUNCHER));
    Must(plugin_->Start({settings.setting().begin(), settings.setting().end()}));
    client_ = std::make_unique<ReaderClient>(*plugin_);
  }
  void EndPlugin() {
    client_.reset();
    plugin_.reset();
    proxy_.reset();
  }
  uint64_t AwaitCard(bool there) {
    const auto state = client_->AwaitPresence(
        reader_, there ? reader::v1::PRESENCE_PRESENT : reader::v1::PRESENCE_ABSENT,
        std::chrono::seconds(15));
    if (!state) {
      const auto shown = client_->Await([](const auto&) { return true; });
      Must(false, "the event: " + (shown ? shown->ShortDebugString() : "") + plugin_->log());
    }
    return state->insertion();
  }
  void Plugged(Row* select, Row* read) {
    const uint64_t insertion = AwaitCard(true);
    const auto opened = Must(client_->Open(reader_, insertion));
    Time(select, read,
         [&](const Bytes& command) { (void)Must(client_->Transmit(opened.session(), command)); });
    Must(client_->Close(opened.session()));
  }
  void Events(int count, CardHand& hand, Row* arrival, Row* removal) {
    for (int i = 0; i < count; ++i) {
      auto begin = steady_clock::now();
      Must(hand.Take());
      AwaitCard(false);
      removal->milliseconds.push_back(Milliseconds(steady_clock::now() - begin));
      begin = steady_clock::now();
      Must(hand.Lay());
      AwaitCard(true);
      arrival->milliseconds.push_back(Milliseconds(steady_clock::now() - begin));
    }
  }
  // Percent of one processor while nothing happens.
  double Idle(std::chrono::milliseconds time) {
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
  CardHand& hand(int index) { return *hands_[index]; }

 private:
  template <typename Exchange>
  static void Time(Row* select, Row* read, Exchange exchange) {
    const auto timed = [&](const Bytes& command, Row* row) {
      const auto begin = steady_clock::now();
      exchange(command);
      if (row != nullptr) row->milliseconds.push_back(Milliseconds(steady_clock::now() - begin));
    };
    for (int i = 0; i < kCalls; ++i) timed(kSelect, select);
    timed(kSelectCertificate, nullptr);
    for (int i = 0; i < kCalls; ++i) timed(kRead, read);
  }

  const std::string folder_;
  std::unique_ptr<PrivateBus> bus_;
  const PluginImage image_;
  std::unique_ptr<Program> bluez_;
  std::vector<std::unique_ptr<CardHand>> hands_;
  std::string reader_;
  std::unique_ptr<BusProxy> proxy_;
  std::unique_ptr<PluginProcess> plugin_;
  std::unique_ptr<ReaderClient> client_;
};

int Run(int runs) {
  char folder[] = "/tmp/madoguchi-bench-XXXXXX";
  if (mkdtemp(folder) == nullptr) return 1;
  Row rows[] = {{"SELECT, bare, bR301"},
                {"SELECT, reader_bluetooth, bR301"},
                {"SELECT, reader_bluetooth, ACR1255U-J1"},
                {"READ BINARY 256, bare, bR301"},
                {"READ BINARY 256, reader_bluetooth, bR301"},
                {"READ BINARY 256, reader_bluetooth, ACR1255U-J1"},
                {"arrival to event, ACR1255U-J1"},
                {"removal to event, ACR1255U-J1"}};
  double idle = 0, resident = 0;
  // In turn, so that what else the machine does falls on all alike.
  for (int run = 0; run < runs; ++run) {
    const std::string own = folder + std::string("/run") + std::to_string(run);
    std::filesystem::create_directory(own);
    Bench bench(own, folder);
    bench.Bare(&rows[0], &rows[3]);
    bench.StartPlugin("FT_000000000001");
    bench.Plugged(&rows[1], &rows[4]);
    bench.EndPlugin();
    bench.StartPlugin("ACR1255U-J1-000002");
    bench.Plugged(&rows[2], &rows[5]);
    bench.Events(runs > 1 ? 20 : 2, bench.hand(1), &rows[6], &rows[7]);
    idle += bench.Idle(runs > 1 ? kIdle : kIdle / 10) / runs;
    resident = bench.Resident();
    bench.EndPlugin();
  }
  std::printf("%-48s %8s %8s %8s %6s\n", "ms", "p50", "p90", "p99", "n");
  for (const Row& row : rows) Print(row);
  std::printf("%-48s %7.2f %% of a processor, %.1f MiB resident\n",
              "reader_bluetooth linked, while nothing happens", idle, resident);
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace madoguchi::conformance

int main(int argc, char** argv) {
  return madoguchi::conformance::Run(argc > 1 ? std::atoi(argv[1]) : 5);
}
