#include "sdk/sim/bluez/peripheral.h"

#include <utility>

namespace madoguchi::bluez {

std::vector<std::string> Peripheral::advertised() const {
  if (faults_.no_uuid) return {};
  if (firmware_ == nullptr) return decoy_uuids_;
  return {firmware_->profile().front().uuid};
}

Profile Peripheral::profile() const {
  if (firmware_ == nullptr) return {};
  Profile all = CommonServices(identity_.maker, identity_.model, "TEST-" + identity_.id, "9.99");
  for (GattService& service : firmware_->profile()) all.push_back(std::move(service));
  return all;
}

Link* Peripheral::Connect(Central& central) {
  if (firmware_ == nullptr || !advertises()) return nullptr;
  link_ = std::make_unique<Link>(*this, central, faults_.mtu);
  ++connects_;
  firmware_->LinkUp(*link_);
  return link_.get();
}

void Peripheral::EndLink() {
  if (link_ == nullptr) return;
  const std::unique_ptr<Link> link = std::exchange(link_, nullptr);
  firmware_->LinkDown();
  link->central().LinkLost();
  Changed();
}

void Peripheral::SetInRange(bool in_range) {
  in_range_ = in_range;
  if (!in_range) EndLink();
  Changed();
}

void Peripheral::SetBattery(uint8_t percent) {
  battery_ = percent;
  if (link_ != nullptr) link_->Notify(Pipe::kBattery, {percent});
}

void Peripheral::Changed() {
  if (changed_) changed_();
}

}  // namespace madoguchi::bluez
