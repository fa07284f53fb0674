#include "tests/flows/lane.h"

namespace madoguchi::clinic {
namespace {

using namespace check::v1;  // NOLINT: codes and outcomes.
using namespace desk::v1;   // NOLINT: stages.

constexpr Validity kValidities[] = {
    VALIDITY_VALID,      VALIDITY_INVALID, VALIDITY_INVALID_REPLACED,
    VALIDITY_NONE,       VALIDITY_SEVERAL, VALIDITY_VALID_UNREGISTERED,
    VALIDITY_UNSPECIFIED};

Validity ValidityOf(int counter) { return kValidities[counter % std::size(kValidities)]; }

std::string PinOf(int counter) { return std::to_string(1000 + counter * 7); }

FailureCode CodeOf(Validity validity) {
  switch (validity) {
    case VALIDITY_INVALID:
      return FAILURE_CODE_NOT_VALID;
    case VALIDITY_INVALID_REPLACED:
      return FAILURE_CODE_REPLACED_BY_NEW;
    case VALIDITY_NONE:
    case VALIDITY_UNSPECIFIED:  // not known to the authority
      return FAILURE_CODE_NO_QUALIFICATION;
    case VALIDITY_SEVERAL:
      return FAILURE_CODE_SEVERAL_QUALIFICATIONS;
    default:
      return FAILURE_CODE_UNSPECIFIED;
  }
}

}  // namespace

std::vector<Patient> PatientsOf(int lanes) {
  std::vector<Patient> patients;
  for (int i = 0; i < lanes; ++i) {
    patients.push_back({"p" + std::to_string(i), PinOf(i), ValidityOf(i)});
  }
  return patients;
}

Lane::Lane(Clinic& clinic, int counter)
    : clinic_(clinic),
      counter_(counter),
      staff_(clinic.Staff(std::to_string(counter + 1))),
      patient_(clinic.PatientScreen(std::to_string(counter + 1))),
      card_(clinic.Lay("p" + std::to_string(counter), counter)) {
  EXPECT_TRUE(clinic.AwaitCard(counter));
  card_->Take();
  EXPECT_TRUE(clinic.AwaitCard(counter, false));
}

void Lane::Round(uint32_t dice) {
  const int apdus = Number(*card_, "apdus-total");
  const bool by_pin = dice % 2 == 0, card_first = dice / 2 % 2 == 0;
  const bool slip = by_pin && dice / 4 % 4 == 0;  // a wrong PIN before the right one
  if (card_first) {
    EXPECT_TRUE(clinic_.LayAgain(*card_, counter_));
  }
  EXPECT_EQ(staff_->Begin(by_pin ? "pin" : "visual"), absl::OkStatus());
  if (by_pin) {
    EXPECT_EQ(patient_->Pin(slip ? "0000" : PinOf(counter_)), absl::OkStatus());
  } else {
    staff_->AwaitStage(STAGE_ASK_VISUAL_MATCH);
    Reply reply;
    reply.mutable_visual_match()->set_matches(true);
    EXPECT_EQ(staff_->Send(reply), absl::OkStatus());
  }
  if (!card_first) {
    EXPECT_TRUE(clinic_.LayAgain(*card_, counter_));
  }
  if (slip) {
    patient_->Await([](const View& v) { return v.pin_rejected() && v.question() != 0; });
    EXPECT_EQ(patient_->Pin(PinOf(counter_)), absl::OkStatus());
  }
  verifies_ += by_pin + slip;
  ExpectRightAnswer();
  card_->Take();
  // Before it is gone from the host's table, a card that comes next would be the one from before.
  staff_->Await([](const View& v) { return v.card() == CARD_PLACE_NONE; });
  EXPECT_EQ(staff_->Close(), absl::OkStatus());
  staff_->AwaitStage(STAGE_IDLE);
  EXPECT_EQ(Number(*card_, "verifies-total"), verifies_) << "counter " << counter_;
  EXPECT_GT(Number(*card_, "apdus-total"), apdus) << "counter " << counter_ << " read another's card";
}

void Lane::ExpectRightAnswer() {
  const Verdict verdict = staff_->AwaitVerdict();
  const Validity validity = ValidityOf(counter_);
  EXPECT_EQ(verdict.failure().code(), CodeOf(validity))
      << "counter " << counter_ << ": " << verdict.ShortDebugString();
  EXPECT_EQ(verdict.validity(), validity == VALIDITY_UNSPECIFIED ? VALIDITY_NONE : validity);
  const bool named = validity == VALIDITY_VALID || validity == VALIDITY_INVALID;
  if (named || verdict.has_eligibility()) {
    EXPECT_EQ(verdict.eligibility().name(), "試験　p" + std::to_string(counter_));
  }
}

}  // namespace madoguchi::clinic
