#ifndef MADOGUCHI_UI_TERMINAL_DOCTOR_EXAMINE_FIXTURE_H_
#define MADOGUCHI_UI_TERMINAL_DOCTOR_EXAMINE_FIXTURE_H_

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sdk/failure/failure.h"
#include "ui/terminal/doctor/examine.h"

namespace madoguchi::terminal::doctor {

template <typename Message>
Message From(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

constexpr char kAcr[] = "ACS ACR122U PICC Interface 00 00";

// A machine and a host on it, with nothing wrong: a PC/SC reader with a My Number Card on it.
class DiagnosisOfAll : public testing::Test {
 protected:
  DiagnosisOfAll() {
    MachineSeen& machine = seen_.machine;
    machine.now = 1800000000;  // 2027-01-15T08:00:00Z
    machine.built = machine.now - 86400;
    machine.pcscd = {true, Process{17, "pcscd"}, "/run/pcscd/pcscd.comm", 0};
    machine.usb = {{"072f:2200", "ACS ACR122U PICC Interface", true, ""}};
    machine.bluetooth = {true, Process{18, "bluetoothd"}, {"hci0"}, false, false};
    HostSeen& host = seen_.host;
    host.address = "/run/madoguchi/desk.sock";
    host.host = From<desk::v1::GetHostReply>(
        "version: '9.9' role: ROLE_STAFF role: ROLE_ADMIN time: '2027-01-15T08:00:01Z' "
        "ca_not_before: '2026-01-01T00:00:00Z' ca_not_after: '2036-01-01T00:00:00Z'");
    host.plugins = From<desk::v1::ListPluginsReply>(
        "plugin { name: 'reader_pcsc' kind: KIND_READER state: STATE_RUNNING asked: 'pcscd' "
        "         granted: 'pcscd' pid: 77 } "
        "plugin { name: 'old' kind: KIND_READER state: STATE_UNUSED asked: 'bluetooth' }");
    host.readers = From<desk::v1::ReaderTable>(
        std::string("source { plugin: 'reader_pcsc' service: SERVICE_RUNNING } "
                    "reader { plugin: 'reader_pcsc' state { presence: PRESENCE_PRESENT name: '") +
        kAcr + "' } }");
    host.counters = From<desk::v1::ListCountersReply>(
        std::string("row { name: '1' reader: 'reader_pcsc/") + kAcr + "' } row { name: '2' }");
    host.cards.emplace(std::string("reader_pcsc/") + kAcr, desk::v1::CARD_KIND_MY_NUMBER_CARD);
    host.authority = From<desk::v1::ProbeAuthorityReply>(
        "host_time: '2027-01-15T08:00:01Z' authority_time: '2027-01-15T08:00:59Z'");
  }

  desk::v1::PluginRow& Plugin() { return *seen_.host.plugins->mutable_plugin(0); }
  desk::v1::ReaderRow& Reader() { return *seen_.host.readers->mutable_reader(0); }
  void NoReaders() {
    seen_.host.readers->clear_reader();
    seen_.host.counters->clear_row();
    seen_.host.cards.clear();
  }
  absl::StatusOr<desk::v1::CardKind>& Card() { return seen_.host.cards.begin()->second; }

  // The codes that are found, in their order, with where they were found.
  std::vector<std::string> Codes() {
    std::vector<std::string> codes;
    const Diagnosis diagnosis = Examine(seen_);
    for (const Finding& finding : diagnosis.finding()) {
      codes.push_back(finding.examined() + " " + madoguchi::NameOf(finding.failure().code()));
      // Both languages, and no place left to fill.
      for (const auto* const text : {&finding.seen(), &finding.remedy()}) {
        EXPECT_EQ(text->ja().empty(), text->en().empty());
        EXPECT_EQ(text->ja().find("{}"), std::string::npos) << text->ja();
        EXPECT_EQ(text->en().find("{}"), std::string::npos) << text->en();
      }
    }
    return codes;
  }
  Examined::State StateOf(const std::string& id) {
    const Diagnosis diagnosis = Examine(seen_);
    for (const Examined& examined : diagnosis.examined()) {
      if (examined.id() == id) return examined.state();
    }
    return Examined::STATE_UNSPECIFIED;
  }
  std::string Seen(int finding = 0) { return Examine(seen_).finding(finding).seen().en(); }
  std::string Remedy(int finding = 0) { return Examine(seen_).finding(finding).remedy().en(); }

  doctor::Seen seen_;
};

}  // namespace madoguchi::terminal::doctor

#endif  // MADOGUCHI_UI_TERMINAL_DOCTOR_EXAMINE_FIXTURE_H_
