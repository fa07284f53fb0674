#include "sdk/conformance/policy_walk.h"

#include <algorithm>
#include <random>

#include "sdk/conformance/calls.h"
#include "sdk/conformance/policy_play.h"

namespace madoguchi::conformance {
namespace {

using check::v1::Step;
using Evidence = policy::v1::ProjectedEvidence;

constexpr size_t kKeptPlaces = 20000;

}  // namespace

void PolicyWalk::Note(const std::string& row, const History& history, const std::string& what,
                      bool cuts) {
  if (cuts && cut_by_.empty()) cut_by_ = row;
  breaches_.try_emplace(row, "after " + LineOf(history) + ": " + what);
}

void PolicyWalk::Lose(const History& history, const absl::Status& status) {
  const bool late = absl::IsDeadlineExceeded(status);
  Note(late ? "policy.in-time" : "policy.answers", history, Words(status), /*cuts=*/true);
  lost_ = late || absl::IsUnavailable(status);
}

const Step* PolicyWalk::Next(const History& history) {
  const policy::v1::NextRequest request = RequestOf(history);
  std::string key = request.SerializeAsString();
  auto found = replies_.find(key);
  if (found == replies_.end()) {
    if (lost_) return nullptr;
    found = replies_.emplace(std::move(key), ask_(request)).first;
    const auto& reply = found->second;
    if (!reply.ok()) {
      Lose(history, reply.status());
    } else if (reply->next_case() == policy::v1::NextReply::NEXT_NOT_SET) {
      Note("policy.reply-not-empty", history, "neither a step nor Finish", /*cuts=*/true);
    } else if (reply->has_step()) {
      if (history.size() >= kMostSteps) {
        Note("policy.finishes", history, NameOf(*reply) + " as step 33", /*cuts=*/false);
      } else if (const auto breach = WhyRefused(history, reply->step(), visual_)) {
        Note(breach->row, history, breach->what, /*cuts=*/true);
      }
      if (places_.size() < kKeptPlaces) places_.push_back(history);
    }
    if (reply.ok() && sound_.size() < kKeptPlaces) {
      sound_.emplace_back(request, reply->SerializeAsString());
    }
  }
  const auto& reply = found->second;
  if (!reply.ok() || !reply->has_step() || history.size() >= kMostSteps ||
      WhyRefused(history, reply->step(), visual_)) {
    return nullptr;
  }
  return &reply->step();
}

void PolicyWalk::WalkAll(size_t depth, size_t most) {
  History history;
  Down(history, depth, most);
}

void PolicyWalk::Down(History& history, size_t depth, size_t most) {
  if (sequences_ >= most) {
    all_ = false;
    return;
  }
  ++sequences_;
  const Step* const step = Next(history);
  if (step == nullptr || depth == 0) return;
  for (const Evidence& evidence : AnswersTo(history, *step, /*few=*/true)) {
    history.push_back({*step, evidence});
    Down(history, depth - 1, most);
    history.pop_back();
  }
}

void PolicyWalk::WalkAtRandom(size_t count, uint32_t seed) {
  std::minstd_rand random(seed);
  const auto one_of = [&](size_t size) { return (random() >> 4) % size; };
  for (size_t walk = 0; walk < count && !lost_; ++walk) {
    // Otherwise a failure, of which there are more, would end most checks early.
    const bool stubborn = walk % 2 == 0;
    const auto favourite = static_cast<Evidence::Kind>(1 + one_of(Evidence::Kind_MAX));
    const size_t failures = one_of(4);
    History history;
    while (const Step* const step = Next(history)) {
      auto answers = AnswersTo(history, *step, /*few=*/false);
      if (answers.empty()) break;
      const auto wanted = [&](const Evidence& one) {
        return stubborn ? one.kind() == favourite
                        : one.kind() != Evidence::KIND_FAILED || failures == 0;
      };
      std::vector<Evidence> few;
      std::copy_if(answers.begin(), answers.end(), std::back_inserter(few), wanted);
      const auto& from = few.empty() ? answers : few;
      history.push_back({*step, from[one_of(from.size())]});
    }
  }
}

void PolicyWalk::Stray(size_t most) {
  const size_t stride = std::max<size_t>(1, places_.size() / most);
  for (size_t at = 0; at < places_.size() && !lost_; at += stride) {
    History history = places_[at];
    const auto reply = replies_.find(RequestOf(history).SerializeAsString());
    if (history.size() >= kMostSteps || !reply->second->has_step()) continue;
    const Step step = reply->second->step();
    for (const Evidence& evidence : NoAnswersTo(step)) {
      policy::v1::NextRequest request = RequestOf(history);
      *request.add_evidence() = evidence;
      const auto answer = ask_(request);
      ++strays_;
      if (absl::IsInvalidArgument(answer.status())) continue;
      if (answer.ok() && answer->has_finish()) continue;
      policy::v1::NextReply asked;
      *asked.mutable_step() = step;
      Note("policy.stray-evidence", history,
           WordOf(evidence) + " for " + NameOf(asked) + " was answered with " +
               (answer.ok() ? NameOf(*answer) : Words(answer.status())),
           /*cuts=*/false);
      // One that is gone is not asked a thousand times more.
      lost_ = absl::IsUnavailable(answer.status()) || absl::IsDeadlineExceeded(answer.status());
      if (lost_) return;
    }
  }
}

}  // namespace madoguchi::conformance
