#include "readers/pcsc/pcsc_reader.h"

#include <cstdlib>
#include <deque>
#include <functional>
#include <thread>

#include "readers/pcsc/pcsc_failure.h"

namespace madoguchi::pcsc {
namespace {

using namespace check::v1;  // NOLINT: the failure codes.

constexpr char kDefaultSocket[] = "/run/pcscd/pcscd.comm";
constexpr int kResetsInARow = 5;
constexpr size_t kMostSpareContexts = 4;

}  // namespace

// One connection to a card. The fields below `phase` belong to the thread that is in a call on it,
// the phase to the registry's mutex.
struct PcscReader::Card {
  explicit Card(PcscApi& api) : api(api) {}

  // Connects and begins a transaction; an unblocked card, the expected one, is then ours alone.
  absl::Status Begin(uint16_t events);
  // Lets the card go, if there is one, as `disposition` says.
  void End(DWORD disposition);

  PcscApi& api;
  std::string reader;
  uint64_t insertion = 0;

  enum class Phase { kOpening, kIdle, kExchanging, kEnding };
  Phase phase = Phase::kOpening;
  bool abandoned = false;  // nobody wants it any more; the thread in the call ends it

  SCARDCONTEXT context = 0;  // 0: to be established
  SCARDHANDLE handle = 0;
  bool in_transaction = false;
  DWORD protocol = 0;
  std::string atr;
  std::unique_ptr<uint8_t[]> answer;
};

struct PcscReader::Registry : std::enable_shared_from_this<Registry> {
  std::mutex mutex;
  std::condition_variable changed;
  uint64_t last_session = 0;
  std::map<uint64_t, std::shared_ptr<Card>> sessions;
  // At most one card of ours at each reader.
  std::map<std::string, std::shared_ptr<Card>> held;

  // Runs `job` on a thread that may be left behind. Threads that have done theirs wait for the next
  // job: on a busy machine one that wakes up gets its turn milliseconds before a new one does.
  void RunAside(std::function<void()> job) {
    std::lock_guard<std::mutex> lock(mutex);
    jobs.push_back(std::move(job));
    if (jobs.size() <= idle) return job_came.notify_one();
    std::thread([registry = shared_from_this()] { registry->DoJobs(); }).detach();
  }
  void DoJobs() {
    std::unique_lock<std::mutex> lock(mutex);
    while (!ended) {
      if (jobs.empty()) {
        ++idle;
        job_came.wait(lock, [&] { return !jobs.empty() || ended; });
        --idle;
        continue;
      }
      const std::function<void()> job = std::move(jobs.front());
      jobs.pop_front();
      lock.unlock();
      job();
      lock.lock();
    }
  }
  void End() {
    std::lock_guard<std::mutex> lock(mutex);
    ended = true;
    job_came.notify_all();
  }

  std::condition_variable job_came;
  std::deque<std::function<void()>> jobs;
  size_t idle = 0;
  bool ended = false;

  // Contexts that no card uses: for a new one pcscd starts a thread.
  std::vector<SCARDCONTEXT> spare;

  // Makes the context of an ended card a spare one, or releases it.
  void Keep(const std::shared_ptr<Card>& card) {
    if (card->context == 0) return;
    {
      std::lock_guard<std::mutex> lock(mutex);
      if (!ended && spare.size() < kMostSpareContexts) {
        spare.push_back(std::exchange(card->context, 0));
        return;
      }
    }
    card->api.ReleaseContext(std::exchange(card->context, 0));
  }

  // Call without the mutex, with nobody else in a call on `card`.
  void Free(const std::shared_ptr<Card>& card, DWORD disposition) {
    card->End(disposition);
    Keep(card);
    std::lock_guard<std::mutex> lock(mutex);
    if (const auto at = held.find(card->reader); at != held.end() && at->second == card) {
      held.erase(at);
    }
    changed.notify_all();
  }
};

absl::Status PcscReader::Card::Begin(uint16_t events) {
  LONG result;
  for (int tries = 0;; ++tries) {
    const bool spare = context != 0;
    if (!spare) {
      result = api.EstablishContext(&context);
      if (result != SCARD_S_SUCCESS) {
        context = 0;
        return PcscFailure("SCardEstablishContext", result);
      }
    }
    result = api.Connect(context, reader, &handle, &protocol);
    if (spare && tries == 0 && IsServiceLoss(result)) {
      // Of a pcscd that is no more; there may be a new one.
      api.ReleaseContext(context);
      context = 0;
      continue;
    }
    if (result != SCARD_S_SUCCESS) {
      handle = 0;
      return PcscFailure("SCardConnect", result);
    }
    result = api.BeginTransaction(handle);
    if (result == SCARD_S_SUCCESS) break;
    if (result != SCARD_W_RESET_CARD || tries == kResetsInARow) {
      return PcscFailure("SCardBeginTransaction", result);
    }
    // The program that held the card reset it at its end: connect to it as it is now.
    api.Disconnect(handle, SCARD_LEAVE_CARD);
    handle = 0;
  }
  in_transaction = true;
  SCARD_READERSTATE state{};
  state.szReader = reader.c_str();
  result = api.GetStatusChange(context, 0, {&state, 1});
  if (result != SCARD_S_SUCCESS) return PcscFailure("SCardGetStatusChange", result);
  // The card may have been swapped since the watch saw it.
  if ((state.dwEventState & SCARD_STATE_PRESENT) == 0 || EventsOf(state.dwEventState) != events) {
    return FailureStatus(FAILURE_CODE_CARD_GONE, "another card lies there now");
  }
  atr.assign(reinterpret_cast<const char*>(state.rgbAtr),
             std::min<size_t>(state.cbAtr, sizeof(state.rgbAtr)));
  answer = std::make_unique_for_overwrite<uint8_t[]>(MAX_BUFFER_SIZE_EXTENDED);
  return absl::OkStatus();
}

void PcscReader::Card::End(DWORD disposition) {
  if (in_transaction && disposition == SCARD_LEAVE_CARD) api.EndTransaction(handle);
  // With the transaction still on: nobody gets at the card before it is reset. pcscd ends the
  // transaction with the connection.
  if (handle != 0) api.Disconnect(handle, disposition);
  in_transaction = false;
  handle = 0;
}

PcscReader::PcscReader(PcscApi& api, std::chrono::milliseconds open_patience)
    : api_(api), open_patience_(open_patience), registry_(std::make_shared<Registry>()) {}

PcscReader::~PcscReader() {
  registry_->End();
  for (const SCARDCONTEXT context : registry_->spare) api_.ReleaseContext(context);
}

absl::Status PcscReader::Start(const plugin::Settings& settings) {
  const auto socket = settings.Text("pcscd_socket");
  if (!socket.ok()) return socket.status();
  if (!socket->empty()) {
    if (socket->front() != '/' || socket->size() > 107) {
      return absl::InvalidArgumentError("setting pcscd_socket is \"" + *socket +
                                        "\"; expected an absolute path of at most 107 bytes");
    }
    // Before the first call: libpcsclite looks once.
    setenv("PCSCLITE_CSOCK_NAME", socket->c_str(), 1);
  }
  watch_ = std::make_unique<ReaderWatch>(
      api_, socket->empty() ? kDefaultSocket : *socket,
      [this](reader::v1::Snapshot snapshot) { board().Publish(std::move(snapshot)); });
  return absl::OkStatus();
}

absl::StatusOr<reader::v1::OpenReply> PcscReader::Open(const reader::v1::OpenRequest& request) {
  const ReaderWatch::Place place = watch_->At(request.reader());
  if (!place.running) return FailureStatus(FAILURE_CODE_READER_SERVICE_DOWN, "pcscd is down");
  if (!place.card.has_value()) return FailureStatus(FAILURE_CODE_READER_LOST, "no such reader");
  if (place.card->presence == reader::v1::PRESENCE_ABSENT ||
      place.card->insertion != request.insertion()) {
    return FailureStatus(FAILURE_CODE_CARD_GONE, "no card, or another one");
  }
  if (place.card->presence == reader::v1::PRESENCE_UNPOWERED) {
    return FailureStatus(FAILURE_CODE_CARD_UNPOWERED, "the card gives no ATR");
  }

  auto card = std::make_shared<Card>(api_);
  card->reader = request.reader();
  card->insertion = request.insertion();
  std::shared_ptr<Card> left;
  {
    std::unique_lock<std::mutex> lock(registry_->mutex);
    // A session that was closed in mid-APDU (a check was cancelled) is over as soon as its card
    // answers, which a card that is well does in a moment.
    registry_->changed.wait_for(lock, open_patience_, [&] {
      const auto at = registry_->held.find(card->reader);
      if (at == registry_->held.end()) return true;
      const Card& last = *at->second;
      return last.phase != Card::Phase::kEnding &&
             !(last.phase == Card::Phase::kExchanging && last.abandoned);
    });
    auto& holder = registry_->held[card->reader];
    if (holder != nullptr) {
      if (holder->phase != Card::Phase::kIdle || holder->insertion == card->insertion) {
        return FailureStatus(FAILURE_CODE_CARD_BUSY, "a session of this plugin holds the reader");
      }
      // The card of that session is gone, and nobody closed it yet.
      left = holder;
      left->phase = Card::Phase::kEnding;
    }
    holder = card;
    if (!registry_->spare.empty()) {
      card->context = registry_->spare.back();
      registry_->spare.pop_back();
    }
  }
  if (left != nullptr) {
    left->End(SCARD_RESET_CARD);
    registry_->Keep(left);
  }

  auto begun = std::make_shared<absl::StatusOr<bool>>(false);
  registry_->RunAside([registry = registry_, card, begun, events = place.card->events] {
    const absl::Status status = card->Begin(events);
    bool wanted;
    {
      std::lock_guard<std::mutex> lock(registry->mutex);
      wanted = !card->abandoned && status.ok();
      if (wanted) {
        card->phase = Card::Phase::kIdle;
        *begun = true;
        registry->changed.notify_all();
      } else {
        card->phase = Card::Phase::kEnding;
      }
    }
    if (wanted) return;
    // Nobody has spoken to the card.
    registry->Free(card, SCARD_LEAVE_CARD);
    std::lock_guard<std::mutex> lock(registry->mutex);
    *begun = status.ok() ? absl::StatusOr<bool>(true) : status;
    registry->changed.notify_all();
  });

  std::unique_lock<std::mutex> lock(registry_->mutex);
  const bool back =
      registry_->changed.wait_for(lock, open_patience_, [&] { return !begun->ok() || **begun; });
  if (!back) {
    card->abandoned = true;
    return FailureStatus(FAILURE_CODE_CARD_BUSY, "another program holds the card");
  }
  if (!begun->ok()) return begun->status();
  reader::v1::OpenReply reply;
  reply.set_session(++registry_->last_session);
  reply.set_atr(card->atr);
  registry_->sessions[registry_->last_session] = card;
  return reply;
}

absl::StatusOr<std::vector<uint8_t>> PcscReader::Transmit(uint64_t session,
                                                          std::span<const uint8_t> command) {
  std::shared_ptr<Card> card;
  {
    std::lock_guard<std::mutex> lock(registry_->mutex);
    const auto found = registry_->sessions.find(session);
    if (found == registry_->sessions.end()) {
      return FailureStatus(FAILURE_CODE_READER_LOST, "no such session");
    }
    card = found->second;
    if (card->phase == Card::Phase::kExchanging) {
      return FailureStatus(FAILURE_CODE_REQUEST_INVALID, "this session is in an exchange");
    }
    if (card->phase != Card::Phase::kIdle) {
      return FailureStatus(FAILURE_CODE_CARD_GONE, "another card lies there now");
    }
    card->phase = Card::Phase::kExchanging;
  }
  DWORD size = MAX_BUFFER_SIZE_EXTENDED;
  const LONG result =
      api_.Transmit(card->handle, card->protocol, command, card->answer.get(), &size);
  absl::StatusOr<std::vector<uint8_t>> answer = std::vector<uint8_t>();
  if (result != SCARD_S_SUCCESS) {
    answer = PcscFailure("SCardTransmit", result);
  } else if (size < 2) {
    answer = FailureStatus(FAILURE_CODE_CARD_GONE, "no SW1 SW2: pulled in mid-APDU");
  } else {
    answer->assign(card->answer.get(), card->answer.get() + size);
  }
  bool abandoned;
  {
    std::lock_guard<std::mutex> lock(registry_->mutex);
    abandoned = card->abandoned;
    card->phase = abandoned ? Card::Phase::kEnding : Card::Phase::kIdle;
  }
  if (abandoned) registry_->Free(card, SCARD_RESET_CARD);
  return answer;
}

void PcscReader::Close(uint64_t session) {
  std::shared_ptr<Card> card;
  {
    std::lock_guard<std::mutex> lock(registry_->mutex);
    const auto found = registry_->sessions.find(session);
    if (found == registry_->sessions.end()) return;
    card = found->second;
    registry_->sessions.erase(found);
    if (card->phase == Card::Phase::kExchanging) card->abandoned = true;
    if (card->phase != Card::Phase::kIdle) return;
    card->phase = Card::Phase::kEnding;
  }
  registry_->Free(card, SCARD_RESET_CARD);
}

}  // namespace madoguchi::pcsc
