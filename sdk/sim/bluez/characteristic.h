#ifndef MADOGUCHI_SDK_SIM_BLUEZ_CHARACTERISTIC_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_CHARACTERISTIC_H_

#include <chrono>
#include <optional>
#include <set>
#include <string>

#include "sdk/sim/bluez/link.h"
#include "sdk/sim/bluez/loop.h"
#include "sdk/sim/bluez/tree.h"

namespace madoguchi::bluez {

// How long things take; what a test sees of bluetoothd and the air.
struct Timing {
  std::chrono::milliseconds scan{150};     // from StartDiscovery to what is found
  std::chrono::milliseconds connect{50};   // from Connect to Connected
  std::chrono::milliseconds resolve{100};  // from there to ServicesResolved
  std::chrono::milliseconds write{0};      // WriteValue's round trip
  // Until Connect gives up on what is not there.
  std::chrono::milliseconds give_up{2000};
};

// What the characteristics of a device share.
struct GattHost {
  Tree& tree;
  Loop& loop;
  const Timing& timing;
  Link* link = nullptr;     // while connected and resolved
  bool may_access = false;  // paired, or no pairing is asked for
};

// org.bluez.GattCharacteristic1 of one characteristic, with its 2902 descriptor if it notifies. It
// stays when the link goes.
class Characteristic {
 public:
  // `service` is the path of its service; handles count from `handle`. The host outlives it.
  Characteristic(GattHost& host, const std::string& service, uint16_t handle,
                 GattCharacteristic made);
  Characteristic(const Characteristic&) = delete;
  Characteristic& operator=(const Characteristic&) = delete;
  // Takes its objects from the bus.
  ~Characteristic();

  Pipe pipe() const { return made_.pipe; }
  void LinkUp();
  void LinkLost();
  // A connection left the bus.
  void Gone(const std::string& sender);
  void Notified(const Bytes& value);

 private:
  static constexpr char kInterface[] = "org.bluez.GattCharacteristic1";

  void ReadValue(const Call& call);
  void WriteValue(const Call& call);
  void StartNotify(const Call& call);
  void StopNotify(const Call& call);
  void AcquireNotify(const Call& call);
  void AcquireWrite(const Call& call);
  // Answers the call when the characteristic cannot be used now.
  bool Refused(const Call& call) const;
  void AddDescriptor();
  // Gives the caller one end of a pair, and returns the other; none when there is no pair to have.
  std::optional<Descriptor> Acquire(const Call& call);
  void HearNotifySocket();
  void HearWriteSocket();
  void Release(std::optional<Descriptor>& socket, const char* property);
  void ShowNotifying();

  GattHost& host_;
  const std::string path_, descriptor_path_;
  const GattCharacteristic made_;
  std::set<std::string> sessions_;  // the senders of StartNotify
  std::optional<Descriptor> notify_socket_, write_socket_;
  Timer write_due_;
  std::optional<Call> writing_;
};

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_CHARACTERISTIC_H_
