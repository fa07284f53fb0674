#include "sdk/redact/redact.h"

#include <gtest/gtest.h>

#include "madoguchi/desk/v1/desk.pb.h"

namespace madoguchi {
namespace {

TEST(Redacted, PersonalFieldsReadAsStarsAtAnyDepth) {
  check::v1::Record record;
  record.set_check_id("00ff");
  auto* answered = record.add_entry()->mutable_evidence()->mutable_answered();
  answered->set_validity(check::v1::VALIDITY_VALID);
  answered->mutable_eligibility()->set_name("試験　花子");
  record.add_entry()->mutable_evidence()->mutable_certificate_read()->set_certificate_sha256("abc");
  const std::string text = Redacted(record);
  EXPECT_EQ(text,
            "check_id: \"00ff\" entry {evidence {answered {validity: VALIDITY_VALID eligibility: "
            "***}}} entry {evidence {certificate_read {certificate_sha256: ***}}}");
}

TEST(Redacted, MapsAndWholeMessagesToo) {
  desk::v1::View view;
  view.mutable_verdict()->mutable_eligibility()->set_symbol("試験");
  EXPECT_EQ(Redacted(view), "verdict: ***");
  desk::v1::Answer answer;
  (*answer.mutable_field())["number"] = "55021720352285";
  EXPECT_EQ(Redacted(answer), "field: ***");
}

TEST(Redacted, EveryFieldOfAnEligibilityIsPersonal) {
  const auto* fields = check::v1::Eligibility::descriptor();
  for (int i = 0; i < fields->field_count(); ++i) {
    EXPECT_TRUE(fields->field(i)->options().DebugString().find("personal") != std::string::npos)
        << fields->field(i)->name();
  }
}

}  // namespace
}  // namespace madoguchi
