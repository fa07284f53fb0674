#ifndef MADOGUCHI_UI_TERMINAL_DOCTOR_SEEN_H_
#define MADOGUCHI_UI_TERMINAL_DOCTOR_SEEN_H_

#include <ctime>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "madoguchi/desk/v1/desk.pb.h"

// What was seen before anybody judges it: plain values, which a test writes down as it likes.
namespace madoguchi::terminal::doctor {

// A process, by its number and its short name.
struct Process {
  int pid = 0;
  std::string name;
};

// pcscd and the socket that its clients connect to.
struct Pcscd {
  bool installed = false;
  std::optional<Process> process;
  std::string socket;
  int connect_errno = 0;
};

// A card reader at the USB, in use or not.
struct UsbReader {
  std::string id;      // vendor:product, hexadecimal: 072f:2200
  std::string name;    // as the device says it
  bool ccid = false;   // one of its interfaces is of class 0B (smart card)
  std::string module;  // the kernel's NFC module that has taken it, or nothing
};

// A serial port that a plugin was given, or asks for.
struct SerialPort {
  std::string path;
  std::string plugin;
  bool works = false;  // a reader that is named after it is in no trouble
  bool there = false;
  bool usable = true;               // for the plugin's user, by the port's owner, group and mode
  std::string user;                 // that user
  std::string group;                // the port's group
  bool group_may = false;           // read and write the port, and is not root's
  std::string device;               // the kernel's name of the port, without links: ttyUSB0
  std::vector<Process> holders;     // other programs that have it open, as far as they can be seen
  std::vector<std::string> others;  // ports that are there
};

struct Bluetooth {
  bool installed = false;  // bluetoothd
  std::optional<Process> process;
  std::vector<std::string> adapters;
  bool soft_blocked = false;  // by rfkill
  bool hard_blocked = false;  // by a switch at the machine
};

struct MachineSeen {
  std::time_t now = 0;    // when the host told its time, where it did
  std::time_t built = 0;  // when this program's file was written; 0: not known
  Pcscd pcscd;
  std::vector<UsbReader> usb;
  std::vector<SerialPort> serial;
  Bluetooth bluetooth;
  int hidden_processes = 0;  // whose open files this user may not see
  std::string user;          // who runs this program
  std::string host_user;     // whose the host's socket is; empty: there is none here
};

// What the host says of itself. Whatever it did not answer has the reason in its place.
struct HostSeen {
  std::string address;
  bool local = true;       // on this machine
  bool connected = false;  // to its socket, if it is local
  absl::StatusOr<desk::v1::GetHostReply> host = absl::UnknownError("not asked");
  std::time_t told_at = 0;  // by this machine's clock, when `host` came; 0: it did not
  absl::StatusOr<desk::v1::ListPluginsReply> plugins = absl::UnknownError("not asked");
  absl::StatusOr<desk::v1::ReaderTable> readers = absl::UnknownError("not asked");
  absl::StatusOr<desk::v1::ListCountersReply> counters = absl::UnknownError("not asked");
  // By "plugin/reader", for each card that lies there and that no check has taken.
  std::map<std::string, absl::StatusOr<desk::v1::CardKind>> cards;
  absl::StatusOr<desk::v1::ProbeAuthorityReply> authority = absl::UnknownError("not asked");
};

struct Seen {
  MachineSeen machine;
  HostSeen host;
};

}  // namespace madoguchi::terminal::doctor

#endif  // MADOGUCHI_UI_TERMINAL_DOCTOR_SEEN_H_
