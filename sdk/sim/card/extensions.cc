#include "sdk/sim/card/extensions.h"

#include <openssl/conf.h>
#include <openssl/x509v3.h>

#include <memory>

namespace madoguchi::sim {
namespace {

using ExtensionPtr = std::unique_ptr<X509_EXTENSION, OpensslFree<X509_EXTENSION_free>>;
using GeneralNamesPtr = std::unique_ptr<GENERAL_NAMES, OpensslFree<GENERAL_NAMES_free>>;
using GeneralNamePtr = std::unique_ptr<GENERAL_NAME, OpensslFree<GENERAL_NAME_free>>;
using PointsPtr = std::unique_ptr<CRL_DIST_POINTS, OpensslFree<CRL_DIST_POINTS_free>>;
using PointPtr = std::unique_ptr<DIST_POINT, OpensslFree<DIST_POINT_free>>;
using ConfPtr = std::unique_ptr<CONF, OpensslFree<NCONF_free>>;

GeneralNamesPtr DirectoryName(const std::vector<NamePart>& parts) {
  GeneralNamesPtr names(GENERAL_NAMES_new());
  GeneralNamePtr one(GENERAL_NAME_new());
  NamePtr directory = MakeName(parts);
  if (names == nullptr || one == nullptr || directory == nullptr) return nullptr;
  GENERAL_NAME_set0_value(one.get(), GEN_DIRNAME, directory.release());
  if (sk_GENERAL_NAME_push(names.get(), one.get()) == 0) return nullptr;
  one.release();
  return names;
}

bool Add(X509* certificate, int nid, void* value) {
  return X509_add1_ext_i2d(certificate, nid, value, /*crit=*/0, X509V3_ADD_DEFAULT) == 1;
}

}  // namespace

NamePtr MakeName(const std::vector<NamePart>& parts) {
  NamePtr name(X509_NAME_new());
  if (name == nullptr) return nullptr;
  for (const auto& [nid, value] : parts) {
    const int type = nid == NID_countryName ? V_ASN1_PRINTABLESTRING : V_ASN1_UTF8STRING;
    if (X509_NAME_add_entry_by_NID(name.get(), nid, type,
                                   reinterpret_cast<const unsigned char*>(value.data()),
                                   static_cast<int>(value.size()), /*loc=*/-1, /*set=*/0) != 1) {
      return nullptr;
    }
  }
  return name;
}

bool AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509V3_set_ctx_nodb(&context);
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool AddPolicies(X509* certificate, const std::string& configuration) {
  const ConfPtr conf(NCONF_new(nullptr));
  const BioPtr text(BIO_new_mem_buf(configuration.data(), static_cast<int>(configuration.size())));
  long error_line = 0;  // NOLINT(google-runtime-int): OpenSSL's type.
  if (conf == nullptr || text == nullptr ||
      NCONF_load_bio(conf.get(), text.get(), &error_line) <= 0) {
    return false;
  }
  X509V3_CTX context;
  X509V3_set_ctx(&context, nullptr, certificate, nullptr, nullptr, 0);
  X509V3_set_nconf(&context, conf.get());
  const char* value = NCONF_get_string(conf.get(), "madoguchi", "policy");
  if (value == nullptr) return false;
  const ExtensionPtr extension(
      X509V3_EXT_nconf_nid(conf.get(), &context, NID_certificate_policies, value));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool AddDirectoryName(X509* certificate, int nid, const std::vector<NamePart>& parts) {
  const GeneralNamesPtr names = DirectoryName(parts);
  return names != nullptr && Add(certificate, nid, names.get());
}

bool AddCrlDirectoryName(X509* certificate, const std::vector<NamePart>& parts) {
  const PointsPtr points(CRL_DIST_POINTS_new());
  PointPtr point(DIST_POINT_new());
  GeneralNamesPtr names = DirectoryName(parts);
  if (points == nullptr || point == nullptr || names == nullptr) return false;
  point->distpoint = DIST_POINT_NAME_new();
  if (point->distpoint == nullptr) return false;
  point->distpoint->type = 0;  // fullName
  point->distpoint->name.fullname = names.release();
  if (sk_DIST_POINT_push(points.get(), point.get()) == 0) return false;
  point.release();
  return Add(certificate, NID_crl_distribution_points, points.get());
}

bool AddPerson(X509* certificate, const std::vector<std::pair<std::string, std::string>>& facts) {
  const GeneralNamesPtr names(GENERAL_NAMES_new());
  if (names == nullptr) return false;
  for (const auto& [oid, text] : facts) {
    GeneralNamePtr one(GENERAL_NAME_new());
    ASN1_OBJECT* object = OBJ_txt2obj(oid.c_str(), /*no_name=*/1);
    ASN1_TYPE* value = ASN1_TYPE_new();
    ASN1_UTF8STRING* string = ASN1_UTF8STRING_new();
    // The pieces below are owned by `one` from here on; running out of memory in between ends a
    // simulator anyway.
    if (one == nullptr || object == nullptr || value == nullptr || string == nullptr ||
        ASN1_STRING_set(string, text.data(), static_cast<int>(text.size())) != 1) {
      return false;
    }
    ASN1_TYPE_set(value, V_ASN1_UTF8STRING, string);
    if (GENERAL_NAME_set0_othername(one.get(), object, value) != 1 ||
        sk_GENERAL_NAME_push(names.get(), one.get()) == 0) {
      return false;
    }
    one.release();
  }
  return Add(certificate, NID_subject_alt_name, names.get());
}

}  // namespace madoguchi::sim
