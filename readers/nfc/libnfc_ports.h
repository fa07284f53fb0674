#ifndef MADOGUCHI_READERS_NFC_LIBNFC_PORTS_H_
#define MADOGUCHI_READERS_NFC_LIBNFC_PORTS_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "readers/nfc/nfc_device.h"

namespace madoguchi::nfc {

// Devices of libnfc 1.8 at serial ports. What libnfc would do wrong is kept from it here; README.md
// has the list.
class LibnfcPorts final : public NfcPorts {
 public:
  // `driver`: pn532_uart, arygon or acr122s. `speed`: bits a second.
  LibnfcPorts(std::string driver, int64_t speed) : driver_(std::move(driver)), speed_(speed) {}
  absl::StatusOr<std::unique_ptr<NfcDevice>> Open(const std::string& path) override;
  bool worn() const override;

 private:
  const std::string driver_;
  const int64_t speed_;
  // Descriptors: each abort costs libnfc one, and it takes back those of which it hears.
  std::atomic<int> lost_{0};
};

// What a result of libnfc means for a card that was found before. 0 and above: kDone.
Outcome OutcomeOf(int result);

}  // namespace madoguchi::nfc

#endif  // MADOGUCHI_READERS_NFC_LIBNFC_PORTS_H_
