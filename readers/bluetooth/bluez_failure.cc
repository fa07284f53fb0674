#include "readers/bluetooth/bluez_failure.h"

namespace madoguchi::bluetooth {
namespace {

using namespace check::v1;  // NOLINT: the enumerators of the table.

struct Row {
  const char* name;
  FailureCode code;
};

// doc/device-api.txt and doc/gatt-api.txt of BlueZ 5.66.
constexpr Row kTable[] = {
    {"org.bluez.Error.AuthenticationFailed", FAILURE_CODE_READER_PAIRING_FAILED},
    {"org.bluez.Error.AuthenticationRejected", FAILURE_CODE_READER_PAIRING_FAILED},
    {"org.bluez.Error.AuthenticationCanceled", FAILURE_CODE_READER_PAIRING_FAILED},
    {"org.bluez.Error.AuthenticationTimeout", FAILURE_CODE_READER_PAIRING_FAILED},
    {"org.bluez.Error.NotReady", FAILURE_CODE_BLUETOOTH_OFF},
    {"org.bluez.Error.NotAuthorized", FAILURE_CODE_READER_PAIRING_FAILED},
    {"org.bluez.Error.NotPermitted", FAILURE_CODE_READER_PAIRING_FAILED},
    // The characteristics are not what the reader's kind has.
    {"org.bluez.Error.NotSupported", FAILURE_CODE_READER_ANSWER_INVALID},
    {"org.bluez.Error.InvalidArguments", FAILURE_CODE_READER_ANSWER_INVALID},
    {"org.freedesktop.DBus.Error.ServiceUnknown", FAILURE_CODE_READER_SERVICE_DOWN},
    {"org.freedesktop.DBus.Error.NameHasNoOwner", FAILURE_CODE_READER_SERVICE_DOWN},
    {"org.freedesktop.DBus.Error.AccessDenied", FAILURE_CODE_READER_ACCESS_DENIED},
};

bool Has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

absl::Status BluezFailure(const std::string& what, const CallError& error) {
  const std::string detail = what + ": " + error.name + ": " + error.text;
  for (const Row& row : kTable) {
    if (error.name == row.name) return FailureStatus(row.code, detail);
  }
  return FailureStatus(FAILURE_CODE_READER_OUT_OF_RANGE, detail);
}

bool WantsPairing(const CallError& error) {
  if (error.name == "org.bluez.Error.NotPermitted") return !Has(error.text, "acquired");
  if (error.name == "org.bluez.Error.NotAuthorized") return true;
  // ATT errors 05, 08, 0C, 0F (Core 5.3, vol 3, part F, 3.4.1.1), as bluetoothd words them.
  return Has(error.text, "Insufficient") || Has(error.text, "ATT error: 0x05") ||
         Has(error.text, "ATT error: 0x08") || Has(error.text, "ATT error: 0x0c") ||
         Has(error.text, "ATT error: 0x0f") || Has(error.text, "Not paired");
}

}  // namespace madoguchi::bluetooth
