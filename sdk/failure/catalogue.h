#ifndef MADOGUCHI_SDK_FAILURE_CATALOGUE_H_
#define MADOGUCHI_SDK_FAILURE_CATALOGUE_H_

namespace madoguchi {

// proto/madoguchi/check/v1/failures.textproto, compiled in.
extern const char kFailureCatalogue[];

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_FAILURE_CATALOGUE_H_
