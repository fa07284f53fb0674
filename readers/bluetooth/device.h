#ifndef MADOGUCHI_READERS_BLUETOOTH_DEVICE_H_
#define MADOGUCHI_READERS_BLUETOOTH_DEVICE_H_

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "madoguchi/reader/v1/reader.pb.h"
#include "readers/bluetooth/codec.h"
#include "readers/bluetooth/link.h"

namespace madoguchi::bluetooth {

// One reader: its link, which is made again whenever it is lost, what lies on it, and the session
// that has its card. Of the loop's thread.
//
// A card is powered when it comes, for its ATR, and off again; then only in a session, from its
// begin to its end. So no PIN stays verified, and the reader's own polling watches the card in
// between.
class Device final : public Link::Owner {
 public:
  using Answer = std::function<void(absl::StatusOr<std::vector<uint8_t>>)>;
  using CodecMaker = std::function<std::unique_ptr<Codec>(const Family&)>;

  // `changed` is called when state() may be another. The references outlive the device.
  Device(Bluez& bluez, Loop& loop, const Objects& objects, std::string name, CodecMaker make_codec,
         std::function<void()> changed);
  ~Device() override;

  const std::string& name() const { return name_; }
  // As the host is to see it.
  reader::v1::ReaderState State() const;
  // Whether it needs the radio's search: it is not linked and not being linked.
  bool lost() const { return link_ == nullptr; }
  // It is being linked: a search would be in the way.
  bool connecting() const { return link_ != nullptr && !ready_; }
  const std::string& path() const { return path_; }

  // The device is at `path` and in reach as far as is known: connects if it is not, at once where
  // the last trouble was the range.
  void Found(const std::string& path);
  // Bluetooth is gone, as `why` says; nothing is tried until Found.
  void Suspend(const absl::Status& why);
  // Something at or below path() changed. As Link::Changed.
  void Changed(const std::string& path, const std::string& interface, const Properties& changed);

  // The card of `insertion` for session number `session`: the ATR, or a failure as
  // madoguchi.reader.v1.Reader.Open has it.
  void Open(uint64_t session, uint64_t insertion, Answer answer);
  // The R-APDU, or a failure as Transmit has it. `command` has 4..kLongestCommand bytes. It is sent
  // at most once, and wiped as soon as it is in the frame.
  void Transmit(uint64_t session, Secret command, Answer answer);
  // Ends the session; an answer that is awaited comes at once, as READER_LOST. Nothing when it is
  // not the session that has the card.
  void Close(uint64_t session);
  // For good: powers off the card of a session, waits for that 200 ms at most, and disconnects.
  // `ended` is called when Disconnect was sent, perhaps at once. Nothing but Changed follows.
  void End(std::function<void()> ended);

  // Link::Owner
  void LinkUp(const Pipe& pipe) override;
  void LinkPairs() override;
  void LinkHeard(std::span<const uint8_t> piece, bool status) override;
  void LinkDown(const absl::Status& why) override;

 private:
  enum class Order { kPowerOn, kPowerOff, kAskSlot, kTransmit };
  // What becomes of an order: an event kDone or kFailed.
  using Then = std::function<void(const Event&)>;
  struct Ordered {
    Order order;
    Secret command;
    Then then;
  };

  void TryAgainLater();
  void Heard(Event event);
  void Connect();
  // Takes what the codec has to say and to send.
  void Drain();
  void Break(const absl::Status& why);
  void Give(Order order, Then then, Secret command = {});
  void Next();
  void Finish(const Event& event);
  void Ready();
  // It had the time to find what lies there.
  void Looked();
  void CardCame(bool lying);
  void CardWent();
  void Power(int tries_left);
  void Arrived(reader::v1::Presence presence, std::string atr);
  void Reply(absl::StatusOr<std::vector<uint8_t>> answer);
  void LookWhatLies();
  // A command that nobody waits for any more is not waited for long.
  void Hurry();
  void ReadBattery();
  // Nothing is known, and nothing is to be done: as before the link was up.
  void ForgetReader();

  Bluez& bluez_;
  Loop& loop_;
  const Objects& objects_;
  const std::string name_;
  const CodecMaker make_codec_;
  const std::function<void()> changed_;

  std::string path_;  // empty while it was never found
  std::unique_ptr<Link> link_;
  Pipe pipe_;
  std::unique_ptr<Codec> codec_;
  bool ready_ = false;       // it takes orders
  bool asked_slot_ = false;  // and answered what lay there when the link was made
  bool looked_ = false;      // and is shown
  bool suspended_ = true;
  absl::Status trouble_;
  std::string maker_;
  std::chrono::milliseconds pause_;
  Timer again_, patience_, look_;

  std::deque<Ordered> orders_;
  bool under_way_ = false;

  reader::v1::Presence presence_ = reader::v1::PRESENCE_UNSPECIFIED;
  uint64_t insertion_ = 0;
  bool lying_ = false;
  bool card_ = false;      // as the reader says
  bool powering_ = false;  // to find out what came
  std::string atr_;
  std::optional<uint32_t> battery_;
  Clock::time_point ready_at_, powered_off_at_;

  uint64_t session_ = 0;       // 0: none
  bool session_card_ = false;  // its card is still the one that it began with
  Answer awaited_;
  std::function<void()> ended_;
  Leash leash_;
};

}  // namespace madoguchi::bluetooth

#endif  // MADOGUCHI_READERS_BLUETOOTH_DEVICE_H_
