#ifndef MADOGUCHI_AUTHORITY_SERVE_SERVE_H_
#define MADOGUCHI_AUTHORITY_SERVE_SERVE_H_

#include <chrono>

#include "absl/status/status.h"
#include "authority/config.h"

namespace madoguchi::authority {

// Serves until SIGTERM or SIGINT, then stops within a second and returns OK. Prints the line
// "ready" on stdout when every listener is there. UNAVAILABLE or ALREADY_EXISTS when one cannot be
// had. `answer_delay` is for trials: it holds back every answer. Blocks the two signals in the
// calling thread, which must be the only one of the process.
absl::Status Serve(const ServeSettings& settings, std::chrono::milliseconds answer_delay);

}  // namespace madoguchi::authority

#endif  // MADOGUCHI_AUTHORITY_SERVE_SERVE_H_
