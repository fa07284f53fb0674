#ifndef MADOGUCHI_READERS_NFC_NFC_READER_H_
#define MADOGUCHI_READERS_NFC_NFC_READER_H_

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "readers/nfc/nfc_device.h"
#include "readers/nfc/nfc_slot.h"
#include "sdk/plugin/reader.h"

namespace madoguchi::nfc {

// Readers of the setting `devices`, a slot each. Thread-safe.
class NfcReader final : public plugin::Reader {
 public:
  // On libnfc.
  NfcReader() = default;
  // On `ports`, which must outlive it; the settings driver and speed are then of no meaning.
  NfcReader(NfcPorts& ports, Timing timing) : ports_(&ports), timing_(timing) {}
  ~NfcReader() override;

  std::string name() const override { return "reader_nfc"; }
  absl::Status Start(const plugin::Settings& settings) override;
  void Stop() override;
  absl::StatusOr<reader::v1::OpenReply> Open(const reader::v1::OpenRequest& request) override;
  absl::StatusOr<std::vector<uint8_t>> Transmit(uint64_t session,
                                                std::span<const uint8_t> command) override;
  absl::StatusOr<std::vector<uint8_t>> TransmitPin(uint64_t session,
                                                   plugin::PinCommand& command) override;
  void Close(uint64_t session) override;

 private:
  void Publish();
  // Ends the process where the ports are worn and no session is open: the host starts it again.
  void EndIfWorn();
  NfcSlot* SlotOf(uint64_t session);

  std::unique_ptr<NfcPorts> own_ports_;
  NfcPorts* ports_ = nullptr;
  Timing timing_;

  // Guards the table below and the order of publishing. The slots themselves stay from Start on.
  std::mutex mutex_;
  bool started_ = false;
  bool ending_ = false;
  uint64_t last_session_ = 0;
  std::map<uint64_t, NfcSlot*> sessions_;
  std::vector<std::unique_ptr<NfcSlot>> slots_;
};

}  // namespace madoguchi::nfc

#endif  // MADOGUCHI_READERS_NFC_NFC_READER_H_
