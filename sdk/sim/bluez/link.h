#ifndef MADOGUCHI_SDK_SIM_BLUEZ_LINK_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_LINK_H_

#include <span>

#include "sdk/sim/bluez/firmware.h"

namespace madoguchi::bluez {

class Peripheral;

// The host's end of a connection.
class Central {
 public:
  virtual ~Central() = default;
  virtual void Notified(Pipe pipe, const Bytes& value) = 0;
  // The link is not to be used any more.
  virtual void LinkLost() = 0;
};

// One connection between a peripheral and a central. The peripheral owns it.
class Link : public Radio {
 public:
  Link(Peripheral& peripheral, Central& central, size_t mtu)
      : peripheral_(peripheral), central_(central), mtu_(mtu) {}

  // Of the host: a write to a characteristic's pipe, at most mtu-3 bytes; only kCommand has an
  // effect. The link may be gone afterwards.
  void Write(Pipe pipe, std::span<const uint8_t> piece);
  // The value of a characteristic at this moment; empty for the pipes of frames.
  Bytes Read(const GattCharacteristic& characteristic) const;

  size_t mtu() const override { return mtu_; }
  void Notify(Pipe pipe, const Bytes& piece) override { central_.Notified(pipe, piece); }
  void Drop() override;
  Central& central() { return central_; }

 private:
  Peripheral& peripheral_;
  Central& central_;
  const size_t mtu_;
};

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_LINK_H_
