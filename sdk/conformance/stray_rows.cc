// The rows about what no host sends, and about what a process must not run out of.
#include <linux/sockios.h>
#include <signal.h>
#include <sys/ioctl.h>

#include <memory>
#include <vector>

#include "sdk/conformance/calls.h"
#include "sdk/conformance/exam.h"
#include "sdk/conformance/wire.h"

namespace madoguchi::conformance {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPatience(2000);
constexpr size_t kOversized = 8 << 20;
constexpr int kFewDescriptors = 64;
constexpr int kCalls = 200;
constexpr int kCancelled = 20;

// Sends `bytes` to a fresh process instead of HTTP/2; it may end by itself, or go on until the host
// is gone.
Finding Stray(Exam& exam, const std::string& bytes, const std::string& what) {
  Exam::Form form;
  form.wire = PluginProcess::Wire::kBare;
  auto life = exam.Spawn(form);
  if (!life.ok()) return Failed(Words(life.status()), "see plugin.hello-in-time");
  WriteAll((*life)->service_fd(), bytes, exam.Patience(kPatience));
  // It is still starting: its second begins when it has read them.
  const auto until = std::chrono::steady_clock::now() + exam.Patience(kStartPatience);
  std::optional<int> status;
  int unread = 1;
  while (!status && unread > 0 && std::chrono::steady_clock::now() < until) {
    status = (*life)->Wait(milliseconds(5));
    if (ioctl((*life)->service_fd(), SIOCOUTQ, &unread) != 0) break;
  }
  if (!status) status = (*life)->End(exam.Patience(kEndPatience));
  if (status == 0) return Passed();
  return Failed("after " + what + ": " + Words(status),
                "close the connection, and end with status 0 when the host is gone; gRPC does it");
}

Finding Garbage(Exam& exam) {
  for (uint32_t seed = 1; seed <= 3; ++seed) {
    Finding finding = Stray(exam, Noise(4096, seed), "4096 random bytes");
    if (finding.outcome != Outcome::kPassed) return finding;
  }
  return Stray(exam, Greeting() + Noise(4096, 4), "4096 random bytes in the place of frames");
}

Finding HalfMessage(Exam& exam) {
  // A message of 100 bytes in a frame of 105, of which 15 come.
  const std::string data = Frame(0, 0, 1, std::string("\0\0\0\0\x64", 5) + std::string(100, 'x'));
  return Stray(exam,
               Greeting() + CallHeaders(OwnMethod(exam.kind())) + data.substr(0, data.size() - 90),
               "half a message");
}

// `call` in a process that has been started, which must go on to work.
Finding GoesOn(Exam& exam, const std::string& what,
               const std::function<std::string(PluginProcess&)>& call) {
  auto life = exam.Start();
  if (!life.ok()) return Failed(Words(life.status()), "see plugin.starts");
  const std::string wrong = call(**life);
  if (!wrong.empty()) return Failed(wrong, "refuse the call with a status, and go on");
  const absl::Status after = Responds(**life, exam.Patience(kPatience));
  if (after.ok()) return Passed();
  const auto ended = (*life)->Wait(milliseconds(100));
  return Failed("after " + what + ": " + (ended ? Words(ended) : Words(after)),
                "refuse the call with a status, and go on");
}

Finding UnknownMethod(Exam& exam) {
  return GoesOn(exam, "a call of an unknown method", [&](PluginProcess& process) {
    const absl::Status status =
        CallWith(process, "/madoguchi.plugin.v1.Plugin/Dance", "", exam.Patience(kPatience));
    return absl::IsUnimplemented(status) || absl::IsUnavailable(status)
               ? std::string()
               : "a method that does not exist was answered with " + Words(status);
  });
}

Finding Malformed(Exam& exam) {
  return GoesOn(exam, "a request that is no protobuf", [&](PluginProcess& process) {
    for (const std::string& method :
         {OwnMethod(exam.kind()), std::string("/madoguchi.plugin.v1.Plugin/Hello")}) {
      const absl::Status status =
          CallWith(process, method, std::string(24, '\xFF'), exam.Patience(kPatience));
      if (status.ok() || absl::IsDeadlineExceeded(status)) {
        return method + " answered 24 bytes of FF with " + Words(status);
      }
    }
    return std::string();
  });
}

Finding Oversized(Exam& exam) {
  return GoesOn(exam, "a request of 8 MiB", [&](PluginProcess& process) {
    const absl::Status status = CallWith(process, OwnMethod(exam.kind()),
                                         std::string(kOversized, '\0'), exam.Patience(kPatience));
    return absl::IsDeadlineExceeded(status) ? "a request of 8 MiB was never answered" : "";
  });
}

Finding CancelHonoured(Exam& exam) {
  auto life = exam.Start();
  if (!life.ok()) return Failed(Words(life.status()), "see plugin.starts");
  absl::Status before = Responds(**life, exam.Patience(kPatience));
  if (!before.ok()) return Failed(Words(before), "answer every call, at least with a refusal");
  const int threads = ThreadsOf((*life)->pid());
  {
    std::vector<std::unique_ptr<LongCall>> calls;
    for (int i = 0; i < kCancelled; ++i) calls.push_back(std::make_unique<LongCall>(**life));
    for (const auto& call : calls) call->AwaitBegun();
    for (const auto& call : calls) call->Cancel();
  }
  const absl::Status after = Responds(**life, exam.Patience(milliseconds(1000)));
  const std::string advice =
      "give up when the call is cancelled: ServerContext::IsCancelled, Call::cancelled()";
  if (!after.ok()) {
    return Failed("after " + std::to_string(kCancelled) + " cancelled calls: " + Words(after),
                  advice);
  }
  // A thread that still works for a call that is gone shows itself.
  const int most = threads + kCancelled / 2;
  if (const int now = AwaitThreads((*life)->pid(), most); now > most) {
    return Failed(std::to_string(now - threads) + " more threads than before " +
                      std::to_string(kCancelled) + " cancelled calls, 2 s after them",
                  advice);
  }
  return Passed();
}

Finding FewDescriptors(Exam& exam) {
  Exam::Form form;
  form.descriptors = kFewDescriptors;
  auto life = exam.Start(form);
  const std::string advice = "keep few descriptors open, and live with EMFILE";
  if (!life.ok()) return Failed("with 64 descriptors: " + Words(life.status()), advice);
  const absl::Status status = Responds(**life, exam.Patience(kPatience));
  if (!status.ok()) return Failed("with 64 descriptors: " + Words(status), advice);
  const int open = DescriptorsOf((*life)->pid());
  return Passed(open < 0 ? "" : std::to_string(open) + " in use");
}

Finding NoDescriptorLeak(Exam& exam) {
  auto life = exam.Start();
  if (!life.ok()) return Failed(Words(life.status()), "see plugin.starts");
  for (int i = 0; i < 5; ++i) (void)Responds(**life, exam.Patience(kPatience));
  const int before = DescriptorsOf((*life)->pid());
  if (before < 0) return Skipped("this system does not show the descriptors of another process");
  for (int i = 0; i < kCalls; ++i) {
    const absl::Status status = Responds(**life, exam.Patience(kPatience));
    if (!status.ok())
      return Failed("call " + std::to_string(i) + ": " + Words(status), "see its log");
  }
  const int after = DescriptorsOf((*life)->pid());
  if (after - before < 10)
    return Passed(std::to_string(before) + " before, " + std::to_string(after) + " after");
  return Failed(std::to_string(before) + " descriptors before " + std::to_string(kCalls) +
                    " calls, " + std::to_string(after) + " after",
                "close what each call opens");
}

Finding PipeProof(Exam& exam) {
  auto life = exam.Start();
  if (!life.ok()) return Failed(Words(life.status()), "see plugin.starts");
  kill((*life)->pid(), SIGPIPE);
  const auto ended = (*life)->Wait(milliseconds(50));
  if (ended) return Failed(Words(ended), "ignore SIGPIPE: Serve does it");
  const absl::Status after = Responds(**life, exam.Patience(kPatience));
  return after.ok() ? Passed() : Failed(Words(after), "ignore SIGPIPE: Serve does it");
}

}  // namespace

void StrayRows(Exam& exam) {
  exam.Row(
      "plugin.garbage", "Bytes that are no HTTP/2 end the connection, not more.",
      [&] { return Garbage(exam); }, "plugin.ends-with-host");
  exam.Row(
      "plugin.half-message", "A host that dies in mid-message leaves nobody behind.",
      [&] { return HalfMessage(exam); }, "plugin.ends-with-host");
  exam.Row("plugin.unknown-method", "A method that it does not have is UNIMPLEMENTED.",
           [&] { return UnknownMethod(exam); });
  exam.Row("plugin.malformed-message", "A request that does not parse is refused; it goes on.",
           [&] { return Malformed(exam); });
  exam.Row("plugin.oversized-message", "A request of 8 MiB is answered or refused; it goes on.",
           [&] { return Oversized(exam); });
  exam.Row("plugin.cancel-honoured", "A call that the host gave up holds nothing up.",
           [&] { return CancelHonoured(exam); });
  exam.Row("plugin.few-descriptors", "It works with 64 file descriptors.",
           [&] { return FewDescriptors(exam); });
  exam.Row("plugin.no-descriptor-leak", "200 calls leave no file descriptor open.",
           [&] { return NoDescriptorLeak(exam); });
  exam.Row("plugin.pipe-proof", "SIGPIPE does not end it.", [&] { return PipeProof(exam); });
}

}  // namespace madoguchi::conformance
