#ifndef MADOGUCHI_SDK_CONFORMANCE_READER_CLIENT_H_
#define MADOGUCHI_SDK_CONFORMANCE_READER_CLIENT_H_

#include <grpcpp/client_context.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "madoguchi/reader/v1/reader.grpc.pb.h"
#include "sdk/conformance/plugin_process.h"

namespace madoguchi::conformance {

// The host's side of reader.v1, for tests: it watches, and its calls block. Thread-safe.
class ReaderClient {
 public:
  using Bytes = std::vector<uint8_t>;

  // Listens to Watch from now on. `process` must outlive this object and have been started.
  // `patience` is the deadline of calls that are given no other.
  explicit ReaderClient(PluginProcess& process,
                        std::chrono::milliseconds patience = std::chrono::milliseconds(20000));
  ~ReaderClient();

  // The first snapshot, newest or yet to come, of which `wanted` is true; nullopt after `patience`.
  std::optional<reader::v1::Snapshot> Await(
      const std::function<bool(const reader::v1::Snapshot&)>& wanted,
      std::chrono::milliseconds patience = std::chrono::milliseconds(5000));
  // The state of the reader once it is in `presence`.
  std::optional<reader::v1::ReaderState> AwaitPresence(
      const std::string& reader, reader::v1::Presence presence,
      std::chrono::milliseconds patience = std::chrono::milliseconds(5000));

  // The statuses carry the failure, if there is one (CodeOf in sdk/failure/failure.h).
  absl::StatusOr<reader::v1::OpenReply> Open(const std::string& reader, uint64_t insertion);
  absl::StatusOr<Bytes> Transmit(uint64_t session, const Bytes& command);
  absl::StatusOr<Bytes> Transmit(uint64_t session, const Bytes& command,
                                 std::chrono::milliseconds deadline);
  // Several commands in one call, whatever their number and length.
  absl::StatusOr<reader::v1::TransmitReply> TransmitAll(uint64_t session,
                                                        const std::vector<Bytes>& commands,
                                                        std::chrono::milliseconds deadline);
  // Sends the PIN packet and calls VerifyPin.
  absl::StatusOr<Bytes> VerifyPin(uint64_t session, const Bytes& apdu_template, const Bytes& pin);
  // VerifyPin alone, with a token that the caller made (16 bytes; empty: the reader's own pad).
  absl::StatusOr<Bytes> VerifyToken(uint64_t session, const Bytes& apdu_template,
                                    const std::string& token);
  // VerifyPin at the reader's own pad. Waits for the form's time, and an answer's beyond it.
  absl::StatusOr<Bytes> VerifyAtPad(uint64_t session, const Bytes& apdu_template,
                                    const reader::v1::PadForm& form);
  // A token that was never used before.
  std::string NewToken();
  absl::Status Close(uint64_t session);

 private:
  PluginProcess& process_;
  const std::chrono::milliseconds patience_;
  std::unique_ptr<reader::v1::Reader::Stub> stub_;
  grpc::ClientContext watch_context_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<reader::v1::Snapshot> newest_;
  uint64_t tokens_ = 0;
  std::thread watch_;
};

}  // namespace madoguchi::conformance

#endif  // MADOGUCHI_SDK_CONFORMANCE_READER_CLIENT_H_
