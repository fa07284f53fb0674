#include "sdk/sim/bluez/bluetoothd.h"

#include <utility>

namespace madoguchi::bluez {

absl::StatusOr<std::unique_ptr<Bluetoothd>> Bluetoothd::Start(const std::string& bus, Loop& loop,
                                                              Air& air, Storage& storage,
                                                              const Timing& timing) {
  absl::StatusOr<std::unique_ptr<Bus>> opened = Bus::Open(bus, "org.bluez", loop);
  if (!opened.ok()) return opened.status();
  return std::unique_ptr<Bluetoothd>(
      new Bluetoothd(*std::move(opened), loop, air, storage, timing));
}

Bluetoothd::Bluetoothd(std::unique_ptr<Bus> bus, Loop& loop, Air& air, Storage& storage,
                       const Timing& timing)
    : bus_(std::move(bus)),
      tree_(*bus_),
      agents_(*bus_, tree_),
      air_(air),
      daemon_{tree_, loop, agents_, storage, timing} {
  bus_->OnCall([this](const Call& call) { return tree_.Take(call); });
  bus_->OnGone([this](const std::string& sender) {
    agents_.Gone(sender);
    if (adapter_ != nullptr) adapter_->Gone(sender);
  });
}

Bluetoothd::~Bluetoothd() {
  // Quietly: what is taken away below is told nobody.
  bus_->Mute();
  adapter_.reset();
}

void Bluetoothd::Plug(bool powered, bool blocked) {
  if (adapter_ == nullptr) adapter_ = std::make_unique<Adapter>(daemon_, air_, powered, blocked);
}

}  // namespace madoguchi::bluez
