#ifndef MADOGUCHI_READERS_PCSC_PCSC_READER_FIXTURE_H_
#define MADOGUCHI_READERS_PCSC_PCSC_READER_FIXTURE_H_

#include <gtest/gtest.h>
#include <reader.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "readers/pcsc/fake_pcsc.h"
#include "readers/pcsc/pcsc_reader.h"
#include "sdk/failure/failure.h"

namespace madoguchi::pcsc {

// "OK", or the name of the failure.
template <typename T>
std::string Code(const absl::StatusOr<T>& status) {
  return status.ok() ? "OK" : NameOf(CodeOf(status.status()));
}

// The plugin over a PC/SC service in memory.
class PcscReaderTest : public testing::Test {
 protected:
  PcscReaderTest() : api_(NewFake()), reader_(api_, std::chrono::milliseconds(200)) {}

  // A test may have ended in the middle.
  ~PcscReaderTest() override { api_.Freeze(false); }

  // A fake for ever: a test may leave threads in it.
  static FakePcsc& NewFake() {
    static auto* const fakes = new std::vector<std::unique_ptr<FakePcsc>>;
    return *fakes->emplace_back(std::make_unique<FakePcsc>());
  }

  absl::Status StartWith(std::map<std::string, std::string> settings) {
    for (const char* name : {"pcscd_socket", "readers", "ignore_readers", "pads"}) settings[name];
    return reader_.Start(plugin::Settings(settings));
  }
  void Start(std::map<std::string, std::string> settings = {}) {
    const absl::Status status = StartWith(std::move(settings));
    ASSERT_TRUE(status.ok()) << status;
  }
  // The first snapshot from now on that is `wanted`.
  template <typename F>
  bool Await(F wanted) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < deadline) {
      if (seen_ > 0 && wanted(newest_)) return true;
      seen_ = reader_.board().WaitNewer(seen_, std::chrono::milliseconds(100), &newest_);
    }
    return false;
  }
  bool AwaitCard(const std::string& name, reader::v1::Presence presence, uint64_t insertion) {
    return Await([&](const reader::v1::Snapshot& snapshot) {
      for (const auto& state : snapshot.reader()) {
        if (state.name() == name) {
          state_ = state;
          return state.presence() == presence && state.insertion() == insertion;
        }
      }
      return false;
    });
  }
  template <typename F>
  bool AwaitReader(const std::string& name, F wanted) {
    return Await([&](const reader::v1::Snapshot& snapshot) {
      for (const auto& state : snapshot.reader()) {
        if (state.name() == name && wanted(state)) return true;
      }
      return false;
    });
  }
  absl::StatusOr<uint64_t> Open(const std::string& name, uint64_t insertion) {
    reader::v1::OpenRequest request;
    request.set_reader(name);
    request.set_insertion(insertion);
    const auto reply = reader_.Open(request);
    if (!reply.ok()) return reply.status();
    return reply->session();
  }
  // A started plugin with one card in each of the readers A and B.
  void StartWithCards(std::map<std::string, std::string> settings = {}) {
    for (const char* name : {"A", "B"}) {
      api_.AddReader(name);
      api_.SetAttrib(name, SCARD_ATTR_VENDOR_NAME, {'M', 0});
    }
    Start(std::move(settings));
    // The readers were asked what they are: nothing of that is under way any more.
    const auto asked = [](const auto& state) { return state.maker() == "M"; };
    ASSERT_TRUE(AwaitReader("A", asked));
    ASSERT_TRUE(AwaitReader("B", asked));
    api_.Insert("A");
    api_.Insert("B");
    ASSERT_TRUE(AwaitCard("A", reader::v1::PRESENCE_PRESENT, 1));
    ASSERT_TRUE(AwaitCard("B", reader::v1::PRESENCE_PRESENT, 1));
  }

  FakePcsc& api_;
  PcscReader reader_;
  uint64_t seen_ = 0;
  reader::v1::Snapshot newest_;
  reader::v1::ReaderState state_;
};

}  // namespace madoguchi::pcsc

#endif  // MADOGUCHI_READERS_PCSC_PCSC_READER_FIXTURE_H_
