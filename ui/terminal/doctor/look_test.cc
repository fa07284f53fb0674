// What is seen of a machine, by a double of it.
#include "ui/terminal/doctor/look.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "sdk/failure/failure.h"
#include "ui/terminal/doctor/fake_machine.h"
#include "ui/terminal/scripted_desk.h"

namespace madoguchi::terminal::doctor {
namespace {

using testing::ElementsAre;

HostSeen HostWith(const std::string& permission, int pid = 0) {
  HostSeen host;
  host.plugins = desk::v1::ListPluginsReply();
  auto* const row = host.plugins->add_plugin();
  row->set_name("reader_nfc");
  row->set_state(desk::v1::PluginRow::STATE_RUNNING);
  row->set_pid(pid);
  row->add_asked(permission);
  return host;
}

TEST(Look, FindsPcscdByFileProcessAndSocket) {
  FakeMachine machine;
  EXPECT_FALSE(LookAt(machine, {}).pcscd.installed);
  EXPECT_EQ(LookAt(machine, {}).pcscd.connect_errno, ENOENT);
  machine.files = {{"/usr/sbin/pcscd", ""}, {"/proc/17/comm", "pcscd\n"}, {"/proc/self/comm", "x"}};
  machine.environment["PCSCLITE_CSOCK_NAME"] = "/private/pcscd.comm";
  machine.sockets["/private/pcscd.comm"] = 0;
  const Pcscd seen = LookAt(machine, {}).pcscd;
  EXPECT_TRUE(seen.installed);
  ASSERT_TRUE(seen.process);
  EXPECT_EQ(seen.process->pid, 17);
  EXPECT_EQ(seen.socket, "/private/pcscd.comm");
  EXPECT_EQ(seen.connect_errno, 0);
}

TEST(Look, FindsReadersAtTheUsbByClassIdAndModule) {
  FakeMachine machine;
  const std::string usb = "/sys/bus/usb/devices/";
  const auto add = [&](const std::string& at, const std::string& vendor, const std::string& product,
                       const std::string& maker, const std::string& name,
                       const std::string& interface_class, const std::string& driver) {
    machine.files[usb + at + "/idVendor"] = vendor + "\n";
    machine.files[usb + at + "/idProduct"] = product + "\n";
    machine.files[usb + at + "/manufacturer"] = maker + "\n";
    machine.files[usb + at + "/product"] = name + "\n";
    machine.files[usb + at + ":1.0/bInterfaceClass"] = interface_class + "\n";
    if (!driver.empty())
      machine.links[usb + at + ":1.0/driver"] = "../../../bus/usb/drivers/" + driver;
  };
  add("1-1", "072f", "2200", "ACS", "ACR122U PICC Interface", "0b", "pn533_usb");
  add("1-2", "aaaa", "0001", "Trial", "Trial Reader 9", "0b", "usbfs");
  add("1-3", "054c", "06c1", "SONY", "RC-S380/S", "ff", "");
  add("1-4", "aaaa", "0002", "Trial", "Mouse", "03", "usbhid");
  const auto seen = LookAt(machine, {}).usb;
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0].id, "072f:2200");
  EXPECT_EQ(seen[0].name, "ACS ACR122U PICC Interface");
  EXPECT_EQ(seen[0].module, "pn533_usb");
  EXPECT_TRUE(seen[1].ccid);
  EXPECT_EQ(seen[1].name, "Trial Reader 9") << "the maker is not said twice";
  EXPECT_EQ(seen[1].module, "") << "a program that uses it is no module";
  EXPECT_FALSE(seen[2].ccid);
}

class SerialLook : public testing::Test {
 protected:
  SerialLook() {
    machine_.facts["/dev/ttyUSB0"] = {0, 20, 0660, 0};
    machine_.files["/etc/group"] = "root:x:0:\ndialout:x:20:clinic\n";
    machine_.files["/etc/passwd"] = "root:x:0:0::/:/bin/sh\nclinic:x:1000:1000::/:/bin/sh\n";
    machine_.files["/proc/77/comm"] = "reader_nfc\n";
    machine_.files["/proc/77/status"] =
        "Name:\treader_nfc\nUid:\t1000\t1000\t1000\t1000\nGid:\t1000\t1000\t1000\t1000\nGroups:\t4 "
        "24 \n";
  }
  SerialPort Port(const std::string& path = "/dev/ttyUSB0") {
    const auto seen = LookAt(machine_, HostWith("serial:" + path, 77));
    EXPECT_EQ(seen.serial.size(), 1u);
    return seen.serial.empty() ? SerialPort() : seen.serial.front();
  }
  FakeMachine machine_;
};

TEST_F(SerialLook, JudgesTheRightsOfThePluginsOwnUser) {
  EXPECT_FALSE(Port().usable);
  EXPECT_EQ(Port().user, "clinic");
  EXPECT_EQ(Port().group, "dialout");
  machine_.files["/proc/77/status"] += "Groups:\t20\n";
  EXPECT_TRUE(Port().usable);
  // While the plugin does not run nobody knows whose rights it will have.
  machine_.files["/proc/self/status"] = "Uid:\t2000\t2000\t2000\t2000\n";
  const SerialPort port = LookAt(machine_, HostWith("serial:/dev/ttyUSB0")).serial.at(0);
  EXPECT_TRUE(port.usable);
  EXPECT_EQ(port.user, "");
}

TEST_F(SerialLook, AGroupOpensThePortUnlessItIsRootsOrMayNothing) {
  machine_.links["/dev/serial/by-id/usb-trial"] = "/dev/ttyUSB0";
  EXPECT_TRUE(Port().group_may);
  machine_.facts["/dev/ttyUSB0"] = {0, 20, 0600, 0};
  EXPECT_FALSE(Port().group_may);
  machine_.facts["/dev/ttyUSB0"] = {0, 0, 0660, 0};
  EXPECT_FALSE(Port().group_may);
  machine_.facts["/dev/serial/by-id/usb-trial"] = machine_.facts["/dev/ttyUSB0"];
  EXPECT_EQ(Port("/dev/serial/by-id/usb-trial").device, "ttyUSB0");
}

TEST(Look, TellsWhoAsksAndWhoseTheHostIs) {
  FakeMachine machine;
  machine.files["/etc/passwd"] = "root:x:0:0::/:/bin/sh\nclinic:x:1000:1000::/:/bin/sh\n";
  machine.files["/proc/self/status"] = "Uid:\t0\t0\t0\t0\n";
  machine.facts["/run/desk.sock"] = {1000, 1000, 0666, 0};
  HostSeen host;
  host.address = "/run/desk.sock";
  EXPECT_EQ(LookAt(machine, host).user, "root");
  EXPECT_EQ(LookAt(machine, host).host_user, "clinic");
  host.local = false;
  EXPECT_EQ(LookAt(machine, host).host_user, "");
}

TEST_F(SerialLook, NamesWhoHoldsThePortThroughItsLinks) {
  machine_.links["/dev/serial/by-id/usb-trial"] = "/dev/ttyUSB0";
  machine_.facts["/dev/serial/by-id/usb-trial"] = machine_.facts["/dev/ttyUSB0"];
  machine_.files["/proc/90/comm"] = "ModemManager\n";
  machine_.links["/proc/90/fd/7"] = "/dev/ttyUSB0";
  machine_.links["/proc/77/fd/7"] = "/dev/ttyUSB0";  // the plugin itself
  machine_.files["/proc/91/comm"] = "other\n";
  machine_.hidden.insert("/proc/91/fd");
  const SerialPort port = Port("/dev/serial/by-id/usb-trial");
  ASSERT_EQ(port.holders.size(), 1u);
  EXPECT_EQ(port.holders[0].name, "ModemManager");
  EXPECT_EQ(port.holders[0].pid, 90);
  EXPECT_EQ(LookAt(machine_, HostWith("serial:/dev/ttyUSB0")).hidden_processes, 1);
}

TEST_F(SerialLook, FindsThePortsThatReadersAreNamedAfter) {
  HostSeen host = HostWith("serial", 77);
  EXPECT_TRUE(LookAt(machine_, host).serial.empty());
  host.readers = desk::v1::ReaderTable();
  auto* const row = host.readers->add_reader();
  row->set_plugin("reader_nfc");
  row->mutable_state()->set_name("NFC /dev/ttyUSB0");
  row->mutable_state()->set_link(reader::v1::LINK_SERIAL);
  ASSERT_EQ(LookAt(machine_, host).serial.size(), 1u);
  EXPECT_EQ(LookAt(machine_, host).serial[0].path, "/dev/ttyUSB0");
  EXPECT_TRUE(LookAt(machine_, host).serial[0].works);
  row->mutable_state()->mutable_trouble()->set_code(check::v1::FAILURE_CODE_READER_PORT_BUSY);
  EXPECT_FALSE(LookAt(machine_, host).serial[0].works);
}

TEST_F(SerialLook, WhatAReaderIsNamedAfterIsLookedAtWhereItIsADevice) {
  HostSeen host = HostWith("serial", 77);
  host.readers = desk::v1::ReaderTable();
  for (const char* const path : {"/etc/shadow", "/dev/../etc/shadow", "/device/ttyUSB0"}) {
    machine_.files[path] = "";
    auto* const row = host.readers->add_reader();
    row->set_plugin("reader_nfc");
    row->mutable_state()->set_name(std::string("NFC ") + path);
    row->mutable_state()->set_link(reader::v1::LINK_SERIAL);
  }
  EXPECT_TRUE(LookAt(machine_, host).serial.empty());
}

TEST_F(SerialLook, TellsWhichPortsAreThereInstead) {
  machine_.facts["/dev/ttyACM3"] = {};
  const SerialPort port = Port("/dev/ttyUSB9");
  EXPECT_FALSE(port.there);
  EXPECT_THAT(port.others, ElementsAre("/dev/ttyACM3", "/dev/ttyUSB0"));
}

TEST(Look, FindsTheAdapterAndWhatSwitchesItOff) {
  FakeMachine machine;
  EXPECT_TRUE(LookAt(machine, {}).bluetooth.adapters.empty());
  machine.links = {{"/sys/class/bluetooth/hci0", "x"}, {"/sys/class/bluetooth/hci0:12", "x"}};
  machine.files = {{"/sys/class/rfkill/rfkill0/type", "wlan\n"},
                   {"/sys/class/rfkill/rfkill0/soft", "1\n"},
                   {"/sys/class/rfkill/rfkill1/type", "bluetooth\n"},
                   {"/sys/class/rfkill/rfkill1/soft", "0\n"},
                   {"/sys/class/rfkill/rfkill1/hard", "1\n"}};
  const Bluetooth seen = LookAt(machine, {}).bluetooth;
  EXPECT_THAT(seen.adapters, ElementsAre("hci0"));
  EXPECT_FALSE(seen.soft_blocked);
  EXPECT_TRUE(seen.hard_blocked);
}

TEST(Look, OfARemoteHostSeesNothingButTheClockOfThisMachine) {
  FakeMachine machine;
  machine.files = {{"/usr/sbin/pcscd", ""},
                   {"/proc/17/comm", "bluetoothd\n"},
                   {"/sys/bus/usb/devices/1-1/idVendor", "072f\n"},
                   {"/sys/bus/usb/devices/1-1/idProduct", "2200\n"}};
  machine.sockets["/run/pcscd/pcscd.comm"] = 0;
  machine.facts["/dev/ttyUSB0"] = {};
  machine.facts["/proc/self/exe"] = {0, 0, 0755, 7};
  HostSeen host = HostWith("serial:/dev/ttyUSB0");
  const MachineSeen here = LookAt(machine, host);
  EXPECT_TRUE(here.pcscd.installed);
  EXPECT_EQ(here.usb.size(), 1u);
  EXPECT_EQ(here.serial.size(), 1u);
  EXPECT_TRUE(here.bluetooth.process);
  host.local = false;
  const MachineSeen seen = LookAt(machine, host);
  EXPECT_FALSE(seen.pcscd.installed);
  EXPECT_EQ(seen.pcscd.socket, "") << "nothing was connected to";
  EXPECT_TRUE(seen.usb.empty());
  EXPECT_TRUE(seen.serial.empty());
  EXPECT_FALSE(seen.bluetooth.process);
  EXPECT_EQ(seen.built, 7);
  EXPECT_EQ(seen.now, machine.now);
}

TEST(Look, TakesTheTimeWhenTheHostToldIts) {
  FakeMachine machine;
  HostSeen host;
  EXPECT_EQ(LookAt(machine, host).now, machine.now);
  host.told_at = machine.now - 300;  // the looks at many cards took that long
  EXPECT_EQ(LookAt(machine, host).now, machine.now - 300);
}

TEST(AskHost, KeepsWhyItMayNotSeeTheReaders) {
  ScriptedDesk desk([](const desk::v1::Reply&) { return absl::OkStatus(); });
  desk.refusal = check::v1::FAILURE_CODE_ROLE_FORBIDDEN;
  const auto connection = screen::DeskConnection::Local(desk.socket_path());
  for (int round = 0; round < 20; ++round) {
    const HostSeen seen = AskHost(*connection);
    ASSERT_TRUE(seen.host.ok()) << seen.host.status();
    EXPECT_TRUE(seen.connected);
    EXPECT_EQ(CodeOf(seen.readers.status()), check::v1::FAILURE_CODE_ROLE_FORBIDDEN)
        << seen.readers.status();
  }
}

// The real one, at what every Linux has.
TEST(ThisMachine, SeesItself) {
  const auto machine = ThisMachine();
  const std::string self = "/proc/" + std::to_string(getpid());
  ASSERT_TRUE(machine->List(self + "/fd").has_value());
  EXPECT_FALSE(machine->List("/nowhere/at/all").has_value());
  EXPECT_EQ(machine->Read(self + "/comm"), "terminal_test\n");
  EXPECT_EQ(machine->Link("/proc/self"), std::to_string(getpid()));
  EXPECT_EQ(machine->Real("/proc/self/"), self);
  EXPECT_EQ(machine->Stat("/proc/self/exe")->mode & 0111, 0111u);
  EXPECT_EQ(machine->Connect("/nowhere/at/all"), ENOENT);
  EXPECT_EQ(machine->Connect(std::string(200, 'a')), ENAMETOOLONG);
  const MachineSeen seen = LookAt(*machine, {});
  EXPECT_GT(seen.built, 0);
  EXPECT_GE(seen.now, seen.built);
}

}  // namespace
}  // namespace madoguchi::terminal::doctor
