#include "sdk/sim/bluez/agents.h"

#include <algorithm>
#include <set>

namespace madoguchi::bluez {
namespace {

constexpr char kNobody[] = "org.bluez.Error.AgentNotAvailable";

}  // namespace

Agents::Agents(Bus& bus, Tree& tree) : bus_(bus) {
  Tree::Interface shown;
  shown.methods = {
      {"RegisterAgent", {"os", "", [this](const Call& call) { Register(call); }}},
      {"UnregisterAgent", {"o", "", [this](const Call& call) { Unregister(call); }}},
      {"RequestDefaultAgent", {"o", "", [this](const Call& call) { RequestDefault(call); }}},
  };
  tree.Add("/org/bluez", "org.bluez.AgentManager1", std::move(shown));
}

void Agents::Register(const Call& call) {
  static const std::set<std::string> kCapabilities = {
      "", "DisplayOnly", "DisplayYesNo", "KeyboardOnly", "NoInputNoOutput", "KeyboardDisplay"};
  const auto& path = std::get<ObjectPath>((*call.arguments())[0]).path;
  const auto& capability = std::get<std::string>((*call.arguments())[1]);
  if (agents_.contains(call.sender())) return call.FailBluez("AlreadyExists", "Already Exists");
  if (!kCapabilities.contains(capability)) {
    return call.FailBluez("InvalidArguments", "Invalid arguments in method call");
  }
  agents_[call.sender()] = {path, capability.empty() ? "KeyboardDisplay" : capability};
  call.Reply();
}

bool Agents::Owns(const Call& call) const {
  const auto agent = agents_.find(call.sender());
  if (agent != agents_.end() &&
      agent->second.path == std::get<ObjectPath>((*call.arguments())[0]).path) {
    return true;
  }
  call.FailBluez("DoesNotExist", "Does Not Exist");
  return false;
}

void Agents::Unregister(const Call& call) {
  if (!Owns(call)) return;
  Gone(call.sender());
  call.Reply();
}

void Agents::RequestDefault(const Call& call) {
  if (!Owns(call)) return;
  std::erase(defaults_, call.sender());
  defaults_.push_back(call.sender());
  call.Reply();
}

void Agents::Gone(const std::string& sender) {
  agents_.erase(sender);
  std::erase(defaults_, sender);
}

void Agents::RequestPasskey(const std::string& caller, const std::string& device,
                            std::function<void(const Bus::Answer&)> answered) {
  auto agent = agents_.find(caller);
  if (agent == agents_.end() && !defaults_.empty()) agent = agents_.find(defaults_.back());
  if (agent == agents_.end()) return answered({.error = kNobody});
  const std::string& capability = agent->second.capability;
  if (capability != "KeyboardOnly" && capability != "KeyboardDisplay") {
    return answered({.error = kNobody});
  }
  bus_.Ask(agent->first, agent->second.path, "org.bluez.Agent1", "RequestPasskey",
           {ObjectPath{device}}, std::move(answered));
}

}  // namespace madoguchi::bluez
