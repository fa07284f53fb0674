#include "readers/nfc/libnfc_ports.h"

#include <fcntl.h>
#include <nfc/nfc.h>
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

#include "readers/nfc/contactless_atr.h"
#include "sdk/failure/failure.h"
#include "sdk/secret/secret.h"

namespace madoguchi::nfc {
namespace {

using namespace check::v1;  // NOLINT: the failure codes.

constexpr nfc_modulation kTypeB = {NMT_ISO14443B, NBR_106};
// libnfc has room for 263 bytes and copies more without a look; what it fills itself has 264.
constexpr size_t kRoom = 264;
// ISO/IEC 14443-3, 5.1: a card forgets everything within 5 ms without a field.
constexpr std::chrono::milliseconds kWithoutField(6);
// NXP UM0701-02: an ACK, which ends what is under way, and RFConfiguration with the field off.
constexpr uint8_t kEndAndFieldOff[] = {0x00, 0x00, 0xFF, 0x00, 0xFF, 0x00, 0x00, 0x00, 0xFF,
                                       0x04, 0xFC, 0xD4, 0x32, 0x01, 0x00, 0xF9, 0x00};
// Of the 256 that a plugin may have open.
constexpr int kMostLost = 16;

FailureCode CodeOfOpening(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      return FAILURE_CODE_READER_ACCESS_DENIED;
    case EBUSY:
      return FAILURE_CODE_READER_PORT_BUSY;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return FAILURE_CODE_READER_LOST;
    default:
      return FAILURE_CODE_READER_PORT_ABSENT;
  }
}

// The serial device, held open and locked while libnfc has it open as well. The lock is the
// kernel's, on the device itself: it is the same by every name, in every jail, and gone with its
// holder.
class Port {
 public:
  explicit Port(int fd) : fd_(fd) {}
  Port(Port&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Port() {
    if (fd_ >= 0) close(fd_);
  }

  static absl::StatusOr<Port> Lock(const std::string& path) {
    const int fd = open(path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
      return FailureStatus(CodeOfOpening(errno), path + ": " + std::strerror(errno));
    }
    Port port(fd);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
      return FailureStatus(FAILURE_CODE_READER_PORT_BUSY, path + ": another program has locked it");
    }
    return port;
  }

  // Beside libnfc, to what hangs on the line. A line that takes no more is none to wait for.
  void Say(std::span<const uint8_t> bytes) const {
    [[maybe_unused]] const ssize_t said = write(fd_, bytes.data(), bytes.size());
  }

  // It was unplugged.
  bool HungUp() const {
    pollfd watched{fd_, 0, 0};
    return poll(&watched, 1, 0) > 0;
  }

 private:
  int fd_;
};

class LibnfcDevice final : public NfcDevice {
 public:
  // `bare_line`: nothing stands between the line and the chip. `lost` must outlive it.
  LibnfcDevice(Port port, nfc_context* context, bool bare_line, std::atomic<int>& lost)
      : port_(std::move(port)), context_(context), bare_line_(bare_line), lost_(lost) {}
  ~LibnfcDevice() override {
    // With a device that is gone each of libnfc's farewells fails at once. Its own nfc_close leaves
    // the field on where the first of them meets an answer that the chip still owed.
    if (device_ != nullptr) {
      if (FieldOff() != Outcome::kDone) FieldOff();
      nfc_close(device_);
    }
    nfc_exit(context_);
  }

  // False when nothing there talks as it should.
  bool Begin(const std::string& connstring) {
    nfc_connstring name{};
    if (connstring.size() >= sizeof(name)) return false;
    std::copy(connstring.begin(), connstring.end(), name);
    device_ = nfc_open(context_, name);
    if (device_ == nullptr || nfc_initiator_init(device_) < 0) return false;
    // Else the chip polls on for ever, and libnfc gives up on it after 300 ms.
    if (nfc_device_set_property_bool(device_, NP_INFINITE_SELECT, false) < 0) return false;
    char* about = nullptr;
    if (nfc_device_get_information_about(device_, &about) >= 0 && about != nullptr) {
      const std::string text = about;
      const size_t begin = text.find("chip: ");
      if (begin != text.npos) {
        chip_ = text.substr(begin + 6, text.find_first_of("\r\n", begin) - begin - 6);
        // "PN532 v1.6"
        if (const size_t end = chip_.find(' ', chip_.find(' ') + 1); end != chip_.npos) {
          chip_.resize(end);
        }
      }
    }
    nfc_free(about);
    // A process that was killed may have left a card with a PIN verified, and libnfc itself had the
    // field off for less than a card needs to forget it.
    return FieldOff() == Outcome::kDone;
  }

  std::string chip() const override { return chip_; }

  Outcome Find(std::vector<uint8_t>* atr) override {
    nfc_target target{};
    const int result = nfc_initiator_select_passive_target(device_, kTypeB, nullptr, 0, &target);
    if (result == 0) return Outcome::kNoCard;
    // No card was there that could be gone.
    if (result < 0) return OfLine(result);
    const nfc_iso14443b_info& info = target.nti.nbi;
    *atr = ContactlessAtr(std::span<const uint8_t, 4>(info.abtApplicationData),
                          std::span<const uint8_t, 3>(info.abtProtocolInfo), 0);
    return Outcome::kDone;
  }

  Outcome Ping() override {
    const int result = nfc_initiator_target_is_present(device_, nullptr);
    return result < 0 ? OfCard(result) : Outcome::kDone;
  }

  Outcome Exchange(std::span<const uint8_t> command, std::chrono::milliseconds patience,
                   std::vector<uint8_t>* answer) override {
    // A longer one overwrites libnfc's stack; 0 and -1 are other times than they say.
    if (command.empty() || command.size() > kLongestCommand || patience.count() <= 0) {
      return Outcome::kGarbled;
    }
    std::array<uint8_t, kRoom> room;
    const int result =
        nfc_initiator_transceive_bytes(device_, command.data(), command.size(), room.data(),
                                       room.size(), static_cast<int>(patience.count()));
    if (result == NFC_EOPABORTED) --lost_;
    if (result < 0) return OfCard(result);
    if (static_cast<size_t>(result) > kLongestAnswer) return Outcome::kTooLong;
    answer->assign(room.begin(), room.begin() + result);
    return Outcome::kDone;
  }

  void Abort() override {
    ++lost_;
    nfc_abort_command(device_);
  }

  void Cut() override {
    // libnfc takes the chip's acknowledgement for its own, and the answer for a wrong one.
    bare_line_ ? port_.Say(kEndAndFieldOff) : Abort();
  }

  Outcome FieldOff() override {
    const int result = nfc_device_set_property_bool(device_, NP_ACTIVATE_FIELD, false);
    std::this_thread::sleep_for(kWithoutField);
    return result < 0 ? OfLine(result) : Outcome::kDone;
  }

 private:
  Outcome OfCard(int result) const {
    const Outcome outcome = OutcomeOf(result);
    return outcome == Outcome::kGarbled && port_.HungUp() ? Outcome::kLost : outcome;
  }
  Outcome OfLine(int result) const {
    const Outcome outcome = OfCard(result);
    return outcome == Outcome::kCardGone ? Outcome::kGarbled : outcome;
  }

  const Port port_;
  nfc_context* const context_;
  const bool bare_line_;
  std::atomic<int>& lost_;
  nfc_device* device_ = nullptr;
  std::string chip_;
};

}  // namespace

Outcome OutcomeOf(int result) {
  if (result >= 0) return Outcome::kDone;
  switch (result) {
    case NFC_ETIMEOUT:
      return Outcome::kSilent;
    case NFC_EOPABORTED:
      return Outcome::kAborted;
    // The chip waited for the card in vain, let it go, or knows of none.
    case NFC_ERFTRANS:
    case NFC_ETGRELEASED:
    case NFC_EINVARG:
      return Outcome::kCardGone;
    // More than its buffer, or than ours.
    case NFC_ECHIP:
    case NFC_EOVFLOW:
      return Outcome::kTooLong;
    case NFC_ENOTSUCHDEV:
      return Outcome::kLost;
    default:
      return Outcome::kGarbled;
  }
}

absl::StatusOr<std::unique_ptr<NfcDevice>> LibnfcPorts::Open(const std::string& path) {
  absl::StatusOr<Port> port = Port::Lock(path);
  if (!port.ok()) return port.status();
  nfc_context* context = nullptr;
  nfc_init(&context);
  if (context == nullptr) return FailureStatus(FAILURE_CODE_READER_LOST, "nfc_init has no memory");
  auto device =
      std::make_unique<LibnfcDevice>(*std::move(port), context, driver_ == "pn532_uart", lost_);
  if (!device->Begin(driver_ + ":" + path + ":" + std::to_string(speed_))) {
    return FailureStatus(FAILURE_CODE_READER_SILENT, path + ": no chip answers there");
  }
  return std::unique_ptr<NfcDevice>(std::move(device));
}

bool LibnfcPorts::worn() const { return lost_ >= kMostLost; }

}  // namespace madoguchi::nfc
