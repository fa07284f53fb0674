#ifndef MADOGUCHI_HOST_PLAY_STAGE_H_
#define MADOGUCHI_HOST_PLAY_STAGE_H_

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "host/check/counter.h"
#include "host/play/authority.h"
#include "host/play/policies.h"
#include "host/play/readers.h"
#include "host/play/script.pb.h"

namespace madoguchi::play {

// Said wherever somebody might take what is played for real: no card, reader, authority or patient
// stands behind it.
inline constexpr char kHostId[] = "play: nothing is real";
inline constexpr char kCounterName[] = "play-nothing-is-real";

// One counter and what lies behind it, by script. The counter and its checks are the host's own;
// reader, card, policies and authority are played here, in memory: there is no way from here to any
// that are real. A check that ends makes the next act the current one; its readers are there before
// the verdict is shown, so that the next Begin finds them. Thread-safe. Has no gRPC in it.
class Stage {
 public:
  // Number 1 is the first; `script` comes from ParseScript. `speed` divides all times of it, 1 is
  // as written, above 0. `table` and `signer` outlive it.
  Stage(const script::Script& script, int number, double speed, ReaderTable* table,
        PromptSigner* signer);
  // Ends a running check.
  ~Stage();

  const std::string& name() const { return name_; }
  const std::string& plugin() const { return reader_plugin_; }
  // What its checks work with. The limits change; all else stays as long as the stage.
  const World& world() const { return world_; }
  // A counter that looks at this stage; once. It must be gone before the stage is.
  std::unique_ptr<Counter> MakeCounter();
  // No cue comes after this. To be called before the counter goes.
  void Stop();

 private:
  class Answers;  // the authority
  using Time = std::chrono::steady_clock::time_point;

  std::chrono::milliseconds Scaled(uint32_t ms) const;
  script::Act Now() const;
  void SetReaders(const script::Act& act);
  void SetLimits(const script::Act& act);
  void Finished(const check::v1::Record& record);
  // The counter changed: what the script has for the stage that it has come to is put on the list.
  void Look();
  void PutOnListLocked(desk::v1::Stage stage);
  void Wait(std::stop_token stopping);
  void Do(const script::Cue& cue, const script::Act& act);
  std::shared_ptr<Stay> StayOf(const script::Card& card, const script::Act& act,
                               const std::string& reader);

  const script::Script script_;
  const std::string name_;
  const double speed_;
  Readers readers_;
  std::unique_ptr<Answers> authority_;
  std::vector<std::unique_ptr<Policy>> policies_;
  std::vector<Method> methods_;
  World world_;
  const std::string reader_plugin_;
  Counter* counter_ = nullptr;
  std::shared_ptr<Listener> listener_;

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  size_t act_ = 0;
  std::set<desk::v1::Stage> seen_;  // stages that the act has come to
  std::string finished_;            // the check before: what the counter still shows of it is over
  struct Due {
    script::Cue cue;
    script::Act act;
  };
  std::multimap<Time, Due> due_;
  std::jthread hand_;
};

}  // namespace madoguchi::play

#endif  // MADOGUCHI_HOST_PLAY_STAGE_H_
