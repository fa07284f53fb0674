#ifndef MADOGUCHI_AUTHORITY_ELIGIBILITY_IMPORT_H_
#define MADOGUCHI_AUTHORITY_ELIGIBILITY_IMPORT_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "authority/store/insured_store.h"

namespace madoguchi::authority {

// Gives the bytes of a file that the data names.
using FileReader = std::function<absl::StatusOr<std::string>(const std::string& path)>;

// `text` is protobuf text of eligibility.Insured. `file` is its name, for errors, and the place
// from which relative paths are seen. INVALID_ARGUMENT lists up to 20 errors, one a line, each as
// "FILE:LINE:COLUMN: what was expected"; then nothing may be imported.
absl::StatusOr<std::vector<InsuredPerson>> ParseInsured(const std::string& text,
                                                        const std::string& file,
                                                        const FileReader& read);

}  // namespace madoguchi::authority

#endif  // MADOGUCHI_AUTHORITY_ELIGIBILITY_IMPORT_H_
