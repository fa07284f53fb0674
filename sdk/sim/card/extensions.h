#ifndef MADOGUCHI_SDK_SIM_CARD_EXTENSIONS_H_
#define MADOGUCHI_SDK_SIM_CARD_EXTENSIONS_H_

#include <string>
#include <utility>
#include <vector>

#include "sdk/sim/card/openssl.h"

namespace madoguchi::sim {

// Parts of X.509 certificates, in the encodings of the JPKI profile. All answer false (or null)
// where OpenSSL refuses, and leave its error queue as it is.

// The NID of an attribute and its value in UTF-8. A country is a PrintableString, all else a
// UTF8String.
using NamePart = std::pair<int, std::string>;

NamePtr MakeName(const std::vector<NamePart>& parts);

// An extension in the notation of openssl.cnf; `issuer` is the certificate that signs.
bool AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value);

// certificatePolicies from a configuration text whose section "madoguchi" has the key "policy".
bool AddPolicies(X509* certificate, const std::string& configuration);

// subjectAltName or issuerAltName with one directoryName.
bool AddDirectoryName(X509* certificate, int nid, const std::vector<NamePart>& parts);

// One CRL distribution point, a directoryName.
bool AddCrlDirectoryName(X509* certificate, const std::vector<NamePart>& parts);

// subjectAltName with one otherName (object identifier, UTF8String) for each fact.
bool AddPerson(X509* certificate, const std::vector<std::pair<std::string, std::string>>& facts);

}  // namespace madoguchi::sim

#endif  // MADOGUCHI_SDK_SIM_CARD_EXTENSIONS_H_
