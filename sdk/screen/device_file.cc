#include "sdk/screen/device_file.h"

#include <fcntl.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace madoguchi::screen {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::TextFormat;

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;
using Pkey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

std::string Place(const std::string& file, int line, int column) {
  // The tokenizer counts from 0; -1 means "at the end".
  return file + ":" + std::to_string(line + 1) + ":" + std::to_string(column + 1) + ": ";
}

class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  explicit FirstError(const std::string& file) : file_(file) {}
  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string& message) override {
    if (text_.empty()) text_ = Place(file_, std::max(line, 0), std::max(column, 0)) + message;
  }
  const std::string& text() const { return text_; }

 private:
  const std::string file_;
  std::string text_;
};

// An empty passphrase, so that OpenSSL never asks one at the terminal.
int NoPassphrase(char*, int, int, void*) { return 0; }

Bio Memory(const std::string& text) { return Bio(BIO_new_mem_buf(text.data(), text.size())); }

bool IsCertificate(const std::string& pem) {
  const Bio bio = Memory(pem);
  return Certificate(PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, nullptr)) != nullptr;
}

bool IsPrivateKey(const std::string& pem) {
  const Bio bio = Memory(pem);
  return Pkey(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr)) != nullptr;
}

bool IsPublicKey(const std::string& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const end = at + der.size();
  return Pkey(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size()))) != nullptr && at == end;
}

bool IsName(const std::string& name) {
  const auto alnum = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  };
  return !name.empty() && name.size() <= 64 && alnum(name[0]) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return alnum(c) || c == '.' || c == '_' || c == '-'; });
}

absl::Status Failed(const std::string& path, const std::string& did) {
  return absl::UnavailableError(path + " cannot be " + did + ": " + std::strerror(errno));
}

bool WriteAll(int fd, const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t n = write(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += static_cast<size_t>(n);
  }
  return true;
}

}  // namespace

absl::StatusOr<DeviceFile> ParseDeviceFile(const std::string& text, const std::string& file) {
  if (text.size() > kLargestDeviceFile) {
    return absl::InvalidArgumentError(file + ":1:1: too large for a device file (64 KiB at most)");
  }
  DeviceFile device;
  FirstError errors(file);
  TextFormat::ParseInfoTree places;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  parser.WriteLocationsTo(&places);
  parser.SetRecursionLimit(8);
  if (!parser.ParseFromString(text, &device)) {
    return absl::InvalidArgumentError(errors.text().empty() ? file + ":1:1: not a device file"
                                                            : errors.text());
  }
  const auto bad = [&](const char* field, const char* expected) {
    const FieldDescriptor* descriptor = DeviceFile::descriptor()->FindFieldByName(field);
    const auto place = places.GetLocation(descriptor, -1);
    return absl::InvalidArgumentError(
        Place(file, std::max(place.line, 0), std::max(place.column, 0)) + field + ": expected " +
        expected);
  };
  if (!IsName(device.name())) {
    return bad("name", "1 to 64 characters of A-Z a-z 0-9 . _ -, a letter or digit first");
  }
  if (device.role() < check::v1::ROLE_STAFF || device.role() > check::v1::ROLE_ADMIN) {
    return bad("role", "ROLE_STAFF, ROLE_PATIENT or ROLE_ADMIN");
  }
  if (!IsCertificate(device.certificate_pem())) {
    return bad("certificate_pem", "a certificate in PEM");
  }
  if (!IsPrivateKey(device.private_key_pem())) {
    return bad("private_key_pem", "a private key in PEM, not encrypted");
  }
  if (!IsCertificate(device.host_ca_pem())) return bad("host_ca_pem", "a certificate in PEM");
  if (!IsPublicKey(device.host_public_key())) {
    return bad("host_public_key", "a SubjectPublicKeyInfo in DER");
  }
  return device;
}

absl::StatusOr<DeviceFile> ReadDeviceFile(const std::string& path) {
  const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) {
    const std::string text = path + ": " + std::strerror(errno);
    if (errno == ENOENT) return absl::NotFoundError(text);
    if (errno == EACCES) return absl::PermissionDeniedError(text);
    return absl::UnavailableError(text);
  }
  struct stat about;
  if (fstat(fd.get(), &about) != 0) return Failed(path, "read");
  if (!S_ISREG(about.st_mode)) return absl::InvalidArgumentError(path + " is not a file.");
  if ((about.st_mode & 077) != 0) {
    return absl::PermissionDeniedError(path +
                                       " holds a private key and others than its owner may open "
                                       "it. Run: chmod 600 " +
                                       path);
  }
  std::string text(kLargestDeviceFile + 1, '\0');
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t n = read(fd.get(), text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Failed(path, "read");
    if (n == 0) break;
    size += static_cast<size_t>(n);
  }
  text.resize(size);
  return ParseDeviceFile(text, path);
}

absl::Status WriteDeviceFile(const std::string& path, const DeviceFile& device) {
  std::string body;
  TextFormat::Printer printer;
  printer.PrintToString(device, &body);
  const std::string text =
      "# proto-file: sdk/screen/device.proto\n# proto-message: DeviceFile\n#\n"
      "# The private key in here lets its bearer in at the host. Keep this file to yourself.\n" +
      body;
  std::string temporary = path + ".XXXXXX";
  const FileDescriptor fd(mkostemp(temporary.data(), O_CLOEXEC));  // Mode 0600.
  if (fd.get() < 0) return Failed(path, "written");
  absl::Status status = absl::OkStatus();
  if (!WriteAll(fd.get(), text) || fsync(fd.get()) != 0) {
    status = Failed(path, "written");
  } else if (link(temporary.c_str(), path.c_str()) != 0) {
    // link() and not rename(): it refuses where something stands already.
    status = errno == EEXIST ? absl::AlreadyExistsError(path + " is there already.")
                             : Failed(path, "written");
  }
  unlink(temporary.c_str());
  return status;
}

}  // namespace madoguchi::screen
