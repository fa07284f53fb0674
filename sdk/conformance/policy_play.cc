#include "sdk/conformance/policy_play.h"

#include <cctype>
#include <charconv>
#include <chrono>
#include <sstream>

#include "madoguchi/policy/v1/policy.grpc.pb.h"
#include "sdk/conformance/plugin_process.h"
#include "sdk/failure/grpc_status.h"

namespace madoguchi::conformance {
namespace {

std::string UpperCase(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

std::string NameOf(const policy::v1::NextReply& reply) {
  const google::protobuf::Message* message = &reply;
  if (reply.has_step()) message = &reply.step();
  const auto* oneof = message->GetDescriptor()->oneof_decl(0);
  const auto* field = message->GetReflection()->GetOneofFieldDescriptor(*message, oneof);
  return field == nullptr ? "NOTHING" : UpperCase(field->name());
}

absl::StatusOr<policy::v1::ProjectedEvidence> EvidenceOf(const std::string& word) {
  const size_t colon = word.find(':');
  const std::string value = colon == std::string::npos ? "" : word.substr(colon + 1);
  policy::v1::ProjectedEvidence evidence;
  policy::v1::ProjectedEvidence::Kind kind{};
  bool known = policy::v1::ProjectedEvidence::Kind_Parse("KIND_" + word.substr(0, colon), &kind);
  evidence.set_kind(kind);
  if (known && !value.empty()) {
    check::v1::FailureCode code{};
    check::v1::Validity validity{};
    uint32_t tries = 0;
    switch (kind) {
      case policy::v1::ProjectedEvidence::KIND_FAILED:
        known = check::v1::FailureCode_Parse("FAILURE_CODE_" + value, &code);
        evidence.set_code(code);
        break;
      case policy::v1::ProjectedEvidence::KIND_PIN_REJECTED:
        known = std::from_chars(value.data(), value.data() + value.size(), tries).ptr ==
                value.data() + value.size();
        evidence.set_tries_left(tries);
        break;
      case policy::v1::ProjectedEvidence::KIND_ANSWERED:
        known = check::v1::Validity_Parse("VALIDITY_" + value, &validity);
        evidence.set_validity(validity);
        break;
      case policy::v1::ProjectedEvidence::KIND_CHOSEN:
        evidence.set_choice_id(value);
        break;
      default:
        known = false;
    }
  }
  if (!known) return absl::InvalidArgumentError("\"" + word + "\" is no evidence");
  return evidence;
}

std::string WordOf(const policy::v1::ProjectedEvidence& evidence) {
  const auto tail = [](const std::string& name, size_t prefix) {
    return name.size() > prefix ? name.substr(prefix) : "UNKNOWN";
  };
  std::string word = tail(policy::v1::ProjectedEvidence::Kind_Name(evidence.kind()), 5);
  switch (evidence.kind()) {
    case policy::v1::ProjectedEvidence::KIND_FAILED:
      return word + ":" + tail(check::v1::FailureCode_Name(evidence.code()), 13);
    case policy::v1::ProjectedEvidence::KIND_PIN_REJECTED:
      return word + ":" + std::to_string(evidence.tries_left());
    case policy::v1::ProjectedEvidence::KIND_ANSWERED:
      return word + ":" + tail(check::v1::Validity_Name(evidence.validity()), 9);
    case policy::v1::ProjectedEvidence::KIND_CHOSEN:
      return word + ":" + evidence.choice_id();
    default:
      return word;
  }
}

absl::Status Play(plugin::Policy& policy, const std::string& line) {
  std::istringstream words(line);
  policy::v1::NextRequest request;
  std::string expected;
  while (words >> expected) {
    const auto reply = policy.Next(request);
    const bool refused = reply.status().code() == absl::StatusCode::kInvalidArgument;
    const std::string found = reply.ok() ? NameOf(*reply) : refused ? "REFUSED" : "an error";
    if (found != expected) {
      return absl::FailedPreconditionError(
          "after " + std::to_string(request.evidence_size()) + " pieces of evidence: expected " +
          expected + ", the policy says " + found + " " + std::string(reply.status().message()));
    }
    std::string word;
    const bool over = expected == "FINISH" || expected == "REFUSED";
    if (over != !(words >> word)) {
      return absl::InvalidArgumentError("FINISH or REFUSED ends a line, and nothing else does");
    }
    if (over) return absl::OkStatus();
    auto evidence = EvidenceOf(word);
    if (!evidence.ok()) return evidence.status();
    *request.add_evidence() = *std::move(evidence);
  }
  return absl::InvalidArgumentError("FINISH or REFUSED ends a line, and nothing else does");
}

std::string RemotePolicy::name() const { return process_.manifest().name(); }

absl::StatusOr<policy::v1::NextReply> RemotePolicy::Next(const policy::v1::NextRequest& request) {
  const auto stub = policy::v1::Policy::NewStub(process_.channel());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  policy::v1::NextReply reply;
  const absl::Status status = FromGrpc(stub->Next(&context, request, &reply));
  if (!status.ok()) return status;
  return reply;
}

}  // namespace madoguchi::conformance
