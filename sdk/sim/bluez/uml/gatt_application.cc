#include "sdk/sim/bluez/uml/gatt_application.h"

#include <stdio.h>

#include <utility>

namespace madoguchi::bluez {
namespace {

using namespace std::chrono_literals;

constexpr char kBluez[] = "org.bluez";
constexpr char kDevice[] = "org.bluez.Device1";
constexpr char kCharacteristic[] = "org.bluez.GattCharacteristic1";
constexpr char kAdvertisement[] = "/advertisement";

}  // namespace

GattApplication::GattApplication(Bus& bus, Loop& loop, Peripheral& peripheral, std::string adapter)
    : bus_(bus),
      tree_(bus),
      peripheral_(peripheral),
      adapter_(std::move(adapter)),
      again_(loop.timers()) {
  bus_.OnCall([this](const Call& call) { return tree_.Take(call); });
  bus_.OnSignal(kBluez, [this](const Bus::Signal& signal) { Hear(signal); });
  Export(peripheral_.profile());
  Register();
}

void GattApplication::Export(const Profile& profile) {
  int services = 0;
  for (const GattService& service : profile) {
    const std::string path = "/service" + std::to_string(++services);
    Tree::Interface shown;
    shown.properties = {{"UUID", service.uuid}, {"Primary", true}};
    tree_.Add(path, "org.bluez.GattService1", std::move(shown));
    int characteristics = 0;
    for (const GattCharacteristic& one : service.characteristics) {
      AddCharacteristic(path + "/char" + std::to_string(++characteristics), path, one);
    }
  }
  Tree::Interface shown;
  shown.properties = {{"Type", std::string("peripheral")},
                      {"LocalName", peripheral_.identity().name}};
  if (!peripheral_.advertised().empty()) {
    shown.properties.emplace("ServiceUUIDs", peripheral_.advertised());
  }
  shown.methods["Release"] = {"", "", [](const Call& call) { call.Reply(); }};
  tree_.Add(kAdvertisement, "org.bluez.LEAdvertisement1", std::move(shown));
}

void GattApplication::AddCharacteristic(const std::string& path, const std::string& service,
                                        const GattCharacteristic& made) {
  Tree::Interface shown;
  shown.properties = {{"UUID", made.uuid}, {"Service", ObjectPath{service}}, {"Flags", made.flags}};
  const Pipe pipe = made.pipe;
  shown.methods["ReadValue"] = {"a{sv}", "ay", [this, made](const Call& call) {
                                  Link* link = peripheral_.link();
                                  call.Reply({link == nullptr ? made.value : link->Read(made)});
                                }};
  shown.methods["WriteValue"] = {"aya{sv}", "", [this, pipe](const Call& call) {
                                   call.Reply();
                                   if (Link* link = peripheral_.link()) {
                                     link->Write(pipe, std::get<Bytes>((*call.arguments())[0]));
                                   }
                                 }};
  shown.methods["StartNotify"] = {"", "", [this, pipe](const Call& call) {
                                    notifying_.insert(pipe);
                                    call.Reply();
                                  }};
  shown.methods["StopNotify"] = {"", "", [this, pipe](const Call& call) {
                                   notifying_.erase(pipe);
                                   call.Reply();
                                 }};
  shown.methods["Confirm"] = {"", "", [](const Call& call) { call.Reply(); }};
  tree_.Add(path, kCharacteristic, std::move(shown));
  if (made.notifies()) paths_[pipe] = path;
}

void GattApplication::Register() {
  bus_.Ask(kBluez, adapter_, "org.bluez.GattManager1", "RegisterApplication",
           {ObjectPath{"/"}, Dict{}}, [this](const Bus::Answer& answer) {
             if (answer.error.empty()) return Advertise();
             // The adapter comes when the kernel has it, and its interfaces after its path.
             again_.Start(100ms, [this] { Register(); });
           });
}

// Anew each second: an emulated controller reports an advertiser only once, when the scan begins,
// and the kernel drops that report.
void GattApplication::Advertise() {
  constexpr char kManager[] = "org.bluez.LEAdvertisingManager1";
  again_.Start(1000ms, [this] { Advertise(); });
  if (!host_.empty() || !peripheral_.advertises()) return;
  const ObjectPath advertisement{kAdvertisement};
  bus_.Ask(kBluez, adapter_, kManager, "UnregisterAdvertisement", {advertisement},
           [](const Bus::Answer&) {});
  bus_.Ask(kBluez, adapter_, kManager, "RegisterAdvertisement", {advertisement, Dict{}},
           [this](const Bus::Answer& answer) {
             if (!answer.error.empty()) {
               fprintf(stderr, "RegisterAdvertisement: %s\n", answer.error.c_str());
             } else if (!std::exchange(said_ready_, true)) {
               printf("ready\n");
               fflush(stdout);
             }
           });
}

void GattApplication::Hear(const Bus::Signal& signal) {
  if (signal.member != "PropertiesChanged" || !signal.path.starts_with(adapter_ + "/dev_") ||
      !signal.arguments || signal.arguments->size() < 2 ||
      (*signal.arguments)[0] != Value(std::string(kDevice))) {
    return;
  }
  const Dict& changed = std::get<Dict>((*signal.arguments)[1]);
  const auto connected = changed.find("Connected");
  if (connected == changed.end()) return;
  if (connected->second == Value(true)) {
    host_ = signal.path;
    peripheral_.Connect(*this);
  } else if (host_ == signal.path) {
    host_.clear();
    notifying_.clear();
    peripheral_.EndLink();
    again_.Start(0ms, [this] { Advertise(); });
  }
}

void GattApplication::Notified(Pipe pipe, const Bytes& value) {
  if (notifying_.contains(pipe)) tree_.Tell(paths_.at(pipe), kCharacteristic, "Value", value);
}

void GattApplication::LinkLost() {
  if (host_.empty()) return;  // It was the host's end, or the air's.
  bus_.Ask(kBluez, host_, kDevice, "Disconnect", {}, [](const Bus::Answer&) {});
}

}  // namespace madoguchi::bluez
