#ifndef MADOGUCHI_AUTHORITY_STORE_INSURED_STORE_H_
#define MADOGUCHI_AUTHORITY_STORE_INSURED_STORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "madoguchi/check/v1/check.pb.h"

namespace madoguchi::authority {

// What is known under one user-authentication certificate.
struct InsuredPerson {
  std::string issuer;  // RFC 2253 text
  std::string serial;  // lower-case hexadecimal, no leading zeros
  check::v1::Validity validity = check::v1::VALIDITY_UNSPECIFIED;
  check::v1::Eligibility eligibility;
};

// The insured persons, whatever the database. Thread-safe. Errors: UNAVAILABLE when the database is
// busy or cannot be reached, RESOURCE_EXHAUSTED when it cannot write, DATA_LOSS when what it holds
// makes no sense, INTERNAL otherwise.
class InsuredStore {
 public:
  virtual ~InsuredStore() = default;
  // Adds each person, or replaces the one with the same issuer and serial. All or nothing, and on
  // the disk when it returns OK.
  virtual absl::Status Put(const std::vector<InsuredPerson>& persons) = 0;
  // nullopt when nobody is known under this certificate.
  virtual absl::StatusOr<std::optional<InsuredPerson>> Find(const std::string& issuer,
                                                            const std::string& serial) = 0;
  virtual absl::StatusOr<int64_t> Count() = 0;
};

// Opens or makes the SQLite database at `path`: WAL, synchronous=FULL, waits five seconds for
// another process that writes. A file that is made is readable by its owner alone.
absl::StatusOr<std::unique_ptr<InsuredStore>> OpenSqlite(const std::string& path);

}  // namespace madoguchi::authority

#endif  // MADOGUCHI_AUTHORITY_STORE_INSURED_STORE_H_
