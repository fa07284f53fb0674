#ifndef MADOGUCHI_SDK_SIM_BLUEZ_BLUETOOTHD_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_BLUETOOTHD_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "sdk/sim/bluez/adapter.h"

namespace madoguchi::bluez {

// The double of a running bluetoothd: a connection to the bus with the name org.bluez, and what is
// behind it. Ending it is a crash: the name has no owner any more, and nobody is told of objects.
class Bluetoothd {
 public:
  static absl::StatusOr<std::unique_ptr<Bluetoothd>> Start(const std::string& bus, Loop& loop,
                                                           Air& air, Storage& storage,
                                                           const Timing& timing);
  Bluetoothd(const Bluetoothd&) = delete;
  Bluetoothd& operator=(const Bluetoothd&) = delete;
  ~Bluetoothd();

  // A controller, plugged in or (nullptr) not.
  void Plug(bool powered, bool blocked);
  void Unplug() { adapter_.reset(); }
  Adapter* adapter() { return adapter_.get(); }

  void OnBusClosed(std::function<void()> closed) { bus_->OnClosed(std::move(closed)); }
  // See Bus::Process.
  std::optional<Timers::Clock::time_point> Process() { return bus_->Process(); }

 private:
  Bluetoothd(std::unique_ptr<Bus> bus, Loop& loop, Air& air, Storage& storage,
             const Timing& timing);

  const std::unique_ptr<Bus> bus_;
  Tree tree_;
  Agents agents_;
  Air& air_;
  const Device::Daemon daemon_;
  std::unique_ptr<Adapter> adapter_;
};

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_BLUETOOTHD_H_
