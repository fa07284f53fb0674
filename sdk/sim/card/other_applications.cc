#include "sdk/sim/card/other_applications.h"

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "sdk/sim/card/certificates.h"

namespace madoguchi::sim {
namespace {

using Kind = ElementaryFile::Kind;

constexpr char kTextPin[] = "text.pin";
constexpr char kTextA[] = "text.a";
constexpr char kTextB[] = "text.b";
constexpr char kTextBlocked[] = "text.blocked";
constexpr char kSurfaceBirth[] = "surface.birth";
constexpr char kSurfaceA[] = "surface.a";
constexpr char kSurfaceB[] = "surface.b";
constexpr char kCommonPin[] = "common.pin";
constexpr char kResidencePin[] = "residence.pin";

// Municipality 99999 does not exist; real keys' ids begin with 5, those of test cards with 6.
constexpr char kMunicipality[] = "99999";
constexpr int kLastYear = 2035;

Bytes Text(std::string_view text) { return Bytes(text.begin(), text.end()); }

// A data object with a two-byte tag, as all records here have.
Bytes Object(uint16_t tag, const Bytes& value) {
  Bytes bytes = {static_cast<uint8_t>(tag >> 8), static_cast<uint8_t>(tag)};
  if (value.size() >= 0x100) {
    bytes.push_back(0x82);
    bytes.push_back(static_cast<uint8_t>(value.size() >> 8));
  } else if (value.size() >= 0x80) {
    bytes.push_back(0x81);
  }
  bytes.push_back(static_cast<uint8_t>(value.size()));
  bytes.insert(bytes.end(), value.begin(), value.end());
  return bytes;
}

Bytes Joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// After each object there is filler; readers go by the object's length.
Bytes Filled(Bytes object, size_t filler) {
  object.resize(object.size() + filler, 0xFF);
  return object;
}

Bytes KeyId(std::string_view number) {
  return Joined({Text(number), {0x08, 0x05}, Text("001"), {0, 0, 0, 0}});
}

std::string CardNumber(uint64_t serial) {
  char text[24];
  snprintf(text, sizeof text, "9%014llu",
           static_cast<unsigned long long>(serial % 100'000'000'000'000ULL));
  return text;
}

// 基本4情報: FF20 with the offsets of the four parts from the file's start, then the parts.
Bytes BasicFour(const Person& person) {
  const Bytes parts[] = {Object(0xDF22, Text(person.name)), Object(0xDF23, Text(person.address)),
                         Object(0xDF24, Text(person.birth_date)),
                         Object(0xDF25, Bytes(1, static_cast<uint8_t>(person.sex)))};
  size_t length = 11;  // DF21, its length and four offsets.
  for (const Bytes& part : parts) length += part.size();
  size_t offset = (length >= 0x80 ? 4 : 3) + 11;
  Bytes offsets;
  for (const Bytes& part : parts) {
    offsets.push_back(static_cast<uint8_t>(offset >> 8));
    offsets.push_back(static_cast<uint8_t>(offset));
    offset += part.size();
  }
  return Object(0xFF20, Joined({Object(0xDF21, offsets), parts[0], parts[1], parts[2], parts[3]}));
}

Application MakeText(uint64_t serial) {
  Application text{.aid = {0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x08},
                   .change_instruction = kChangeReferenceData};
  auto& files = text.files;
  files[0x0001] = {.content = Filled(Object(0xFF10, Text(NumberOf(serial))), 2),
                   .opens_with = {kTextPin, kTextA}};
  files[0x0002] = {.content = Filled(BasicFour(PersonOf(serial)), 64),
                   .opens_with = {kTextPin, kTextB}};
  files[0x0005] = {.content =
                       Filled(Object(0xFF40, Joined({Object(0xDF41, {0x01, 0x03, 0x0E, 0x01}),
                                                     Object(0xDF42, KeyId("6000034")),
                                                     Object(0xDF43, Bytes(128, 0xFF))})),
                              16)};
  files[0x0008] = {.content = Bytes(16, 0xFF)};
  for (const uint16_t id : {0x0003, 0x0006, 0x0007}) {
    files[id] = {.content = Bytes(32, 0xFF), .opens_with = {kTextPin, kTextA, kTextB}};
  }
  files[0x0011] = {.kind = Kind::kSecret, .secret = kTextPin};
  files[0x0012] = {.kind = Kind::kSecret, .secret = kTextBlocked};
  files[0x0014] = {.kind = Kind::kSecret, .secret = kTextA};
  files[0x0015] = {.kind = Kind::kSecret, .secret = kTextB};
  return text;
}

Application MakeSurface(uint64_t serial) {
  Application surface{.aid = {0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x02}};
  auto& files = surface.files;
  const Bytes birth = Object(0xDF11, Text(PersonOf(serial).birth_date));
  files[0x0001] = {.content = Filled(Object(0xFF10, birth), 16), .opens_with = {kSurfaceBirth}};
  files[0x0002] = {.content = Bytes(64, 0xFF), .opens_with = {kSurfaceA, kSurfaceB}};
  files[0x0003] = {
      .content = Filled(
          Object(0xFF30,
                 Joined({Object(0xDF31, {0x06, 0x03, 0x0E, 0x01}), Object(0xDF32, KeyId("6000024")),
                         Object(0xDF33, {0x01}), Object(0xDF34, Text(kMunicipality))})),
          16)};
  files[0x0005] = {.content = Bytes(64, 0xFF), .opens_with = {kSurfaceA}};
  files[0x0006] = {.content = Bytes(16, 0xFF), .opens_with = {kSurfaceA, kSurfaceB}};
  files[0x0011] = {.kind = Kind::kSecret, .secret = kSurfaceBirth};
  files[0x0012] = {.kind = Kind::kSecret, .secret = kSurfaceB};
  files[0x0013] = {.kind = Kind::kSecret, .secret = kSurfaceA};
  return surface;
}

// 住基AP ends in 0401, 共通カードAP in 0100; both have a PIN in 001C and the same key id in 0002.
Application MakeResidence() {
  Application residence{.aid = {0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x01},
                        .change_instruction = kChangeKey};
  residence.files[0x0002] = {.kind = Kind::kRecords, .content = KeyId("6000013")};
  residence.files[0x001C] = {.kind = Kind::kSecret, .secret = kResidencePin};
  return residence;
}

Application MakeCommon(uint64_t serial) {
  Application common{.aid = {0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x01, 0x00},
                     .change_instruction = kChangeKey};
  common.files[0x0001] = {
      .kind = Kind::kRecords,
      .content = Joined({{0x01, 0x1C},
                         Text(CardNumber(serial)),
                         Text(kMunicipality),
                         Text(std::to_string(kLastYear) + PersonOf(serial).birth_date.substr(4))})};
  common.files[0x0002] = {.kind = Kind::kRecords, .content = KeyId("6000013")};
  common.files[0x001C] = {.kind = Kind::kSecret, .secret = kCommonPin};
  return common;
}

Application MakeIssuerSecurityDomain(uint64_t serial) {
  Application domain{.aid = {0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00}};
  domain.data_objects[0x0042] = KeyId("6000013");
  domain.data_objects[0x0045] = Text(CardNumber(serial));
  domain.data_objects[0x00F0] = Text(kMunicipality);
  domain.data_objects[0x00F2] =
      Text(std::to_string(kLastYear) + PersonOf(serial).birth_date.substr(4));
  domain.data_objects[0x5F51] = {0x3B, 0xE0, 0x00, 0xFF, 0x81, 0x31, 0xFE, 0x45, 0x14};
  return domain;
}

}  // namespace

std::string NumberOf(uint64_t serial) {
  char digits[16];
  snprintf(digits, sizeof digits, "00%09llu",
           static_cast<unsigned long long>(serial % 1'000'000'000ULL));
  int sum = 0;
  for (int n = 1; n <= 11; ++n) {  // Counted from the right.
    sum += (digits[11 - n] - '0') * (n <= 6 ? n + 1 : n - 5);
  }
  const int rest = sum % 11;
  return std::string(digits, 11) + static_cast<char>('0' + (rest <= 1 ? 0 : 11 - rest));
}

std::string NumberB(uint64_t serial) {
  const std::string birth = PersonOf(serial).birth_date;
  const int date = atoi(birth.c_str());
  const int year = date / 10000;
  // These people are born from 1950 to 1999: 昭和 to 1989-01-07, then 平成.
  const int era_year = date <= 19890107 ? year - 1925 : year - 1988;
  char text[24];
  snprintf(text, sizeof text, "%02d%s%04d%04d", era_year % 100, birth.substr(4).c_str(), kLastYear,
           static_cast<int>(serial % 10000));
  return text;
}

std::vector<Application> MakeOtherApplications(uint64_t serial) {
  return {MakeText(serial), MakeSurface(serial), MakeResidence(), MakeCommon(serial),
          MakeIssuerSecurityDomain(serial)};
}

absl::Status AddOtherSecrets(uint64_t serial, State& state) {
  const std::string pin = "1234";
  const std::string number_b = NumberB(serial);
  const struct {
    const char* name;
    std::string value;
    int tries;
  } secrets[] = {
      {kTextPin, pin, 3},
      {kTextA, NumberOf(serial), 10},
      {kTextB, number_b, 10},
      {kTextBlocked, "0", 0},
      {kSurfaceA, NumberOf(serial), 10},
      {kSurfaceB, number_b, 10},
      {kSurfaceBirth, number_b.substr(0, 6), 10},
      {kCommonPin, pin, 3},
      {kResidencePin, pin, 3},
  };
  for (const auto& secret : secrets) {
    if (state.Has(secret.name)) continue;
    const std::span<const uint8_t> value(reinterpret_cast<const uint8_t*>(secret.value.data()),
                                         secret.value.size());
    const absl::Status status = state.Set(secret.name, value, secret.tries);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace madoguchi::sim
