// madoguchi-gatt-reader: one emulated reader as a GATT server of a real bluetoothd. See README.md.

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>

#include <memory>
#include <utility>

#include "sdk/sim/bluez/card_place.h"
#include "sdk/sim/bluez/make_firmware.h"
#include "sdk/sim/bluez/options.h"
#include "sdk/sim/bluez/uml/gatt_application.h"

namespace madoguchi::bluez {
namespace {

constexpr int kUsageExit = 64;
constexpr char kAdapter[] = "/org/bluez/hci1";

int Fail(const absl::Status& status, int code) {
  fprintf(stderr, "madoguchi-gatt-reader: %s\n", std::string(status.message()).c_str());
  return code;
}

int Main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const int stop_fd = signalfd(-1, &signals, SFD_CLOEXEC);

  const absl::StatusOr<Options> options = ParseOptions(argc, argv);
  if (!options.ok()) return Fail(options.status(), kUsageExit);
  if (options->readers.size() != 1 || options->readers[0].card_path.empty()) {
    return Fail(absl::InvalidArgumentError("expected one --reader with card="), kUsageExit);
  }
  const ReaderOptions& reader = options->readers[0];
  Loop loop;
  loop.Watch(stop_fd, POLLIN, [&loop] { loop.Stop(); });
  CardPlace place(loop);
  const absl::Status listening = place.Listen(reader.card_path);
  if (!listening.ok()) return Fail(listening, 1);
  Peripheral peripheral(reader.identity);
  peripheral.faults() = reader.faults;
  std::unique_ptr<Firmware> firmware =
      MakeFirmware(reader, place, loop.timers(), peripheral.faults(), options->card_patience);
  place.Serve(*firmware);
  peripheral.Install(std::move(firmware));
  peripheral.SetBattery(reader.battery);

  absl::StatusOr<std::unique_ptr<Bus>> bus = Bus::Open(options->bus, "", loop);
  if (!bus.ok()) return Fail(bus.status(), 1);
  GattApplication application(**bus, loop, peripheral, kAdapter);
  (*bus)->OnClosed([&loop] { loop.Stop(); });
  loop.BeforeWait([&bus] { return (*bus)->Process(); });
  loop.Run();
  return 0;
}

}  // namespace
}  // namespace madoguchi::bluez

int main(int argc, char** argv) { return madoguchi::bluez::Main(argc, argv); }
