#ifndef MADOGUCHI_TESTS_FLOWS_FAULTS_HOUSE_H_
#define MADOGUCHI_TESTS_FLOWS_FAULTS_HOUSE_H_

#include <memory>
#include <string>

#include "tests/flows/flow.h"

// The fault table: every failure has its own code. One test a named fault; after each the same
// counter works again, and no card has seen a VERIFY for which nobody typed a PIN. The same table
// for every kind of reader.
namespace madoguchi::clinic {

constexpr int kWindows = 6;

// The one clinic of all these tests.
Clinic& House();

// Counter `number`, with a patient of its own.
Window At(int number);

// The APDUs that a good PIN check needs, from insertion to signature; the certificate is read in
// the second and following ones.
int ApdusOfPinCheck();

}  // namespace madoguchi::clinic

#endif  // MADOGUCHI_TESTS_FLOWS_FAULTS_HOUSE_H_
