// What readers hang on: each finding by a double.
#include <cerrno>

#include "ui/terminal/doctor/diagnosis_text.h"
#include "ui/terminal/doctor/examine_fixture.h"

namespace madoguchi::terminal::doctor {
namespace {

using namespace check::v1;  // NOLINT: the codes.
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using DiagnosisOfMachine = DiagnosisOfAll;

TEST_F(DiagnosisOfMachine, PcscdAbsentStoppedDeafOrForbidden) {
  Pcscd& pcscd = seen_.machine.pcscd;
  pcscd.connect_errno = EACCES;
  EXPECT_THAT(Codes(), IsEmpty()) << "it is this user who may not, and not the plugin";
  // The plugin says it as well; it is told once.
  seen_.host.readers = From<desk::v1::ReaderTable>(
      "source { plugin: 'reader_pcsc' service: SERVICE_DOWN "
      "trouble { code: FAILURE_CODE_READER_SERVICE_DOWN } }");
  seen_.host.cards.clear();
  pcscd.connect_errno = ECONNREFUSED;
  EXPECT_THAT(Codes(), ElementsAre("pcsc READER_SERVICE_DOWN"));
  EXPECT_THAT(Seen(), HasSubstr("process 17"));
  pcscd.process.reset();
  EXPECT_THAT(Codes(), ElementsAre("pcsc READER_SERVICE_DOWN"));
  EXPECT_THAT(Remedy(), HasSubstr("systemctl enable --now pcscd.socket"));
  pcscd.installed = false;
  EXPECT_THAT(Codes(), ElementsAre("pcsc READER_SERVICE_ABSENT"));
  pcscd.connect_errno = EACCES;
  EXPECT_THAT(Codes(), ElementsAre("pcsc READER_ACCESS_DENIED"));
  EXPECT_EQ(ExitOf(Examine(seen_)), 1);
}

TEST_F(DiagnosisOfMachine, PcscdIsNotMissedWhereNobodyNeedsIt) {
  seen_.machine.pcscd = {false, {}, "/run/pcscd/pcscd.comm", ENOENT};
  Plugin().clear_asked();
  Plugin().clear_granted();
  EXPECT_THAT(Codes(), IsEmpty());
  EXPECT_EQ(StateOf("pcsc"), Examined::STATE_NOT_USED);
}

TEST_F(DiagnosisOfMachine, PcscdThatTakesConnectionsAndAnswersNobody) {
  seen_.host.readers = From<desk::v1::ReaderTable>(
      "source { plugin: 'reader_pcsc' service: SERVICE_DOWN detail: 'no answer' }");
  seen_.host.counters->clear_row();
  seen_.host.cards.clear();
  EXPECT_THAT(Codes(), ElementsAre("pcsc READER_SERVICE_DOWN"));
  EXPECT_THAT(Seen(), HasSubstr("process 17"));
  EXPECT_THAT(Remedy(), HasSubstr("systemctl restart pcscd.socket pcscd"));
  seen_.machine.pcscd.process.reset();
  EXPECT_THAT(Codes(), ElementsAre("pcsc READER_SERVICE_DOWN"));
  EXPECT_THAT(Remedy(), HasSubstr("systemctl restart pcscd.socket pcscd"));
  // A plugin that may not use the socket is another matter.
  seen_.host.readers->mutable_source(0)->mutable_trouble()->set_code(
      FAILURE_CODE_READER_ACCESS_DENIED);
  EXPECT_THAT(Codes(), ElementsAre("readers READER_ACCESS_DENIED"));
}

TEST_F(DiagnosisOfMachine, NobodyKnowsWhetherPcscdIsWantedWithoutTheHost) {
  seen_.host = HostSeen();
  seen_.host.host = FailureStatus(FAILURE_CODE_HOST_UNREACHABLE, "refused");
  seen_.machine.pcscd = {true, {}, "/run/pcscd/pcscd.comm", ENOENT};
  EXPECT_THAT(Codes(), ElementsAre("host HOST_UNREACHABLE", "pcsc READER_SERVICE_DOWN"))
      << "its reader is at the USB";
  seen_.machine.usb = {{"1050:0407", "Yubico YubiKey", true, ""}};
  EXPECT_THAT(Codes(), ElementsAre("host HOST_UNREACHABLE"));
  EXPECT_EQ(StateOf("pcsc"), Examined::STATE_NOT_EXAMINED);
}

TEST_F(DiagnosisOfMachine, AReaderAtTheUsbThatPcscDoesNotSee) {
  seen_.machine.usb.push_back({"aaaa:0001", "Trial Reader 9000", true, ""});
  EXPECT_THAT(Codes(), ElementsAre("usb READER_WITHOUT_DRIVER"));
  EXPECT_THAT(Seen(), HasSubstr("Trial Reader 9000 (aaaa:0001)"));
  // A driver may name it as it likes.
  auto* const other = seen_.host.readers->add_reader();
  other->set_plugin("reader_pcsc");
  other->mutable_state()->set_name("Some Other Name 01 00");
  EXPECT_THAT(Codes(), IsEmpty());
}

TEST_F(DiagnosisOfMachine, AKeyIsNoReader) {
  seen_.machine.usb.push_back({"1050:0407", "Yubico YubiKey", true, ""});
  EXPECT_THAT(Codes(), IsEmpty());
}

TEST_F(DiagnosisOfMachine, TheKernelHasTakenTheReader) {
  seen_.machine.usb[0].module = "pn533_usb";
  EXPECT_THAT(Codes(), ElementsAre("usb READER_PORT_BUSY"));
  EXPECT_THAT(Remedy(), HasSubstr("blacklist pn533_usb"));
}

TEST_F(DiagnosisOfMachine, AReaderWithoutAnyDriver) {
  seen_.machine.usb.push_back({"054c:06c3", "SONY RC-S380/P", false, ""});
  EXPECT_THAT(Codes(), ElementsAre("usb READER_WITHOUT_DRIVER"));
  EXPECT_THAT(Remedy(), HasSubstr("RC-S300"));
  seen_.machine.usb.back().module = "port100";  // the kernel loads it by itself
  EXPECT_THAT(Codes(), ElementsAre("usb READER_WITHOUT_DRIVER"));
}

TEST_F(DiagnosisOfMachine, TheSerialPortAbsentForbiddenOrHeld) {
  SerialPort& port = seen_.machine.serial.emplace_back();
  port.path = "/dev/ttyUSB0";
  port.plugin = "reader_nfc";
  port.others = {"/dev/ttyACM0"};
  EXPECT_THAT(Codes(), ElementsAre("serial READER_PORT_ABSENT"));
  EXPECT_EQ(Seen(), "There is no /dev/ttyUSB0. Ports that are there: /dev/ttyACM0");
  port.there = true;
  EXPECT_THAT(Codes(), IsEmpty());
  EXPECT_EQ(StateOf("serial"), Examined::STATE_WELL);
  port.usable = false;
  port.user = "clinic";
  port.group = "root";
  port.device = "ttyUSB0";
  EXPECT_THAT(Codes(), ElementsAre("serial READER_ACCESS_DENIED"));
  EXPECT_THAT(Remedy(), testing::Not(HasSubstr("-aG root")));
  EXPECT_THAT(Remedy(), HasSubstr("KERNEL==\"ttyUSB0\", GROUP=\"dialout\", MODE=\"0660\""));
  port.group = "dialout";
  port.group_may = true;
  EXPECT_THAT(Codes(), ElementsAre("serial READER_ACCESS_DENIED"));
  EXPECT_THAT(Remedy(), HasSubstr("usermod -aG dialout clinic"));
  port.usable = true;
  port.holders = {{90, "ModemManager"}};
  port.works = true;
  EXPECT_THAT(Codes(), IsEmpty()) << "the reader works all the same";
  port.works = false;
  EXPECT_THAT(Codes(), ElementsAre("serial READER_PORT_BUSY"));
  EXPECT_EQ(Seen(), "/dev/ttyUSB0 is held by ModemManager (process 90).");
  EXPECT_THAT(Remedy(), HasSubstr("disable --now ModemManager"));
}

TEST_F(DiagnosisOfMachine, BluetoothOffAbsentOrWithoutItsService) {
  Plugin().set_asked(0, "bluetooth");
  Plugin().set_granted(0, "bluetooth");
  Bluetooth& bluetooth = seen_.machine.bluetooth;
  // Its plugin comes through, whatever this user can see.
  bluetooth.soft_blocked = true;
  EXPECT_THAT(Codes(), IsEmpty());
  seen_.host.readers->mutable_source(0)->set_service(reader::v1::SERVICE_DOWN);
  EXPECT_THAT(Codes(), ElementsAre("bluetooth BLUETOOTH_OFF"));
  EXPECT_THAT(Remedy(), HasSubstr("rfkill unblock bluetooth"));
  bluetooth.hard_blocked = true;
  EXPECT_THAT(Codes(), ElementsAre("bluetooth BLUETOOTH_OFF"));
  bluetooth = {true, Process{18, "bluetoothd"}, {}, false, false};
  EXPECT_THAT(Codes(), ElementsAre("bluetooth BLUETOOTH_ADAPTER_ABSENT"));
  bluetooth = {true, {}, {"hci0"}, false, false};
  EXPECT_THAT(Codes(), ElementsAre("bluetooth READER_SERVICE_DOWN"));
  bluetooth.installed = false;
  EXPECT_THAT(Codes(), ElementsAre("bluetooth READER_SERVICE_ABSENT"));
}

// Without rfkill nothing but the plugin knows that the adapter has no power.
TEST_F(DiagnosisOfMachine, BluetoothThatIsOffIsToldOnce) {
  Plugin().set_asked(0, "bluetooth");
  Plugin().set_granted(0, "bluetooth");
  for (const char* const service : {"SERVICE_DOWN", "SERVICE_RUNNING"}) {
    seen_.host.readers = From<desk::v1::ReaderTable>(
        std::string("source { plugin: 'reader_pcsc' service: ") + service +
        " trouble { code: FAILURE_CODE_BLUETOOTH_OFF } } reader { plugin: 'reader_pcsc' state { "
        "name: 'A' trouble { code: FAILURE_CODE_BLUETOOTH_OFF } } }");
    seen_.host.counters->clear_row();
    seen_.host.cards.clear();
    EXPECT_THAT(Codes(), ElementsAre("bluetooth BLUETOOTH_OFF"));
    EXPECT_THAT(Remedy(), HasSubstr("bluetoothctl power on"));
  }
  // Its word goes before what this user sees of the machine.
  seen_.machine.bluetooth = {false, {}, {}, false, false};
  EXPECT_THAT(Codes(), ElementsAre("bluetooth BLUETOOTH_OFF"));
  seen_.machine.bluetooth.soft_blocked = true;
  EXPECT_THAT(Remedy(), HasSubstr("rfkill unblock bluetooth"));
}

}  // namespace
}  // namespace madoguchi::terminal::doctor
