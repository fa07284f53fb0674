#include "readers/virtual/virtual_reader.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "sdk/failure/failure.h"
#include "sdk/plugin/pin_lane.h"

namespace madoguchi::vpcd {
namespace {

constexpr int kMostReaders = 64;
constexpr int64_t kFastest = 100'000;  // percent
constexpr std::chrono::milliseconds kAtrPatience(2000);
// How long Open waits for a card that still owes an answer to the session before.
constexpr std::chrono::milliseconds kSettlePatience(1000);
constexpr int kMostLateMessages = 8;
constexpr uint64_t kStopEvent = 999;

absl::Status Failed(check::v1::FailureCode code, const std::string& detail) {
  return FailureStatus(code, detail);
}

absl::Status Unusable(const std::string& directory, const std::string& why) {
  return absl::InvalidArgumentError("setting directory is \"" + directory + "\"; " + why);
}

}  // namespace

VirtualReader::Session::~Session() { close(cancelled); }

VirtualReader::~VirtualReader() {
  if (thread_.joinable()) {
    eventfd_write(stop_, 1);
    thread_.join();
  }
  for (const Slot& slot : slots_) {
    if (slot.listener >= 0) close(slot.listener);
  }
  if (epoll_ >= 0) close(epoll_);
  if (stop_ >= 0) close(stop_);
}

absl::Status VirtualReader::Start(const plugin::Settings& settings) {
  const auto recorded = settings.Text("recording");
  if (!recorded.ok()) return recorded.status();
  const auto speed = settings.Integer("speed", 0, kFastest);
  if (!speed.ok()) return speed.status();
  if (!recorded->empty()) {
    auto recording = recording::Parse(*recorded, "setting recording");
    if (!recording.ok()) return recording.status();
    recorded_ = std::make_unique<RecordedReader>(board(), *std::move(recording), *speed);
    return absl::OkStatus();
  }
  const auto directory = settings.Text("directory");
  if (!directory.ok()) return directory.status();
  const auto count = settings.Integer("readers", 1, kMostReaders);
  if (!count.ok()) return count.status();
  const auto pin_pad = settings.Boolean("pin_pad");
  if (!pin_pad.ok()) return pin_pad.status();
  if (directory->empty()) return Unusable(*directory, "expected a folder, or a recording");
  if (mkdir(directory->c_str(), 0700) != 0 && errno != EEXIST) {
    return Unusable(*directory, std::strerror(errno));
  }

  std::lock_guard<std::mutex> lock(mutex_);
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  stop_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event event{EPOLLIN, {.u64 = kStopEvent}};
  if (epoll_ < 0 || stop_ < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, stop_, &event) != 0) {
    return absl::InternalError(std::string("epoll: ") + std::strerror(errno));
  }
  slots_.resize(*count);
  for (size_t index = 0; index < slots_.size(); ++index) {
    absl::Status status = Listen(*directory, index, *pin_pad);
    if (!status.ok()) return status;
  }
  Publish();
  thread_ = std::thread([this] { Watch(); });
  return absl::OkStatus();
}

absl::Status VirtualReader::Listen(const std::string& directory, size_t index, bool pin_pad) {
  Slot& slot = slots_[index];
  slot.name = "Virtual Reader " + std::to_string(index);
  const auto listener = ListenAt(directory + "/reader-" + std::to_string(index) + ".sock");
  if (!listener.ok()) return Unusable(directory, std::string(listener.status().message()));
  slot.listener = *listener;
  if (pin_pad) {
    auto pad = Pad::Listen(directory + "/pad-" + std::to_string(index) + ".sock");
    if (!pad.ok()) return Unusable(directory, std::string(pad.status().message()));
    slot.pad = *std::move(pad);
  }
  epoll_event event{EPOLLIN, {.u64 = index}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, slot.listener, &event) != 0) {
    return absl::InternalError(std::string("epoll: ") + std::strerror(errno));
  }
  return absl::OkStatus();
}

void VirtualReader::Watch() {
  std::array<epoll_event, 16> events;
  int timeout = -1;
  while (true) {
    const int count = epoll_wait(epoll_, events.data(), events.size(), timeout);
    std::lock_guard<std::mutex> lock(mutex_);
    for (int i = 0; i < count; ++i) {
      const uint64_t id = events[i].data.u64;
      if (id == kStopEvent) return;
      if (id < slots_.size()) {
        Accept(slots_[id]);
        continue;
      }
      const auto found = cards_.find(id);
      if (found == cards_.end()) continue;
      const std::shared_ptr<Card> card = found->second;
      if ((events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
        Remove(card);
      } else {
        Hear(card);
      }
    }
    timeout = GreetingTimeout();
  }
}

int VirtualReader::GreetingTimeout() {
  const auto now = Clock::now();
  auto next = Clock::time_point::max();
  for (const auto& [id, card] : cards_) {
    if (card->phase != Phase::kGreeting) continue;
    if (card->deadline <= now) {
      Arrive(*card, Phase::kUnpowered);
    } else {
      next = std::min(next, card->deadline);
    }
  }
  if (next == Clock::time_point::max()) return -1;
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(next - now).count());
}

void VirtualReader::Accept(Slot& slot) {
  const int fd = accept4(slot.listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  // A card that was pulled a moment ago makes room for the next one, whichever event comes first.
  if (slot.card != nullptr && slot.card->link.HungUp()) Remove(slot.card);
  if (slot.card != nullptr) {
    close(fd);
    return;
  }
  auto card = std::make_shared<Card>(fd);
  card->id = ++last_card_;
  card->slot = &slot - slots_.data();
  card->deadline = Clock::now() + kAtrPatience;
  epoll_event event{EPOLLIN | EPOLLRDHUP, {.u64 = card->id}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) return;
  if (!card->link.Send({Control::kOn, Control::kAskAtr})) return;
  cards_[card->id] = card;
  slot.card = std::move(card);
}

void VirtualReader::Hear(const std::shared_ptr<Card>& card) {
  if (card->phase == Phase::kReady || card->phase == Phase::kGone) return;
  if (card->link.Receive() == CardLink::Look::kGone) return Remove(card);
  while (const auto message = card->link.Next()) {
    const std::string atr(message->begin(), message->end());
    if (card->phase == Phase::kSettling) {
      if (atr == card->atr) {
        card->phase = Phase::kReady;
        Heed(*card, false);
        settled_.notify_all();
        return;
      }
      if (++card->late > kMostLateMessages) return Remove(card);
    } else if (IsAtr(*message)) {
      card->atr = atr;
      return Arrive(*card, Phase::kReady);
    } else {
      Arrive(*card, Phase::kUnpowered);
      return Heed(*card, false);
    }
  }
}

void VirtualReader::Heed(const Card& card, bool words) {
  const uint32_t events = words ? EPOLLIN | EPOLLRDHUP : EPOLLRDHUP;
  epoll_event event{events, {.u64 = card.id}};
  epoll_ctl(epoll_, EPOLL_CTL_MOD, card.link.fd(), &event);
}

void VirtualReader::Arrive(Card& card, Phase phase) {
  if (card.phase == Phase::kGreeting) ++slots_[card.slot].insertion;
  card.phase = phase;
  if (phase == Phase::kReady) Heed(card, false);
  Publish();
}

void VirtualReader::Remove(const std::shared_ptr<Card>& card) {
  if (card->phase == Phase::kGone) return;
  card->phase = Phase::kGone;
  epoll_ctl(epoll_, EPOLL_CTL_DEL, card->link.fd(), nullptr);
  shutdown(card->link.fd(), SHUT_RDWR);  // A session may keep the descriptor for a while.
  cards_.erase(card->id);
  slots_[card->slot].card = nullptr;
  settled_.notify_all();
  Publish();
}

void VirtualReader::Publish() {
  reader::v1::Snapshot snapshot;
  snapshot.set_service(reader::v1::SERVICE_RUNNING);
  for (const Slot& slot : slots_) {
    auto& state = *snapshot.add_reader();
    state.set_name(slot.name);
    state.set_insertion(slot.insertion);
    state.set_presence(reader::v1::PRESENCE_ABSENT);
    state.set_pin_pad(slot.pad != nullptr);
    state.set_link(reader::v1::LINK_SOCKET);
    if (slot.card == nullptr || slot.card->phase == Phase::kGreeting) continue;
    const bool powered = slot.card->phase != Phase::kUnpowered;
    state.set_presence(powered ? reader::v1::PRESENCE_PRESENT : reader::v1::PRESENCE_UNPOWERED);
    state.set_atr(slot.card->atr);
  }
  board().Publish(std::move(snapshot));
}

absl::StatusOr<reader::v1::OpenReply> VirtualReader::Open(const reader::v1::OpenRequest& request) {
  if (recorded_ != nullptr) return recorded_->Open(request);
  std::unique_lock<std::mutex> lock(mutex_);
  const auto slot = std::find_if(slots_.begin(), slots_.end(),
                                 [&](const Slot& slot) { return slot.name == request.reader(); });
  if (slot == slots_.end()) {
    return Failed(check::v1::FAILURE_CODE_READER_LOST, "no reader of this name");
  }
  const std::shared_ptr<Card> card = slot->card;
  if (card == nullptr || card->phase == Phase::kGreeting ||
      slot->insertion != request.insertion()) {
    return Failed(check::v1::FAILURE_CODE_CARD_GONE, "no card, or another one");
  }
  const bool free = settled_.wait_for(
      lock, kSettlePatience, [&] { return !card->closing && card->phase != Phase::kSettling; });
  if (!free) {
    return Failed(check::v1::FAILURE_CODE_CARD_BUSY, "the card owes an answer to a closed session");
  }
  if (card->phase == Phase::kGone) {
    return Failed(check::v1::FAILURE_CODE_CARD_GONE, "the card was taken away");
  }
  if (card->phase == Phase::kUnpowered) {
    return Failed(check::v1::FAILURE_CODE_CARD_UNPOWERED, "the card gives no ATR");
  }
  if (card->held) return Failed(check::v1::FAILURE_CODE_CARD_BUSY, "another session holds it");

  auto session = std::make_shared<Session>();
  session->card = card;
  session->cancelled = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (session->cancelled < 0) {
    return Failed(check::v1::FAILURE_CODE_CARD_BUSY, "no file descriptor is left");
  }
  card->held = true;
  reader::v1::OpenReply reply;
  reply.set_session(++last_session_);
  reply.set_atr(card->atr);
  sessions_[last_session_] = std::move(session);
  return reply;
}

absl::StatusOr<std::vector<uint8_t>> VirtualReader::Transmit(uint64_t id,
                                                             std::span<const uint8_t> command) {
  if (recorded_ != nullptr) return recorded_->Transmit(id, command);
  if (command.size() > kLongestMessage) {
    return Failed(check::v1::FAILURE_CODE_REQUEST_INVALID, "a virtual card takes 65535 bytes");
  }
  return During(id, [&](const Session& session, CardLink::End* end) {
    return session.card->link.Exchange(command, session.cancelled, end);
  });
}

absl::StatusOr<std::vector<uint8_t>> VirtualReader::VerifyAtPad(
    uint64_t id, std::span<const uint8_t> apdu_template, uint32_t pin_offset,
    const reader::v1::PadForm& form) {
  if (recorded_ != nullptr) return recorded_->VerifyAtPad(id, apdu_template);
  return During(
      id, [&](const Session& session, CardLink::End* end) -> absl::StatusOr<std::vector<uint8_t>> {
        Pad* const pad = slots_[session.card->slot].pad.get();
        if (pad == nullptr) return absl::UnimplementedError("there is no PIN pad");
        absl::StatusOr<Secret> command = absl::UnknownError("");
        {
          const auto typed = pad->Ask(form, session.cancelled, session.card->link.fd());
          if (!typed.ok()) return typed.status();
          command = plugin::FillPin(apdu_template, pin_offset, *typed);
        }
        if (!command.ok()) return command.status();
        return session.card->link.Exchange(command->bytes(), session.cancelled, end);
      });
}

absl::StatusOr<std::vector<uint8_t>> VirtualReader::During(uint64_t id, const Turn& turn) {
  std::shared_ptr<Session> session;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) {
      return Failed(check::v1::FAILURE_CODE_READER_LOST, "no such session");
    }
    session = found->second;
    if (session->exchanging) {
      return Failed(check::v1::FAILURE_CODE_REQUEST_INVALID, "this session is in an exchange");
    }
    session->exchanging = true;
  }
  CardLink::End end = CardLink::End::kAnswered;
  auto answer = turn(*session, &end);
  std::lock_guard<std::mutex> lock(mutex_);
  session->exchanging = false;
  if (end == CardLink::End::kBroken) Remove(session->card);
  if (session->closed) Reset(session->card, end);
  return answer;
}

void VirtualReader::Close(uint64_t id) {
  if (recorded_ != nullptr) return recorded_->Close(id);
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  const std::shared_ptr<Session> session = found->second;
  sessions_.erase(found);
  session->closed = true;
  if (session->exchanging) {
    session->card->closing = true;
    eventfd_write(session->cancelled, 1);  // The exchange's own thread then resets the card.
  } else {
    Reset(session->card, CardLink::End::kAnswered);
  }
}

void VirtualReader::Reset(const std::shared_ptr<Card>& card, CardLink::End end) {
  card->held = false;
  card->closing = false;
  if (card->phase != Phase::kGone) {
    bool taken;
    if (end == CardLink::End::kAbandoned) {
      taken = card->link.Send({Control::kReset, Control::kAskAtr});
      card->phase = Phase::kSettling;
      card->late = 0;
      Heed(*card, true);
    } else {
      taken = card->link.Send({Control::kReset});
    }
    if (!taken) Remove(card);
  }
  settled_.notify_all();
}

}  // namespace madoguchi::vpcd
