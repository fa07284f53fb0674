#include "sdk/sim/card/jpki.h"

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

namespace madoguchi::sim {
namespace {

using Kind = ElementaryFile::Kind;

// Certificates stand at the beginning of a file of fixed size; filler follows.
constexpr size_t kCertificateFileSize = 2048;
constexpr uint8_t kFiller = 0xFF;

ElementaryFile CertificateFile(const std::string& der, std::vector<std::string> opens_with = {}) {
  ElementaryFile file{.kind = Kind::kTransparent, .opens_with = std::move(opens_with)};
  file.content.assign(der.begin(), der.end());
  file.content.resize(std::max(file.content.size() + 2, kCertificateFileSize), kFiller);
  return file;
}

void AppendPadded(Bytes& bytes, const std::string& text, size_t length) {
  std::string padded = text;
  padded.resize(length, ' ');
  bytes.insert(bytes.end(), padded.begin(), padded.end());
}

// PKCS #11 CK_TOKEN_INFO with 32-bit big-endian numbers: 160 bytes. Real cards carry ASCII in the
// two version fields.
Bytes TokenInfo(uint64_t serial, Faults::Phone phone) {
  const char* label = phone == Faults::Phone::kAndroid  ? "JPKIAPGPSETOKEN"
                      : phone == Faults::Phone::kIphone ? "JPKIAPIOSTOKEN"
                                                        : "JPKIAPICCTOKEN2";
  char number[32];
  snprintf(number, sizeof number, "TEST%012llu",
           static_cast<unsigned long long>(serial % 1'000'000'000'000ULL));
  Bytes info;
  AppendPadded(info, label, 32);
  AppendPadded(info, "MADOGUCHI TEST", 32);
  AppendPadded(info, "E16R01NJ", 16);
  AppendPadded(info, number, 16);
  constexpr uint32_t kUnknown = 0xFFFFFFFF;
  // Flags; sessions at most and open, the same for read-write; the longest and shortest PIN; memory
  // in all and free, public and private.
  for (const uint32_t field :
       {0x40Du, 1u, 0u, 1u, 0u, 16u, 6u, kUnknown, kUnknown, kUnknown, kUnknown}) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      info.push_back(static_cast<uint8_t>(field >> shift));
    }
  }
  AppendPadded(info, "03", 2);
  AppendPadded(info, "01", 2);
  AppendPadded(info, std::string(16, '9'), 16);
  return info;
}

}  // namespace

Application MakeJpki(const JpkiContents& contents, const Faults& faults) {
  using Certificate = Faults::Certificate;
  Application jpki{.aid = {0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01},
                   .change_instruction = kChangeReferenceData};
  auto& files = jpki.files;
  files[0x0001] = CertificateFile(contents.sign_certificate, {kSignPassword});
  files[0x0002] = CertificateFile(contents.sign_ca_certificate);
  files[0x0006] = {.content = TokenInfo(contents.serial, faults.phone)};
  // 8F where the certificate for signatures, the one for authentication is there.
  const uint8_t present = faults.certificate == Certificate::kAbsent ? 0x00 : 0x8F;
  files[0x0008] = {.content = {0x8F, present, 0x00}};

  std::vector<std::string> opens_with;
  if (faults.phone == Faults::Phone::kAndroid) opens_with.emplace_back(kAuthPin);
  if (faults.certificate == Certificate::kBlank) {
    files[0x000A] = {.content = Bytes(kCertificateFileSize, kFiller), .opens_with = opens_with};
  } else if (faults.certificate != Certificate::kAbsent) {
    files[0x000A] = CertificateFile(contents.auth_certificate, opens_with);
  }
  files[0x000B] = CertificateFile(contents.auth_ca_certificate);

  files[0x0017] = {.kind = Kind::kKey, .opens_with = {kAuthPin}, .key = contents.auth_key};
  files[0x0018] = {.kind = Kind::kSecret, .secret = kAuthPin};
  files[0x001A] = {.kind = Kind::kKey, .opens_with = {kSignPassword}, .key = contents.sign_key};
  files[0x001B] = {.kind = Kind::kSecret, .secret = kSignPassword};

  // Protected by something nobody has published: no secret of this name exists, so they stay shut.
  files[0x0005] = {.content = Bytes(1, kFiller), .opens_with = {"unknown"}};
  files[0x0009] = {.content = Bytes(1, kFiller), .opens_with = {"unknown"}};
  // Keys of terminals and of unknown use; selectable, not usable.
  for (const uint16_t id : {0x0010, 0x0016, 0x0019, 0x001C, 0x001E}) {
    files[id] = {.kind = Kind::kKey, .opens_with = {"unknown"}};
  }
  return jpki;
}

}  // namespace madoguchi::sim
