#ifndef MADOGUCHI_AUTHORITY_CONFIG_H_
#define MADOGUCHI_AUTHORITY_CONFIG_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "authority/eligibility/eligibility.h"

namespace madoguchi::authority {

// What serving over TLS needs. The PEM texts have been read and fit together.
struct TlsListener {
  std::string address;
  std::string server_certificate;
  std::string server_key;
  std::string client_ca;
};

// A checked configuration: all paths seen from the working directory, all files read.
struct Settings {
  std::string authority_id;
  std::string database;
  std::string listen_socket;  // empty: none
  TlsListener tls;            // without an address: none
  std::map<uint32_t, EnrolledHost> hosts_by_uid;
  std::map<std::string, EnrolledHost> hosts_by_certificate;  // 64 lower-case hexadecimal digits
};

// What `serve` needs beyond it.
struct ServeSettings : Settings {
  explicit ServeSettings(TrustAnchors anchors) : trust_anchors(std::move(anchors)) {}
  TrustAnchors trust_anchors;
};

// INVALID_ARGUMENT lists up to 20 errors, each as "FILE:LINE:COLUMN: what was expected"; a file
// that cannot be read is one of them.
absl::StatusOr<ServeSettings> LoadForServe(const std::string& path);
// `import` needs the database alone, so nothing else is looked at but the form.
absl::StatusOr<std::string> LoadDatabasePath(const std::string& path);

}  // namespace madoguchi::authority

#endif  // MADOGUCHI_AUTHORITY_CONFIG_H_
