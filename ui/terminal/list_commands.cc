// The commands that only look: readers, counters, version.
#include <atomic>
#include <ctime>
#include <thread>

#include "madoguchi/desk/v1/desk.grpc.pb.h"
#include "sdk/failure/failure.h"
#include "ui/terminal/commands.h"
#include "ui/terminal/json_line.h"
#include "ui/terminal/reader_text.h"
#include "ui/terminal/remote_desk.h"
#include "ui/terminal/text.h"
#include "ui/terminal/width.h"

#ifndef MADOGUCHI_VERSION
#error "MADOGUCHI_VERSION comes from CMake"
#endif

namespace madoguchi::terminal {
namespace {

constexpr Phrase kNoCounters("窓口がありません。", "There are no counters.");
constexpr Phrase kHost("窓口システム {}（{}）", "host {} ({})");
constexpr Phrase kNoHost("窓口システムは動いていません（{}）", "no host is running ({})");

}  // namespace

int RunReaders(const CommandLine& line, const Session& session) {
  const auto channel = session.connection->Channel();
  if (!channel.ok()) return Fail(channel.status(), session);
  grpc::ClientContext call;
  if (!line.watch) SetDeadline(&call);
  const auto stub = desk::v1::Desk::NewStub(*channel);
  const auto stream = stub->WatchReaders(&call, {});
  std::atomic<bool> ended = false;
  // Ctrl-C ends the stream, whatever Read() waits for.
  std::thread interruption([&] {
    while (!ended && session.interrupted->load() == 0) {
      session.bell->Wait(std::chrono::minutes(1));
    }
    // Not where the stream ended by itself: that would hide why.
    if (!ended) call.TryCancel();
  });
  bool any = false;
  desk::v1::ReaderTable table;
  while (stream->Read(&table)) {
    if (any && !line.json) session.out << "\n";
    any = true;
    session.out << (line.json ? JsonLine(table) + "\n"
                              : ReaderTableText(table, session.language, std::time(nullptr)))
                << std::flush;
    if (!line.watch) break;
  }
  const bool done = (any && !line.watch) || session.interrupted->load() > 0;
  ended = true;
  session.bell->Ring();
  interruption.join();
  if (done) call.TryCancel();
  const grpc::Status status = stream->Finish();
  if (done) return kExitDone;
  const absl::Status why = status.ok() ? FailureStatus(check::v1::FAILURE_CODE_HOST_STOPPING)
                                       : CallStatus(status, session.connection->address());
  return Fail(why, session);
}

int RunCounters(const CommandLine&, const Session& session) {
  const auto channel = session.connection->Channel();
  if (!channel.ok()) return Fail(channel.status(), session);
  grpc::ClientContext call;
  SetDeadline(&call);
  desk::v1::ListCountersReply reply;
  const absl::Status status =
      CallStatus(desk::v1::Desk::NewStub(*channel)->ListCounters(&call, {}, &reply),
                 session.connection->address());
  if (!status.ok()) return Fail(status, session);
  for (const std::string& counter : reply.counter()) session.out << Printable(counter) << "\n";
  if (reply.counter_size() == 0) session.err << kNoCounters.In(session.language) << "\n";
  session.out << std::flush;
  return kExitDone;
}

int RunVersion(const CommandLine&, const Session& session) {
  session.out << "madoguchi " MADOGUCHI_VERSION << std::endl;
  grpc::ClientContext call;
  SetDeadline(&call);
  desk::v1::GetHostReply reply;
  const auto channel = session.connection->Channel();
  const bool there =
      channel.ok() && desk::v1::Desk::NewStub(*channel)->GetHost(&call, {}, &reply).ok();
  // No failure: the version asked for is this program's.
  session.out << (there ? Fill(kHost, session.language,
                               {reply.version(), session.connection->address()})
                        : Fill(kNoHost, session.language, {session.connection->address()}))
              << std::endl;
  return kExitDone;
}

}  // namespace madoguchi::terminal
