// What the host says, and the page that comes of all: each finding by a double.
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <sstream>

#include "ui/terminal/doctor/diagnosis_text.h"
#include "ui/terminal/doctor/examine_fixture.h"
#include "ui/terminal/width.h"

namespace madoguchi::terminal::doctor {
namespace {

using namespace check::v1;  // NOLINT: the codes.
using desk::v1::PluginRow;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using DiagnosisOfHost = DiagnosisOfAll;

TEST_F(DiagnosisOfAll, NothingIsWrong) {
  EXPECT_THAT(Codes(), IsEmpty());
  EXPECT_EQ(ExitOf(Examine(seen_)), 0);
  EXPECT_EQ(StateOf("pcsc"), Examined::STATE_WELL);
  EXPECT_EQ(StateOf("bluetooth"), Examined::STATE_NOT_USED);
  EXPECT_EQ(StateOf("cards"), Examined::STATE_WELL);
  const std::string text = DiagnosisText(Examine(seen_), Language::kJapanese);
  EXPECT_THAT(text, HasSubstr("カードが読めない原因は見つかりませんでした。\n"));
  EXPECT_THAT(text, HasSubstr("時計                問題なし  ずれは見つかりません\n"));
}

// ---- the host, its plugins, its authority ----

TEST_F(DiagnosisOfHost, NobodyListensOrSomebodyElseDoes) {
  seen_.host = HostSeen();
  for (const FailureCode code : {FAILURE_CODE_HOST_UNREACHABLE, FAILURE_CODE_HOST_FOREIGN}) {
    seen_.host.host = FailureStatus(code, "why");
    EXPECT_THAT(Codes(), ElementsAre("host " + NameOf(code)));
  }
  EXPECT_EQ(StateOf("readers"), Examined::STATE_NOT_EXAMINED);
  EXPECT_EQ(StateOf("usb"), Examined::STATE_WELL) << "the machine is examined all the same";
}

// The host of another user: not even root is told to be able to ask it.
TEST_F(DiagnosisOfHost, AnotherUsersHostIsAskedAsThatUser) {
  const std::string socket = seen_.host.address;
  seen_.host = HostSeen();
  seen_.host.address = socket;
  seen_.machine.user = "root";
  seen_.machine.host_user = "clinic";
  seen_.host.host = FailureStatus(FAILURE_CODE_HOST_FOREIGN, socket + " is served by user 1000");
  EXPECT_THAT(Codes(), ElementsAre("host HOST_FOREIGN"));
  EXPECT_THAT(Seen(), HasSubstr("user clinic"));
  EXPECT_THAT(Remedy(), HasSubstr("`sudo -u clinic madoguchi doctor --socket " + socket + "`"));
  // Not of one at the other end of a network.
  seen_.host.local = false;
  EXPECT_THAT(Remedy(), IsEmpty());
}

TEST_F(DiagnosisOfHost, WhatOthersHaveOpenIsPromisedToNobodyButTheHostsUser) {
  seen_.machine.hidden_processes = 12;
  seen_.machine.user = "staff";
  seen_.machine.host_user = "clinic";
  EXPECT_THAT(Examine(seen_).unseen(0).en(), HasSubstr("clinic"));
  seen_.machine.user = "clinic";
  EXPECT_THAT(Examine(seen_).unseen(0).en(), testing::Not(HasSubstr("clinic")));
  EXPECT_THAT(Examine(seen_).unseen(0).en(), testing::Not(HasSubstr("root")));
}

TEST_F(DiagnosisOfHost, AUserWhoIsNotAdmittedIsNotToldToStartTheHost) {
  const std::string socket = seen_.host.address;
  seen_.host = HostSeen();
  seen_.host.address = socket;
  seen_.host.connected = true;
  seen_.host.host = FailureStatus(FAILURE_CODE_HOST_UNREACHABLE, socket + ": Transport closed");
  seen_.machine.user = "guest";
  seen_.machine.host_user = "clinic";
  seen_.machine.usb.clear();
  seen_.machine.pcscd = {true, {}, "/run/pcscd/pcscd.comm", ENOENT};
  EXPECT_THAT(Codes(), ElementsAre("host ROLE_FORBIDDEN"));
  EXPECT_THAT(Seen(), HasSubstr("user guest"));
  EXPECT_THAT(Remedy(), HasSubstr("desk.local_user"));
  EXPECT_THAT(Remedy(), HasSubstr("sudo -u clinic"));
  // The host's own user is always admitted: it went just now.
  seen_.machine.user = "clinic";
  EXPECT_THAT(Codes(), ElementsAre("host HOST_UNREACHABLE"));
}

TEST_F(DiagnosisOfHost, AHostThatHangsIsStartedAnew) {
  seen_.host = HostSeen();
  seen_.host.connected = true;
  seen_.host.host = absl::DeadlineExceededError("too late");
  EXPECT_THAT(Codes(), ElementsAre("host HOST_UNREACHABLE"));
  EXPECT_THAT(Seen(), HasSubstr("does not answer"));
  EXPECT_THAT(Remedy(), HasSubstr("Restart"));
}

TEST_F(DiagnosisOfHost, WhoMayNotAskIsTold) {
  const absl::Status forbidden = FailureStatus(FAILURE_CODE_ROLE_FORBIDDEN);
  seen_.host.plugins = forbidden;
  seen_.host.readers = forbidden;
  seen_.host.authority = forbidden;
  EXPECT_THAT(Codes(), IsEmpty());
  EXPECT_EQ(ExitOf(Examine(seen_)), 2);
}

TEST_F(DiagnosisOfHost, PluginsThatDoNotRun) {
  Plugin().set_state(PluginRow::STATE_UNAPPROVED);
  EXPECT_THAT(Codes(), ElementsAre("plugins PLUGIN_NOT_APPROVED"));
  EXPECT_THAT(Remedy(), HasSubstr("madoguchi plugins approve reader_pcsc"));
  Plugin().set_changed(true);
  EXPECT_THAT(Codes(), ElementsAre("plugins PLUGIN_CHANGED"));
  Plugin().set_state(PluginRow::STATE_REFUSED);
  Plugin().set_detail("no binary");
  EXPECT_THAT(Codes(), ElementsAre("plugins PLUGIN_BROKEN"));
  EXPECT_EQ(Seen(), "Plugin reader_pcsc: no binary");
  for (const auto state : {PluginRow::STATE_WAITING, PluginRow::STATE_QUARANTINED}) {
    Plugin().set_state(state);
    EXPECT_THAT(Codes(), ElementsAre("plugins PLUGIN_DOWN"));
  }
}

TEST_F(DiagnosisOfHost, PluginsThatAreJailedTooTightly) {
  setenv("TZ", "JST-9", 1);
  tzset();
  Plugin().set_restarts(1);
  auto* const incident = Plugin().add_incident();
  incident->set_what("tried ptrace, which its jail denies");
  incident->set_times(3);
  incident->set_last("2027-01-15T07:59:00Z");
  auto* const other = Plugin().add_incident();
  other->set_what("killed by Segmentation fault");
  EXPECT_THAT(Codes(), ElementsAre("plugins PLUGIN_CONFINED"));
  EXPECT_THAT(Seen(), HasSubstr("tried ptrace"));
  EXPECT_THAT(Seen(), HasSubstr("last at 2027-01-15 16:59:00)"));
  EXPECT_THAT(Seen(), testing::Not(HasSubstr(" times")));
  for (const char* const what : {"tried to open /etc/passwd, which is outside of its jail",
                                 "tried to open /usr/lib/a, which leads outside of its jail",
                                 "tried to write /usr/lib/a, which its jail lets it only read"}) {
    incident->set_what(what);
    EXPECT_THAT(Codes(), ElementsAre("plugins PLUGIN_CONFINED"));
    EXPECT_THAT(Seen(), HasSubstr(what));
  }
  Plugin().clear_incident();
  Plugin().add_asked("usb");
  EXPECT_THAT(Codes(), ElementsAre("plugins PLUGIN_CONFINED"));
  EXPECT_THAT(Seen(), HasSubstr("permission usb"));
  // What does no harm is no cause, and what may do some is the last that is thought of.
  Plugin().set_restarts(0);
  EXPECT_THAT(Codes(), IsEmpty());
  NoReaders();
  auto* const row = seen_.host.readers->add_reader();
  row->set_plugin("reader_pcsc");
  row->mutable_state()->set_name("A");
  row->mutable_state()->mutable_trouble()->set_code(FAILURE_CODE_READER_SILENT);
  EXPECT_THAT(Codes(), ElementsAre("readers READER_SILENT", "plugins PLUGIN_CONFINED"));
}

TEST_F(DiagnosisOfHost, NoReaderPlugin) {
  NoReaders();
  Plugin().set_kind(plugin::v1::KIND_POLICY);
  Plugin().clear_asked();
  Plugin().clear_granted();
  EXPECT_THAT(Codes(), ElementsAre("plugins NO_READER"));
}

TEST_F(DiagnosisOfHost, TheAuthority) {
  for (const FailureCode code :
       {FAILURE_CODE_AUTHORITY_UNREACHABLE, FAILURE_CODE_AUTHORITY_SLOW, FAILURE_CODE_NOT_ENROLLED,
        FAILURE_CODE_AUTHORITY_ANSWER_INVALID}) {
    seen_.host.authority = FailureStatus(code, "why");
    EXPECT_THAT(Codes(), ElementsAre("authority " + NameOf(code)));
  }
  // The cause has been told: its plugin.
  seen_.host.authority = FailureStatus(FAILURE_CODE_AUTHORITY_UNREACHABLE, "why");
  PluginRow& plugin = *seen_.host.plugins->add_plugin();
  plugin.set_name("authority_online");
  plugin.set_kind(plugin::v1::KIND_AUTHORITY);
  plugin.set_state(PluginRow::STATE_UNAPPROVED);
  EXPECT_THAT(Codes(), ElementsAre("plugins PLUGIN_NOT_APPROVED"));
  plugin.set_state(PluginRow::STATE_RUNNING);
  seen_.host.authority = absl::UnimplementedError("an older host");
  EXPECT_THAT(Codes(), IsEmpty());
  EXPECT_EQ(StateOf("authority"), Examined::STATE_NOT_EXAMINED);
}

TEST_F(DiagnosisOfHost, TheClock) {
  setenv("TZ", "JST-9", 1);
  tzset();
  seen_.machine.built = seen_.machine.now + 86400;
  EXPECT_THAT(Codes(), ElementsAre("clock CLOCK_WRONG"));
  EXPECT_THAT(Seen(), HasSubstr("before this madoguchi was made"));
  seen_.machine.built = 0;
  seen_.host.host->set_ca_not_before("2027-02-01T00:00:00Z");
  EXPECT_THAT(Seen(), HasSubstr("its own certificates"));
  seen_.host.host->set_ca_not_before("2026-01-01T00:00:00Z");
  seen_.host.host->set_ca_not_after("2027-01-01T00:00:00Z");
  EXPECT_THAT(Seen(), HasSubstr("its own certificates"));
  seen_.host.host->set_ca_not_after("2036-01-01T00:00:00Z");
  seen_.host.authority->set_authority_time("2027-01-15T08:02:02Z");
  EXPECT_THAT(Seen(), HasSubstr("the eligibility server's says 2027-01-15 17:02:02"));
  seen_.host.authority->set_authority_time("");  // it does not tell
  EXPECT_THAT(Codes(), IsEmpty());
  seen_.machine.now += 3600;
  EXPECT_THAT(Seen(), HasSubstr("the host's says"));
}

// ---- readers, counters, cards ----

TEST_F(DiagnosisOfHost, WhatThePluginsSayOfTheirReaders) {
  NoReaders();
  for (const FailureCode code : {FAILURE_CODE_READER_OUT_OF_RANGE, FAILURE_CODE_READER_KEY_WRONG,
                                 FAILURE_CODE_READER_PAIRING_FAILED, FAILURE_CODE_READER_PORT_BUSY,
                                 FAILURE_CODE_READER_SILENT}) {
    seen_.host.readers->clear_reader();
    auto* const row = seen_.host.readers->add_reader();
    row->set_plugin("reader_pcsc");
    row->mutable_state()->mutable_trouble()->set_code(code);
    EXPECT_THAT(Codes(), ElementsAre("readers " + NameOf(code)));
  }
}

TEST_F(DiagnosisOfHost, AServiceThatIsFullOrDown) {
  auto* const source = seen_.host.readers->mutable_source(0);
  source->mutable_trouble()->set_code(FAILURE_CODE_READERS_TOO_MANY);
  EXPECT_THAT(Codes(), ElementsAre("readers READERS_TOO_MANY"));
  NoReaders();
  source->clear_trouble();
  source->set_service(reader::v1::SERVICE_DOWN);
  EXPECT_THAT(Codes(), ElementsAre("pcsc READER_SERVICE_DOWN"));
  // A service that this machine is not examined for.
  Plugin().clear_asked();
  Plugin().clear_granted();
  EXPECT_THAT(Codes(), ElementsAre("readers READER_SERVICE_DOWN"));
}

TEST_F(DiagnosisOfHost, NoReaderAtAll) {
  NoReaders();
  seen_.machine.usb.clear();
  EXPECT_THAT(Codes(), ElementsAre("readers NO_READER"));
}

TEST_F(DiagnosisOfHost, ACounterThatNamesAReaderWhichIsNotThere) {
  seen_.host.counters->mutable_row(0)->set_reader(0, "reader_pcsc/ACS ACR122 PICC Interface 00 00");
  EXPECT_THAT(Codes(), ElementsAre("counters READER_UNKNOWN"));
  EXPECT_THAT(Seen(), HasSubstr(std::string("comes near: reader_pcsc/") + kAcr));
  // One that it names already is not what was meant.
  seen_.host.counters->mutable_row(0)->add_reader(std::string("reader_pcsc/") + kAcr);
  EXPECT_THAT(Seen(), testing::Not(HasSubstr("near")));
  seen_.host.counters->mutable_row(0)->clear_reader();
  seen_.host.counters->mutable_row(0)->add_reader("reader_pcsc/Z");
  EXPECT_THAT(Codes(), ElementsAre("counters READER_UNKNOWN"));
  EXPECT_THAT(Seen(), testing::Not(HasSubstr("near")));
}

TEST_F(DiagnosisOfHost, ACountersReaderIsNotMissedWhileItsPluginDoesNotRun) {
  NoReaders();
  seen_.host.counters->add_row()->add_reader(std::string("reader_pcsc/") + kAcr);
  seen_.host.readers->clear_source();
  for (const auto state : {PluginRow::STATE_STARTING, PluginRow::STATE_REFUSED,
                           PluginRow::STATE_WAITING, PluginRow::STATE_UNAPPROVED}) {
    Plugin().set_state(state);
    const auto codes = Codes();
    EXPECT_EQ(std::count(codes.begin(), codes.end(), "counters READER_UNKNOWN"), 0);
  }
  EXPECT_EQ(StateOf("counters"), Examined::STATE_NOT_EXAMINED);
  // A plugin that nothing names is no plugin that is down.
  seen_.host.counters->mutable_row(0)->set_reader(0, "reader_pcsx/A");
  EXPECT_THAT(Codes(), testing::Contains("counters READER_UNKNOWN"));
}

TEST_F(DiagnosisOfHost, ACountersReaderThatIsNotThereIsConnectedBeforeAnythingIsRenamed) {
  NoReaders();
  seen_.machine.usb.clear();
  auto* const counter = seen_.host.counters->add_row();
  counter->add_reader("reader_pcsc/Z");
  EXPECT_THAT(Codes(), ElementsAre("readers NO_READER"));
  auto* const other = seen_.host.readers->add_reader();
  other->set_plugin("reader_pcsc");
  other->mutable_state()->set_name("Another Reader 00 00");
  EXPECT_THAT(Codes(), ElementsAre("counters READER_UNKNOWN"));
  EXPECT_THAT(Remedy(), HasSubstr("Connect"));
  // What the USB has shown of the plugin explains it.
  seen_.machine.usb = {{"072f:2200", "ACS ACR122U PICC Interface", true, "pn533_usb"}};
  EXPECT_THAT(Codes(), ElementsAre("usb READER_PORT_BUSY"));
}

TEST_F(DiagnosisOfHost, TheSameTroubleOfAnotherReaderIsAnotherTrouble) {
  SerialPort& port = seen_.machine.serial.emplace_back();
  port.path = "/dev/ttyUSB0";
  port.plugin = "reader_nfc";
  port.there = true;
  port.holders = {{90, "ModemManager"}};
  for (const char* const name : {"NFC /dev/ttyUSB0", "NFC /dev/ttyUSB1"}) {
    auto* const row = seen_.host.readers->add_reader();
    row->set_plugin("reader_nfc");
    row->mutable_state()->set_name(name);
    row->mutable_state()->mutable_trouble()->set_code(FAILURE_CODE_READER_PORT_BUSY);
  }
  EXPECT_THAT(Codes(), ElementsAre("serial READER_PORT_BUSY", "readers READER_PORT_BUSY"));
  EXPECT_THAT(Seen(1), HasSubstr("ttyUSB1"));
}

TEST_F(DiagnosisOfHost, NothingIsWellWhereThereIsNoReader) {
  NoReaders();
  Plugin().set_state(PluginRow::STATE_UNAPPROVED);
  seen_.host.readers->clear_source();
  EXPECT_EQ(StateOf("readers"), Examined::STATE_NOT_EXAMINED);
  EXPECT_EQ(StateOf("counters"), Examined::STATE_NOT_USED) << "they name none";
}

TEST_F(DiagnosisOfHost, WhatIsOnAnotherMachineIsNotExamined) {
  seen_.host.local = false;
  EXPECT_THAT(Codes(), IsEmpty());
  for (const char* const id : {"pcsc", "usb", "serial", "bluetooth"}) {
    EXPECT_EQ(StateOf(id), Examined::STATE_NOT_EXAMINED) << id;
  }
  EXPECT_EQ(ExitOf(Examine(seen_)), 2);
}

TEST_F(DiagnosisOfHost, ReaderPluginsComeFirstAndTheAdminApproves) {
  PluginRow& plugin = *seen_.host.plugins->add_plugin();
  plugin = Plugin();
  Plugin().set_name("policy_pin");
  Plugin().set_kind(plugin::v1::KIND_POLICY);
  Plugin().set_state(PluginRow::STATE_UNAPPROVED);
  plugin.set_state(PluginRow::STATE_UNAPPROVED);
  EXPECT_THAT(Codes(), ElementsAre("plugins PLUGIN_NOT_APPROVED", "plugins PLUGIN_NOT_APPROVED"));
  EXPECT_EQ(Seen(0), "Plugin: reader_pcsc");
  EXPECT_THAT(Remedy(0), HasSubstr("administrator"));
  plugin.set_changed(true);
  EXPECT_THAT(Remedy(0), HasSubstr("madoguchi plugins show reader_pcsc"));
}

TEST_F(DiagnosisOfHost, WhatLiesOnTheReader) {
  Card() = desk::v1::CARD_KIND_OTHER;
  EXPECT_THAT(Codes(), ElementsAre("cards NOT_MY_NUMBER_CARD"));
  for (const auto kind : {desk::v1::CARD_KIND_ANDROID, desk::v1::CARD_KIND_IPHONE}) {
    Card() = kind;
    EXPECT_THAT(Codes(), ElementsAre("cards PHONE_NOT_READABLE"));
  }
  Card() = FailureStatus(FAILURE_CODE_CARD_SILENT);
  EXPECT_THAT(Codes(), ElementsAre("cards CARD_SILENT"));
  Card() = FailureStatus(FAILURE_CODE_CARD_GONE);
  EXPECT_THAT(Codes(), IsEmpty()) << "it was taken away while it was asked about";
  EXPECT_EQ(StateOf("cards"), Examined::STATE_NOT_EXAMINED);
  for (const char* const check : {"a check has it", "a check has taken it meanwhile"}) {
    Card() = FailureStatus(FAILURE_CODE_CARD_BUSY, check);
    EXPECT_THAT(Codes(), IsEmpty()) << "a check took it while it was asked about";
    EXPECT_EQ(StateOf("cards"), Examined::STATE_WELL);
  }
  Card() = FailureStatus(FAILURE_CODE_CARD_BUSY, "somebody looks at it already");
  EXPECT_THAT(Codes(), IsEmpty()) << "another doctor";
  EXPECT_EQ(ExitOf(Examine(seen_)), 2);
  for (const char* const other :
       {"another program holds the card", "the card owes an answer to a closed session"}) {
    Card() = FailureStatus(FAILURE_CODE_CARD_BUSY, other);
    EXPECT_THAT(Codes(), ElementsAre("cards CARD_BUSY"));
    EXPECT_THAT(Remedy(), HasSubstr("lay it down anew")) << "a card that is silent looks so too";
  }
  Reader().set_taken(true);
  EXPECT_THAT(Codes(), IsEmpty()) << "a check has it";
  Reader().set_taken(false);
  seen_.host.cards.clear();
  EXPECT_THAT(Codes(), IsEmpty()) << "a check has it";
  Reader().mutable_state()->set_busy(true);
  EXPECT_THAT(Codes(), ElementsAre("cards CARD_BUSY"));
  Reader().mutable_state()->set_busy(false);
  Reader().mutable_state()->set_presence(reader::v1::PRESENCE_UNPOWERED);
  EXPECT_THAT(Codes(), ElementsAre("cards CARD_UNPOWERED"));
  Reader().mutable_state()->set_presence(reader::v1::PRESENCE_ABSENT);
  EXPECT_THAT(Codes(), IsEmpty());
  EXPECT_EQ(StateOf("cards"), Examined::STATE_NOT_USED);
}

// ---- the page ----

TEST_F(DiagnosisOfAll, TheCauseComesBeforeItsConsequences) {
  Plugin().set_state(PluginRow::STATE_UNAPPROVED);
  seen_.machine.pcscd = {true, {}, "/run/pcscd/pcscd.comm", ENOENT};
  seen_.host.readers->mutable_source(0)->set_service(reader::v1::SERVICE_UNSPECIFIED);
  seen_.host.authority = FailureStatus(FAILURE_CODE_AUTHORITY_UNREACHABLE, "refused");
  EXPECT_THAT(Codes(), ElementsAre("plugins PLUGIN_NOT_APPROVED", "pcsc READER_SERVICE_DOWN",
                                   "authority AUTHORITY_UNREACHABLE"));
  const Diagnosis diagnosis = Examine(seen_);
  for (const Language language : {Language::kJapanese, Language::kEnglish}) {
    const std::string text = DiagnosisText(diagnosis, language);
    EXPECT_THAT(text, HasSubstr("1. "));
    EXPECT_THAT(text, HasSubstr("(PLUGIN_NOT_APPROVED)\n"));
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(DisplayWidth(line), 80) << line;
  }
  EXPECT_THAT(DiagnosisText(diagnosis, Language::kEnglish),
              HasSubstr("PC/SC               found     see 2 above\n"));
}

TEST_F(DiagnosisOfAll, SaysWhatItCouldNotSee) {
  seen_.machine.hidden_processes = 12;
  seen_.host.host->clear_role();
  seen_.host.host->add_role(ROLE_STAFF);
  seen_.host.local = false;
  EXPECT_EQ(Examine(seen_).unseen_size(), 3);
}

TEST(Nearest, IsTheOneWithTheFewestOtherLetters) {
  EXPECT_EQ(Nearest("a/reader 1", {"a/reader 2", "b/reader 2", "a/box"}), "a/reader 2");
  EXPECT_EQ(Nearest("abcdef", {"uvwxyz"}), "");
  EXPECT_EQ(Nearest("abc", {}), "");
}

}  // namespace
}  // namespace madoguchi::terminal::doctor
