#ifndef MADOGUCHI_HOST_CHECK_FAKE_SCREENS_H_
#define MADOGUCHI_HOST_CHECK_FAKE_SCREENS_H_

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "host/check/fake_world.h"

namespace madoguchi::fake {

// The people at one counter, by script and without a thread: each wait of the check is answered at
// once by what they do at that stage, and by the end of its time when they do nothing.
class FakeScreens final : public Screens {
 public:
  FakeScreens(ReaderTable& table, std::stop_token cancelled);

  std::deque<std::string> pins = {"1234"};  // typed one after the other
  std::deque<bool> last_try, same_card;
  std::deque<bool> matches = {true};
  std::deque<std::string> which_card;  // places
  std::deque<desk::v1::Answer> answers;
  // What else happens the first time that the check waits at a stage (a card is laid down, ...).
  std::map<desk::v1::Stage, std::function<void()>> when;

  std::vector<Scene> scenes;          // all that was shown
  std::vector<absl::Status> refused;  // what the check said to replies it did not take
  int pins_taken = 0;

  void Show(const Scene& scene) override;
  void Ask(const Scene& scene, Acceptor acceptor) override;
  Wake Await(std::chrono::steady_clock::time_point until, desk::v1::Reply* reply) override;

 private:
  bool Answer(desk::v1::Reply* reply);

  const std::stop_token cancelled_;
  std::shared_ptr<Listener> listener_;
  Acceptor acceptor_;
  bool readers_moved_ = false;
};

}  // namespace madoguchi::fake

#endif  // MADOGUCHI_HOST_CHECK_FAKE_SCREENS_H_
