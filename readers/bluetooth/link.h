#ifndef MADOGUCHI_READERS_BLUETOOTH_LINK_H_
#define MADOGUCHI_READERS_BLUETOOTH_LINK_H_

#include <deque>
#include <functional>
#include <string>

#include "readers/bluetooth/bluez.h"
#include "readers/bluetooth/family.h"
#include "readers/bluetooth/loop.h"
#include "sdk/failure/failure.h"
#include "sdk/secret/secret.h"

namespace madoguchi::bluetooth {

// The radio link to one reader, from Connect to its loss: connects, waits until the services are
// resolved, finds the reader's pipe, listens to it, and pairs where the reader wants that. Serves
// one link; of the loop's thread. Every wait ends with the loss of the link too.
class Link {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // The pipe is there, and what comes through it is told from now on. Comes again when the first
    // write was refused until the reader was paired: everything begins anew then.
    virtual void LinkUp(const Pipe& pipe) = 0;
    // In the order in which it came; `status`: through the characteristic of that name.
    virtual void LinkHeard(std::span<const uint8_t> piece, bool status) = 0;
    // Once, the last call; the link may be destroyed in it. What was sent and not yet written may
    // have arrived or not.
    virtual void LinkDown(const absl::Status& why) = 0;
  };

  // `objects` is what is known of org.bluez, kept true by the caller; it, `bluez` and `owner`
  // outlive the link.
  Link(Bluez& bluez, Loop& loop, const Objects& objects, std::string device, Owner& owner);
  // Disconnects, without waiting for it.
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void Connect();
  // Behind what was sent before, in pieces. Only while the link is up.
  void Send(Secret frame);
  // Something of the device or below it changed, or came or went. To be called after `objects` was
  // changed accordingly.
  void Changed(const std::string& path, const std::string& interface, const Properties& changed);
  // Ends it from here.
  void Drop(const absl::Status& why) { Down(why); }

 private:
  enum class Stage { kNew, kConnecting, kResolving, kListening, kPairing, kUp, kDown };

  bool Is(const char* property) const {
    return ValueOr<bool>(objects_, device_, kDevice, property, false);
  }
  void Connected();
  void Look();
  void ListenTo(const std::string& characteristic, std::function<void()> then);
  void Listened();
  void Pair(const CallError& why);
  void Write();
  void Down(absl::Status why);

  Bluez& bluez_;
  const Objects& objects_;
  const std::string device_;
  Owner& owner_;
  Stage stage_ = Stage::kNew;
  bool connected_ = false;  // Connect came back well
  bool paired_ = false;     // in this link
  Pipe pipe_;
  std::deque<Secret> frames_;
  size_t written_ = 0;  // of the first
  bool writing_ = false;
  bool wrote_ = false;  // something, without an error
  Timer timer_;
  Leash leash_;
};

}  // namespace madoguchi::bluetooth

#endif  // MADOGUCHI_READERS_BLUETOOTH_LINK_H_
