#ifndef MADOGUCHI_READERS_NFC_FAKE_NFC_H_
#define MADOGUCHI_READERS_NFC_FAKE_NFC_H_

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "readers/nfc/nfc_device.h"

namespace madoguchi::nfc {

// Ports with one device that does what it is told. Thread-safe: the test's thread tells, the slot's
// asks. It notices two threads in one device, and a device that is opened twice.
class FakePorts final : public NfcPorts {
 public:
  // What the device answers from now on.
  struct Script {
    absl::Status open;
    Outcome find = Outcome::kNoCard;
    Outcome ping = Outcome::kDone;
    Outcome exchange = Outcome::kDone;
    std::vector<uint8_t> answer = {0x90, 0x00};
    bool hang = false;  // Exchange comes back when it is aborted, or this is false again
    bool deaf = false;  // and does not hear of an abort
    bool dead = false;  // nor is it cut off
    Outcome field_off = Outcome::kDone;
    bool hold = false;  // Find comes back when this is false again
    // So many calls fail first: of a card that wakes slowly, of a chip that owes an answer.
    int finds_missed = 0, pings_missed = 0, fields_stuck = 0;
  };
  // What was asked of it.
  struct Counts {
    int opened = 0, closed = 0, finds = 0, pings = 0, exchanges = 0, aborts = 0, cuts = 0,
        fields_off = 0;
    bool hanging = false, held = false;
    int wrong = 0;  // calls that must not be
  };

  template <typename Change>
  void Tell(Change change) {
    std::lock_guard<std::mutex> lock(mutex_);
    change(script_);
    changed_.notify_all();
  }
  Counts counts() {
    std::lock_guard<std::mutex> lock(mutex_);
    return counts_;
  }

  absl::StatusOr<std::unique_ptr<NfcDevice>> Open(const std::string&) override {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!script_.open.ok()) return script_.open;
    if (counts_.opened > counts_.closed) ++counts_.wrong;
    ++counts_.opened;
    return std::unique_ptr<NfcDevice>(new Device(*this));
  }

 private:
  class Device final : public NfcDevice {
    template <typename Look>
    auto Call(Look look) {
      std::lock_guard<std::mutex> lock(ports_.mutex_);
      if (std::this_thread::get_id() != owner_) ++ports_.counts_.wrong;
      return look(ports_.script_, ports_.counts_);
    }
    static bool Missed(int& left) { return left > 0 && left-- > 0; }

   public:
    explicit Device(FakePorts& ports) : ports_(ports), owner_(std::this_thread::get_id()) {}
    ~Device() override {
      Call([](Script&, Counts& counts) { return ++counts.closed; });
    }
    std::string chip() const override { return "FAKE v1"; }
    Outcome Find(std::vector<uint8_t>* atr) override {
      *atr = {0x3B, 0x80, 0x80, 0x01, 0x01};
      std::unique_lock<std::mutex> lock(ports_.mutex_);
      Counts& counts = ports_.counts_;
      if (std::this_thread::get_id() != owner_) ++counts.wrong;
      ++counts.finds;
      counts.held = true;
      ports_.changed_.wait(lock, [&] { return !ports_.script_.hold; });
      counts.held = false;
      return Missed(ports_.script_.finds_missed) ? Outcome::kNoCard : ports_.script_.find;
    }
    Outcome Ping() override {
      return Call([](Script& script, Counts& counts) {
        ++counts.pings;
        return Missed(script.pings_missed) ? Outcome::kCardGone : script.ping;
      });
    }
    Outcome Exchange(std::span<const uint8_t> command, std::chrono::milliseconds patience,
                     std::vector<uint8_t>* answer) override {
      std::unique_lock<std::mutex> lock(ports_.mutex_);
      Counts& counts = ports_.counts_;
      if (std::this_thread::get_id() != owner_ || patience.count() <= 0 || command.empty() ||
          command.size() > kLongestCommand) {
        ++counts.wrong;
      }
      ++counts.exchanges;
      aborted_ = cut_ = false;
      counts.hanging = true;
      ports_.changed_.wait(lock, [&] { return !ports_.script_.hang || aborted_ || cut_; });
      counts.hanging = false;
      if (aborted_) return Outcome::kAborted;
      if (cut_) return Outcome::kGarbled;
      *answer = ports_.script_.answer;
      return ports_.script_.exchange;
    }
    void Abort() override {
      std::lock_guard<std::mutex> lock(ports_.mutex_);
      ++ports_.counts_.aborts;
      if (!ports_.counts_.hanging) ++ports_.counts_.wrong;
      aborted_ = !ports_.script_.deaf;
      ports_.changed_.notify_all();
    }
    void Cut() override {
      std::lock_guard<std::mutex> lock(ports_.mutex_);
      ++ports_.counts_.cuts;
      if (!ports_.counts_.hanging) ++ports_.counts_.wrong;
      cut_ = !ports_.script_.dead;
      ports_.changed_.notify_all();
    }
    Outcome FieldOff() override {
      return Call([](Script& script, Counts& counts) {
        ++counts.fields_off;
        return Missed(script.fields_stuck) ? Outcome::kGarbled : script.field_off;
      });
    }

   private:
    FakePorts& ports_;
    const std::thread::id owner_;
    bool aborted_ = false, cut_ = false;
  };

  std::mutex mutex_;
  std::condition_variable changed_;
  Script script_;
  Counts counts_;
};

}  // namespace madoguchi::nfc

#endif  // MADOGUCHI_READERS_NFC_FAKE_NFC_H_
