#ifndef MADOGUCHI_UI_TERMINAL_DOCTOR_EXAMINE_H_
#define MADOGUCHI_UI_TERMINAL_DOCTOR_EXAMINE_H_

#include <initializer_list>
#include <string>
#include <vector>

#include "ui/terminal/doctor/diagnosis.pb.h"
#include "ui/terminal/doctor/seen.h"
#include "ui/terminal/text.h"

// From what was seen to what is wrong. Every examination is a pure function; examine.cc has them in
// a table, in the order of causes: what comes first explains what comes after it.
namespace madoguchi::terminal::doctor {

// What one examination came to.
struct Part {
  Examined::State state = Examined::STATE_WELL;
  check::v1::Text note;
  std::vector<Finding> findings;
};

// `before` is what the examinations before this one found.
using Examination = Part (*)(const Seen& seen, const Diagnosis& before);

// examine_host.cc: what the host says of itself, of its plugins and its authority.
Part ExamineHost(const Seen& seen, const Diagnosis& before);
Part ExaminePlugins(const Seen& seen, const Diagnosis& before);
Part ExamineAuthority(const Seen& seen, const Diagnosis& before);
// examine_clock.cc
Part ExamineClock(const Seen& seen, const Diagnosis& before);
// examine_machine.cc: what readers hang on.
Part ExaminePcsc(const Seen& seen, const Diagnosis& before);
Part ExamineUsb(const Seen& seen, const Diagnosis& before);
Part ExamineSerial(const Seen& seen, const Diagnosis& before);
Part ExamineBluetooth(const Seen& seen, const Diagnosis& before);
// examine_readers.cc: readers, counters and cards, as the host sees them.
Part ExamineReaders(const Seen& seen, const Diagnosis& before);
Part ExamineCounters(const Seen& seen, const Diagnosis& before);
Part ExamineCards(const Seen& seen, const Diagnosis& before);

// All of them.
Diagnosis Examine(const Seen& seen);

// ---- for the examinations ----

using Values = std::initializer_list<std::string>;

// A phrase in both languages, its places filled.
check::v1::Text Both(const Phrase& phrase, Values values = {});
check::v1::Text Nothing();

Part Well(const Phrase& note, Values values = {});
Part NotUsed(const Phrase& note, Values values = {});
Part NotExamined(const Phrase& why);
// Because the host did not answer: it is not there, this user may not ask, it is older.
Part NotAnswered(const absl::Status& why);
// STATE_FOUND where there are findings, else `well`.
Part Judged(std::vector<Finding> findings, Part well);

Finding Found(check::v1::FailureCode code, check::v1::Text seen, check::v1::Text remedy = Nothing(),
              const std::string& detail = "");
// The same, of one plugin, and of one place of it: a reader ("plugin/name") or a port.
Finding Of(const std::string& plugin, const std::string& place, Finding finding);

// Whether something was found at the examination `id`.
bool FoundAt(const Diagnosis& diagnosis, const std::string& id);

// Whether a plugin of the configuration wants `permission`; nothing is known without a list.
enum class Wanted { kYes, kNo, kUnknown };
Wanted IsWanted(const HostSeen& host, const std::string& permission);

// Whether the plugin of that name was granted `permission`, or asks for it.
bool HasPermission(const HostSeen& host, const std::string& plugin, const std::string& permission);
// What keeps all of a plugin's readers away, in its own words; no code where nothing does.
check::v1::Failure TroubleOf(const desk::v1::ReaderSource& source);
// That of `codes` which a plugin with `permission` says of itself or of a reader; else UNSPECIFIED.
check::v1::FailureCode ToldOf(const HostSeen& host, const std::string& permission,
                              std::initializer_list<check::v1::FailureCode> codes);

// Whether the readers of a plugin with `permission` come through: then what they hang on is well,
// whatever this user can see of it.
bool ComesThrough(const HostSeen& host, const std::string& permission);

// That of `names` which `name` was meant to be, by the letters that differ; empty when none is
// near.
std::string Nearest(const std::string& name, const std::vector<std::string>& names);

}  // namespace madoguchi::terminal::doctor

#endif  // MADOGUCHI_UI_TERMINAL_DOCTOR_EXAMINE_H_
