#include "host/play/script.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <filesystem>

#include "host/check/verdict.h"
#include "sdk/textproto/textproto.h"

namespace madoguchi::play {
namespace {

using google::protobuf::util::MessageDifferencer;

constexpr uint32_t kMostCounters = 16;
constexpr uint32_t kLongestPinHold = 60000;
constexpr uint32_t kSoon = 1500;

std::string Nth(const std::string& field, int n) { return field + "[" + std::to_string(n) + "]"; }

bool IsId(const std::string& id) {
  return !id.empty() && id.size() <= 32 &&
         id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string::npos;
}

script::Method Known(const std::string& id, const std::string& ja, const std::string& en) {
  script::Method method;
  method.set_id(id);
  method.mutable_label()->set_ja(ja);
  method.mutable_label()->set_en(en);
  return method;
}

bool Has(const script::Script& script, const std::string& id) {
  return std::any_of(script.method().begin(), script.method().end(),
                     [&](const script::Method& method) { return method.id() == id; });
}

absl::Status CheckCue(const script::Cue& cue, const std::string& field, const TextPlaces& places) {
  if (cue.at() == desk::v1::STAGE_UNSPECIFIED) {
    return absl::InvalidArgumentError(places.Of(field) +
                                      ": a cue without `at`; expected a stage, such as "
                                      "STAGE_LAY_CARD");
  }
  if (cue.what_case() == script::Cue::WHAT_NOT_SET ||
      (cue.has_deed() && cue.deed() == script::Cue::DEED_UNSPECIFIED)) {
    return absl::InvalidArgumentError(places.Of(field) + ": a cue without a deed; expected " +
                                      "`lay {}` or `deed: DEED_TAKE`, say");
  }
  for (int n = 0; n < cue.lay().fault_size(); ++n) {
    script::Card one;
    one.add_fault(cue.lay().fault(n));
    if (const auto faults = FaultsOf(one); !faults.ok()) {
      return absl::InvalidArgumentError(places.Of(Nth(field + ".lay.fault", n)) + ": " +
                                        std::string(faults.status().message()));
    }
  }
  const auto& breaks = cue.lay().breaks();
  if (cue.lay().has_breaks() && (breaks.apdu() == 0 || breaks.code() == 0)) {
    return absl::InvalidArgumentError(places.Of(field + ".lay.breaks") +
                                      ": expected an `apdu` from 1 and a `code`");
  }
  return absl::OkStatus();
}

absl::Status CheckScript(const script::Script& script, const TextPlaces& places) {
  const auto wrong = [&](const std::string& field, const std::string& what) {
    return absl::InvalidArgumentError(places.Of(field) + ": " + what);
  };
  if (script.act().empty()) return wrong("act", "no act; expected at least one");
  if (script.counters() > kMostCounters) {
    return wrong("counters", "expected at most " + std::to_string(kMostCounters) + " counters");
  }
  for (int n = 0; n < script.method_size(); ++n) {
    const script::Method& method = script.method(n);
    const std::string field = Nth("method", n);
    if (!IsId(method.id())) {
      return wrong(field + ".id", "expected an id of 1 to 32 characters [a-z0-9_-]");
    }
    for (int before = 0; before < n; ++before) {
      if (script.method(before).id() == method.id()) {
        return wrong(field + ".id", "method \"" + method.id() + "\" stands there twice");
      }
    }
    if (method.step().empty() && method.fails() == 0) {
      return wrong(field, "a method without steps; expected `step {...}` or `fails: ...`");
    }
    if (method.endless() && method.step().empty()) {
      return wrong(field + ".endless", "without a step there is nothing to be asked over and over");
    }
  }
  for (int n = 0; n < script.act_size(); ++n) {
    const script::Act& act = script.act(n);
    const std::string field = Nth("act", n);
    if (act.method() != "pin" && act.method() != "visual" && !Has(script, act.method())) {
      return wrong(field + ".method", "method \"" + act.method() +
                                          "\"; expected pin, visual or a method of this file");
    }
    for (int i = 0; i < act.cue_size(); ++i) {
      if (absl::Status fits = CheckCue(act.cue(i), Nth(field + ".cue", i), places); !fits.ok()) {
        return fits;
      }
    }
    if (act.limits().pin_held_ms() > kLongestPinHold) {
      return wrong(field + ".limits.pin_held_ms", "no PIN is held longer than 60000 ms");
    }
  }
  return absl::OkStatus();
}

script::Cue CueAt(desk::v1::Stage stage) {
  script::Cue cue;
  cue.set_at(stage);
  cue.set_after_ms(kSoon);
  return cue;
}

void FillIn(script::Script* script) {
  for (script::Act& act : *script->mutable_act()) {
    if (act.cue().empty()) {
      *act.add_cue() = CueAt(desk::v1::STAGE_LAY_CARD);
      act.mutable_cue(0)->mutable_lay();
    }
    const bool ends = std::any_of(act.cue().begin(), act.cue().end(), [](const script::Cue& cue) {
      return cue.at() == desk::v1::STAGE_DONE;
    });
    if (!ends) {
      *act.add_cue() = CueAt(desk::v1::STAGE_DONE);
      act.mutable_cue(act.cue_size() - 1)->set_deed(script::Cue::DEED_TAKE);
    }
    if (Has(*script, act.method())) continue;
    *script->add_method() =
        act.method() == "pin" ? Known("pin", "暗証番号", "PIN") : Known("visual", "目視", "Photo");
  }
}

}  // namespace

absl::StatusOr<sim::Faults> FaultsOf(const script::Card& card) {
  sim::Faults faults;
  for (const std::string& fault : card.fault()) {
    if (absl::Status added = sim::AddFault(fault, faults); !added.ok()) return added;
  }
  return faults;
}

absl::StatusOr<script::Script> ParseScript(const std::string& text, const std::string& name) {
  script::Script script;
  TextPlaces places;
  if (absl::Status read = ParseTextproto(text, name, &script, &places); !read.ok()) return read;
  if (absl::Status fits = CheckScript(script, places); !fits.ok()) return fits;
  FillIn(&script);
  return script;
}

absl::Status Append(const script::Script& more, script::Script* script) {
  for (const script::Method& method : more.method()) {
    const auto same =
        std::find_if(script->method().begin(), script->method().end(),
                     [&](const script::Method& known) { return known.id() == method.id(); });
    if (same == script->method().end()) {
      *script->add_method() = method;
    } else if (!MessageDifferencer::Equals(*same, method)) {
      return absl::InvalidArgumentError("two of the scripts have a method \"" + method.id() +
                                        "\", and not the same one");
    }
  }
  script->mutable_act()->MergeFrom(more.act());
  script->set_counters(std::max(script->counters(), more.counters()));
  return absl::OkStatus();
}

absl::StatusOr<script::Script> ReadScript(const std::string& name) {
  std::error_code error;
  if (std::filesystem::exists(name, error)) {
    const auto text = ReadFile(name);
    if (!text.ok()) return text.status();
    return ParseScript(*text, name);
  }
  script::Script script;
  for (const ReadyScript& ready : ReadyScripts()) {
    if (name != "all" && name != ready.name) continue;
    const auto one = ParseScript(ready.text, ready.name + ".textproto");
    if (!one.ok()) return one.status();
    if (absl::Status added = Append(*one, &script); !added.ok()) return added;
  }
  if (!script.act().empty()) return script;
  return absl::NotFoundError(name +
                             ": there is no such file, and no ready script of that name; "
                             "`madoguchid --play --list` lists them");
}

}  // namespace madoguchi::play
