#ifndef MADOGUCHI_HOST_DESK_STREAM_H_
#define MADOGUCHI_HOST_DESK_STREAM_H_

#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "host/check/listeners.h"
#include "sdk/failure/grpc_status.h"

namespace madoguchi {

// A server stream of states of which only the newest counts: while one is being written the next
// waits, and one that is overtaken is never sent. So a slow screen holds one message, not a queue.
// Keeps itself alive until gRPC is done with it.
template <typename Message>
class NewestStream final : public grpc::ServerWriteReactor<Message>,
                           public std::enable_shared_from_this<NewestStream<Message>> {
 public:
  // Fills in the newest message and returns its number, which grows. An error ends the stream.
  using Fetch = std::function<absl::StatusOr<uint64_t>(Message*)>;

  static std::shared_ptr<NewestStream> Make(Fetch fetch) {
    std::shared_ptr<NewestStream> stream(new NewestStream(std::move(fetch)));
    stream->self_ = stream;
    return stream;
  }

  // To be told of changes: hand this to whoever has them, then call Push once.
  std::shared_ptr<Listener> listener() {
    auto listener = std::make_shared<Listener>([weak = this->weak_from_this()] {
      if (const auto stream = weak.lock()) stream->Push();
    });
    std::lock_guard<std::mutex> lock(mutex_);
    listeners_.push_back(listener);
    return listener;
  }

  // Sends the newest message, unless it was sent already or another is on its way.
  void Push() {
    std::optional<absl::Status> end;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (finished_) return;
      if (writing_) {
        again_ = true;
        return;
      }
      if (cancelled_) {
        end = absl::CancelledError();
      } else {
        Message next;
        const auto number = fetch_(&next);
        if (!number.ok()) {
          end = number.status();
        } else if (*number > sent_) {
          sent_ = *number;
          message_ = std::move(next);
          writing_ = true;
        } else {
          return;
        }
      }
      finished_ = end.has_value();
    }
    // Outside the lock: gRPC may call back at once, on this thread.
    if (end) {
      this->Finish(ToScreen(*end));
    } else {
      this->StartWrite(&message_);
    }
  }

  void OnWriteDone(bool ok) override {
    bool push = false;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      writing_ = false;
      if (!ok) cancelled_ = true;
      push = std::exchange(again_, false) || cancelled_;
    }
    if (push) Push();
  }

  void OnCancel() override {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      cancelled_ = true;
    }
    Push();
  }

  void OnDone() override {
    std::shared_ptr<NewestStream> last = std::move(self_);
    std::lock_guard<std::mutex> lock(mutex_);
    listeners_.clear();
  }

 private:
  explicit NewestStream(Fetch fetch) : fetch_(std::move(fetch)) {}

  const Fetch fetch_;
  std::shared_ptr<NewestStream> self_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Listener>> listeners_;
  Message message_;
  uint64_t sent_ = 0;
  bool writing_ = false;
  bool again_ = false;
  bool cancelled_ = false;
  bool finished_ = false;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_DESK_STREAM_H_
