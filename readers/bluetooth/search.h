#ifndef MADOGUCHI_READERS_BLUETOOTH_SEARCH_H_
#define MADOGUCHI_READERS_BLUETOOTH_SEARCH_H_

#include <string>

#include "readers/bluetooth/bluez.h"
#include "readers/bluetooth/loop.h"

namespace madoguchi::bluetooth {

// When the adapter searches for devices. A search costs the links that are there, and none can be
// made while it runs: so it is on for ten seconds at a time, less and less often for a reader that
// stays away, and once a minute for a pattern that more readers may fit.
class Search {
 public:
  enum class Need {
    kNone,
    kMore,     // all that is known is linked; there may be more
    kMissing,  // a reader that was asked for is not there
    kHold,     // a link is being made: not now
  };

  Search(Bluez& bluez, Loop& loop) : bluez_(bluez), loop_(loop), timer_(loop) {}

  // The adapter that is on; empty: there is none, and nothing is searched for.
  void Use(const std::string& adapter);
  // What is needed now. To be called whenever it may have changed.
  void Steer(Need need);

 private:
  void Begin();
  void End();

  Bluez& bluez_;
  Loop& loop_;
  std::string adapter_;
  Need need_ = Need::kNone;
  bool searching_ = false;
  int in_vain_ = 0;  // searches since nothing was missing
  Clock::time_point next_;
  Timer timer_;  // of the search, or of the rest after it
};

}  // namespace madoguchi::bluetooth

#endif  // MADOGUCHI_READERS_BLUETOOTH_SEARCH_H_
