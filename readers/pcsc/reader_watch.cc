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
constexpr DWORD kLookAgainMs = 1000;
// pcscd has written the other half of what was half seen long before.
constexpr DWORD kHalfSeenMs = 100;
constexpr std::chrono::milliseconds kServicePatience(500);
// The daemon makes its socket, and listens on it a moment later.
constexpr std::chrono::milliseconds kSoon(10);
constexpr int kSoonTries = 50;

constexpr auto kTooMany = check::v1::FAILURE_CODE_READERS_TOO_MANY;
static_assert(PCSCLITE_MAX_READERS_CONTEXTS == 16, "kFullDetail says a number");
constexpr char kFullDetail[] = "16 readers is all that pcscd carries: another would not be seen";

bool IsReaderLoss(LONG result) {
  return result == SCARD_E_UNKNOWN_READER || result == SCARD_E_READER_UNAVAILABLE;
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
}

ReaderWatch::~ReaderWatch() {
  stopping_ = true;
  signal_.Stop();
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
  return Place{running_, table_.CardAt(reader)};
}

void ReaderWatch::Run() {
  int soon = 0;
  while (!stopping_) {
    SCARDCONTEXT context = 0;
    LONG result = api_.EstablishContext(&context);
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
      api_.ReleaseContext(context);
      soon = 0;
    }
    if (stopping_) break;
    ShowDown(result);
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
    LONG result = api_.ListReaders(context, &names);
    if (result != SCARD_S_SUCCESS) return result;
    const bool full = names.size() >= PCSCLITE_MAX_READERS_CONTEXTS;
    names = Chosen(names);
    bool running;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      table_.SetReaders(names);
      full_ = full;
      running = running_;
    }
    if (running) Publish();  // A reader may be gone.
    result = Look(context);
    if (result == SCARD_S_SUCCESS) {
      Publish();
      std::vector<std::string> unasked;
      {
        std::lock_guard<std::mutex> lock(mutex_);
        unasked = table_.TakeUnasked();
      }
      for (const std::string& name : unasked) ask_(name);
    } else if (result != SCARD_E_TIMEOUT && result != SCARD_E_CANCELLED && !IsReaderLoss(result)) {
      return result;
    }
  }
  return SCARD_S_SUCCESS;
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
    states.resize(names.size() + 1);
    for (size_t i = 0; i < names.size(); ++i) {
      states[i].szReader = names[i].c_str();
      states[i].dwCurrentState = table_.current_state(names[i]);
      first_look = first_look || states[i].dwCurrentState == SCARD_STATE_UNAWARE;
    }
    states.back().szReader = kPlugAndPlay;
    first_look = first_look || !running_;
  }
  const auto asked = std::span(states).first(first_look ? names.size() : states.size());
  // With nothing new to learn, wait; else say at once what there is.
  const DWORD patience = first_look ? 0 : half_seen_until_ ? kHalfSeenMs : kLookAgainMs;
  const LONG result =
      asked.empty() ? SCARD_S_SUCCESS : api_.GetStatusChange(context, patience, asked);
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
    half_seen_until_ = now + std::chrono::milliseconds(kHalfSeenMs);
  }
  return SCARD_S_SUCCESS;
}

void ReaderWatch::ShowDown(LONG result) {
  std::lock_guard<std::mutex> publishing(publishing_);
  reader::v1::Snapshot snapshot;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    running_ = false;
    table_.SetReaders({});
  }
  snapshot.set_service(reader::v1::SERVICE_DOWN);
  snapshot.set_detail("pcscd does not answer at " + socket_ + " (" + PcscResultName(result) + ")");
  *snapshot.mutable_trouble() =
      Describe(check::v1::FAILURE_CODE_READER_SERVICE_DOWN, snapshot.detail());
  publish_(std::move(snapshot));
}

void ReaderWatch::SetFacts(const std::string& reader, const std::optional<ReaderFacts>& facts) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    table_.SetFacts(reader, facts);
  }
  Publish();
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
    if (!running_) return;
    snapshot = table_.Snapshot();
    if (full_) *snapshot.mutable_trouble() = Describe(kTooMany, kFullDetail);
  }
  publish_(std::move(snapshot));
}

}  // namespace madoguchi::pcsc
