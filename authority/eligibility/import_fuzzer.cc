// Data files come from insurers.
#include <algorithm>
#include <cstdlib>

#include "authority/eligibility/import.h"

namespace {

constexpr char kGood[] =
    "person {\n  name { issuer: \"O=JPKI-TEST,C=JP\" serial: \"1a\" }\n"
    "  validity: VALIDITY_VALID\n  eligibility {\n"
    "    insurer_number: \"01000000\" branch: \"01\" relation: RELATION_INSURED\n"
    "    name: \"試験 花子\" sex: SEX_FEMALE birth_date: \"2000-02-29\"\n"
    "    valid_from: \"2024-04-01\" valid_to: \"2030-03-31\" share_percent: 30\n  }\n}\n"
    "person { name { issuer: \"O=A\" serial: \"2\" } validity: VALIDITY_NONE }\n";

// The input itself, or a good file with a part replaced by it: that gets past the parser.
std::string TextOf(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  if (size < 4 || data[0] % 4 == 0) return bytes;
  std::string text = kGood;
  const size_t at = (static_cast<size_t>(data[1]) << 8 | data[2]) % text.size();
  const size_t length = std::min<size_t>(data[3] % 32, text.size() - at);
  return text.replace(at, length, bytes.substr(4));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text = TextOf(data, size);
  const auto persons = madoguchi::authority::ParseInsured(
      text, "fuzz", [&](const std::string&) -> absl::StatusOr<std::string> { return text; });
  if (!persons.ok()) return 0;
  for (const auto& person : *persons) {
    const bool sound =
        !person.issuer.empty() && !person.serial.empty() && person.serial.size() <= 40 &&
        madoguchi::check::v1::Validity_IsValid(person.validity) && person.validity != 0;
    if (!sound) abort();
    // Whatever is taken can travel: a reply that is not UTF-8 would be dropped by gRPC.
    madoguchi::check::v1::Eligibility again;
    if (!again.ParseFromString(person.eligibility.SerializeAsString())) abort();
  }
  return 0;
}
