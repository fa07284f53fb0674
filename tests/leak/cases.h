#ifndef MADOGUCHI_TESTS_LEAK_CASES_H_
#define MADOGUCHI_TESTS_LEAK_CASES_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/leak/memory_search.h"

// Checks by PIN in a clinic of real processes, each ended in its own way, and the search for the
// typed PIN afterwards.
namespace madoguchi::leak {

// What the search found, by the program's name as /proc has it; "files" is the whole folder of the
// clinic (databases, state, logs, traces), "plugin logs" the rows that the admin sees.
using Findings = std::vector<std::pair<std::string, Found>>;

struct Case {
  const char* name;
  // Fails the running test when the check does not go as it should. Findings without the screen
  // when there was none.
  std::function<Findings()> run;
};

const std::vector<Case>& Cases();

// The reader plugin's name: reader_pcsc inside private-pcscd, else reader_virtual.
std::string ReaderName();

// One line: the hits of each process.
std::string Row(const std::string& name, const Findings& findings);

}  // namespace madoguchi::leak

#endif  // MADOGUCHI_TESTS_LEAK_CASES_H_
