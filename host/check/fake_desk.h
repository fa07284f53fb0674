#ifndef MADOGUCHI_HOST_CHECK_FAKE_DESK_H_
#define MADOGUCHI_HOST_CHECK_FAKE_DESK_H_

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "host/check/counter.h"
#include "host/check/fake_world.h"

namespace madoguchi::fake {

// One screen at a counter, without a desk between them. Used by one thread.
class Looker {
 public:
  Looker(Counter& counter, check::v1::Role role)
      : counter_(counter), role_(role), listener_(std::make_shared<Listener>([this] {
          std::lock_guard<std::mutex> lock(mutex_);
          moved_ = true;
          wake_.notify_all();
        })) {
    counter_.Tell(listener_);
  }
  ~Looker() { listener_->Stop(); }

  desk::v1::View View() const {
    desk::v1::View view;
    counter_.View(role_, &view);
    return view;
  }

  // The first view that pleases; the newest one after ten seconds, at which the test fails.
  desk::v1::View Await(const std::function<bool(const desk::v1::View&)>& pleases) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (true) {
      const desk::v1::View view = View();
      if (pleases(view)) return view;
      std::unique_lock<std::mutex> lock(mutex_);
      if (!wake_.wait_until(lock, until, [&] { return std::exchange(moved_, false); })) return view;
    }
  }
  desk::v1::View AwaitStage(desk::v1::Stage stage) {
    return Await([stage](const desk::v1::View& view) { return view.stage() == stage; });
  }

  // `reply` to the question of `view`.
  absl::Status Send(desk::v1::Reply reply, const desk::v1::View& view) {
    reply.set_role(role_);
    reply.set_check_id(view.check_id());
    reply.set_question(view.question());
    return counter_.Send(reply, role_).status();
  }
  absl::Status Begin(const std::string& method) {
    desk::v1::Reply reply;
    reply.mutable_begin()->set_method(method);
    return counter_.Send(reply, role_).status();
  }
  absl::Status Cancel() {
    desk::v1::Reply reply;
    reply.mutable_cancel();
    return Send(reply, View());
  }
  absl::Status Close() {
    desk::v1::Reply reply;
    reply.mutable_close();
    return Send(reply, View());
  }
  absl::Status Pin(const std::string& pin, const desk::v1::View& view) {
    desk::v1::Reply reply;
    *reply.mutable_pin() = Seal(pin, view.pin_prompt(), view.check_id());
    return Send(reply, view);
  }

 private:
  Counter& counter_;
  const check::v1::Role role_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool moved_ = false;
  std::shared_ptr<Listener> listener_;
};

// The two methods that Madoguchi comes with, and a third whose policy only asks a question.
struct Methods {
  Policy pin{ByPin()}, visual{ByVisualMatch()};
  Policy question{
      Script({"ask { text { ja: '文' en: 'Text' } role: ROLE_PATIENT "
              "choices { id: 'yes' label { ja: 'はい' en: 'Yes' } } "
              "choices { id: 'no' label { ja: 'いいえ' en: 'No' } } }",
              "ask { text { ja: '文' en: 'Text' } role: ROLE_PATIENT "
              "choices { id: 'yes' label { ja: 'はい' en: 'Yes' } } "
              "choices { id: 'no' label { ja: 'いいえ' en: 'No' } } }"})};
  std::vector<Method> all = {
      {"pin", {}, &pin}, {"visual", {}, &visual}, {"question", {}, &question}};
};

}  // namespace madoguchi::fake

#endif  // MADOGUCHI_HOST_CHECK_FAKE_DESK_H_
