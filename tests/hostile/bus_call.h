#ifndef MADOGUCHI_TESTS_HOSTILE_BUS_CALL_H_
#define MADOGUCHI_TESTS_HOSTILE_BUS_CALL_H_

#include <string>

namespace madoguchi::hostile {

// A method call on a D-Bus, with at most one argument, a string, and a number behind it.
struct BusCall {
  std::string destination, path, interface, member;
  std::string signature;  // "", "s" or "su"
  std::string argument;
};

// Logs in at the bus whose socket lies at `socket`, makes the call and waits for its answer; 0 when
// that is a reply. Negative with an errno of EPERM when it is an error, and with another when there
// is no bus.
long Call(const std::string& socket, const BusCall& call);

}  // namespace madoguchi::hostile

#endif  // MADOGUCHI_TESTS_HOSTILE_BUS_CALL_H_
