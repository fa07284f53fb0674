#include "sdk/failure/failure.h"

#include <google/protobuf/text_format.h>

#include <cstdlib>
#include <map>

#include "sdk/failure/catalogue.h"
#include "sdk/failure/plain_line.h"

namespace madoguchi {
namespace {

constexpr char kPayloadUrl[] = "type.googleapis.com/madoguchi.check.v1.Failure";

const std::map<FailureCode, Failure>& Catalogue() {
  static const auto* const catalogue = [] {
    check::v1::FailureCatalogue parsed;
    if (!google::protobuf::TextFormat::ParseFromString(kFailureCatalogue, &parsed)) std::abort();
    auto* map = new std::map<FailureCode, Failure>;
    for (const Failure& failure : parsed.failure()) (*map)[failure.code()] = failure;
    return map;
  }();
  return *catalogue;
}

}  // namespace

absl::StatusCode CanonicalCode(FailureCode code) {
  using namespace check::v1;  // NOLINT: forty enumerators.
  switch (code) {
    case FAILURE_CODE_READER_LOST:
    case FAILURE_CODE_READER_UNKNOWN:
    case FAILURE_CODE_NO_READER:
    case FAILURE_CODE_READER_PORT_ABSENT:
    case FAILURE_CODE_READER_OUT_OF_RANGE:
    case FAILURE_CODE_COUNTER_UNKNOWN:
    case FAILURE_CODE_METHOD_UNKNOWN:
    case FAILURE_CODE_PLUGIN_UNKNOWN:
      return absl::StatusCode::kNotFound;
    case FAILURE_CODE_CARD_BUSY:
    case FAILURE_CODE_READER_PORT_BUSY:
      return absl::StatusCode::kResourceExhausted;
    case FAILURE_CODE_READER_SERVICE_DOWN:
    case FAILURE_CODE_CARD_UNPOWERED:
    case FAILURE_CODE_AUTHORITY_UNREACHABLE:
    case FAILURE_CODE_HOST_STOPPING:
    case FAILURE_CODE_HOST_UNREACHABLE:
    case FAILURE_CODE_POLICY_FAILED:
      return absl::StatusCode::kUnavailable;
    case FAILURE_CODE_CARD_SILENT:
    case FAILURE_CODE_READER_SILENT:
    case FAILURE_CODE_AUTHORITY_SLOW:
    case FAILURE_CODE_TIMED_OUT:
    case FAILURE_CODE_NO_CARD:
    case FAILURE_CODE_PIN_NOT_TYPED:
    case FAILURE_CODE_PIN_HELD_TOO_LONG:
      return absl::StatusCode::kDeadlineExceeded;
    case FAILURE_CODE_CANCELLED:
      return absl::StatusCode::kCancelled;
    case FAILURE_CODE_DEVICE_UNKNOWN:
      return absl::StatusCode::kUnauthenticated;
    case FAILURE_CODE_NOT_ENROLLED:
    case FAILURE_CODE_METHOD_NOT_ENTITLED:
    case FAILURE_CODE_HOST_FOREIGN:
    case FAILURE_CODE_READER_ACCESS_DENIED:
    case FAILURE_CODE_READER_KEY_WRONG:
    case FAILURE_CODE_ROLE_FORBIDDEN:
      return absl::StatusCode::kPermissionDenied;
    case FAILURE_CODE_PIN_FORM:
    case FAILURE_CODE_PIN_SEAL_INVALID:
    case FAILURE_CODE_CERTIFICATE_EXPIRED:
    case FAILURE_CODE_CERTIFICATE_NOT_YET_VALID:
    case FAILURE_CODE_CERTIFICATE_UNKNOWN_ISSUER:
    case FAILURE_CODE_CERTIFICATE_REVOKED:
    case FAILURE_CODE_SIGNATURE_WRONG:
    case FAILURE_CODE_REQUEST_INVALID:
    case FAILURE_CODE_DEVICE_FILE_INVALID:
      return absl::StatusCode::kInvalidArgument;
    case FAILURE_CODE_CARD_ANSWER_INVALID:
    case FAILURE_CODE_READER_ANSWER_INVALID:
    case FAILURE_CODE_AUTHORITY_ANSWER_INVALID:
    case FAILURE_CODE_POLICY_OVERSTEPPED:
    case FAILURE_CODE_TOO_MANY_STEPS:
      return absl::StatusCode::kInternal;
    default:
      return absl::StatusCode::kFailedPrecondition;
  }
}

absl::Status FailureStatus(FailureCode code, const std::string& detail) {
  Failure failure;
  failure.set_code(code);
  failure.set_detail(PlainLine(detail));
  const std::string message =
      detail.empty() ? NameOf(code) : NameOf(code) + ": " + failure.detail();
  absl::Status status(CanonicalCode(code), message);
  status.SetPayload(kPayloadUrl, absl::Cord(failure.SerializeAsString()));
  return status;
}

Failure FailureOf(const absl::Status& status, FailureCode otherwise) {
  Failure failure;
  const auto payload = status.GetPayload(kPayloadUrl);
  if (payload.has_value() && failure.ParseFromString(std::string(*payload)) &&
      failure.code() != check::v1::FAILURE_CODE_UNSPECIFIED) {
    return failure;
  }
  failure.Clear();
  failure.set_code(otherwise);
  const auto message = status.message();  // of a library, or of a stranger: any bytes
  failure.set_detail(PlainLine({message.data(), message.size()}));
  return failure;
}

FailureCode CodeOf(const absl::Status& status) {
  if (status.ok()) return check::v1::FAILURE_CODE_UNSPECIFIED;
  return FailureOf(status, check::v1::FAILURE_CODE_UNSPECIFIED).code();
}

Failure Describe(FailureCode code, const std::string& detail) {
  Failure failure;
  const auto found = Catalogue().find(code);
  if (found != Catalogue().end()) failure = found->second;
  failure.set_code(code);
  failure.set_detail(PlainLine(detail));
  return failure;
}

std::string NameOf(FailureCode code) {
  constexpr char kPrefix[] = "FAILURE_CODE_";
  const std::string name = check::v1::FailureCode_Name(code);
  return name.rfind(kPrefix, 0) == 0 ? name.substr(sizeof(kPrefix) - 1) : name;
}

}  // namespace madoguchi
