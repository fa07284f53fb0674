#include "host/check/record_line.h"

#include <cstdio>

#include "sdk/failure/failure.h"

namespace madoguchi {
namespace {

using check::v1::Entry;

std::string Milliseconds(uint64_t us) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.3f", static_cast<double>(us) / 1000);
  return text;
}

std::string NameOfStep(const check::v1::Step& step) {
  const auto* const field =
      check::v1::Step::descriptor()->FindFieldByNumber(static_cast<int>(step.kind_case()));
  return field == nullptr ? "none" : field->name();
}

}  // namespace

std::string RecordLine(const check::v1::Record& record) {
  std::string steps, outcome = "without a verdict";
  uint64_t before = 0, in_policy = 0, end = 0;
  const Entry* step = nullptr;
  for (const Entry& entry : record.entry()) {
    end = entry.at_us();
    if (entry.has_step()) {
      step = &entry;
      in_policy += entry.at_us() - before;
    } else if (entry.has_evidence() && step != nullptr) {
      steps += NameOfStep(step->step()) + " " + Milliseconds(entry.at_us() - step->at_us()) + ", ";
      step = nullptr;
    } else if (entry.has_verdict()) {
      in_policy += entry.at_us() - before;
      outcome = check::v1::Outcome_Name(entry.verdict().outcome()).substr(sizeof("OUTCOME_") - 1);
      if (entry.verdict().has_failure()) outcome += " " + NameOf(entry.verdict().failure().code());
    }
    before = entry.at_us();
  }
  return "check " + record.check_id() + " counter=" + record.counter() +
         " method=" + record.method() + " " + outcome + " " + Milliseconds(end) + " ms: " + steps +
         "policy " + Milliseconds(in_policy);
}

}  // namespace madoguchi
