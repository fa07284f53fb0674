#include "sdk/sim/bluez/bus_client.h"

#include <stdio.h>

#include <algorithm>
#include <chrono>

namespace madoguchi::bluez {
namespace {

std::string Without(const std::string& text, const std::string& beginning) {
  return text.starts_with(beginning) ? text.substr(beginning.size()) : text;
}

std::string Short(const std::string& path) { return Without(path, "/org/bluez/hci0/"); }

std::string ShortInterface(const std::string& interface) {
  return Without(interface, "org.bluez.");
}

}  // namespace

std::string TextOf(const sdbus::Variant& value) {
  const std::string type = value.peekValueType();
  if (type == "b") return value.get<bool>() ? "true" : "false";
  if (type == "y") return std::to_string(value.get<uint8_t>());
  if (type == "n") return std::to_string(value.get<int16_t>());
  if (type == "q") return std::to_string(value.get<uint16_t>());
  if (type == "u") return std::to_string(value.get<uint32_t>());
  if (type == "s") return value.get<std::string>();
  if (type == "o") return value.get<sdbus::ObjectPath>();
  std::string text;
  if (type == "ay") {
    for (const uint8_t byte : value.get<std::vector<uint8_t>>()) {
      char digits[3];
      snprintf(digits, sizeof digits, "%02X", byte);
      text += digits;
    }
    return text;
  }
  if (type == "as") {
    for (const std::string& one : value.get<std::vector<std::string>>()) {
      text += (text.empty() ? "" : " ") + one;
    }
    return "[" + text + "]";
  }
  return type;
}

BusClient::BusClient() : connection_(sdbus::createSystemBusConnection()) {
  connection_->addMatch(
      "type='signal',sender='org.bluez'", [this](sdbus::Message& message) { Note(message); },
      sdbus::floating_slot);
  connection_->enterEventLoopAsync();
}

BusClient::~BusClient() { connection_->leaveEventLoop(); }

std::string BusClient::Text(const sdbus::Error& error) {
  return Without(error.getName(), "org.bluez.Error.") + ": " + error.getMessage();
}

std::string BusClient::Get(const std::string& path, const std::string& interface,
                           const std::string& property) {
  const std::string failed =
      Call(path, "org.freedesktop.DBus.Properties", "Get", interface, property);
  return failed.empty() ? TextOf(Reply<sdbus::Variant>()) : "none";
}

BusClient::Objects BusClient::ManagedObjects() {
  if (!Call("/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects").empty()) return {};
  return Reply<Objects>();
}

std::string BusClient::FindUuid(const std::string& below, const std::string& uuid) {
  for (const auto& [path, interfaces] : ManagedObjects()) {
    const auto found = interfaces.find("org.bluez.GattCharacteristic1");
    if (path.starts_with(below) && found != interfaces.end() &&
        TextOf(found->second.at("UUID")) == uuid) {
      return path;
    }
  }
  return "";
}

void BusClient::Note(sdbus::Message& message) {
  const std::string member = message.getMemberName();
  if (member == "PropertiesChanged") {
    std::string interface;
    std::map<std::string, sdbus::Variant> changed;
    std::vector<std::string> gone;
    message >> interface >> changed >> gone;
    const std::string begin = Short(message.getPath()) + " " + ShortInterface(interface) + ".";
    for (const auto& [name, value] : changed) Add(begin + name + "=" + TextOf(value));
    for (const std::string& name : gone) Add(begin + name + " gone");
  } else if (member == "InterfacesAdded") {
    sdbus::ObjectPath path;
    std::map<std::string, std::map<std::string, sdbus::Variant>> interfaces;
    message >> path >> interfaces;
    for (const auto& [name, _] : interfaces) {
      if (name.starts_with("org.bluez.")) Add("+ " + Short(path) + " " + ShortInterface(name));
    }
  } else if (member == "InterfacesRemoved") {
    sdbus::ObjectPath path;
    std::vector<std::string> interfaces;
    message >> path >> interfaces;
    for (const std::string& name : interfaces) {
      if (name.starts_with("org.bluez.")) Add("- " + Short(path) + " " + ShortInterface(name));
    }
  }
}

void BusClient::Add(const std::string& line) {
  const std::lock_guard<std::mutex> lock(mutex_);
  seen_.push_back(line);
  changed_.notify_all();
}

std::vector<std::string> BusClient::Seen() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return seen_;
}

bool BusClient::AwaitSeen(const std::string& line) {
  std::unique_lock<std::mutex> lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(10), [&] {
    return std::find(seen_.begin(), seen_.end(), line) != seen_.end();
  });
}

void BusClient::Forget() {
  const std::lock_guard<std::mutex> lock(mutex_);
  seen_.clear();
}

}  // namespace madoguchi::bluez
