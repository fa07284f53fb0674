#include "sdk/failure/failure.h"

#include <gtest/gtest.h>

#include "sdk/failure/grpc_status.h"

namespace madoguchi {
namespace {

TEST(FailureCatalogue, EveryCodeHasWhatHappenedAndAdviceInBothLanguages) {
  const auto* codes = check::v1::FailureCode_descriptor();
  for (int i = 0; i < codes->value_count(); ++i) {
    const auto code = static_cast<FailureCode>(codes->value(i)->number());
    if (code == check::v1::FAILURE_CODE_UNSPECIFIED) continue;
    const Failure failure = Describe(code);
    EXPECT_FALSE(failure.happened().ja().empty()) << NameOf(code);
    EXPECT_FALSE(failure.happened().en().empty()) << NameOf(code);
    EXPECT_FALSE(failure.advice().ja().empty()) << NameOf(code);
    EXPECT_FALSE(failure.advice().en().empty()) << NameOf(code);
  }
}

TEST(FailureCatalogue, NoTwoCodesTellTheSameStory) {
  std::map<std::string, std::string> seen;
  const auto* codes = check::v1::FailureCode_descriptor();
  for (int i = 0; i < codes->value_count(); ++i) {
    const auto code = static_cast<FailureCode>(codes->value(i)->number());
    if (code == check::v1::FAILURE_CODE_UNSPECIFIED) continue;
    const auto [place, fresh] = seen.emplace(Describe(code).happened().ja(), NameOf(code));
    EXPECT_TRUE(fresh) << NameOf(code) << " reads like " << place->second;
  }
}

TEST(FailureStatus, SurvivesTheTripThroughGrpc) {
  const absl::Status sent = FailureStatus(check::v1::FAILURE_CODE_CARD_GONE, "reader A");
  const absl::Status received = FromGrpc(ToGrpc(sent));
  EXPECT_EQ(received.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(CodeOf(received), check::v1::FAILURE_CODE_CARD_GONE);
  EXPECT_EQ(FailureOf(received, check::v1::FAILURE_CODE_TIMED_OUT).detail(), "reader A");
}

TEST(FailureStatus, AForeignStatusFallsBackToTheCallersCode) {
  const absl::Status foreign =
      FromGrpc(grpc::Status(grpc::StatusCode::UNAVAILABLE, "Socket closed", "not a message \xff"));
  EXPECT_EQ(CodeOf(foreign), check::v1::FAILURE_CODE_UNSPECIFIED);
  EXPECT_EQ(FailureOf(foreign, check::v1::FAILURE_CODE_READER_LOST).code(),
            check::v1::FAILURE_CODE_READER_LOST);
}

}  // namespace
}  // namespace madoguchi
