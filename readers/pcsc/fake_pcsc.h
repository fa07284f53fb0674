#ifndef MADOGUCHI_READERS_PCSC_FAKE_PCSC_H_
#define MADOGUCHI_READERS_PCSC_FAKE_PCSC_H_

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "readers/pcsc/pcsc_api.h"

namespace madoguchi::pcsc {

// A PC/SC service in memory, for tests, with what pcscd does where it matters: its counter of card
// events, calls that block, results after its death. Thread-safe.
class FakePcsc final : public PcscApi {
 public:
  using Bytes = std::vector<uint8_t>;
  using Answer = std::function<LONG(std::span<const uint8_t> command, Bytes* answer)>;

  void SetRunning(bool running) {
    Change([&] {
      running_ = running;
      contexts_.clear();
      cards_.clear();
      for (auto& [name, reader] : readers_) reader.events = 0;
    });
  }
  // pcscd is there and answers nothing, as a stopped process.
  void Freeze(bool frozen) {
    Change([&] { frozen_ = frozen; });
  }
  void AddReader(const std::string& name) {
    Change([&] { readers_[name]; });
  }
  void RemoveReader(const std::string& name) {
    Change([&] { readers_.erase(name); });
  }
  void Insert(const std::string& name, bool mute = false) {
    Change([&] { Put(readers_[name], true, mute); });
  }
  void Pull(const std::string& name) {
    Change([&] { Put(readers_[name], false, false); });
  }
  // Both, with no look in between.
  void Swap(const std::string& name) {
    Change([&] {
      Put(readers_[name], false, false);
      Put(readers_[name], true, false);
    });
  }
  // The first half of what pcscd does at an insertion: the card is there, not counted yet.
  void InsertUncounted(const std::string& name) {
    Change([&] { readers_[name].present = true; });
  }
  // Another program begins a transaction, or ends it.
  void HoldByOther(const std::string& name, bool held) {
    Change([&] { readers_[name].other = held; });
  }
  // Connect fails with `result` from now on; SCARD_S_SUCCESS for no more of it.
  void FailConnect(LONG result) {
    Change([&] { connect_result_ = result; });
  }
  // EstablishContext fails with `result` from now on; SCARD_S_SUCCESS for no more of it.
  void FailEstablish(LONG result) {
    Change([&] { establish_result_ = result; });
  }
  // The next GetStatusChange that has something to say gives `result` instead.
  void FailStatus(LONG result) {
    Change([&] { status_results_.push_back(result); });
  }
  // The next BeginTransaction gives `result`.
  void FailBegin(LONG result) {
    Change([&] { begin_results_.push_back(result); });
  }
  // How cards answer; without the fake's lock, so it may block.
  void SetAnswer(Answer answer) {
    Change([&] { answer_ = std::move(answer); });
  }
  // Another program holds it by an exclusive connection.
  void HoldExclusively(const std::string& name, bool held) {
    Change([&] { readers_[name].exclusive = held; });
  }
  // What a reader's driver answers to SCardControl; without the fake's lock, so it may block.
  // Without it no code is known, as with a reader that has no PIN pad.
  using Driver = std::function<LONG(DWORD code, std::span<const uint8_t> data, Bytes* answer)>;
  void SetDriver(const std::string& name, Driver driver) {
    Change([&] { readers_[name].driver = std::move(driver); });
  }
  void SetAttrib(const std::string& name, DWORD attribute, const Bytes& value) {
    Change([&] { readers_[name].attributes[attribute] = value; });
  }
  // Whether anybody connected to the reader, or asked for its state.
  bool WasTouched(const std::string& name) {
    std::lock_guard<std::mutex> lock(mutex_);
    return touched_.count(name) > 0;
  }
  // Waits until a direct connection was refused.
  bool AwaitRefusal() {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(5), [&] { return refused_ > 0; });
  }
  // "reset A", "leave A": how cards were let go, and of which reader.
  std::vector<std::string> Endings() {
    std::lock_guard<std::mutex> lock(mutex_);
    return endings_;
  }
  bool AwaitEndings(size_t count) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(5),
                             [&] { return endings_.size() >= count; });
  }
  // Contexts that are not released.
  size_t contexts() {
    std::lock_guard<std::mutex> lock(mutex_);
    return contexts_.size();
  }

  LONG EstablishContext(SCARDCONTEXT* context) override {
    const auto lock = LockThawed();
    if (!running_) return SCARD_E_NO_SERVICE;
    if (establish_result_ != SCARD_S_SUCCESS) return establish_result_;
    *context = ++last_;
    contexts_.insert(*context);
    return SCARD_S_SUCCESS;
  }
  LONG ReleaseContext(SCARDCONTEXT context) override {
    const auto lock = LockThawed();
    return contexts_.erase(context) > 0 ? SCARD_S_SUCCESS : SCARD_E_INVALID_HANDLE;
  }
  LONG ListReaders(SCARDCONTEXT context, std::vector<std::string>* readers) override {
    const auto lock = LockThawed();
    if (contexts_.count(context) == 0) return SCARD_E_NO_SERVICE;
    readers->clear();
    for (const auto& [name, reader] : readers_) readers->push_back(name);
    return SCARD_S_SUCCESS;
  }
  LONG GetStatusChange(SCARDCONTEXT context, DWORD timeout,
                       std::span<SCARD_READERSTATE> states) override {
    auto lock = LockThawed();
    if (states.size() > PCSCLITE_MAX_READERS_CONTEXTS) return SCARD_E_INVALID_PARAMETER;
    const size_t known = readers_.size();
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout);
    for (bool first = true;; first = false) {
      if (contexts_.count(context) == 0) return SCARD_E_NO_SERVICE;
      bool changed = false;
      for (SCARD_READERSTATE& state : states) {
        state.dwEventState = 0;
        const std::string name = state.szReader;
        if (name.rfind("\\\\?PnP?", 0) == 0) {
          changed = changed || known != readers_.size();
          continue;
        }
        const auto found = readers_.find(name);
        if (found == readers_.end()) {
          if (first) return SCARD_E_UNKNOWN_READER;
          state.dwEventState = SCARD_STATE_UNKNOWN | SCARD_STATE_UNAVAILABLE | SCARD_STATE_CHANGED;
          changed = true;
          continue;
        }
        touched_.insert(name);
        const Reader& reader = found->second;
        DWORD now = reader.present ? SCARD_STATE_PRESENT : SCARD_STATE_EMPTY;
        if (reader.mute) now |= SCARD_STATE_MUTE;
        if (reader.exclusive) now |= SCARD_STATE_EXCLUSIVE;
        now |= static_cast<DWORD>(reader.events) << 16;
        state.cbAtr = reader.present && !reader.mute ? 2 : 0;
        std::memcpy(state.rgbAtr, "\x3B\x00", 2);
        // As in libpcsclite: a connection that becomes exclusive is seen, and wakes nobody.
        if ((now & ~SCARD_STATE_EXCLUSIVE) != (state.dwCurrentState & ~SCARD_STATE_EXCLUSIVE) ||
            (state.dwCurrentState & SCARD_STATE_EXCLUSIVE & ~now) != 0) {
          now |= SCARD_STATE_CHANGED;
          changed = true;
        }
        state.dwEventState = now;
      }
      if (changed) return TakeResult(&status_results_);
      if (std::exchange(cancelled_, false)) return SCARD_E_CANCELLED;
      const bool late = changed_.wait_until(lock, deadline) == std::cv_status::timeout;
      AwaitThaw(lock);
      if (late) return SCARD_E_TIMEOUT;
    }
  }
  LONG Cancel(SCARDCONTEXT) override {
    Change([&] { cancelled_ = true; });
    return SCARD_S_SUCCESS;
  }
  LONG Connect(SCARDCONTEXT context, const std::string& reader, SCARDHANDLE* card,
               DWORD* protocol) override {
    const auto lock = LockFree(context, reader);
    if (contexts_.count(context) == 0) return SCARD_E_NO_SERVICE;
    if (connect_result_ != SCARD_S_SUCCESS) return connect_result_;
    if (readers_.count(reader) == 0) return SCARD_E_UNKNOWN_READER;
    touched_.insert(reader);
    if (readers_[reader].exclusive) return SCARD_E_SHARING_VIOLATION;
    if (!readers_[reader].present) return SCARD_E_NO_SMARTCARD;
    *card = ++last_;
    *protocol = SCARD_PROTOCOL_T1;
    cards_[*card] = reader;
    return SCARD_S_SUCCESS;
  }
  LONG ConnectDirect(SCARDCONTEXT context, const std::string& reader, SCARDHANDLE* card) override {
    const auto lock = LockFree(context, reader);
    if (contexts_.count(context) == 0) return SCARD_E_NO_SERVICE;
    if (readers_.count(reader) == 0) return SCARD_E_UNKNOWN_READER;
    touched_.insert(reader);
    if (readers_[reader].exclusive) {
      ++refused_;
      changed_.notify_all();
      return SCARD_E_SHARING_VIOLATION;
    }
    *card = ++last_;
    cards_[*card] = reader;
    direct_.insert(*card);
    return SCARD_S_SUCCESS;
  }
  LONG BeginTransaction(SCARDHANDLE card) override {
    auto lock = LockThawed();
    const LONG result = TakeResult(&begin_results_);
    if (result != SCARD_S_SUCCESS) return result;
    changed_.wait(lock, [&] { return cards_.count(card) == 0 || !readers_[cards_[card]].other; });
    return cards_.count(card) == 0 ? SCARD_E_NO_SERVICE : SCARD_S_SUCCESS;
  }
  LONG EndTransaction(SCARDHANDLE) override { return SCARD_S_SUCCESS; }
  LONG Disconnect(SCARDHANDLE card, DWORD disposition) override {
    const auto lock = LockThawed();
    if (cards_.count(card) == 0) return SCARD_E_NO_SERVICE;
    if (direct_.erase(card) == 0) {
      endings_.push_back((disposition == SCARD_RESET_CARD ? "reset " : "leave ") + cards_[card]);
    }
    cards_.erase(card);
    changed_.notify_all();
    return SCARD_S_SUCCESS;
  }
  LONG Transmit(SCARDHANDLE card, DWORD, std::span<const uint8_t> command, uint8_t* response,
                DWORD* size) override {
    Answer answer;
    {
      const auto lock = LockThawed();
      if (cards_.count(card) == 0) return SCARD_E_NO_SERVICE;
      answer = answer_;
    }
    Bytes bytes = {0x90, 0x00};
    const LONG result = answer ? answer(command, &bytes) : SCARD_S_SUCCESS;
    std::copy(bytes.begin(), bytes.end(), response);
    *size = bytes.size();
    return result;
  }
  LONG Control(SCARDHANDLE card, DWORD code, std::span<const uint8_t> data,
               std::span<uint8_t> answer, DWORD* size) override {
    Driver driver;
    {
      const auto lock = LockThawed();
      if (cards_.count(card) == 0) return SCARD_E_NO_SERVICE;
      driver = readers_[cards_[card]].driver;
    }
    if (!driver) return SCARD_E_UNSUPPORTED_FEATURE;
    Bytes bytes;
    const LONG result = driver(code, data, &bytes);
    if (bytes.size() > answer.size()) return SCARD_E_INSUFFICIENT_BUFFER;
    std::copy(bytes.begin(), bytes.end(), answer.begin());
    *size = bytes.size();
    return result;
  }
  LONG GetAttrib(SCARDHANDLE card, DWORD attribute, std::span<uint8_t> value,
                 DWORD* size) override {
    const auto lock = LockThawed();
    if (cards_.count(card) == 0) return SCARD_E_NO_SERVICE;
    const auto& attributes = readers_[cards_[card]].attributes;
    const auto found = attributes.find(attribute);
    if (found == attributes.end()) return SCARD_E_UNSUPPORTED_FEATURE;
    if (found->second.size() > value.size()) return SCARD_E_INSUFFICIENT_BUFFER;
    std::copy(found->second.begin(), found->second.end(), value.begin());
    *size = found->second.size();
    return SCARD_S_SUCCESS;
  }

 private:
  struct Reader {
    bool present = false;
    bool mute = false;
    bool other = false;
    bool exclusive = false;
    uint16_t events = 0;
    Driver driver;
    std::map<DWORD, Bytes> attributes;
  };

  static void Put(Reader& reader, bool present, bool mute) {
    reader.present = present;
    reader.mute = mute;
    ++reader.events;
  }
  static LONG TakeResult(std::vector<LONG>* results) {
    if (results->empty()) return SCARD_S_SUCCESS;
    const LONG result = results->front();
    results->erase(results->begin());
    return result;
  }
  std::unique_lock<std::mutex> LockThawed() {
    std::unique_lock<std::mutex> lock(mutex_);
    AwaitThaw(lock);
    return lock;
  }
  void AwaitThaw(std::unique_lock<std::mutex>& lock) {
    changed_.wait(lock, [&] { return !frozen_; });
  }
  // As in pcscd: who connects waits for the end of another program's transaction.
  std::unique_lock<std::mutex> LockFree(SCARDCONTEXT context, const std::string& reader) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] {
      const auto found = readers_.find(reader);
      const bool waits = found != readers_.end() && found->second.other;
      return !frozen_ && (contexts_.count(context) == 0 || !waits);
    });
    return lock;
  }
  template <typename F>
  void Change(F change) {
    std::lock_guard<std::mutex> lock(mutex_);
    change();
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool running_ = true;
  bool frozen_ = false;
  bool cancelled_ = false;
  LONG last_ = 0;
  LONG establish_result_ = SCARD_S_SUCCESS;
  LONG connect_result_ = SCARD_S_SUCCESS;
  std::vector<LONG> status_results_;
  std::vector<LONG> begin_results_;
  std::map<std::string, Reader> readers_;
  std::set<SCARDCONTEXT> contexts_;
  std::map<SCARDHANDLE, std::string> cards_;
  std::set<SCARDHANDLE> direct_;
  std::set<std::string> touched_;
  size_t refused_ = 0;
  Answer answer_;
  std::vector<std::string> endings_;
};

}  // namespace madoguchi::pcsc

#endif  // MADOGUCHI_READERS_PCSC_FAKE_PCSC_H_
