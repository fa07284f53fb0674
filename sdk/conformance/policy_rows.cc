// The rows about policies.
#include <atomic>
#include <memory>
#include <thread>

#include "madoguchi/policy/v1/policy.grpc.pb.h"
#include "sdk/conformance/calls.h"
#include "sdk/conformance/exam.h"
#include "sdk/conformance/policy_play.h"
#include "sdk/conformance/policy_walk.h"
#include "sdk/failure/grpc_status.h"

namespace madoguchi::conformance {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kNextPatience(1000);
constexpr size_t kDepth = 8;
constexpr size_t kMostSequences = 100000;
constexpr size_t kWalks = 10000;
constexpr uint32_t kSeed = 20260401;
constexpr size_t kStrayPlaces = 300;
constexpr size_t kAskedAgain = 500;
constexpr int kThreads = 8;

PolicyWalk::Ask AskOf(Exam& exam, const Exam::Life& life) {
  std::shared_ptr<policy::v1::Policy::Stub> stub = policy::v1::Policy::NewStub(life->channel());
  return [stub, patience = exam.Patience(kNextPatience)](
             const policy::v1::NextRequest& request) -> absl::StatusOr<policy::v1::NextReply> {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + patience);
    policy::v1::NextReply reply;
    const absl::Status status = FromGrpc(stub->Next(&context, request, &reply));
    if (!status.ok()) return status;
    return reply;
  };
}

using Known = std::vector<std::pair<policy::v1::NextRequest, std::string>>;

// The first of `known` that `ask` answers otherwise, in words; empty without one. `step` leaves
// some out.
std::string Difference(const PolicyWalk::Ask& ask, const Known& known, size_t step) {
  for (size_t at = 0; at < known.size(); at += step) {
    const auto reply = ask(known[at].first);
    if (reply.ok() && reply->SerializeAsString() == known[at].second) continue;
    policy::v1::NextReply before;
    before.ParseFromString(known[at].second);
    std::string words;
    for (const auto& evidence : known[at].first.evidence()) words += WordOf(evidence) + " ";
    return "after " + (words.empty() ? "no evidence " : words) + "it said " + NameOf(before) +
           ", and then " + (reply.ok() ? NameOf(*reply) : Words(reply.status())) +
           (reply.ok() && NameOf(before) == NameOf(*reply) ? " with other contents" : "");
  }
  return "";
}

std::string DifferenceAtOnce(const PolicyWalk::Ask& ask, const Known& known, size_t step) {
  std::string found[kThreads];
  std::vector<std::thread> threads;
  for (std::string& mine : found) {
    threads.emplace_back([&] { mine = Difference(ask, known, step); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& one : found) {
    if (!one.empty()) return one;
  }
  return "";
}

// Of a row without a breach, when not everything was looked at.
Finding Unseen(const PolicyWalk& walk) {
  const std::string row = walk.cut_by().empty() ? "policy.stray-evidence" : walk.cut_by();
  return Skipped("the walk stopped: see " + row);
}

}  // namespace

void PolicyRows(Exam& exam) {
  Exam::Life life;
  std::unique_ptr<PolicyWalk> walk;
  if (auto started = exam.Start(); started.ok()) life = *std::move(started);
  // Whichever row is looked at first walks for all.
  const auto ready = [&] {
    if (life == nullptr) return false;
    if (walk == nullptr) {
      walk = std::make_unique<PolicyWalk>(AskOf(exam, life), exam.options().visual);
      walk->WalkAll(kDepth, kMostSequences);
      walk->WalkAtRandom(kWalks, kSeed);
      walk->Stray(kStrayPlaces);
    }
    return true;
  };

  exam.Row("policy.answers",
           "Every list of evidence that a host can bring has an answer: all to depth 8, and 10,000 "
           "checks at random.",
           [&] {
             if (!ready()) return Skipped("the plugin does not start");
             if (const auto found = walk->breaches().find("policy.answers");
                 found != walk->breaches().end()) {
               return Failed(found->second,
                             "answer whatever may follow the steps that it asks for itself");
             }
             if (!walk->cut_by().empty()) return Unseen(*walk);
             return Passed(std::to_string(walk->sequences()) +
                           (walk->all() ? " sequences, " : " sequences (no more were walked), ") +
                           std::to_string(walk->questions()) + " different questions");
           });
  const auto row = [&](const std::string& id, const std::string& sentence,
                       const std::string& advice) {
    exam.Row(id, sentence, [&] {
      if (!ready()) return Skipped("the plugin does not start");
      const auto found = walk->breaches().find(id);
      if (found != walk->breaches().end()) return Failed(found->second, advice);
      return walk->cut_by().empty() ? Passed() : Unseen(*walk);
    });
  };
  row("policy.in-time", "The host gives it one second.", "compute, and wait for nothing");
  row("policy.reply-not-empty", "A reply is a step or Finish.", "set one of them");
  row("policy.steps-allowed",
      "It asks for no step that the clinic forbids or the evidence does not "
      "allow.",
      "look at the evidence: the host refuses such a step, and the check ends as "
      "POLICY_OVERSTEPPED");
  row("policy.pin-form", "A PIN has shortest..longest characters, within 1..16.",
      "refuse settings in Start that make another form");
  row("policy.ask-drawable",
      "Every screen can draw an Ask: ja and en, a role, 1 to 16 choices with ids, up to 16 fields.",
      "fill in what check.proto asks of Step.Ask");
  row("policy.finishes", "Each check ends in Finish within 32 steps.",
      "count, in the evidence, how often a step was repeated");
  row("policy.stray-evidence",
      "Evidence that does not answer its step is INVALID_ARGUMENT, or the end.",
      "compare each piece of evidence with the step that it follows");

  const auto same = [&](const std::string& id, const std::string& sentence,
                        const std::function<std::string(size_t)>& difference,
                        const std::string& needs = "") {
    const auto look = [&] {
      if (!ready() || walk->sound().empty()) {
        return Skipped("there is no sound answer to compare with");
      }
      if (walk->lost()) return Unseen(*walk);
      const std::string found = difference(std::max<size_t>(1, walk->sound().size() / kAskedAgain));
      if (found.empty()) return Passed();
      return Failed(found, "keep nothing between two calls; use no clock and no random number");
    };
    exam.Row(id, sentence, look, needs);
  };
  same("policy.same-again", "The same input always gives the same output: asked twice.",
       [&](size_t step) { return Difference(AskOf(exam, life), walk->sound(), step); });
  same(
      "policy.same-at-once", "The same, asked from eight threads at once.",
      [&](size_t step) { return DifferenceAtOnce(AskOf(exam, life), walk->sound(), step); },
      "policy.same-again");
  same("policy.same-after-restart", "The same, asked of another process.", [&](size_t step) {
    auto other = exam.Start();
    return other.ok() ? Difference(AskOf(exam, *other), walk->sound(), step)
                      : Words(other.status());
  });
}

}  // namespace madoguchi::conformance
