#ifndef MADOGUCHI_SDK_SIM_PN532_LINE_H_
#define MADOGUCHI_SDK_SIM_PN532_LINE_H_

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "sdk/sim/pn532/frame.h"

namespace madoguchi::pn532 {

// A serial line as the host meets it: a pseudo-terminal, with a symbolic link to it whose name
// stays the same over unplugging, as /dev/serial/by-id/... does. Not thread-safe; it never waits.
class Line {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;

  // `link`: an absolute or relative path. `baud`: bits a second, 10 of them a byte, in both
  // directions; 0: as fast as it goes.
  Line(std::string link, uint64_t baud) : link_(std::move(link)), baud_(baud) {}
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  // Unplugs.
  ~Line() { Unplug(); }

  // A new terminal, and the link to it. Nothing happens when it is plugged in.
  absl::Status Plug();
  // The terminal is gone and so is the link; who has it open reads EIO.
  void Unplug();
  bool plugged() const { return master_ >= 0; }
  // To be polled for reading; -1 when unplugged.
  int fd() const { return master_; }
  // The terminal's own path; empty when unplugged.
  const std::string& device() const { return device_; }

  // Takes what the host has written.
  void Read(Time now);
  // What has reached this end by `now`; nothing: nullopt.
  std::optional<Bytes> Heard(Time now);
  // Sends to the host; it is there when the line has carried it.
  void Say(Bytes bytes, Time now);
  // Hands over what the line has carried by `now`.
  void Turn(Time now);
  // When Heard or Turn have something to do.
  std::optional<Time> next() const;

 private:
  struct Piece {
    Time due;
    Bytes bytes;
  };
  // When `size` bytes are through that begin now, behind those that are on the line.
  Time Through(size_t size, Time now, const std::deque<Piece>& before) const;

  const std::string link_;
  const uint64_t baud_;
  int master_ = -1;
  // Kept open: the terminal's settings outlive the host's close.
  int slave_ = -1;
  std::string device_;
  std::deque<Piece> coming_, going_;
};

}  // namespace madoguchi::pn532

#endif  // MADOGUCHI_SDK_SIM_PN532_LINE_H_
