#ifndef MADOGUCHI_SDK_SIM_BLUEZ_SIMULATION_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_SIMULATION_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sdk/sim/bluez/bluetoothd.h"
#include "sdk/sim/bluez/card_place.h"
#include "sdk/sim/bluez/options.h"

namespace madoguchi::bluez {

// All of it: readers with cards, decoys, and a bluetoothd that may be stopped and started again.
class Simulation {
 public:
  // The loop outlives it. Opens the cards' sockets, and takes the name org.bluez.
  static absl::StatusOr<std::unique_ptr<Simulation>> Start(const Options& options, Loop& loop);
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;
  ~Simulation();

  // One command of the control socket, to its answer; README.md tells them.
  std::string Command(const std::string& line);
  // To be called before each wait of the loop.
  std::optional<Timers::Clock::time_point> Process();
  // "ID PORT" of each reader whose card comes to a port.
  std::vector<std::string> ports() const { return ports_; }

 private:
  struct Reader {
    Peripheral* peripheral;
    std::unique_ptr<CardPlace> place;
  };

  Simulation(const Options& options, Loop& loop);
  absl::Status AddReader(const ReaderOptions& reader);
  void AddDecoy(uint32_t number);
  void AddToAir(std::unique_ptr<Peripheral> peripheral);
  absl::Status StartBluetoothd();
  void StopBluetoothd() { bluetoothd_.reset(); }
  Reader* Find(const std::string& id);

  absl::Status CommandReader(Reader& reader, const std::vector<std::string>& words);
  absl::Status CommandAdapter(const std::string& what);
  absl::Status CommandBluetoothd(const std::string& what);
  absl::Status CommandFault(const std::vector<std::string>& words);
  absl::Status ClearFaults(const std::vector<std::string>& words);
  std::string Status() const;
  std::string Status(const Reader& reader) const;

  const Options options_;
  Loop& loop_;
  // A place is forgotten after the firmware that asks it.
  std::vector<Reader> readers_;
  Air air_;
  Storage storage_;
  bool plugged_, powered_, blocked_;  // the adapter, whether or not bluetoothd shows it
  std::vector<std::string> ports_;
  std::unique_ptr<Bluetoothd> bluetoothd_;
};

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_SIMULATION_H_
