#include "sdk/sim/card/state.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <sstream>
#include <utility>

#include "sdk/sim/card/files.h"
#include "sdk/sim/card/hex.h"

namespace madoguchi::sim {
namespace {

constexpr char kHeader[] = "madoguchi-card-state 1";
constexpr int kIterations = 256;
constexpr size_t kSaltLength = 16;
constexpr size_t kDigestLength = 32;

Bytes Digest(std::span<const uint8_t> value, const Bytes& salt, int iterations) {
  Bytes digest(kDigestLength);
  PKCS5_PBKDF2_HMAC(reinterpret_cast<const char*>(value.data()), static_cast<int>(value.size()),
                    salt.data(), static_cast<int>(salt.size()), iterations, EVP_sha256(),
                    static_cast<int>(digest.size()), digest.data());
  return digest;
}

}  // namespace

absl::StatusOr<State> State::Load(const std::string& path) {
  absl::StatusOr<std::string> content = ReadFile(path);
  if (!content.ok()) return content.status();
  State state = At(path);
  std::istringstream lines(*content);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    const absl::Status damaged =
        absl::InvalidArgumentError(path + ":" + std::to_string(number) + ": not a card's state");
    if (number == 1) {
      if (line != kHeader) return damaged;
      continue;
    }
    std::istringstream words(line);
    std::string kind;
    words >> kind;
    if (kind == "serial") {
      if (!(words >> state.serial_)) return damaged;
    } else if (kind == "secret") {
      std::string name, tries, of, iterations, salt, salt_hex, digest, digest_hex;
      Secret secret;
      words >> name >> tries >> secret.tries >> of >> secret.at_most >> iterations >>
          secret.iterations >> salt >> salt_hex >> digest >> digest_hex;
      std::optional<Bytes> salt_bytes = FromHex(salt_hex);
      std::optional<Bytes> digest_bytes = FromHex(digest_hex);
      if (!words || !salt_bytes || !digest_bytes || digest_bytes->size() != kDigestLength ||
          secret.iterations < 1 || secret.iterations > 1000000 || secret.tries < 0 ||
          secret.at_most > 15 || secret.tries > secret.at_most) {
        return damaged;
      }
      secret.salt = std::move(*salt_bytes);
      secret.digest = std::move(*digest_bytes);
      state.secrets_[name] = std::move(secret);
    } else {
      return damaged;
    }
  }
  return state;
}

State State::At(std::string path) {
  State state;
  state.path_ = std::move(path);
  return state;
}

absl::Status State::Save() const {
  if (path_.empty()) return absl::OkStatus();
  std::ostringstream text;
  text << kHeader << "\nserial " << serial_ << "\n";
  for (const auto& [name, secret] : secrets_) {
    text << "secret " << name << " tries " << secret.tries << " of " << secret.at_most
         << " iterations " << secret.iterations << " salt " << ToHex(secret.salt) << " digest "
         << ToHex(secret.digest) << "\n";
  }
  return WriteFile(path_, text.str(), 0600);
}

absl::Status State::Set(const std::string& name, std::span<const uint8_t> value, int tries) {
  if (value.empty() || value.size() > 16) {
    return absl::InvalidArgumentError("the secret " + name + " must have 1 to 16 bytes");
  }
  const auto old = secrets_.find(name);
  Secret secret{.tries = tries, .at_most = tries, .iterations = kIterations};
  if (old != secrets_.end()) {
    secret.tries = old->second.tries;
    secret.at_most = old->second.at_most;
  }
  secret.salt.resize(kSaltLength);
  if (RAND_bytes(secret.salt.data(), kSaltLength) != 1) {
    return absl::InternalError("no random bytes");
  }
  secret.digest = Digest(value, secret.salt, kIterations);
  secrets_[name] = std::move(secret);
  return Save();
}

bool State::Matches(const std::string& name, std::span<const uint8_t> value) const {
  const auto found = secrets_.find(name);
  if (found == secrets_.end()) return false;
  const Secret& secret = found->second;
  const Bytes digest = Digest(value, secret.salt, secret.iterations);
  return CRYPTO_memcmp(digest.data(), secret.digest.data(), kDigestLength) == 0;
}

State::Verdict State::Verify(const std::string& name, std::span<const uint8_t> value) {
  const auto found = secrets_.find(name);
  if (found == secrets_.end() || found->second.tries == 0) return Verdict::kBlocked;
  Secret& secret = found->second;
  if (Matches(name, value)) {
    if (secret.tries != secret.at_most) {
      secret.tries = secret.at_most;
      Save().IgnoreError();  // A card whose folder has gone still answers.
    }
    return Verdict::kRight;
  }
  --secret.tries;
  Save().IgnoreError();
  return Verdict::kWrong;
}

int State::TriesLeft(const std::string& name) const {
  const auto found = secrets_.find(name);
  return found == secrets_.end() ? 0 : found->second.tries;
}

int State::TriesAtMost(const std::string& name) const {
  const auto found = secrets_.find(name);
  return found == secrets_.end() ? 0 : found->second.at_most;
}

absl::Status State::SetTriesLeft(const std::string& name, int tries) {
  const auto found = secrets_.find(name);
  if (found == secrets_.end()) return absl::NotFoundError("no secret " + name);
  if (tries < 0 || tries > found->second.at_most) {
    return absl::InvalidArgumentError(name + " has 0 to " + std::to_string(found->second.at_most) +
                                      " tries");
  }
  found->second.tries = tries;
  return Save();
}

}  // namespace madoguchi::sim
