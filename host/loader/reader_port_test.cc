#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "host/loader/ports.h"
#include "madoguchi/reader/v1/reader.grpc.pb.h"
#include "sdk/failure/failure.h"

namespace madoguchi {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

// A plugin that opens any session and verifies any PIN.
class AnyReader final : public reader::v1::Reader::Service {
 public:
  grpc::Status Open(grpc::ServerContext*, const reader::v1::OpenRequest*,
                    reader::v1::OpenReply* reply) override {
    reply->set_session(1);
    return grpc::Status::OK;
  }
  grpc::Status VerifyPin(grpc::ServerContext*, const reader::v1::VerifyPinRequest*,
                         reader::v1::VerifyPinReply* reply) override {
    ++verified;
    reply->set_response("\x90\x00", 2);
    return grpc::Status::OK;
  }
  std::atomic<int> verified = 0;
};

class ReaderPortTest : public testing::Test {
 protected:
  ReaderPortTest() {
    grpc::ServerBuilder builder;
    builder.RegisterService(&plugin_);
    server_ = builder.BuildAndStart();
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    lane_ = Fd(ends[1]);
    auto life = std::make_shared<PluginLife>();
    life->generation = 7;
    life->channel = server_->InProcessChannel({});
    life->pin = Fd(ends[0]);
    readers_.Up("any", life);
  }
  ~ReaderPortTest() override { readers_.Down("any"); }

  absl::StatusOr<std::vector<uint8_t>> VerifyPin() {
    CardSeen card;
    card.plugin = "any";
    card.generation = 7;
    const auto session = readers_.Open(card, {5s, stop_.get_token()});
    if (!session.ok()) return session.status();
    Secret pin = *Secret::OfSize(4);
    return (*session)->VerifyPin(std::vector<uint8_t>{0x00, 0x20, 0x00, 0x80, 0x00}, &pin);
  }
  // The size of the next packet for the plugin; -1 when there is none.
  ssize_t Packet() {
    char packet[64];
    return recv(lane_.get(), packet, sizeof(packet), MSG_DONTWAIT);
  }

  AnyReader plugin_;
  std::unique_ptr<grpc::Server> server_;
  Fd lane_;
  ReaderTable table_;
  PluginReaders readers_{table_};
  std::stop_source stop_;
};

TEST_F(ReaderPortTest, SendsThePinBesideTheCall) {
  const auto answer = VerifyPin();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(plugin_.verified, 1);
  EXPECT_EQ(Packet(), 20);
}

TEST_F(ReaderPortTest, SendsNoPinForACheckThatWasCancelled) {
  stop_.request_stop();
  EXPECT_EQ(CodeOf(VerifyPin().status()), check::v1::FAILURE_CODE_CANCELLED);
  EXPECT_EQ(Packet(), -1);
  EXPECT_EQ(plugin_.verified, 0);
}

// Sends on its Watch what it is told to, and all of it, however fast; on a new one first what is
// newest, as the contract has it.
class Teller final : public reader::v1::Reader::Service {
 public:
  void Tell(const reader::v1::Snapshot& snapshot) {
    std::lock_guard<std::mutex> lock(mutex_);
    told_.push_back(snapshot);
    newest_ = snapshot;
    changed_.notify_all();
  }
  void End(const grpc::Status& status) {
    std::lock_guard<std::mutex> lock(mutex_);
    end_ = status;
    changed_.notify_all();
  }

 private:
  grpc::Status Watch(grpc::ServerContext* call, const reader::v1::WatchRequest*,
                     grpc::ServerWriter<reader::v1::Snapshot>* writer) override {
    std::unique_lock<std::mutex> lock(mutex_);
    told_.clear();
    if (newest_) told_.push_back(*newest_);
    while (!call->IsCancelled()) {
      changed_.wait_for(lock, 2ms, [&] { return !told_.empty() || end_; });
      while (!told_.empty() && !call->IsCancelled()) {
        const reader::v1::Snapshot next = std::move(told_.front());
        told_.pop_front();
        lock.unlock();
        writer->Write(next);
        lock.lock();
      }
      if (end_) return *std::exchange(end_, std::nullopt);
    }
    return grpc::Status::OK;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<reader::v1::Snapshot> told_;
  std::optional<reader::v1::Snapshot> newest_;
  std::optional<grpc::Status> end_;
};

reader::v1::ReaderState* AddReader(reader::v1::Snapshot* snapshot, const std::string& name,
                                   uint64_t insertion = 0) {
  auto* const state = snapshot->add_reader();
  state->set_name(name);
  state->set_presence(insertion == 0 ? reader::v1::PRESENCE_ABSENT : reader::v1::PRESENCE_PRESENT);
  state->set_insertion(insertion);
  return state;
}

reader::v1::Snapshot Running(const std::string& detail = "") {
  reader::v1::Snapshot snapshot;
  snapshot.set_service(reader::v1::SERVICE_RUNNING);
  snapshot.set_detail(detail);
  return snapshot;
}

class PluginReadersTest : public testing::Test {
 protected:
  PluginReadersTest() {
    grpc::ServerBuilder builder;
    builder.RegisterService(&teller_);
    server_ = builder.BuildAndStart();
    life_->generation = 1;
    life_->channel = server_->InProcessChannel({});
    readers_.Up("teller", life_);
  }
  ~PluginReadersTest() override {
    server_->Shutdown(std::chrono::system_clock::now());
    readers_.Down("teller");
  }

  template <typename Condition>
  bool Await(const Condition& condition) {
    const auto until = steady_clock::now() + 10s;
    while (!condition() && steady_clock::now() < until) {
      table_.WaitNewer(table_.revision(), 10ms);
    }
    return condition();
  }
  bool AwaitDetail(const std::string& detail) {
    return Await([&] {
      const auto rows = table_.Rows();
      return rows.source_size() == 1 && rows.source(0).detail() == detail;
    });
  }
  bool AwaitCards(size_t count) {
    return Await([&] { return table_.Cards({}).size() == count; });
  }
  // How often that became an incident.
  uint32_t Incident(const std::string& what) const {
    for (const auto& one : life_->incidents->list()) {
      if (one.what() == what) return one.times();
    }
    return 0;
  }
  // The table after a snapshot that counts as one without readers, because it told of `wrong`.
  void ExpectRefused(const reader::v1::Snapshot& snapshot, const std::string& wrong) {
    auto good = Running("good before " + wrong);
    AddReader(&good, "a", 7);
    teller_.Tell(good);
    ASSERT_TRUE(AwaitDetail(good.detail()));
    const uint32_t times = Incident("told of " + wrong);
    teller_.Tell(snapshot);
    EXPECT_TRUE(AwaitDetail("its plugin told of " + wrong)) << table_.Rows().DebugString();
    EXPECT_EQ(table_.Rows().reader_size(), 0);
    EXPECT_EQ(Incident("told of " + wrong), times + 1);
  }

  Teller teller_;
  std::unique_ptr<grpc::Server> server_;
  const std::shared_ptr<PluginLife> life_ = std::make_shared<PluginLife>();
  ReaderTable table_;
  PluginReaders readers_{table_};
};

// And whoever told of it is known.
TEST_F(PluginReadersTest, WhatCannotBeReadAnyMoreIsNotBelieved) {
  auto snapshot = Running();
  AddReader(&snapshot, "a", 1);
  teller_.Tell(snapshot);
  EXPECT_TRUE(AwaitCards(1));
  snapshot.set_detail("\xff");
  teller_.Tell(snapshot);
  EXPECT_TRUE(AwaitCards(0));
  EXPECT_TRUE(Await(
      [&] { return Incident("sent what cannot be read on its Watch, or cancelled it") == 1; }));
}

TEST_F(PluginReadersTest, AWatchThatEndsInAnErrorIsAnIncident) {
  teller_.Tell(Running());
  teller_.End(grpc::Status(grpc::StatusCode::UNAVAILABLE, "no \x1b[31m mood"));
  EXPECT_TRUE(
      Await([&] { return Incident("ended its Watch with UNAVAILABLE: no ?[31m mood") == 1; }));
}

TEST_F(PluginReadersTest, TheEndOfItsProcessIsNoneOfItsWatch) {
  teller_.Tell(Running("it lives"));
  ASSERT_TRUE(AwaitDetail("it lives"));
  life_->over = true;
  teller_.End(grpc::Status(grpc::StatusCode::UNAVAILABLE, "Socket closed"));
  ASSERT_TRUE(AwaitDetail("its plugin does not say what it sees"));
  life_->over = false;
  teller_.Tell(Running("it lives again"));
  ASSERT_TRUE(AwaitDetail("it lives again"));
  EXPECT_TRUE(life_->incidents->list().empty());
}

TEST_F(PluginReadersTest, WhatAPluginTellsHasItsBounds) {
  auto most = Running(std::string(200000, 'd'));
  for (int i = 0; i < 64; ++i) {
    auto* const state = AddReader(&most, std::string(254, 'n') + std::to_string(10 + i));
    state->set_maker(std::string(3000, 'm') + "\x1b");
    state->mutable_trouble()->set_code(check::v1::FAILURE_CODE_READER_SERVICE_DOWN);
  }
  most.GetReflection()->MutableUnknownFields(&most)->AddLengthDelimited(99,
                                                                        std::string(10000, 'u'));
  auto* const first = most.mutable_reader(0);
  first->GetReflection()->MutableUnknownFields(first)->AddLengthDelimited(99,
                                                                          std::string(10000, 'u'));
  first->set_maker("\x1b[31m");
  teller_.Tell(most);
  ASSERT_TRUE(Await([&] { return table_.Rows().reader_size() == 64; }));
  const auto rows = table_.Rows();
  EXPECT_EQ(rows.source(0).detail(), std::string(400, 'd'));
  EXPECT_EQ(rows.reader(0).state().maker(), "?[31m");
  EXPECT_EQ(rows.reader(1).state().maker(), std::string(256, 'm'));
  // A screen takes 4 MiB, with all plugins in it.
  EXPECT_LT(rows.ByteSizeLong(), 128U << 10);
  EXPECT_TRUE(life_->incidents->list().empty());
}

TEST_F(PluginReadersTest, WhatGoesBeyondThemCountsAsASnapshotWithoutReaders) {
  auto many = Running();
  for (int i = 0; i < 65; ++i) AddReader(&many, std::to_string(i));
  ExpectRefused(many, "more than 64 readers");
  auto twins = Running();
  AddReader(&twins, "a", 7);
  AddReader(&twins, "a", 8);
  ExpectRefused(twins, "two readers of one name");
  for (const std::string& name :
       {std::string(257, 'n'), std::string(), std::string("a\n"), std::string("a\u202e")}) {
    auto odd = Running();
    AddReader(&odd, name);
    ExpectRefused(odd, "a reader whose name is not one line of 1 to 256 bytes");
  }
  auto atr = Running();
  AddReader(&atr, "a", 7)->set_atr(std::string(34, '\0'));
  ExpectRefused(atr, "an ATR of more than 33 bytes");
}

// However many snapshots come, the table, and with it each screen, is told of 20 at once, and then
// of 20 a second; of the last one in any case.
TEST_F(PluginReadersTest, OfAFloodTheNewestCounts) {
  teller_.Tell(Running("begun"));
  ASSERT_TRUE(AwaitDetail("begun"));
  const auto since = steady_clock::now();
  const uint64_t before = table_.revision();
  for (int i = 0; i < 3000; ++i) {
    auto snapshot = Running(std::to_string(i));
    AddReader(&snapshot, "a", 1);
    teller_.Tell(snapshot);
  }
  ASSERT_TRUE(AwaitDetail("2999"));
  const uint64_t told = table_.revision() - before;
  const auto took = steady_clock::now() - since;
  EXPECT_LE(told, 20 + static_cast<uint64_t>(took / 50ms) + 1);
  EXPECT_EQ(Incident("told of its readers more than 100 times a second, and was slowed down"), 1u);
  // A card that was swapped between two looks is another one, and one that is gone is gone.
  const uint64_t first = table_.Cards({}).at(0).arrival;
  teller_.Tell(Running());
  auto swapped = Running("swapped");
  AddReader(&swapped, "a", 2);
  teller_.Tell(swapped);
  ASSERT_TRUE(AwaitDetail("swapped"));
  ASSERT_EQ(table_.Cards({}).size(), 1u);
  EXPECT_GT(table_.Cards({}).at(0).arrival, first);
  auto empty = Running("empty");
  AddReader(&empty, "a");
  teller_.Tell(empty);
  EXPECT_TRUE(AwaitCards(0));
}

// Many cards laid down at once are no flood.
TEST_F(PluginReadersTest, ABurstIsNoIncident) {
  teller_.Tell(Running("begun"));
  ASSERT_TRUE(AwaitDetail("begun"));
  for (int i = 0; i < 80; ++i) teller_.Tell(Running(std::to_string(i)));
  ASSERT_TRUE(AwaitDetail("79"));
  EXPECT_TRUE(life_->incidents->list().empty());
}

}  // namespace
}  // namespace madoguchi
