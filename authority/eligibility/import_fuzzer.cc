// Data files come from insurers.
#include <cstdlib>

#include "authority/eligibility/import.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
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
