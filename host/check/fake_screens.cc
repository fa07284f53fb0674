#include "host/check/fake_screens.h"

#include <utility>

namespace madoguchi::fake {
namespace {

template <typename T>
bool Pop(std::deque<T>* from, T* to) {
  if (from->empty()) return false;
  *to = std::move(from->front());
  from->pop_front();
  return true;
}

}  // namespace

FakeScreens::FakeScreens(ReaderTable& table, std::stop_token cancelled)
    : cancelled_(std::move(cancelled)),
      listener_(std::make_shared<Listener>([this] { readers_moved_ = true; })) {
  table.Tell(listener_);
}

void FakeScreens::Show(const Scene& scene) {
  scenes.push_back(scene);
  acceptor_ = nullptr;
}

void FakeScreens::Ask(const Scene& scene, Acceptor acceptor) {
  scenes.push_back(scene);
  acceptor_ = std::move(acceptor);
}

Screens::Wake FakeScreens::Await(std::chrono::steady_clock::time_point, desk::v1::Reply* reply) {
  const auto stage = scenes.empty() ? desk::v1::STAGE_READING : scenes.back().stage;
  if (const auto now = when.find(stage); now != when.end()) {
    const auto happens = std::move(now->second);
    when.erase(now);
    happens();
  }
  if (cancelled_.stop_requested()) return Wake::kCancelled;
  if (std::exchange(readers_moved_, false)) return Wake::kReaders;
  desk::v1::Reply given;
  while (reply != nullptr && acceptor_ != nullptr && Answer(&given)) {
    if (absl::Status taken = acceptor_(given); !taken.ok()) {
      refused.push_back(taken);
      continue;
    }
    if (given.has_pin()) ++pins_taken;
    acceptor_ = nullptr;
    *reply = given;
    return Wake::kReply;
  }
  return Wake::kTimeout;
}

bool FakeScreens::Answer(desk::v1::Reply* reply) {
  const Scene& scene = scenes.back();
  bool yes = false;
  switch (scene.stage) {
    case desk::v1::STAGE_ASK_PIN: {
      std::string pin;
      if (!Pop(&pins, &pin)) return false;
      *reply->mutable_pin() = Seal(pin, *scene.pin_prompt, scene.check_id);
      return true;
    }
    case desk::v1::STAGE_ASK_LAST_TRY:
      if (!Pop(&last_try, &yes)) return false;
      reply->mutable_last_try()->set_go_on(yes);
      return true;
    case desk::v1::STAGE_ASK_VISUAL_MATCH:
      if (!Pop(&matches, &yes)) return false;
      reply->mutable_visual_match()->set_matches(yes);
      return true;
    case desk::v1::STAGE_ASK_SAME_CARD:
      if (!Pop(&same_card, &yes)) return false;
      reply->mutable_same_card()->set_same(yes);
      return true;
    case desk::v1::STAGE_ASK_WHICH_CARD:
      return Pop(&which_card, reply->mutable_which_card()->mutable_reader());
    case desk::v1::STAGE_ASK:
      return Pop(&answers, reply->mutable_answer());
    default:
      return false;
  }
}

}  // namespace madoguchi::fake
