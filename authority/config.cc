#include "authority/config.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <optional>
#include <utility>

#include "authority/config.pb.h"
#include "authority/text_file.h"

namespace madoguchi::authority {
namespace {

using google::protobuf::TextFormat;

constexpr size_t kLongestSocketPath = 107;

bool IsId(const std::string& id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '_' || c == '-';
  });
}

// 64 lower-case digits, or empty.
std::string Fingerprint(const std::string& text) {
  std::string digits;
  for (const unsigned char c : text) {
    if (c == ':') continue;
    if (!std::isxdigit(c)) return "";
    digits += static_cast<char>(std::tolower(c));
  }
  return digits.size() == 64 ? digits : "";
}

template <typename T>
using Ptr = std::unique_ptr<T, void (*)(T*)>;

Ptr<BIO> MemoryOf(const std::string& pem) {
  return {BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free_all};
}

class Loading {
 public:
  explicit Loading(const std::string& path) : path_(path), errors_(path) {}

  bool Parse() {
    const auto text = FileBytes(path_, 1U << 20);
    if (text.ok()) return ParseText(*text, &config_, &tree_, &errors_);
    errors_.Add(-1, -1, "expected a configuration; " + std::string(text.status().message()));
    return false;
  }

  void Expect(bool holds, const char* field, const std::string& expected) {
    if (!holds) place().Of(config_, field).Complain("expected " + expected, &errors_);
  }

  // The path as it stands in the configuration, seen from here.
  std::string Path(const std::string& value) const { return Beside(path_, value); }

  // The bytes of the file that `field` names; empty after an error.
  std::string Read(const char* field, const std::string& value) {
    if (value.empty()) {
      Expect(false, field, std::string(field) + ": a PEM file");
      return "";
    }
    const auto bytes = FileBytes(Path(value), 1U << 20);
    Expect(bytes.ok(), field, "a PEM file; " + std::string(bytes.status().message()));
    return bytes.value_or("");
  }

  void LoadTls(TlsListener* tls);
  void LoadHosts(Settings* settings);

  Place place() const { return Place(&tree_, -1, -1); }
  const config::Config& config() const { return config_; }
  FileErrors& errors() { return errors_; }

 private:
  const std::string path_;
  FileErrors errors_;
  config::Config config_;
  TextFormat::ParseInfoTree tree_;
};

void Loading::LoadTls(TlsListener* tls) {
  tls->address = config_.listen_address();
  const size_t colon = tls->address.rfind(':');
  Expect(colon != std::string::npos && colon > 0 && colon + 1 < tls->address.size() &&
             std::all_of(tls->address.begin() + static_cast<long>(colon) + 1, tls->address.end(),
                         [](unsigned char c) { return std::isdigit(c); }),
         "listen_address", "an address and a port, such as 192.0.2.1:8443");
  tls->server_certificate = Read("server_certificate", config_.server_certificate());
  tls->server_key = Read("server_key", config_.server_key());
  tls->client_ca = Read("client_ca", config_.client_ca());
  if (!errors_.empty()) return;

  const Ptr<X509> certificate(
      PEM_read_bio_X509(MemoryOf(tls->server_certificate).get(), nullptr, nullptr, nullptr),
      X509_free);
  // A passphrase is never asked for: nobody sits at a server.
  const Ptr<EVP_PKEY> key(PEM_read_bio_PrivateKey(MemoryOf(tls->server_key).get(), nullptr, nullptr,
                                                  const_cast<char*>("")),
                          EVP_PKEY_free);
  const Ptr<X509> ca(PEM_read_bio_X509(MemoryOf(tls->client_ca).get(), nullptr, nullptr, nullptr),
                     X509_free);
  Expect(certificate != nullptr, "server_certificate", "a PEM file with a certificate");
  Expect(key != nullptr, "server_key", "a PEM file with a private key without passphrase");
  Expect(ca != nullptr, "client_ca", "a PEM file with a certificate");
  if (certificate && key) {
    Expect(X509_check_private_key(certificate.get(), key.get()) == 1, "server_key",
           "the key of server_certificate");
  }
  ERR_clear_error();
}

void Loading::LoadHosts(Settings* settings) {
  for (int i = 0; i < config_.host_size(); ++i) {
    const config::Host& host = config_.host(i);
    const Place here = place().Of(config_, "host", i);
    const auto complain = [&](const char* field, const std::string& expected) {
      here.Of(host, field).Complain("expected " + expected, &errors_);
    };
    const EnrolledHost enrolled{host.host_id(), host.visual()};
    if (!IsId(host.host_id())) {
      complain("host_id", "host_id: 1 to 64 characters [A-Za-z0-9._-]");
    }
    switch (host.peer_case()) {
      case config::Host::kUid:
        if (!settings->hosts_by_uid.emplace(host.uid(), enrolled).second) {
          complain("uid", "each uid once");
        }
        if (config_.listen_socket().empty()) complain("uid", "listen_socket, for a host by uid");
        break;
      case config::Host::kCertificateSha256: {
        const std::string fingerprint = Fingerprint(host.certificate_sha256());
        if (fingerprint.empty()) {
          complain("certificate_sha256", "64 hexadecimal digits");
        } else if (!settings->hosts_by_certificate.emplace(fingerprint, enrolled).second) {
          complain("certificate_sha256", "each certificate once");
        }
        if (config_.listen_address().empty()) {
          complain("certificate_sha256", "listen_address, for a host by certificate");
        }
        break;
      }
      case config::Host::PEER_NOT_SET:
        complain("host_id", "certificate_sha256 or uid, to know the host");
    }
  }
}

}  // namespace

absl::StatusOr<ServeSettings> LoadForServe(const std::string& path) {
  Loading loading(path);
  if (!loading.Parse()) return loading.errors().status();
  const config::Config& config = loading.config();
  Settings settings;
  settings.authority_id = config.authority_id();
  loading.Expect(IsId(config.authority_id()), "authority_id",
                 "authority_id: 1 to 64 characters [A-Za-z0-9._-]");
  loading.Expect(!config.database().empty(), "database", "database: the path of a file");
  settings.database = loading.Path(config.database());
  loading.Expect(!config.listen_socket().empty() || !config.listen_address().empty(),
                 "listen_socket", "listen_socket or listen_address");
  if (!config.listen_socket().empty()) {
    settings.listen_socket = loading.Path(config.listen_socket());
    loading.Expect(settings.listen_socket.size() <= kLongestSocketPath, "listen_socket",
                   "a path of at most 107 bytes");
  }
  if (!config.listen_address().empty()) loading.LoadTls(&settings.tls);
  loading.LoadHosts(&settings);
  std::optional<TrustAnchors> anchors;
  if (const std::string pem = loading.Read("trust_anchors", config.trust_anchors()); !pem.empty()) {
    auto read = TrustAnchors::FromPem(pem);
    loading.Expect(read.ok(), "trust_anchors",
                   "the certificates of CAs; " + std::string(read.status().message()));
    if (read.ok()) anchors = *std::move(read);
  } else {
    loading.Expect(!loading.errors().empty(), "trust_anchors",
                   "the certificates of CAs; the file is empty");
  }
  if (!loading.errors().empty()) return loading.errors().status();
  ServeSettings serve(*std::move(anchors));
  static_cast<Settings&>(serve) = std::move(settings);
  return serve;
}

absl::StatusOr<std::string> LoadDatabasePath(const std::string& path) {
  Loading loading(path);
  if (!loading.Parse()) return loading.errors().status();
  loading.Expect(!loading.config().database().empty(), "database", "database: the path of a file");
  if (!loading.errors().empty()) return loading.errors().status();
  return loading.Path(loading.config().database());
}

}  // namespace madoguchi::authority
