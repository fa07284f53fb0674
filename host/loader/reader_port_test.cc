#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

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

// Shows a card, then a line that nobody can read, and keeps the stream open.
class Mumbler final : public reader::v1::Reader::Service {
  grpc::Status Watch(grpc::ServerContext* call, const reader::v1::WatchRequest*,
                     grpc::ServerWriter<reader::v1::Snapshot>* writer) override {
    reader::v1::Snapshot snapshot;
    snapshot.set_service(reader::v1::SERVICE_RUNNING);
    auto* const reader = snapshot.add_reader();
    reader->set_name("a");
    reader->set_presence(reader::v1::PRESENCE_PRESENT);
    reader->set_insertion(1);
    writer->Write(snapshot);
    snapshot.set_detail("\xff");
    writer->Write(snapshot);
    while (!call->IsCancelled()) std::this_thread::sleep_for(2ms);
    return grpc::Status::OK;
  }
};

TEST(PluginReadersTest, WhatCannotBeReadAnyMoreIsNotBelieved) {
  Mumbler mumbler;
  grpc::ServerBuilder builder;
  builder.RegisterService(&mumbler);
  const auto server = builder.BuildAndStart();
  auto life = std::make_shared<PluginLife>();
  life->generation = 1;
  life->channel = server->InProcessChannel({});
  ReaderTable table;
  PluginReaders readers(table);
  readers.Up("mumbler", life);
  const auto until = steady_clock::now() + 10s;
  const auto await_cards = [&](size_t count) {
    while (table.Cards({}).size() != count && steady_clock::now() < until) {
      table.WaitNewer(table.revision(), 10ms);
    }
    return table.Cards({}).size() == count;
  };
  EXPECT_TRUE(await_cards(1));
  EXPECT_TRUE(await_cards(0));
  server->Shutdown(std::chrono::system_clock::now());
  readers.Down("mumbler");
}

}  // namespace
}  // namespace madoguchi
