#ifndef MADOGUCHI_TESTS_BENCH_ROUND_TRIPS_H_
#define MADOGUCHI_TESTS_BENCH_ROUND_TRIPS_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sdk/conformance/plugin_process.h"
#include "sdk/conformance/reader_client.h"
#include "sdk/launch/bus_proxy.h"
#include "sdk/launch/launch.h"
#include "tests/bench/measures.h"

// An APDU there and back, one a call: a plugin as a host runs it beside its bare library, with the
// same simulated card, in turn, so that what else the machine does falls on both alike.
namespace madoguchi::bench {

// What is measured one after the other, so often.
struct Turns {
  int rounds = 5;
  int calls = 100;  // of each command in a round
};

struct RoundTrips {
  Row select, read;
  // Selects the application, and reads its certificate; `exchange` ends the program when it fails.
  void Time(int calls, const std::function<void(const Bytes&)>& exchange);
};

// A plugin of this build in its jail, with its manifest's settings but for those given.
class PluggedReader {
 public:
  PluggedReader(const std::string& plugin, std::map<std::string, std::string> settings,
                const std::vector<std::string>& grants, const std::string& folder);
  // With the card that lies on `reader`.
  void Time(const std::string& reader, int calls, RoundTrips* into);

 private:
  std::unique_ptr<BusProxy> proxy_;
  std::unique_ptr<conformance::PluginProcess> process_;
  std::unique_ptr<conformance::ReaderClient> client_;
};

// Each prints its rows. `folder` is empty and its own.
void VirtualRoundTrips(const Turns& turns, const std::string& folder);
void PcscRoundTrips(const Turns& turns, const std::string& folder);
void NfcRoundTrips(const Turns& turns, const std::string& folder, bool paced);
void BluetoothRoundTrips(const Turns& turns, const std::string& folder);

}  // namespace madoguchi::bench

#endif  // MADOGUCHI_TESTS_BENCH_ROUND_TRIPS_H_
