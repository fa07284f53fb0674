#include "readers/pcsc/reader_watch.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "readers/pcsc/pcsc_failure.h"

namespace madoguchi::pcsc {
namespace {

constexpr char kPlugAndPlay[] = "\\\\?PnP?\\Notification";
// SCardGetStatusChange compares the number of readers with what it was when the call began: a
// reader that came just before is found by looking again.
constexpr std::chrono::milliseconds kLookAgain(1000);
// pcscd has written the other half of what was half seen long before.
constexpr std::chrono::milliseconds kHalfSeen(100);
// After a failure that says nothing of pcscd itself.
constexpr std::chrono::milliseconds kFailurePause(100);
// A pcscd that is well answers at once, but for the time in which it makes a reader that came ready
// (RFWaitForReaderInit): then all wait. libpcsclite itself sleeps 0.4 s at each card without an
// ATR.
constexpr std::chrono::milliseconds kSilence(5000), kSilenceOfReader(400);
constexpr std::chrono::milliseconds kServicePatience(500);
// The daemon makes its socket, and listens on it a moment later.
constexpr std::chrono::milliseconds kSoon(10);
constexpr int kSoonTries = 50;

constexpr auto kServiceDown = check::v1::FAILURE_CODE_READER_SERVICE_DOWN;
constexpr auto kTooMany = check::v1::FAILURE_CODE_READERS_TOO_MANY;
static_assert(PCSCLITE_MAX_READERS_CONTEXTS == 16, "kFullDetail says a number");
constexpr char kFullDetail[] = "16 readers is all that pcscd carries: another would not be seen";

// Nothing happened, or a reader went away: look again.
bool IsPassing(LONG result) {
  return result == SCARD_E_TIMEOUT || result == SCARD_E_CANCELLED ||
         result == SCARD_E_UNKNOWN_READER || result == SCARD_E_READER_UNAVAILABLE;
}

}  // namespace

ReaderWatch::ReaderWatch(PcscApi& api, const std::string& socket, ReaderChoice choice,
                         std::function<void(reader::v1::Snapshot)> publish,
                         std::function<void(const std::string&)> ask)
    : api_(api),
      socket_(socket),
      choice_(std::move(choice)),
      publish_(std::move(publish)),
      ask_(std::move(ask)),
      signal_(socket) {
  thread_ = std::thread([this] { Run(); });
  guard_ = std::thread([this] { Guard(); });
}

ReaderWatch::~ReaderWatch() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  signal_.Stop();
  guard_.join();
  // A cancel that comes between two calls is lost, so it is said again until it is heard.
  while (!ended_) {
    SCARDCONTEXT context;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      context = context_;
    }
    if (context != 0) api_.Cancel(context);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  thread_.join();
}

ReaderWatch::Place ReaderWatch::At(const std::string& reader) {
  std::lock_guard<std::mutex> lock(mutex_);
  return Place{running_ && !silent_, table_.CardAt(reader)};
}

bool ReaderWatch::HasAnswered(std::chrono::steady_clock::time_point since) {
  std::unique_lock<std::mutex> lock(mutex_);
  // Of two looks one began after `since`.
  changed_.wait_for(lock, 2 * kLookAgain,
                    [&] { return !running_ || stopping_ || answered_ >= since; });
  return running_ && answered_ >= since;
}

template <typename F>
LONG ReaderWatch::Call(std::chrono::milliseconds patience, F call) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    due_ = std::chrono::steady_clock::now() + patience + kSilence +
           kSilenceOfReader * table_.names().size();
    changed_.notify_all();
  }
  const LONG result = call();
  std::lock_guard<std::mutex> lock(mutex_);
  due_.reset();
  silent_ = false;
  answered_ = std::chrono::steady_clock::now();
  changed_.notify_all();
  return result;
}

void ReaderWatch::Guard() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_) {
    const auto due = silent_ ? std::nullopt : due_;
    if (!due) {
      changed_.wait(lock);
    } else if (changed_.wait_until(lock, *due) == std::cv_status::timeout && due_ == due) {
      silent_ = true;
      changed_.notify_all();
      lock.unlock();
      Publish();
      lock.lock();
    }
  }
}

void ReaderWatch::Run() {
  int soon = 0;
  while (!stopping_) {
    SCARDCONTEXT context = 0;
    LONG result = Call({}, [&] { return api_.EstablishContext(&context); });
    const bool refused = result == SCARD_W_SECURITY_VIOLATION;
    if (result == SCARD_S_SUCCESS) {
      {
        std::lock_guard<std::mutex> lock(mutex_);
        context_ = context;
      }
      result = Follow(context);
      {
        std::lock_guard<std::mutex> lock(mutex_);
        context_ = 0;
      }
      Call({}, [&] { return api_.ReleaseContext(context); });
      soon = 0;
    }
    if (stopping_) break;
    const std::string place = " at " + socket_ + " (" + PcscResultName(result) + ")";
    ShowDown(refused ? Describe(check::v1::FAILURE_CODE_READER_ACCESS_DENIED,
                                "pcscd does not let this program in" + place)
                     : Describe(kServiceDown, "pcscd does not answer" + place));
    const auto begin = std::chrono::steady_clock::now();
    const auto patience = soon > 0 ? kSoon : kServicePatience;
    signal_.Await(patience);
    const bool something = std::chrono::steady_clock::now() - begin < patience;
    soon = something ? kSoonTries : std::max(soon - 1, 0);
  }
  ended_ = true;
}

LONG ReaderWatch::Follow(SCARDCONTEXT context) {
  while (!stopping_) {
    std::vector<std::string> names;
    LONG result = Call({}, [&] { return api_.ListReaders(context, &names); });
    const bool listed = result == SCARD_S_SUCCESS;
    const bool full = names.size() >= PCSCLITE_MAX_READERS_CONTEXTS;
    names = Chosen(names);
    bool running;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      running = running_;
      if (listed) {
        table_.SetReaders(names);
        full_ = full;
      }
    }
    if (listed) {
      if (running) Publish();  // A reader may be gone.
      result = Look(context);
    }
    if (result == SCARD_S_SUCCESS) {
      Publish();
      AskUnasked();
    } else if (!IsPassing(result)) {
      // What was seen stays as it is, until pcscd is lost.
      if (!running || IsServiceLoss(result)) return result;
      signal_.Await(kFailurePause);
    }
  }
  return SCARD_S_SUCCESS;
}

void ReaderWatch::AskUnasked() {
  std::vector<std::string> unasked;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    unasked = table_.TakeUnasked();
  }
  for (const std::string& name : unasked) ask_(name);
}

std::vector<std::string> ReaderWatch::Chosen(const std::vector<std::string>& names) {
  std::vector<std::string> chosen;
  for (const std::string& name : names) {
    if (choice_.Takes(name)) {
      chosen.push_back(name);
    } else if (left_out_.insert(name).second) {
      std::fprintf(stderr, "left out by the settings: reader \"%s\"\n", name.c_str());
    }
  }
  return chosen;
}

LONG ReaderWatch::Look(SCARDCONTEXT context) {
  std::vector<std::string> names;
  std::vector<SCARD_READERSTATE> states;
  bool first_look = false;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    names = table_.names();
    states.resize(names.size());
    for (size_t i = 0; i < names.size(); ++i) {
      states[i].szReader = names[i].c_str();
      states[i].dwCurrentState = table_.current_state(names[i]);
      first_look = first_look || states[i].dwCurrentState == SCARD_STATE_UNAWARE;
    }
    first_look = first_look || !running_;
  }
  // With nothing new to learn, wait, also for readers to come; else say at once what there is. No
  // reader can come to all that pcscd carries, and it is not asked about one thing more.
  if (!first_look && names.size() < PCSCLITE_MAX_READERS_CONTEXTS) {
    states.emplace_back().szReader = kPlugAndPlay;
  }
  const auto patience = first_look         ? std::chrono::milliseconds(0)
                        : half_seen_until_ ? kHalfSeen
                                           : kLookAgain;
  const LONG result = states.empty() ? SCARD_S_SUCCESS : Call(patience, [&] {
    return api_.GetStatusChange(context, patience.count(), states);
  });
  // An exclusive connection is no event of pcscd's: it stands in the state when the time is over.
  if (result != SCARD_S_SUCCESS && result != SCARD_E_TIMEOUT) return result;
  const auto now = std::chrono::steady_clock::now();
  const bool stays = half_seen_until_ && now >= *half_seen_until_;
  std::lock_guard<std::mutex> lock(mutex_);
  running_ = true;
  for (size_t i = 0; i < names.size(); ++i) {
    const DWORD state = states[i].dwEventState;
    if ((state & (SCARD_STATE_UNKNOWN | SCARD_STATE_UNAVAILABLE)) != 0) continue;
    const auto* const atr = reinterpret_cast<const char*>(states[i].rgbAtr);
    const size_t size = std::min<size_t>(states[i].cbAtr, sizeof(states[i].rgbAtr));
    table_.Look(names[i], state, std::string(atr, size), stays);
  }
  if (!table_.half_seen()) {
    half_seen_until_.reset();
  } else if (!half_seen_until_) {
    half_seen_until_ = now + kHalfSeen;
  }
  return SCARD_S_SUCCESS;
}

void ReaderWatch::ShowDown(const Failure& why) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    running_ = false;
    down_ = why;
    table_.SetReaders({});
  }
  Publish();
}

void ReaderWatch::AskAgain(const std::string& reader) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    table_.AskAgain(reader);
  }
  AskUnasked();
}

void ReaderWatch::SetFacts(const std::string& reader, const std::optional<ReaderFacts>& facts) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    table_.SetFacts(reader, facts);
  }
  Publish();
  AskUnasked();
}

void ReaderWatch::SetAwaited(const std::string& reader, bool awaited) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    table_.SetAwaited(reader, awaited);
  }
  Publish();
}

void ReaderWatch::Publish() {
  std::lock_guard<std::mutex> publishing(publishing_);
  reader::v1::Snapshot snapshot;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (running_ && !silent_) {
      snapshot = table_.Snapshot();
      if (full_) *snapshot.mutable_trouble() = Describe(kTooMany, kFullDetail);
    } else {
      const Failure why =
          silent_ ? Describe(kServiceDown, "pcscd is there at " + socket_ + " and does not answer")
                  : down_;
      if (why.code() == check::v1::FAILURE_CODE_UNSPECIFIED) return;
      snapshot.set_service(reader::v1::SERVICE_DOWN);
      snapshot.set_detail(why.detail());
      *snapshot.mutable_trouble() = why;
    }
  }
  publish_(std::move(snapshot));
}

}  // namespace madoguchi::pcsc
