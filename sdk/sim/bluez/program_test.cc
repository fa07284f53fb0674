// The whole program: cards behind readers of each kind, what the peer's own tool says of it, its
// options and its control socket.

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <regex>
#include <thread>

#include "sdk/sim/bluez/acr1255_cipher.h"
#include "sdk/sim/bluez/acr1255_frame.h"
#include "sdk/sim/bluez/double_test.h"

namespace madoguchi::bluez {
namespace {

using conformance::Program;
using testing::HasSubstr;
using testing::StartsWith;

using ByteVector = std::vector<uint8_t>;

// SELECT of the JPKI application.
const ByteVector kSelectJpki = {0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0,
                                0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01};
const ByteVector kOk = {0x90, 0x00};

// A host that talks to a reader over the bus, in pieces of 20 bytes, and hears it over a socket.
class Host {
 public:
  Host(BusClient& client, std::string device, const std::string& command, const std::string& answer)
      : client_(client), device_(std::move(device)) {
    EXPECT_EQ(client_.Call(device_, "org.bluez.Device1", "Connect"), "");
    EXPECT_TRUE(conformance::Await(
        [&] { return client_.Get(device_, "org.bluez.Device1", "ServicesResolved") == "true"; }));
    command_ = client_.FindUuid(device_, command);
    answer_ = client_.FindUuid(device_, answer);
    EXPECT_EQ(client_.Call(answer_, kInterface, "StartNotify"), "");
  }

  void Write(const ByteVector& frame) {
    for (size_t at = 0; at < frame.size(); at += 20) {
      const auto begin = frame.begin() + static_cast<ptrdiff_t>(at);
      const ByteVector piece(
          begin, begin + static_cast<ptrdiff_t>(std::min<size_t>(20, frame.size() - at)));
      ASSERT_EQ(client_.Call(command_, kInterface, "WriteValue", piece, BusClient::Options{}), "");
    }
  }
  // Everything that was notified so far.
  ByteVector Heard() {
    const std::string begin =
        answer_.substr(sizeof "/org/bluez/hci0") + " GattCharacteristic1.Value=";
    std::string digits;
    for (const std::string& line : client_.Seen()) {
      if (line.starts_with(begin)) digits += line.substr(begin.size());
    }
    ByteVector bytes;
    for (size_t at = 0; at + 1 < digits.size(); at += 2) {
      bytes.push_back(static_cast<uint8_t>(std::stoi(digits.substr(at, 2), nullptr, 16)));
    }
    return bytes;
  }
  void Forget() { client_.Forget(); }

 private:
  static constexpr char kInterface[] = "org.bluez.GattCharacteristic1";
  BusClient& client_;
  const std::string device_;
  std::string command_, answer_;
};

class ProgramTest : public DoubleTest {
 protected:
  // The same card, whichever reader it lies on: one program at a time.
  std::unique_ptr<Program> LayCard(int slot) {
    const std::string number = std::to_string(slot);
    auto card = Program::Run(
        {MADOGUCHI_CARD, "--dir", folder_ + "/card", "--socket", folder_ + "/slot" + number},
        folder_ + "/card" + number + ".log");
    EXPECT_TRUE(card.ok()) << card.status();
    EXPECT_TRUE(conformance::Await(
        [&] { return Tell("status reader" + number).find("card=1") != std::string::npos; }));
    return card.ok() ? *std::move(card) : nullptr;
  }
  std::string Device(int number) const {
    char path[64];
    snprintf(path, sizeof path, "/org/bluez/hci0/dev_00_00_5E_00_53_%02X", 0x10 + number);
    return path;
  }
  void DiscoverAll(int readers) {
    ASSERT_EQ(CallAdapter("StartDiscovery"), "");
    ASSERT_TRUE(conformance::Await([&] { return client().Has(Device(readers)); }));
    ASSERT_EQ(CallAdapter("StopDiscovery"), "");
  }
  // Runs a command to its end, and gives what it printed.
  std::string Output(const std::vector<std::string>& arguments) {
    auto program = Program::Run(arguments, folder_ + "/output", false);
    if (!program.ok()) return program.status().ToString();
    (*program)->Wait();
    return (*program)->Output();
  }
};

// One exchange with an ACR1255U-J1: the block that answers `block`.
acr1255::Block AskAcr(Host& host, const ByteVector& key, const acr1255::Block& block) {
  ByteVector bytes = acr1255::Encode(block);
  if (!key.empty()) {
    bytes.resize((bytes.size() + 15) / 16 * 16, 0xFF);
    bytes = acr1255::Encrypt(key, bytes);
  }
  host.Forget();
  host.Write(acr1255::Framed(bytes));
  std::optional<ByteVector> frame;
  EXPECT_TRUE(conformance::Await([&] {
    acr1255::FrameCutter cutter;
    cutter.Feed(host.Heard());
    frame = cutter.Next();
    return frame.has_value();
  }));
  if (!frame) return {};
  ByteVector payload = std::get<ByteVector>(acr1255::Unframed(*frame));
  if (!key.empty()) payload = acr1255::Decrypt(key, payload);
  return std::get<acr1255::Block>(acr1255::DecodeBlock(payload));
}

ByteVector AskCcid(Host& host, const ByteVector& frame) {
  host.Forget();
  host.Write(frame);
  EXPECT_TRUE(conformance::Await([&] {
    const ByteVector heard = host.Heard();
    return heard.size() >= 10 && heard.size() == size_t{10} + heard[1];
  }));
  return host.Heard();
}

TEST_F(ProgramTest, ACardAnswersThroughEachKindOfReader) {
  Start({}, {"acr1255", "br301", "springcore"});
  DiscoverAll(3);
  {
    const auto card = LayCard(1);
    Host host(client(), Device(1), kCommandUuid, kAnswerUuid);
    const ByteVector master = acr1255::DefaultMasterKey();
    const auto first = AskAcr(host, {}, {.type = 0x6B, .data = {0xE0, 0, 0, 0x45, 0}});
    ASSERT_EQ(first.data.size(), 21u);
    const ByteVector a = acr1255::Decrypt(master, std::span(first.data).subspan(5));
    const ByteVector b(16, 0x42);
    ByteVector both = b;
    both.insert(both.end(), a.begin(), a.end());
    const ByteVector proof = acr1255::Decrypt(master, both);
    ByteVector data = {0xE0, 0, 0, 0x46, 0};
    data.insert(data.end(), proof.begin(), proof.end());
    EXPECT_EQ(AskAcr(host, {}, {.type = 0x6B, .data = data}).type, acr1255::kEscapeAnswer);
    const ByteVector key = acr1255::SessionKey(a, b);
    EXPECT_EQ(AskAcr(host, key, {.type = acr1255::kPowerOn}).data[0], 0x3B);
    EXPECT_EQ(AskAcr(host, key, {.type = acr1255::kApdu, .data = kSelectJpki}).data, kOk);
    EXPECT_THAT(Tell("status reader1"),
                StartsWith("in-range=1 connected=1 authenticated=1 card=1 frames=4 apdus=1"));
  }
  const std::vector<std::pair<const char*, const char*>> ccid = {
      {"46540002-0002-00c4-0000-465453414645", "46540003-0002-00c4-0000-465453414645"},
      {"281ebed4-86c4-4253-84f1-57fb9ab2f72c", "811dc7a6-a573-4e15-89cc-7efacae04e3c"}};
  for (int number : {2, 3}) {
    const auto card = LayCard(number);
    const auto& [command, answer] = ccid[static_cast<size_t>(number) - 2];
    Host host(client(), Device(number), command, answer);
    const ByteVector atr = AskCcid(host, {0x62, 0, 0, 0, 0, 0, 1, 0, 0, 0});
    ASSERT_GT(atr.size(), 10u) << number;
    EXPECT_EQ(atr[10], 0x3B);
    ByteVector select = {0x6F, static_cast<uint8_t>(kSelectJpki.size()), 0, 0, 0, 0, 2, 0, 0, 0};
    select.insert(select.end(), kSelectJpki.begin(), kSelectJpki.end());
    EXPECT_EQ(AskCcid(host, select), (ByteVector{0x80, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0x90, 0x00}));
  }
}

TEST_F(ProgramTest, SixteenReadersAtOneAdapter) {
  std::vector<std::string> readers;
  for (int i = 0; i < 16; ++i) readers.push_back(i % 2 == 0 ? "br301" : "springcore");
  Start({}, readers);
  DiscoverAll(16);
  for (int i = 1; i <= 16; ++i) {
    EXPECT_EQ(client().Call(Device(i), kDevice1, "Connect"), "") << i;
  }
  for (int i = 1; i <= 16; ++i) {
    EXPECT_THAT(Tell("status reader" + std::to_string(i)), HasSubstr("connected=1"));
  }
  EXPECT_EQ(Tell("drop reader9"), "ok");
  EXPECT_THAT(Tell("status reader9"), HasSubstr("connected=0"));
  EXPECT_THAT(Tell("status reader10"), HasSubstr("connected=1"));
}

// The peer's own tool agrees with us about the adapter and the reader.
TEST_F(ProgramTest, BluetoothctlSeesTheAdapterAndTheReader) {
  const std::string tool = "/usr/bin/bluetoothctl";
  if (!std::filesystem::exists(tool)) GTEST_SKIP() << "bluez is not installed";
  Start({}, {"acr1255,battery=64"});
  EXPECT_THAT(Output({tool, "list"}), HasSubstr("Controller 00:00:5E:00:53:01 madoguchi-bluez"));
  EXPECT_THAT(Output({tool, "show"}), HasSubstr("Powered: yes"));
  EXPECT_THAT(Output({tool, "--timeout", "1", "scan", "on"}),
              HasSubstr("Device 00:00:5E:00:53:11 ACR1255U-J1-000001"));
  EXPECT_THAT(Output({tool, "devices"}), HasSubstr("00:00:5E:00:53:11 ACR1255U-J1-000001"));
  EXPECT_THAT(Output({tool, "connect", "00:00:5E:00:53:11"}), HasSubstr("Connection successful"));
  EXPECT_TRUE(conformance::Await(
      [&] { return client().Get(kReader, kDevice1, "ServicesResolved") == "true"; }));
  const std::string facts = Output({tool, "info", "00:00:5E:00:53:11"});
  for (const char* line : {"Name: ACR1255U-J1-000001", "Connected: yes", "Paired: no",
                           "3c4afff0-4783-3de5-a983-d348718ef133", "Battery Percentage: 0x40"}) {
    EXPECT_THAT(facts, HasSubstr(line));
  }
  EXPECT_THAT(Output({tool, "disconnect", "00:00:5E:00:53:11"}),
              HasSubstr("Successful disconnected"));
  EXPECT_THAT(Output({tool, "pair", "00:00:5E:00:53:11"}), HasSubstr("Pairing successful"));
  EXPECT_THAT(Output({tool, "power", "off"}), HasSubstr("Changing power off succeeded"));
}

TEST_F(ProgramTest, TheCommandLineSaysWhatIsWrong) {
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), MADOGUCHI_BLUEZ);
    auto program = Program::Run(arguments, folder_ + "/log", false);
    const int status = (*program)->Wait().value_or(-1);
    return std::to_string(status) + " " + (*program)->Output();
  };
  EXPECT_THAT(run({"--help"}), StartsWith("0 usage: madoguchi-bluez"));
  EXPECT_THAT(run({"--reader", "toaster,card=/tmp/x"}),
              HasSubstr("expected acr1255, br301 or springcore"));
  EXPECT_THAT(run({"--reader", "acr1255"}), HasSubstr("one of card= and port="));
  EXPECT_THAT(run({"--reader", "acr1255,card=x,colour=red"}), HasSubstr("colour: no such setting"));
  EXPECT_THAT(run({"--reader", "acr1255,card=x,key=12"}), HasSubstr("expected 32 hex digits"));
  EXPECT_THAT(run({"--reader", "acr1255,card=x,address=1:2"}),
              HasSubstr("expected AA:BB:CC:DD:EE:FF"));
  EXPECT_THAT(run({"--reader", "br301,card=x,id=a", "--reader", "br301,card=y,id=a"}),
              HasSubstr("two have the id a"));
  EXPECT_THAT(run({"--reader", "br301,card=x", "--fault", "you:drop-at=1"}),
              HasSubstr("no such reader"));
  EXPECT_THAT(run({"--reader", "br301,card=x", "--fault", "mtu=22"}), HasSubstr("=23..517"));
  EXPECT_THAT(run({"--scan-ms", "soon"}), StartsWith("64 madoguchi-bluez: --scan-ms"));
  EXPECT_THAT(run({"--explode"}), HasSubstr("no such option"));
  EXPECT_THAT(run({"--bus", "unix:path=" + folder_ + "/nothing"}), StartsWith("1 "));
  Start();
  EXPECT_THAT(run({}), HasSubstr("cannot have the name org.bluez"));
}

TEST_F(ProgramTest, TheControlSocketSaysWhatIsWrong) {
  Start();
  EXPECT_EQ(Tell("status"), "bluetoothd=1 adapter=on discovering=0 readers=1");
  EXPECT_EQ(Tell("fault reader1 explode"), "error: no such fault: explode");
  EXPECT_EQ(Tell("fault you drop-at=1"), "error: no such reader: you");
  EXPECT_EQ(Tell("drop you"), "error: no such reader: you");
  EXPECT_EQ(Tell("dance reader1"), "error: no such command: dance");
  EXPECT_EQ(Tell("adapter sideways"), "error: no such command: adapter sideways");
  EXPECT_EQ(Tell(""), "error: no such command: ");
}

TEST_F(ProgramTest, EndsWithSigtermWithTheBusAndWithStdin) {
  Start();
  EXPECT_EQ(double_->End(), 0);
  Start();
  client_.reset();
  bus_.reset();
  EXPECT_EQ(double_->Wait(), 0);
  const auto bus = conformance::PrivateBus::Start(folder_);
  ASSERT_TRUE(bus.ok());
  // `true` closes its end of the pipe at once.
  const auto piped = Program::Run({"/bin/sh", "-c", std::string("true | ") + MADOGUCHI_BLUEZ},
                                  folder_ + "/piped.log", false);
  ASSERT_TRUE(piped.ok());
  EXPECT_EQ((*piped)->Wait(), 0);
}

TEST_F(ProgramTest, ACardMayComeToAPort) {
  auto program = Program::Run(
      {MADOGUCHI_BLUEZ, "--reader", "br301,port=0,id=desk", "--control", folder_ + "/control"},
      folder_ + "/double.log");
  ASSERT_TRUE(program.ok()) << program.status();
  std::smatch port;
  const std::string output = (*program)->Output();
  ASSERT_TRUE(std::regex_search(output, port, std::regex("port desk ([0-9]+)\n"))) << output;
  const auto card = Program::Run({MADOGUCHI_CARD, "--dir", folder_ + "/card", "--port", port[1]},
                                 folder_ + "/card.log");
  ASSERT_TRUE(card.ok());
  EXPECT_TRUE(
      conformance::Await([&] { return Tell("status desk").find("card=1") != std::string::npos; }));
}

}  // namespace
}  // namespace madoguchi::bluez
