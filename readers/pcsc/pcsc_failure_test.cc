#include "readers/pcsc/pcsc_failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace madoguchi::pcsc {
namespace {

TEST(PcscFailure, EachResultHasItsCode) {
  const struct {
    LONG result;
    const char* code;
  } rows[] = {
      {SCARD_W_REMOVED_CARD, "CARD_GONE"},
      {SCARD_E_NO_SMARTCARD, "CARD_GONE"},
      {SCARD_E_NOT_TRANSACTED, "CARD_GONE"},
      {SCARD_W_RESET_CARD, "CARD_GONE"},
      {SCARD_E_SHARING_VIOLATION, "CARD_BUSY"},
      {SCARD_W_UNPOWERED_CARD, "CARD_UNPOWERED"},
      {SCARD_W_UNRESPONSIVE_CARD, "CARD_UNPOWERED"},
      {SCARD_E_PROTO_MISMATCH, "CARD_UNPOWERED"},
      {SCARD_E_UNKNOWN_READER, "READER_LOST"},
      {SCARD_E_READER_UNAVAILABLE, "READER_LOST"},
      {SCARD_E_INSUFFICIENT_BUFFER, "CARD_ANSWER_INVALID"},
      {SCARD_E_INVALID_PARAMETER, "REQUEST_INVALID"},
      {SCARD_E_NO_SERVICE, "READER_SERVICE_DOWN"},
      {SCARD_E_SERVICE_STOPPED, "READER_SERVICE_DOWN"},
      {SCARD_F_COMM_ERROR, "READER_SERVICE_DOWN"},
      {SCARD_E_INVALID_HANDLE, "READER_SERVICE_DOWN"},
      {SCARD_W_SECURITY_VIOLATION, "READER_SERVICE_DOWN"},  // the connection was reset
      {SCARD_F_UNKNOWN_ERROR, "READER_LOST"},               // not in the table
  };
  for (const auto& row : rows) {
    const absl::Status status = PcscFailure("SCardConnect", row.result);
    EXPECT_EQ(NameOf(CodeOf(status)), row.code) << PcscResultName(row.result);
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr("SCardConnect"));
    EXPECT_EQ(IsServiceLoss(row.result), row.code == std::string("READER_SERVICE_DOWN"));
  }
  EXPECT_EQ(PcscResultName(SCARD_E_NO_SERVICE), "8010001D");
}

TEST(AdmissionFailure, KnowsARefusalByPolkit) {
  EXPECT_EQ(NameOf(CodeOf(AdmissionFailure("SCardConnect", SCARD_W_SECURITY_VIOLATION))),
            "READER_ACCESS_DENIED");
  EXPECT_EQ(NameOf(CodeOf(AdmissionFailure("SCardConnect", SCARD_E_NO_SERVICE))),
            "READER_SERVICE_DOWN");
}

}  // namespace
}  // namespace madoguchi::pcsc
