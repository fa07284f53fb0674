#ifndef MADOGUCHI_HOST_CHECK_RECORD_LINE_H_
#define MADOGUCHI_HOST_CHECK_RECORD_LINE_H_

#include <string>

#include "madoguchi/check/v1/check.pb.h"

namespace madoguchi {

// One line for the host's log about a finished check: where, how, what came of it, and how long each
// step took. Nothing personal is in it.
//
//   check 5e0f... counter=1 method=pin ELIGIBLE 8.1 ms: ask_pin 3.0, read_certificate 0.0,
//   prove_card 2.9, ask_authority 1.1, policy 1.0
std::string RecordLine(const check::v1::Record& record);

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_CHECK_RECORD_LINE_H_
