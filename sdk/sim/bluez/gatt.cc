#include "sdk/sim/bluez/gatt.h"

#include <stdio.h>

namespace madoguchi::bluez {
namespace {

// What comes before belongs to the services that bluetoothd does not show (1800, 1801).
constexpr uint16_t kFirstHandle = 0x000A;

}  // namespace

void GattTree::Export(const Profile& profile) {
  if (profile == exported_) return;
  Remove();
  exported_ = profile;
  uint16_t handle = kFirstHandle;
  for (const GattService& service : profile) {
    char name[16];
    snprintf(name, sizeof name, "service%04x", handle++);
    const std::string path = device_ + "/" + name;
    Tree::Interface shown;
    shown.properties = {{"UUID", service.uuid},
                        {"Device", ObjectPath{device_}},
                        {"Primary", true},
                        {"Includes", std::vector<ObjectPath>{}}};
    host_.tree.Add(path, "org.bluez.GattService1", std::move(shown));
    services_.push_back(path);
    for (const GattCharacteristic& one : service.characteristics) {
      characteristics_.push_back(std::make_unique<Characteristic>(host_, path, handle, one));
      handle += one.notifies() ? 3 : 2;  // declaration, value, descriptor
    }
  }
}

void GattTree::Remove() {
  LinkLost();
  while (!characteristics_.empty()) characteristics_.pop_back();
  for (const std::string& path : services_) host_.tree.Remove(path);
  services_.clear();
  exported_.clear();
}

void GattTree::LinkUp(Link& link, bool may_access) {
  host_.link = &link;
  host_.may_access = may_access;
  for (const auto& one : characteristics_) one->LinkUp();
}

void GattTree::LinkLost() {
  host_.link = nullptr;
  for (const auto& one : characteristics_) one->LinkLost();
}

void GattTree::Gone(const std::string& sender) {
  for (const auto& one : characteristics_) one->Gone(sender);
}

void GattTree::Notified(Pipe pipe, const Bytes& value) {
  if (host_.link == nullptr) return;
  for (const auto& one : characteristics_) {
    if (one->pipe() == pipe) one->Notified(value);
  }
}

}  // namespace madoguchi::bluez
