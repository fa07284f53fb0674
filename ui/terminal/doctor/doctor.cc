// `madoguchi doctor`: finds why a card is not read.
#include "ui/terminal/commands.h"
#include "ui/terminal/doctor/diagnosis_text.h"
#include "ui/terminal/doctor/examine.h"
#include "ui/terminal/doctor/look.h"
#include "ui/terminal/json_line.h"

namespace madoguchi::terminal {

int RunDoctor(const CommandLine& line, const Session& session) {
  doctor::Seen seen;
  seen.host = doctor::AskHost(*session.connection);
  seen.machine = doctor::LookAt(*doctor::ThisMachine(), seen.host);
  const doctor::Diagnosis diagnosis = doctor::Examine(seen);
  session.out << (line.json ? JsonLine(diagnosis) + "\n"
                            : doctor::DiagnosisText(diagnosis, session.language))
              << std::flush;
  return doctor::ExitOf(diagnosis);
}

}  // namespace madoguchi::terminal
