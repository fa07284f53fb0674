#ifndef MADOGUCHI_UI_TERMINAL_DOCTOR_DIAGNOSIS_TEXT_H_
#define MADOGUCHI_UI_TERMINAL_DOCTOR_DIAGNOSIS_TEXT_H_

#include <string>

#include "ui/terminal/doctor/diagnosis.pb.h"
#include "ui/terminal/language.h"

namespace madoguchi::terminal::doctor {

// A diagnosis as people read it: the findings, the most likely cause first, what to do about each,
// and one line for each thing that was examined. Everything is escaped; a newline at the end.
std::string DiagnosisText(const Diagnosis& diagnosis, Language language);

// The exit status that says the same: 0 nothing is wrong, 1 something was found, 2 nothing was
// found, and something could not be examined.
int ExitOf(const Diagnosis& diagnosis);

}  // namespace madoguchi::terminal::doctor

#endif  // MADOGUCHI_UI_TERMINAL_DOCTOR_DIAGNOSIS_TEXT_H_
