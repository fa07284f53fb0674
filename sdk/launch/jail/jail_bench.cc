// What the jail costs, beside the same program without it in the same run:
//   jail_bench [RUNS]
// From the spawn to the reply to Hello, and Health on a plugin that runs. Middle and 90th of 100.

#include <grpcpp/create_channel_posix.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "madoguchi/plugin/v1/plugin.grpc.pb.h"
#include "sdk/launch/jail/jailed_process.h"

namespace madoguchi {
namespace {

using std::chrono::duration;
using std::chrono::steady_clock;
using Stub = plugin::v1::Plugin::Stub;

double Milliseconds(steady_clock::duration time) {
  return duration<double, std::milli>(time).count();
}

std::string Spread(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  char text[64];
  std::snprintf(text, sizeof(text), "%8.3f %8.3f", times[times.size() / 2],
                times[times.size() * 9 / 10]);
  return text;
}

long KilobytesOf(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("RssAnon:")) return std::atol(line.c_str() + 8);
  }
  return 0;
}

struct Kind {
  const char* title;
  std::string launcher;
  Jail jail;
  std::vector<double> starts = {}, calls = {};
  long kilobytes = 0;
};

void Measure(Kind& kind, int program) {
  const auto begin = steady_clock::now();
  auto process = JailedProcess::Spawn(kind.launcher, kind.jail, program);
  if (!process.ok()) std::abort();
  const auto channel = grpc::CreateInsecureChannelFromFd("plugin", (*process)->TakeService());
  const auto stub = plugin::v1::Plugin::NewStub(channel);
  {
    grpc::ClientContext context;
    plugin::v1::HelloRequest hello;
    hello.add_host_version(1);
    plugin::v1::HelloReply reply;
    if (!stub->Hello(&context, hello, &reply).ok()) {
      std::fprintf(stderr, "no Hello %s\n", kind.title);
      std::exit(1);
    }
  }
  kind.starts.push_back(Milliseconds(steady_clock::now() - begin));
  for (int i = 0; i < 100; ++i) {
    grpc::ClientContext context;
    plugin::v1::HealthReply reply;
    const auto asked = steady_clock::now();
    if (!stub->Health(&context, plugin::v1::HealthRequest(), &reply).ok()) std::exit(1);
    kind.calls.push_back(Milliseconds(steady_clock::now() - asked));
  }
  kind.kilobytes = KilobytesOf((*process)->pid());
}

int Bench(int runs) {
  const int program = JailedProcess::SealedCopy(MADOGUCHI_PLUGINS "/policy_pin/policy_pin");
  Jail jail;
  jail.name = "policy_pin";
  Jail without_room = jail;
  without_room.without = {"room"};
  Kind kinds[] = {{"a bare child process", "", jail},
                  {"in the jail", MADOGUCHI_LAUNCHER, jail},
                  {"in the jail, without its room", MADOGUCHI_LAUNCHER, without_room}};
  // In turn, so that what else the machine does falls on all alike.
  for (int run = 0; run < runs; ++run) {
    for (Kind& kind : kinds) Measure(kind, program);
  }
  std::printf("%-34s %17s  %17s  %9s\n%-34s %8s %8s  %8s %8s\n", "milliseconds", "start to Hello",
              "Health", "own KiB", "", "p50", "p90", "p50", "p90");
  for (const Kind& kind : kinds) {
    std::printf("%-34s %s  %s  %9ld\n", kind.title, Spread(kind.starts).c_str(),
                Spread(kind.calls).c_str(), kind.kilobytes);
  }
  close(program);
  return 0;
}

}  // namespace
}  // namespace madoguchi

int main(int argc, char** argv) { return madoguchi::Bench(argc > 1 ? std::atoi(argv[1]) : 50); }
