// The questions of a check: how each is asked at the keyboard, and what is replied.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

#include "sdk/failure/failure.h"
#include "sdk/screen/prompt.h"
#include "sdk/secret/seal.h"
#include "ui/terminal/follow.h"
#include "ui/terminal/screen.h"
#include "ui/terminal/text.h"
#include "ui/terminal/width.h"

namespace madoguchi::terminal {
namespace {

using desk::v1::Reply;
using desk::v1::View;

// What tells one question from every other.
std::string Key(const View& view) {
  return view.check_id() + "/" + std::to_string(view.question()) + "/" +
         view.pin_prompt().prompt_id();
}

bool Allows(const View& view, desk::v1::ReplyKind kind) {
  return std::find(view.allowed().begin(), view.allowed().end(), kind) != view.allowed().end();
}

bool HasFieldForm(const std::string& value, const check::v1::Step::Ask::Field& field) {
  size_t characters = 0;
  for (const char c : value) {
    if (field.digits() && (c < '0' || c > '9')) return false;
    characters += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }
  return characters >= field.shortest() && characters <= field.longest();
}

enum class Said { kYes, kNo, kNeither };

Said WhatIsSaid(std::string line) {
  line.erase(0, line.find_first_not_of(" \t"));
  line.erase(line.find_last_not_of(" \t") + 1);
  std::transform(line.begin(), line.end(), line.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  for (const char* yes : {"y", "yes", "はい", "ｙ"}) {
    if (line == yes) return Said::kYes;
  }
  for (const char* no : {"n", "no", "いいえ", "ｎ"}) {
    if (line == no) return Said::kNo;
  }
  return Said::kNeither;
}

}  // namespace

struct Follow::Question {
  check::v1::Role role;
  View view;
  std::string key;
};

void Follow::Say(const std::string& line) { progress_ << line << "\n" << std::flush; }

void Follow::Answer(check::v1::Role role) {
  const Sight sight = desk_->Look(role);
  if (!sight.view || sight.broken || !sight.lost.ok()) return;
  if (sight.view->check_id() != check_id_ || check_id_.empty()) return;
  const Question question = {role, *sight.view, Key(*sight.view)};
  if (answered_.count(question.key) > 0) return;
  using namespace desk::v1;  // NOLINT: the kinds of replies.
  const auto allows = [&](ReplyKind kind) { return Allows(question.view, kind); };
  const auto kind = allows(REPLY_KIND_PIN) && question.view.has_pin_prompt() ? REPLY_KIND_PIN
                    : allows(REPLY_KIND_ANSWER)                              ? REPLY_KIND_ANSWER
                    : allows(REPLY_KIND_LAST_TRY)                            ? REPLY_KIND_LAST_TRY
                    : allows(REPLY_KIND_VISUAL_MATCH) ? REPLY_KIND_VISUAL_MATCH
                    : allows(REPLY_KIND_SAME_CARD)    ? REPLY_KIND_SAME_CARD
                    : allows(REPLY_KIND_WHICH_CARD)   ? REPLY_KIND_WHICH_CARD
                                                      : REPLY_KIND_UNSPECIFIED;
  if (kind == REPLY_KIND_UNSPECIFIED) return;
  Show(sight);
  if (kind == REPLY_KIND_PIN) {
    AskPin(question);
  } else if (kind == REPLY_KIND_ANSWER) {
    AskAsk(question);
  } else if (kind == REPLY_KIND_WHICH_CARD) {
    AskWhichCard(question);
  } else {
    AskYesNo(question, kind);
  }
  bell_->Ring();  // The question took some rings for itself: look again.
}

bool Follow::StillOpen(const Question& question) {
  if (interrupted_->load() > 0) return false;
  const Sight sight = desk_->Look(question.role);
  // While the connection is made anew, nobody knows: the question is kept.
  if (!sight.lost.ok()) return false;
  return sight.broken || (sight.view && Key(*sight.view) == question.key);
}

void Follow::SendAnswer(const Question& question, Reply reply) {
  reply.set_counter(question.view.counter());
  reply.set_role(question.role);
  reply.set_check_id(question.view.check_id());
  reply.set_question(question.view.question());
  const auto sent = desk_->Send(reply);
  answered_.insert(question.key);
  if (sent.ok()) return;
  const Failure failure = FailureOf(sent.status(), check::v1::FAILURE_CODE_HOST_UNREACHABLE);
  switch (failure.code()) {
    case check::v1::FAILURE_CODE_REPLY_STALE:
      return;  // The newest view says how it goes on.
    case check::v1::FAILURE_CODE_HOST_UNREACHABLE:
    case check::v1::FAILURE_CODE_HOST_STOPPING:
      fatal_ = sent.status();
      return;
    case check::v1::FAILURE_CODE_PIN_FORM:
    case check::v1::FAILURE_CODE_PIN_SEAL_INVALID:
    case check::v1::FAILURE_CODE_REQUEST_INVALID:
      answered_.erase(question.key);  // Nothing was spent: the same question again.
      break;
    default:
      break;
  }
  progress_ << FailureText(failure, settings_.language) << std::flush;
}

void Follow::AskPin(const Question& question) {
  const Language language = settings_.language;
  const desk::v1::PinPrompt& prompt = question.view.pin_prompt();
  const std::string length =
      LengthText(prompt.form().shortest(), prompt.form().longest(), language);
  if (!settings_.pinned_host_key.empty() &&
      !IsPromptOf(settings_.pinned_host_key, prompt, question.view.check_id())) {
    // Nothing is asked that could not be sent.
    SendCancel(question.view);
    fatal_ = FailureStatus(check::v1::FAILURE_CODE_HOST_FOREIGN,
                           "the PIN prompt is not signed by the host key of the device file");
    return;
  }
  if (question.view.pin_rejected()) {
    Say(question.view.has_tries_left()
            ? Fill(phrase::kPinWrong, language, {std::to_string(question.view.tries_left())})
            : phrase::kPinWrongAgain.In(language));
  } else if (question.view.has_tries_left()) {
    Say(Fill(phrase::kTriesLeft, language, {std::to_string(question.view.tries_left())}));
  }
  if (!keyboard_->BeginPin()) {
    Say(phrase::kNoTerminal.In(language));
    give_up_ = true;
    return;
  }
  const Phrase& ask = prompt.form().digits() ? phrase::kPinDigits : phrase::kPinCharacters;
  for (;;) {
    progress_ << Fill(ask, language, {length}) << std::flush;
    Secret pin;
    Typed typed = keyboard_->ReadPin(bell_, &pin);
    while (typed == Typed::kWoken) {
      bell_->Clear();
      if (!StillOpen(question)) break;
      typed = keyboard_->ReadPin(bell_, &pin);
    }
    progress_ << "\n";
    if (typed == Typed::kLine && !HasForm(pin, prompt.form())) {
      pin.Wipe();
      Say(Fill(prompt.form().digits() ? phrase::kPinFormDigits : phrase::kPinFormCharacters,
               language, {length}));
      continue;
    }
    keyboard_->EndPin();
    if (typed == Typed::kEnd) {
      Say(phrase::kPinEnd.In(language));
      give_up_ = true;
    } else if (typed == Typed::kWoken) {
      if (interrupted_->load() == 0) Say(phrase::kQuestionGone.In(language));
    } else {
      auto sealed = screen::SealToPrompt(std::move(pin), question.view, settings_.pinned_host_key);
      if (!sealed.ok()) {
        fatal_ = FailureStatus(
            FailureOf(sealed.status(), check::v1::FAILURE_CODE_PIN_SEAL_INVALID).code());
        SendCancel(question.view);
        return;
      }
      Reply reply;
      *reply.mutable_pin() = *std::move(sealed);
      SendAnswer(question, std::move(reply));
    }
    return;
  }
}

bool Follow::ReadLine(const Question& question, std::string* line) {
  for (;;) {
    const Typed typed = keyboard_->ReadLine(bell_, line);
    if (typed == Typed::kLine) return true;
    if (typed == Typed::kEnd) {
      Say("");
      Say(phrase::kAnswerEnd.In(settings_.language));
      give_up_ = true;
      return false;
    }
    bell_->Clear();
    if (StillOpen(question)) continue;
    Say("");
    if (interrupted_->load() == 0) Say(phrase::kQuestionGone.In(settings_.language));
    return false;
  }
}

void Follow::AskYesNo(const Question& question, desk::v1::ReplyKind kind) {
  const Language language = settings_.language;
  const bool visual = kind == desk::v1::REPLY_KIND_VISUAL_MATCH;
  const bool same_card = kind == desk::v1::REPLY_KIND_SAME_CARD;
  const Phrase& ask = visual      ? phrase::kAskVisual
                      : same_card ? phrase::kAskSameCard
                                  : phrase::kAskLastTry;
  Said said = Said::kNeither;
  if ((visual && settings_.assume_match) || (same_card && settings_.assume_same_card)) {
    Say(ask.In(language) + std::string(phrase::kYes.In(language)));
    said = Said::kYes;
  }
  while (said == Said::kNeither) {
    progress_ << ask.In(language) << std::flush;
    std::string line;
    if (!ReadLine(question, &line)) return;
    said = WhatIsSaid(line);
    if (said == Said::kNeither) Say(phrase::kYesOrNo.In(language));
  }
  const bool yes = said == Said::kYes;
  Reply reply;
  if (visual) {
    reply.mutable_visual_match()->set_matches(yes);
  } else if (same_card) {
    reply.mutable_same_card()->set_same(yes);
  } else {
    reply.mutable_last_try()->set_go_on(yes);
  }
  SendAnswer(question, std::move(reply));
}

std::optional<size_t> Follow::Choose(const Question& question,
                                     const std::vector<std::string>& labels) {
  for (size_t i = 0; i < labels.size(); ++i) Say("  " + std::to_string(i + 1) + ") " + labels[i]);
  std::string line;
  while (true) {
    progress_ << phrase::kChoose.In(settings_.language) << std::flush;
    if (!ReadLine(question, &line)) return std::nullopt;
    size_t number = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
    if (error == std::errc() && end == line.data() + line.size() && number >= 1 &&
        number <= labels.size()) {
      return number - 1;
    }
    Say(Fill(phrase::kChooseRange, settings_.language, {std::to_string(labels.size())}));
  }
}

void Follow::AskWhichCard(const Question& question) {
  std::vector<std::string> readers;
  for (const std::string& reader : question.view.card_at()) readers.push_back(Printable(reader));
  const std::optional<size_t> chosen = Choose(question, readers);
  if (!chosen) return;
  Reply reply;
  reply.mutable_which_card()->set_reader(question.view.card_at(static_cast<int>(*chosen)));
  SendAnswer(question, std::move(reply));
}

void Follow::AskAsk(const Question& question) {
  const Language language = settings_.language;
  const check::v1::Step::Ask& ask = question.view.ask();
  if (In(ask.text(), language) != In(question.view.title(), language)) {
    Say(In(ask.text(), language));
  }
  std::vector<std::string> labels;
  for (const auto& choice : ask.choices()) labels.push_back(In(choice.label(), language));
  const std::optional<size_t> chosen = Choose(question, labels);
  if (!chosen) return;
  Reply reply;
  reply.mutable_answer()->set_choice_id(ask.choices(static_cast<int>(*chosen)).id());
  std::string line;
  for (const auto& field : ask.fields()) {
    for (;;) {
      progress_ << In(field.label(), language) << ": " << std::flush;
      if (!ReadLine(question, &line)) return;
      if (HasFieldForm(line, field)) break;
      Say(Fill(field.digits() ? phrase::kFieldDigits : phrase::kFieldCharacters, language,
               {LengthText(field.shortest(), field.longest(), language)}));
    }
    (*reply.mutable_answer()->mutable_field())[field.id()] = line;
  }
  SendAnswer(question, std::move(reply));
}

}  // namespace madoguchi::terminal
