#ifndef MADOGUCHI_UI_TERMINAL_DOCTOR_LOOK_H_
#define MADOGUCHI_UI_TERMINAL_DOCTOR_LOOK_H_

#include "sdk/screen/connect.h"
#include "ui/terminal/doctor/machine.h"
#include "ui/terminal/doctor/seen.h"

namespace madoguchi::terminal::doctor {

// Looks at `machine`. `host` tells which plugins there are, and so which ports are of interest.
// Where the host is on another machine nothing but this one's clock and program is looked at.
MachineSeen LookAt(const Machine& machine, const HostSeen& host);

// Asks the host all that this caller may know. Cards that lie on its readers are looked at, those
// that a check has taken are not. Takes some seconds where a card or the authority is silent.
HostSeen AskHost(screen::DeskConnection& connection);

}  // namespace madoguchi::terminal::doctor

#endif  // MADOGUCHI_UI_TERMINAL_DOCTOR_LOOK_H_
