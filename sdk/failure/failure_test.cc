#include "sdk/failure/failure.h"

#include <gtest/gtest.h>

#include "sdk/failure/grpc_status.h"
#include "sdk/failure/plain_line.h"

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

TEST(FailureStatus, BringsItsTextsToAScreen) {
  const grpc::Status sent = ToScreen(FailureStatus(check::v1::FAILURE_CODE_CARD_GONE, "reader A"));
  check::v1::StatusDetails details;
  ASSERT_TRUE(details.ParseFromString(sent.error_details()));
  ASSERT_EQ(details.details_size(), 1);
  Failure failure;
  ASSERT_TRUE(details.details(0).UnpackTo(&failure));
  EXPECT_EQ(failure.detail(), "reader A");
  EXPECT_FALSE(failure.happened().ja().empty());
  EXPECT_FALSE(failure.advice().en().empty());
  EXPECT_TRUE(ToScreen(absl::OkStatus()).ok());
}

TEST(FailureStatus, AForeignStatusFallsBackToTheCallersCode) {
  const absl::Status foreign =
      FromGrpc(grpc::Status(grpc::StatusCode::UNAVAILABLE, "Socket closed", "not a message \xff"));
  EXPECT_EQ(CodeOf(foreign), check::v1::FAILURE_CODE_UNSPECIFIED);
  EXPECT_EQ(FailureOf(foreign, check::v1::FAILURE_CODE_READER_LOST).code(),
            check::v1::FAILURE_CODE_READER_LOST);
}

// As every receiver does it.
bool CanBeRead(const Failure& failure) {
  return Failure().ParseFromString(failure.SerializeAsString());
}

TEST(FailureStatus, AStrangersBytesCostNeitherTheCodeNorTheMessage) {
  const std::string bytes = "card \xff\xe3\x81 gone";
  const absl::Status named = FailureStatus(check::v1::FAILURE_CODE_CARD_GONE, bytes);
  EXPECT_EQ(CodeOf(named), check::v1::FAILURE_CODE_CARD_GONE);
  EXPECT_EQ(CodeOf(FromGrpc(ToGrpc(named))), check::v1::FAILURE_CODE_CARD_GONE);
  EXPECT_EQ(FailureOf(named, check::v1::FAILURE_CODE_TIMED_OUT).detail(), "card ??? gone");
  const absl::Status foreign = FromGrpc(grpc::Status(grpc::StatusCode::UNKNOWN, bytes));
  EXPECT_TRUE(CanBeRead(FailureOf(foreign, check::v1::FAILURE_CODE_READER_LOST)));
  EXPECT_TRUE(CanBeRead(Describe(check::v1::FAILURE_CODE_READER_LOST, bytes)));
}

TEST(FailureStatus, ADetailIsNoLongerThanALine) {
  const std::string endless(5000, 'a');
  const absl::Status named = FailureStatus(check::v1::FAILURE_CODE_CARD_GONE, endless);
  EXPECT_EQ(FailureOf(named, check::v1::FAILURE_CODE_TIMED_OUT).detail().size(), kLongestLine);
  const absl::Status foreign = absl::UnavailableError(endless);
  EXPECT_EQ(FailureOf(foreign, check::v1::FAILURE_CODE_TIMED_OUT).detail().size(), kLongestLine);
  EXPECT_EQ(Describe(check::v1::FAILURE_CODE_CARD_GONE, endless).detail().size(), kLongestLine);
}

TEST(PlainLine, WhatIsUtf8Stays) {
  for (const char* line : {"", "a", "\u00a0\u07ff", "窓口",
                           "\xed\x9f\xbf"
                           "\ue000\uffff",
                           "\U00010000\U0010ffff"}) {
    EXPECT_EQ(PlainLine(line), line);
  }
}

TEST(PlainLine, WhatIsNotBecomesAQuestionMark) {
  EXPECT_EQ(PlainLine("a\x80\xff b"), "a?? b");
  EXPECT_EQ(PlainLine("\xe7\xaa"), "??");                 // ends inside a character
  EXPECT_EQ(PlainLine("\xe7\xaa\x41"), "??A");            // so does this, before another
  EXPECT_EQ(PlainLine("\xc0\xaf\xe0\x9f\xbf"), "?????");  // overlong
  EXPECT_EQ(PlainLine("\xf0\x8f\xbf\xbf"), "????");
  EXPECT_EQ(PlainLine("\xed\xa0\x80"), "???");       // a surrogate
  EXPECT_EQ(PlainLine("\xf4\x90\x80\x80"), "????");  // above U+10FFFF
}

TEST(PlainLine, NoControlCharacterReachesATerminal) {
  EXPECT_EQ(PlainLine("\x1b[31m\n\x7f"), "?[31m??");
  EXPECT_EQ(PlainLine("\xc2\x9b"
                      "31m"),
            "??31m");  // CSI as one character
}

// Else one name could be shown as another, or two alike.
TEST(PlainLine, WhatIsNotSeenOrTurnsTheLineIsShown) {
  for (const char* unseen : {"\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u2028", "\u2029",
                             "\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2060", "\u2066",
                             "\u2067", "\u2068", "\u2069", "\u206f", "\ufeff", "\ufffb"}) {
    EXPECT_EQ(PlainLine("a" + std::string(unseen) + "b"), "a???b");
  }
  EXPECT_EQ(PlainLine("a\u061cb"), "a??b");
  EXPECT_EQ(PlainLine("a\U000E0001b"), "a????b");
  for (const char* neighbour : {"\u061b", "\u061d", "\u200a", "\u2010", "\u2027", "\u202f",
                                "\u205f", "\u2070", "\ufefc", "\uff00", "葛\U000E0100"}) {
    EXPECT_EQ(PlainLine(neighbour), neighbour);
  }
}

TEST(PlainLine, IsCutBetweenCharacters) {
  EXPECT_EQ(PlainLine("ab窓", 5), "ab窓");
  EXPECT_EQ(PlainLine("ab窓", 4), "ab");
  EXPECT_EQ(PlainLine("ab窓", 3), "ab");
  EXPECT_EQ(PlainLine("ab窓", 2), "ab");
  EXPECT_EQ(PlainLine("ab\xff", 2), "ab");
  EXPECT_EQ(PlainLine("a", 0), "");
}

}  // namespace
}  // namespace madoguchi
