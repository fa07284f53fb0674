#include "readers/pcsc/pcsc_reader.h"

#include <condition_variable>
#include <cstdlib>
#include <map>
#include <mutex>
#include <utility>

#include "readers/pcsc/card.h"
#include "readers/pcsc/pcsc_failure.h"
#include "readers/pcsc/reader_facts.h"
#include "readers/pcsc/side_threads.h"

namespace madoguchi::pcsc {
namespace {

using namespace check::v1;  // NOLINT: the failure codes.

constexpr char kDefaultSocket[] = "/run/pcscd/pcscd.comm";
constexpr size_t kMostSpareContexts = 4;

}  // namespace

// A card that is being opened, or held by a session. The card belongs to the thread that is in a
// call on it, all else to the registry's mutex.
struct PcscReader::Holder {
  Holder(PcscApi& api, const std::string& reader, uint64_t insertion, SCARDCONTEXT context)
      : card(api, reader, context), insertion(insertion) {}

  Card card;
  const uint64_t insertion;
  enum class Phase { kOpening, kIdle, kExchanging, kEnding };
  Phase phase = Phase::kOpening;
  bool abandoned = false;  // nobody wants it any more; the thread in the call ends it
  bool awaited = false;    // of another program, and shown as busy therefore
};

struct PcscReader::Registry {
  explicit Registry(PcscApi& api) : api(api) {}

  PcscApi& api;
  const std::shared_ptr<SideThreads> aside = std::make_shared<SideThreads>();
  std::mutex mutex;
  std::condition_variable changed;
  // Null before Start and at the end.
  ReaderWatch* watch = nullptr;
  uint64_t last_session = 0;
  std::map<uint64_t, std::shared_ptr<Holder>> sessions;
  // At most one of ours at each reader.
  std::map<std::string, std::shared_ptr<Holder>> held;
  // Contexts that no card uses: for a new one pcscd starts a thread.
  std::vector<SCARDCONTEXT> spare;
  bool ended = false;

  // Makes the context of an ended card a spare one, or releases it.
  void Keep(const std::shared_ptr<Holder>& holder) {
    const SCARDCONTEXT context = holder->card.TakeContext();
    if (context == 0) return;
    {
      std::lock_guard<std::mutex> lock(mutex);
      if (!ended && spare.size() < kMostSpareContexts) {
        spare.push_back(context);
        return;
      }
    }
    api.ReleaseContext(context);
  }

  // Call without the mutex, with nobody else in a call on the card.
  void Free(const std::shared_ptr<Holder>& holder, DWORD disposition) {
    holder->card.End(disposition);
    Keep(holder);
    std::lock_guard<std::mutex> lock(mutex);
    const std::string& reader = holder->card.reader();
    if (const auto at = held.find(reader); at != held.end() && at->second == holder) {
      held.erase(at);
      if (holder->awaited && watch != nullptr) watch->SetAwaited(reader, false);
    }
    // Where our session was in the way of asking it what it is.
    if (watch != nullptr) watch->AskAgain(reader);
    changed.notify_all();
  }
};

PcscReader::PcscReader(PcscApi& api, std::chrono::milliseconds open_patience)
    : api_(api), open_patience_(open_patience), registry_(std::make_shared<Registry>(api)) {}

PcscReader::~PcscReader() {
  registry_->aside->End();
  std::vector<SCARDCONTEXT> spare;
  {
    std::lock_guard<std::mutex> lock(registry_->mutex);
    registry_->ended = true;
    registry_->watch = nullptr;
    spare.swap(registry_->spare);
  }
  for (const SCARDCONTEXT context : spare) api_.ReleaseContext(context);
}

absl::Status PcscReader::Start(const plugin::Settings& settings) {
  std::map<std::string, std::string> texts;
  for (const char* name : {"pcscd_socket", "readers", "ignore_readers", "pads"}) {
    auto text = settings.Text(name);
    if (!text.ok()) return text.status();
    texts[name] = *std::move(text);
  }
  const std::string& socket = texts["pcscd_socket"];
  if (!socket.empty() && (socket.front() != '/' || socket.size() > 107)) {
    return absl::InvalidArgumentError("setting pcscd_socket is \"" + socket +
                                      "\"; expected an absolute path of at most 107 bytes");
  }
  auto choice = ReaderChoice::Parse(texts["readers"], texts["ignore_readers"]);
  if (!choice.ok()) return choice.status();
  auto rules = PadRules::Parse(texts["pads"]);
  if (!rules.ok()) return rules.status();
  pad_rules_ = *std::move(rules);
  // Before the first call: libpcsclite looks once.
  if (!socket.empty()) setenv("PCSCLITE_CSOCK_NAME", socket.c_str(), 1);
  std::lock_guard<std::mutex> lock(registry_->mutex);
  watch_ = std::make_unique<ReaderWatch>(
      api_, socket.empty() ? kDefaultSocket : socket, *std::move(choice),
      [this](reader::v1::Snapshot snapshot) { board().Publish(std::move(snapshot)); },
      [this](const std::string& reader) { Ask(reader); });
  registry_->watch = watch_.get();
  return absl::OkStatus();
}

void PcscReader::Ask(const std::string& reader) {
  registry_->aside->Run([registry = registry_, reader, off = pad_rules_.Of(reader).off] {
    auto facts = AskReader(registry->api, reader);
    if (facts && off) facts->pin_pad = false;
    std::lock_guard<std::mutex> lock(registry->mutex);
    if (registry->watch != nullptr) registry->watch->SetFacts(reader, facts);
  });
}

absl::StatusOr<reader::v1::OpenReply> PcscReader::Open(const reader::v1::OpenRequest& request) {
  const std::string& reader = request.reader();
  const ReaderWatch::Place place = watch_->At(reader);
  if (!place.running) return FailureStatus(FAILURE_CODE_READER_SERVICE_DOWN, "pcscd is down");
  if (!place.card.has_value()) return FailureStatus(FAILURE_CODE_READER_LOST, "no such reader");
  if (place.card->presence == reader::v1::PRESENCE_ABSENT ||
      place.card->insertion != request.insertion()) {
    return FailureStatus(FAILURE_CODE_CARD_GONE, "no card, or another one");
  }
  if (place.card->presence == reader::v1::PRESENCE_UNPOWERED) {
    return FailureStatus(FAILURE_CODE_CARD_UNPOWERED, "the card gives no ATR");
  }

  std::shared_ptr<Holder> holder, left;
  {
    std::unique_lock<std::mutex> lock(registry_->mutex);
    // A session that was closed in mid-APDU (a check was cancelled) is over as soon as its card
    // answers, which a card that is well does in a moment.
    registry_->changed.wait_for(lock, open_patience_, [&] {
      const auto at = registry_->held.find(reader);
      if (at == registry_->held.end()) return true;
      const Holder& last = *at->second;
      return last.phase != Holder::Phase::kEnding &&
             !(last.phase == Holder::Phase::kExchanging && last.abandoned);
    });
    auto& held = registry_->held[reader];
    if (held != nullptr) {
      if (held->phase != Holder::Phase::kIdle || held->insertion == request.insertion()) {
        return FailureStatus(FAILURE_CODE_CARD_BUSY, "a session of this plugin holds the reader");
      }
      // The card of that session is gone, and nobody closed it yet.
      left = held;
      left->phase = Holder::Phase::kEnding;
    }
    SCARDCONTEXT context = 0;
    if (!registry_->spare.empty()) {
      context = registry_->spare.back();
      registry_->spare.pop_back();
    }
    holder = std::make_shared<Holder>(api_, reader, request.insertion(), context);
    held = holder;
  }
  if (left != nullptr) {
    left->card.End(SCARD_RESET_CARD);
    registry_->Keep(left);
  }

  const auto asked = std::chrono::steady_clock::now();
  auto begun = std::make_shared<absl::StatusOr<bool>>(false);
  registry_->aside->Run([registry = registry_, holder, begun, events = place.card->events] {
    const absl::Status status = holder->card.Begin(events);
    bool wanted;
    {
      std::lock_guard<std::mutex> lock(registry->mutex);
      wanted = !holder->abandoned && status.ok();
      holder->phase = wanted ? Holder::Phase::kIdle : Holder::Phase::kEnding;
      if (wanted) *begun = true;
      if (wanted) registry->changed.notify_all();
    }
    if (wanted) return;
    // Nobody has spoken to the card.
    registry->Free(holder, SCARD_LEAVE_CARD);
    std::lock_guard<std::mutex> lock(registry->mutex);
    *begun = status.ok() ? absl::StatusOr<bool>(true) : status;
    registry->changed.notify_all();
  });

  std::unique_lock<std::mutex> lock(registry_->mutex);
  const auto is_back = [&] { return !begun->ok() || **begun; };
  bool answers = true;
  if (!registry_->changed.wait_for(lock, open_patience_, is_back)) {
    // Another program's transaction holds SCardConnect up as a pcscd that hangs does. Other calls,
    // which nothing holds up, tell them apart.
    lock.unlock();
    answers = watch_->HasAnswered(asked);
    lock.lock();
  }
  if (!is_back()) {
    holder->abandoned = true;
    if (!answers) return FailureStatus(FAILURE_CODE_READER_SERVICE_DOWN, "pcscd does not answer");
    // Until it comes, unless it came just now.
    holder->awaited = holder->phase == Holder::Phase::kOpening;
    if (holder->awaited) watch_->SetAwaited(reader, true);
    return FailureStatus(FAILURE_CODE_CARD_BUSY, "another program holds the card");
  }
  if (!begun->ok()) return begun->status();
  reader::v1::OpenReply reply;
  reply.set_session(++registry_->last_session);
  reply.set_atr(holder->card.atr());
  registry_->sessions[registry_->last_session] = holder;
  return reply;
}

absl::StatusOr<std::vector<uint8_t>> PcscReader::Transmit(uint64_t session,
                                                          std::span<const uint8_t> command) {
  return During(session, [&](Card& card) { return card.Transmit(command); });
}

absl::StatusOr<std::vector<uint8_t>> PcscReader::VerifyAtPad(uint64_t session,
                                                             std::span<const uint8_t> apdu_template,
                                                             uint32_t pin_offset,
                                                             const reader::v1::PadForm& form) {
  return During(session, [&](Card& card) {
    return card.VerifyAtPad(apdu_template, pin_offset, form, pad_rules_.Of(card.reader()));
  });
}

absl::StatusOr<std::vector<uint8_t>> PcscReader::During(uint64_t session,
                                                        const Exchange& exchange) {
  std::shared_ptr<Holder> holder;
  {
    std::lock_guard<std::mutex> lock(registry_->mutex);
    const auto found = registry_->sessions.find(session);
    if (found == registry_->sessions.end()) {
      return FailureStatus(FAILURE_CODE_READER_LOST, "no such session");
    }
    holder = found->second;
    if (holder->phase == Holder::Phase::kExchanging) {
      return FailureStatus(FAILURE_CODE_REQUEST_INVALID, "this session is in an exchange");
    }
    if (holder->phase != Holder::Phase::kIdle) {
      return FailureStatus(FAILURE_CODE_CARD_GONE, "another card lies there now");
    }
    holder->phase = Holder::Phase::kExchanging;
  }
  auto answer = exchange(holder->card);
  bool abandoned;
  {
    std::lock_guard<std::mutex> lock(registry_->mutex);
    abandoned = holder->abandoned;
    holder->phase = abandoned ? Holder::Phase::kEnding : Holder::Phase::kIdle;
  }
  if (abandoned) registry_->Free(holder, SCARD_RESET_CARD);
  return answer;
}

void PcscReader::Close(uint64_t session) {
  std::shared_ptr<Holder> holder;
  {
    std::lock_guard<std::mutex> lock(registry_->mutex);
    const auto found = registry_->sessions.find(session);
    if (found == registry_->sessions.end()) return;
    holder = found->second;
    registry_->sessions.erase(found);
    if (holder->phase == Holder::Phase::kExchanging) holder->abandoned = true;
    if (holder->phase != Holder::Phase::kIdle) return;
    holder->phase = Holder::Phase::kEnding;
  }
  registry_->Free(holder, SCARD_RESET_CARD);
}

}  // namespace madoguchi::pcsc
