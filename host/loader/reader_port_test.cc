#include <grpcpp/channel.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <thread>

#include "host/loader/ports.h"
#include "madoguchi/reader/v1/reader.grpc.pb.h"

namespace madoguchi {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

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
