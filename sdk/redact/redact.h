#ifndef MADOGUCHI_SDK_REDACT_REDACT_H_
#define MADOGUCHI_SDK_REDACT_REDACT_H_

#include <google/protobuf/message.h>

#include <string>

namespace madoguchi {

// `message` as protobuf text on one line, for logs and traces: every field that is marked
// (madoguchi.privacy.v1.personal), at any depth, reads "***", whatever its type. That a personal
// field is there may be seen, what is in it may not.
std::string Redacted(const google::protobuf::Message& message);

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_REDACT_REDACT_H_
