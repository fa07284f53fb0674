#include "sdk/launch/image.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>

namespace madoguchi {
namespace {

constexpr size_t kLargestProgram = 256U << 20;
constexpr unsigned kMayRun = 0x10;  // MFD_EXEC, which Debian's header does not have
constexpr char kDomain[] = "madoguchi plugin v1";
constexpr int kSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
// Above the numbers that a plugin's own descriptors get.
constexpr int kFirstFree = 10;

absl::Status SystemError(const std::string& what) {
  return absl::UnavailableError(what + ": " + std::strerror(errno));
}

// The bytes of a sealed memfd.
class Mapping {
 public:
  explicit Mapping(int fd) {
    struct stat facts;
    if (fstat(fd, &facts) != 0 || facts.st_size == 0) return;
    void* const at =
        mmap(nullptr, static_cast<size_t>(facts.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED) return;
    bytes_ = {static_cast<const uint8_t*>(at), static_cast<size_t>(facts.st_size)};
  }
  ~Mapping() {
    if (!bytes_.empty()) munmap(const_cast<uint8_t*>(bytes_.data()), bytes_.size());
  }
  std::span<const uint8_t> bytes() const { return bytes_; }

 private:
  std::span<const uint8_t> bytes_;
};

std::string Digest(std::span<const uint8_t> manifest, std::span<const uint8_t> program) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> hash(EVP_MD_CTX_new(),
                                                                     EVP_MD_CTX_free);
  EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr);
  EVP_DigestUpdate(hash.get(), kDomain, sizeof(kDomain) - 1);
  for (const auto part : {manifest, program}) {
    std::array<uint8_t, 8> length;
    for (size_t i = 0; i < length.size(); ++i) {
      length[i] = static_cast<uint8_t>(part.size() >> (8 * (length.size() - 1 - i)));
    }
    EVP_DigestUpdate(hash.get(), length.data(), length.size());
    EVP_DigestUpdate(hash.get(), part.data(), part.size());
  }
  std::array<uint8_t, 32> digest;
  EVP_DigestFinal_ex(hash.get(), digest.data(), nullptr);
  std::string text;
  for (const uint8_t byte : digest) {
    text += {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
  }
  return text;
}

}  // namespace

absl::StatusOr<Fd> SealedCopy(const std::string& path, const std::string& name) {
  // Not to be held up by a pipe of that name.
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat facts;
  if (file.get() < 0 || fstat(file.get(), &facts) != 0) return SystemError(path);
  if (!S_ISREG(facts.st_mode)) return absl::InvalidArgumentError(path + ": expected a file");
  // Copied before it is looked at: the file may change meanwhile, the memfd may not. Linux before
  // 6.3 does not know kMayRun, and needs no telling.
  Fd low(memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING | kMayRun));
  if (low.get() < 0) low = Fd(memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  Fd copy(fcntl(low.get(), F_DUPFD_CLOEXEC, kFirstFree));
  if (copy.get() < 0) return SystemError("memfd_create");
  for (size_t size = 0;;) {
    const ssize_t copied = sendfile(copy.get(), file.get(), nullptr, 1U << 20);
    if (copied < 0) return SystemError(path);
    if (copied == 0) break;
    size += static_cast<size_t>(copied);
    if (size > kLargestProgram) {
      return absl::InvalidArgumentError(path + ": expected a program of at most 256 MiB");
    }
  }
  if (fcntl(copy.get(), F_ADD_SEALS, kSeals) != 0) return SystemError("sealing " + path);
  return copy;
}

absl::StatusOr<PluginImage> ReadPluginImage(const std::string& folder) {
  PluginImage image;
  auto read = ReadPluginFolder(folder);
  if (!read.ok()) return read.status();
  image.folder = *std::move(read);
  const std::string& path = image.folder.binary;
  auto program = SealedCopy(path, image.folder.manifest.name());
  if (!program.ok()) return program.status();
  const Mapping bytes(program->get());
  if (bytes.bytes().size() < 4 || std::memcmp(bytes.bytes().data(),
                                              "\x7f"
                                              "ELF",
                                              4) != 0) {
    return absl::InvalidArgumentError(
        path +
        ": expected an ELF program; a script's interpreter is what would run, and its bytes "
        "are not the plugin's");
  }
  const std::string& manifest = image.folder.manifest_text;
  image.digest =
      Digest({reinterpret_cast<const uint8_t*>(manifest.data()), manifest.size()}, bytes.bytes());
  image.program = *std::move(program);
  return image;
}

}  // namespace madoguchi
