#include "authority/eligibility/import.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <map>
#include <memory>

#include "authority/eligibility/insured.pb.h"
#include "authority/text_file.h"
#include "sdk/proof/certificate.h"

namespace madoguchi::authority {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr size_t kLongestText = 512;

bool AllDigits(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
}

bool IsDate(const std::string& text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  const std::string year = text.substr(0, 4), month = text.substr(5, 2), day = text.substr(8, 2);
  if (!AllDigits(year + month + day)) return false;
  return std::chrono::year_month_day(std::chrono::year(std::stoi(year)),
                                     std::chrono::month(std::stoul(month)),
                                     std::chrono::day(std::stoul(day)))
      .ok();
}

// UTF-8 without control characters. The text parser passes anything; gRPC would then drop the
// reply.
bool IsText(const std::string& text) {
  if (text.size() > kLongestText) return false;
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    if (lead < 0x20 || lead == 0x7f) return false;
    if (lead < 0x80) continue;
    const int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4) return false;
    char32_t point = lead & (0x3fU >> more);
    for (int k = 0; k < more; ++k) {
      if (i == text.size() || (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return false;
      point = point << 6 | (static_cast<unsigned char>(text[i++]) & 0x3f);
    }
    constexpr char32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
    if (point < kLeast[more] || point > 0x10ffff) return false;
    if ((point >= 0xd800 && point < 0xe000) || (point >= 0x80 && point < 0xa0)) return false;
  }
  return true;
}

// What holds for every field, whatever it means: text is text, and a number in an enum's place is
// one of the enum's.
void CheckForms(const Message& message, const Place& place, FileErrors* errors) {
  const auto* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const Place here = place.Of(message, field->name());
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING &&
        !IsText(reflection->GetString(message, field))) {
      here.Complain("expected UTF-8 without control characters, at most 512 bytes", errors);
    }
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM &&
        field->enum_type()->FindValueByNumber(reflection->GetEnumValue(message, field)) ==
            nullptr) {
      here.Complain("expected a value of " + field->enum_type()->name(), errors);
    }
  }
}

void CheckEligibility(const check::v1::Eligibility& e, const Place& place, FileErrors* errors) {
  CheckForms(e, place, errors);
  const std::string& insurer = e.insurer_number();
  if (!insurer.empty() && (!AllDigits(insurer) || (insurer.size() != 6 && insurer.size() != 8))) {
    place.Of(e, "insurer_number").Complain("expected an insurer number of 6 or 8 digits", errors);
  }
  if (!e.branch().empty() && (!AllDigits(e.branch()) || e.branch().size() != 2)) {
    place.Of(e, "branch").Complain("expected a branch of 2 digits", errors);
  }
  bool dates = true;
  const auto check_date = [&](const char* field, const std::string& value) {
    if (value.empty() || IsDate(value)) return;
    dates = false;
    place.Of(e, field).Complain("expected a calendar date such as 2030-02-17", errors);
  };
  check_date("birth_date", e.birth_date());
  check_date("valid_from", e.valid_from());
  check_date("valid_to", e.valid_to());
  if (dates && !e.valid_from().empty() && !e.valid_to().empty() && e.valid_to() < e.valid_from()) {
    place.Of(e, "valid_to").Complain("expected a date not before valid_from", errors);
  }
  if (e.share_percent() > 100) {
    place.Of(e, "share_percent").Complain("expected 0 to 100", errors);
  }
}

absl::StatusOr<Certificate> CertificateOfPem(const std::string& pem) {
  std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  unsigned char* raw = nullptr;
  long length = 0;
  const int read = bio == nullptr ? 0
                                  : PEM_bytes_read_bio(&raw, &length, nullptr, PEM_STRING_X509,
                                                       bio.get(), nullptr, nullptr);
  ERR_clear_error();
  if (read != 1) return absl::InvalidArgumentError("no CERTIFICATE block");
  const std::vector<uint8_t> der(raw, raw + length);
  OPENSSL_free(raw);
  return Certificate::Parse(der);
}

// Sets issuer and serial of `insured`. False when the person does not say which card.
bool FindCard(const eligibility::Person& person, const Place& place, const std::string& file,
              const FileReader& read, InsuredPerson* insured, FileErrors* errors) {
  if (person.has_certificate()) {
    const Place here = place.Of(person, "certificate");
    if (!IsText(person.certificate()) || person.certificate().empty()) {
      here.Complain("expected the path of a PEM file", errors);
      return false;
    }
    const auto pem = read(Beside(file, person.certificate()));
    if (!pem.ok()) {
      here.Complain("expected a PEM file; " + std::string(pem.status().message()), errors);
      return false;
    }
    const auto certificate = CertificateOfPem(*pem);
    if (!certificate.ok()) {
      here.Complain("expected a card's certificate; " + std::string(certificate.status().message()),
                    errors);
      return false;
    }
    insured->issuer = certificate->issuer();
    insured->serial = certificate->serial();
    return true;
  }
  if (!person.has_name()) {
    place.Complain("expected certificate or name, to know the card", errors);
    return false;
  }
  const Place here = place.Of(person, "name");
  insured->issuer = person.name().issuer();
  if (!IsText(insured->issuer) || insured->issuer.find('=') == std::string::npos) {
    here.Of(person.name(), "issuer").Complain("expected a name such as O=JPKI,C=JP", errors);
    return false;
  }
  std::string serial = person.name().serial();
  const bool hexadecimal =
      std::all_of(serial.begin(), serial.end(), [](unsigned char c) { return std::isxdigit(c); });
  if (!hexadecimal || serial.empty() || serial.size() > 40) {
    here.Of(person.name(), "serial").Complain("expected 1 to 40 hexadecimal digits", errors);
    return false;
  }
  serial.erase(0, std::min(serial.find_first_not_of('0'), serial.size() - 1));
  std::transform(serial.begin(), serial.end(), serial.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  insured->serial = serial;
  return true;
}

}  // namespace

absl::StatusOr<std::vector<InsuredPerson>> ParseInsured(const std::string& text,
                                                        const std::string& file,
                                                        const FileReader& read) {
  FileErrors errors(file);
  eligibility::Insured insured;
  google::protobuf::TextFormat::ParseInfoTree tree;
  if (!ParseText(text, &insured, &tree, &errors)) return errors.status();
  const Place top(&tree, -1, -1);
  std::vector<InsuredPerson> persons;
  std::map<std::pair<std::string, std::string>, int> seen;
  for (int i = 0; i < insured.person_size(); ++i) {
    const eligibility::Person& person = insured.person(i);
    const Place place = top.Of(insured, "person", i);
    InsuredPerson& added = persons.emplace_back();
    if (FindCard(person, place, file, read, &added, &errors)) {
      const auto [first, fresh] = seen.emplace(std::make_pair(added.issuer, added.serial), i);
      if (!fresh) {
        place.Complain("expected each card once; person " + std::to_string(first->second + 1) +
                           " of this file has the same certificate",
                       &errors);
      }
    }
    added.validity = person.validity();
    if (added.validity == check::v1::VALIDITY_UNSPECIFIED ||
        !check::v1::Validity_IsValid(added.validity)) {
      place.Of(person, "validity")
          .Complain("expected validity: VALIDITY_VALID or another of check.v1.Validity", &errors);
    }
    added.eligibility = person.eligibility();
    CheckEligibility(person.eligibility(), place.Of(person, "eligibility"), &errors);
  }
  if (!errors.empty()) return errors.status();
  return persons;
}

}  // namespace madoguchi::authority
