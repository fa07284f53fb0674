#include "ui/terminal/screen.h"

#include <algorithm>
#include <vector>

#include "sdk/failure/failure.h"
#include "ui/terminal/era.h"
#include "ui/terminal/text.h"
#include "ui/terminal/width.h"

namespace madoguchi::terminal {
namespace {

using check::v1::Eligibility;
using check::v1::Verdict;

const Phrase& StagePhrase(desk::v1::Stage stage) {
  switch (stage) {
    case desk::v1::STAGE_ASK_PIN:
      return phrase::kStageAskPin;
    case desk::v1::STAGE_ASK_LAST_TRY:
      return phrase::kStageAskLastTry;
    case desk::v1::STAGE_ASK_VISUAL_MATCH:
      return phrase::kStageAskVisual;
    case desk::v1::STAGE_ASK_SAME_CARD:
      return phrase::kStageSameCard;
    case desk::v1::STAGE_ASK_WHICH_CARD:
      return phrase::kStageWhichCard;
    case desk::v1::STAGE_ASK:
      return phrase::kStageAsk;
    case desk::v1::STAGE_LAY_CARD:
      return phrase::kLayCard;
    case desk::v1::STAGE_READING:
      return phrase::kReading;
    case desk::v1::STAGE_TYPE_AT_PAD:
      return phrase::kTypeAtPad;
    case desk::v1::STAGE_PROVING:
      return phrase::kProving;
    case desk::v1::STAGE_ASK_AUTHORITY:
      return phrase::kAskingAuthority;
    case desk::v1::STAGE_DONE:
      return phrase::kDone;
    default:
      return phrase::kIdle;
  }
}

const Phrase& ResultPhrase(const Verdict& verdict) {
  if (verdict.outcome() == check::v1::OUTCOME_CANNOT_TELL) {
    return verdict.validity() == check::v1::VALIDITY_SEVERAL ? phrase::kSeveral
                                                             : phrase::kCannotTell;
  }
  if (verdict.outcome() == check::v1::OUTCOME_ELIGIBLE) {
    return verdict.validity() == check::v1::VALIDITY_VALID_UNREGISTERED ? phrase::kUnregistered
                                                                        : phrase::kEligible;
  }
  if (verdict.outcome() != check::v1::OUTCOME_NOT_ELIGIBLE) return phrase::kCannotTell;
  switch (verdict.validity()) {
    case check::v1::VALIDITY_INVALID_REPLACED:
      return phrase::kReplaced;
    case check::v1::VALIDITY_NONE:
      return phrase::kNoQualification;
    default:
      return phrase::kNotEligible;
  }
}

std::string SexText(check::v1::Sex sex, Language language) {
  switch (sex) {
    case check::v1::SEX_MALE:
      return phrase::kMale.In(language);
    case check::v1::SEX_FEMALE:
      return phrase::kFemale.In(language);
    case check::v1::SEX_NOT_SET:
      return phrase::kSexNotSet.In(language);
    default:
      return "";
  }
}

std::string RelationText(check::v1::Relation relation, Language language) {
  switch (relation) {
    case check::v1::RELATION_INSURED:
      return phrase::kInsured.In(language);
    case check::v1::RELATION_FAMILY:
      return phrase::kFamily.In(language);
    default:
      return "";
  }
}

std::string LossText(check::v1::ReasonOfLoss reason, Language language) {
  switch (reason) {
    case check::v1::REASON_OF_LOSS_DEATH:
      return phrase::kDeath.In(language);
    case check::v1::REASON_OF_LOSS_PUBLIC_ASSISTANCE:
      return phrase::kPublicAssistance.In(language);
    case check::v1::REASON_OF_LOSS_OTHER_INSURANCE:
      return phrase::kOtherInsurance.In(language);
    case check::v1::REASON_OF_LOSS_OTHER:
      return phrase::kOtherReason.In(language);
    default:
      return "";
  }
}

std::string PeriodText(const Eligibility& e, Language language) {
  const std::string from = e.valid_from().empty() ? "" : DateText(e.valid_from(), language);
  const std::string to = e.valid_to().empty() ? "" : DateText(e.valid_to(), language);
  if (!from.empty() && !to.empty()) return Fill(phrase::kFromTo, language, {from, to});
  if (!from.empty()) return Fill(phrase::kFrom, language, {from});
  return to.empty() ? "" : Fill(phrase::kTo, language, {to});
}

std::string ShareText(const Eligibility& e, Language language) {
  if (!e.has_share_percent()) return "";
  const uint32_t percent = e.share_percent();
  if (percent % 10 == 0 && percent > 0 && percent < 100) {
    return Fill(phrase::kTenths, language, {std::to_string(percent / 10)});
  }
  return Fill(phrase::kPercent, language, {std::to_string(percent)});
}

// A patient chooses among few; of many readers the first are told.
constexpr int kMostReaders = 4;

// On which reader to lay the card, where that is a question: there are several, or one was lost.
std::string ReadersText(const desk::v1::View& view, Language language) {
  std::string text;
  if (!view.lost_reader().empty()) {
    text += "  " + Fill(phrase::kLostReader, language, {view.lost_reader()}) + "\n";
  } else if (view.lay_on_size() < 2) {
    return text;
  }
  std::string readers;
  for (int i = 0; i < std::min(view.lay_on_size(), kMostReaders); ++i) {
    readers += (i == 0 ? "" : phrase::kListComma.In(language)) + view.lay_on(i);
  }
  if (view.lay_on_size() > kMostReaders) readers += phrase::kListMore.In(language);
  if (!readers.empty()) text += "  " + Fill(phrase::kLayOn, language, {readers}) + "\n";
  return text;
}

}  // namespace

std::string ProgressText(const desk::v1::View& view, Language language) {
  std::string text = In(view.title(), language);
  if (text.empty()) text = StagePhrase(view.stage()).In(language);
  const std::string advice = In(view.advice(), language);
  return text + "\n" + (advice.empty() || advice == text ? "" : "  " + advice + "\n") +
         ReadersText(view, language);
}

std::string LengthText(uint32_t shortest, uint32_t longest, Language language) {
  if (shortest == longest) return std::to_string(shortest);
  return Fill(phrase::kRange, language, {std::to_string(shortest), std::to_string(longest)});
}

std::string VerdictText(const Verdict& verdict, Language language) {
  std::vector<std::vector<std::string>> rows;
  const auto row = [&](const Phrase& label, const std::string& value) {
    if (!value.empty()) rows.push_back({label.In(language), value});
  };
  row(phrase::kResult, ResultPhrase(verdict).In(language));
  if (verdict.has_failure()) {
    const Failure failure = WithTexts(verdict.failure());
    row(phrase::kReason, In(failure.happened(), language) + " (" + NameOf(failure.code()) + ")");
    row(phrase::kAdvice, In(failure.advice(), language));
  }
  const Eligibility& e = verdict.eligibility();
  row(phrase::kName, Printable(e.name()));
  row(phrase::kKana, Printable(e.kana()));
  row(phrase::kBirthDate, DateText(e.birth_date(), language));
  row(phrase::kSex, SexText(e.sex(), language));
  row(phrase::kAddress, Printable(e.address()));
  row(phrase::kInsurerNumber, Printable(e.insurer_number()));
  row(phrase::kInsurerName, Printable(e.insurer_name()));
  row(phrase::kSymbol, Printable(e.symbol()));
  row(phrase::kNumber, Printable(e.number()));
  row(phrase::kBranch, Printable(e.branch()));
  row(phrase::kRelation, RelationText(e.relation(), language));
  row(phrase::kValidity, PeriodText(e, language));
  row(phrase::kShare, ShareText(e, language));
  row(phrase::kReasonOfLoss, LossText(e.reason_of_loss(), language));
  return Columns(rows);
}

Failure WithTexts(const Failure& failure) {
  Failure whole = failure;
  const Failure known = Describe(failure.code(), failure.detail());
  if (whole.happened().ja().empty() && whole.happened().en().empty()) {
    *whole.mutable_happened() = known.happened();
  }
  if (whole.advice().ja().empty() && whole.advice().en().empty()) {
    *whole.mutable_advice() = known.advice();
  }
  return whole;
}

std::string FailureText(const Failure& failure, Language language) {
  const Failure whole = WithTexts(failure);
  std::string text = In(whole.happened(), language) + " (" + NameOf(whole.code()) + ")\n";
  if (!whole.detail().empty()) text += "  " + Printable(whole.detail()) + "\n";
  const std::string advice = In(whole.advice(), language);
  if (!advice.empty()) text += advice + "\n";
  return text;
}

}  // namespace madoguchi::terminal
