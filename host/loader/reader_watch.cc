#include "host/loader/reader_watch.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "madoguchi/reader/v1/reader.grpc.pb.h"
#include "sdk/failure/grpc_status.h"
#include "sdk/failure/plain_line.h"

namespace madoguchi {
namespace {

using reader::v1::Snapshot;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kWatchAgain(1000);
constexpr milliseconds kBetween(1000 / ReaderWatch::kMostInASecond);

// What `snapshot` tells that none may; empty when there is nothing.
std::string WhatIsWrong(const Snapshot& snapshot) {
  if (snapshot.reader_size() > ReaderWatch::kMostReaders) {
    return "more than " + std::to_string(ReaderWatch::kMostReaders) + " readers";
  }
  std::set<std::string> names;
  for (const reader::v1::ReaderState& reader : snapshot.reader()) {
    const std::string& name = reader.name();
    // Changed, it would open no session: the plugin knows the reader by it.
    if (name.empty() || PlainLine(name, ReaderWatch::kLongestName) != name) {
      return "a reader whose name is not one line of 1 to " +
             std::to_string(ReaderWatch::kLongestName) + " bytes";
    }
    if (!names.insert(name).second) return "two readers of one name";
    if (reader.atr().size() > ReaderWatch::kLongestAtr) {
      return "an ATR of more than " + std::to_string(ReaderWatch::kLongestAtr) + " bytes";
    }
  }
  return "";
}

// Of a plugin that lives and says no more what it sees: what it said last is not to be believed.
Snapshot Blind(const std::string& why) {
  Snapshot blind;
  blind.set_detail(why);
  return blind;
}

// For the incidents.
std::string HowItEnded(const grpc::Status& status) {
  // As FinishOf ends a stream whose messages cannot be read.
  if (status.error_code() == grpc::StatusCode::CANCELLED) {
    return "sent what cannot be read on its Watch, or cancelled it";
  }
  return "ended its Watch with " +
         absl::StatusCodeToString(static_cast<absl::StatusCode>(status.error_code())) + ": " +
         status.error_message();
}

}  // namespace

ReaderWatch::ReaderWatch(ReaderTable& table, std::string plugin,
                         std::shared_ptr<const PluginLife> life)
    : table_(table),
      plugin_(std::move(plugin)),
      life_(std::move(life)),
      listening_([this](const std::stop_token& stopping) { Listen(stopping); }),
      telling_([this](const std::stop_token& stopping) { Tell(stopping); }) {}

void ReaderWatch::Listen(const std::stop_token& stopping) {
  const auto stub = reader::v1::Reader::NewStub(life_->channel);
  std::mutex mutex;
  std::condition_variable_any wake;
  bool slowed_down = false;
  while (!stopping.stop_requested()) {
    grpc::Status ended;
    bool too_much = false;
    {
      grpc::ClientContext context;
      const std::stop_callback cancel(stopping, [&context] { context.TryCancel(); });
      const auto stream = stub->Watch(&context, reader::v1::WatchRequest());
      too_much = Drain(&context, stream.get());
      ended = FinishOf(&context, [&] { return stream->Finish(); });
    }
    if (stopping.stop_requested()) return;
    const bool is_over = life_->over;
    if (!too_much) {
      Take(Blind("its plugin does not say what it sees"));
    } else if (!std::exchange(slowed_down, true)) {
      life_->incidents->Add("told of its readers more than " + std::to_string(kMostHeardInASecond) +
                            " times a second, and was slowed down");
    }
    std::unique_lock<std::mutex> lock(mutex);
    wake.wait_for(lock, stopping, kWatchAgain, [] { return false; });
    // The end of its process ends the stream, too, and this object soon after.
    if (ended.ok() || too_much || is_over || stopping.stop_requested()) continue;
    life_->incidents->Add(HowItEnded(ended));
  }
}

bool ReaderWatch::Drain(grpc::ClientContext* call, grpc::ClientReader<Snapshot>* stream) {
  Snapshot snapshot;
  auto since = steady_clock::now();
  for (int heard = 1; stream->Read(&snapshot); ++heard) {
    Take(std::move(snapshot));
    if (steady_clock::now() - since >= std::chrono::seconds(1)) {
      since = steady_clock::now();
      heard = 0;
    }
    if (heard < kMostHeardInASecond) continue;
    call->TryCancel();
    while (stream->Read(&snapshot)) {
    }
    return true;
  }
  return false;
}

void ReaderWatch::Take(Snapshot snapshot) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    newest_ = std::move(snapshot);
  }
  wake_.notify_one();
}

void ReaderWatch::Tell(const std::stop_token& stopping) {
  // When as many as possible may be told at once again.
  auto rested = steady_clock::now();
  std::unique_lock<std::mutex> lock(mutex_);
  while (wake_.wait(lock, stopping, [&] { return newest_.has_value(); })) {
    const auto now = steady_clock::now();
    const auto next = rested - (kMostInASecond - 1) * kBetween;
    if (now < next) {
      wake_.wait_until(lock, stopping, next, [] { return false; });
      if (stopping.stop_requested()) return;
    }
    rested = std::max(rested, steady_clock::now()) + kBetween;
    Snapshot snapshot = *std::exchange(newest_, std::nullopt);
    lock.unlock();
    table_.Update(plugin_, life_->generation, Bounded(std::move(snapshot)));
    lock.lock();
  }
}

Snapshot ReaderWatch::Bounded(Snapshot snapshot) const {
  if (const std::string wrong = WhatIsWrong(snapshot); !wrong.empty()) {
    life_->incidents->Add("told of " + wrong);
    return Blind("its plugin told of " + wrong);
  }
  snapshot.DiscardUnknownFields();
  snapshot.set_detail(PlainLine(snapshot.detail()));
  for (reader::v1::ReaderState& reader : *snapshot.mutable_reader()) {
    reader.set_maker(PlainLine(reader.maker(), kLongestName));
  }
  return snapshot;
}

}  // namespace madoguchi
