#ifndef MADOGUCHI_SDK_SIM_BLUEZ_AGENTS_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_AGENTS_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sdk/sim/bluez/bus.h"
#include "sdk/sim/bluez/tree.h"

namespace madoguchi::bluez {

// org.bluez.AgentManager1 at /org/bluez: who is asked for passkeys.
class Agents {
 public:
  Agents(Bus& bus, Tree& tree);

  // Asks the agent of `caller`, or else the default one, for the passkey of `device`. `answered`
  // gets the error's name, empty when there is a passkey; without an agent that can type one it is
  // called at once, with an error.
  void RequestPasskey(const std::string& caller, const std::string& device,
                      std::function<void(const Bus::Answer&)> answered);
  // A connection left the bus.
  void Gone(const std::string& sender);

 private:
  struct Agent {
    std::string path, capability;
  };

  void Register(const Call& call);
  void Unregister(const Call& call);
  void RequestDefault(const Call& call);
  // The agent at a path that the caller named; answers the call when there is none.
  bool Owns(const Call& call) const;

  Bus& bus_;
  std::map<std::string, Agent> agents_;  // by sender
  std::vector<std::string> defaults_;    // senders; the last is the default
};

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_AGENTS_H_
