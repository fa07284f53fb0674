#ifndef MADOGUCHI_SDK_SIM_BLUEZ_DOUBLE_TEST_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_DOUBLE_TEST_H_

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "sdk/conformance/private_bus.h"
#include "sdk/conformance/program.h"
#include "sdk/sim/bluez/bus_client.h"

namespace madoguchi::bluez {

// A bus, the program, and a client that looks at it. The first reader is `reader1`, an ACR1255U-J1.
class DoubleTest : public testing::Test {
 protected:
  static constexpr char kAdapter[] = "/org/bluez/hci0";
  static constexpr char kAdapter1[] = "org.bluez.Adapter1";
  static constexpr char kDevice1[] = "org.bluez.Device1";
  static constexpr char kCharacteristic1[] = "org.bluez.GattCharacteristic1";
  static constexpr char kReader[] = "/org/bluez/hci0/dev_00_00_5E_00_53_11";
  static constexpr char kDev[] = "dev_00_00_5E_00_53_11";
  static constexpr char kCommandUuid[] = "3c4afff1-4783-3de5-a983-d348718ef133";
  static constexpr char kAnswerUuid[] = "3c4afff2-4783-3de5-a983-d348718ef133";

  void SetUp() override {
    char folder[] = "/tmp/madoguchi-bluez-XXXXXX";
    folder_ = mkdtemp(folder);
    auto bus = conformance::PrivateBus::Start(folder_);
    ASSERT_TRUE(bus.ok()) << bus.status();
    bus_ = *std::move(bus);
  }
  void TearDown() override {
    client_.reset();
    if (double_ != nullptr) {
      EXPECT_EQ(double_->End(), 0) << double_->Output();
    }
    double_.reset();
    bus_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Start(const std::vector<std::string>& options = {},
             const std::vector<std::string>& readers = {"acr1255"}) {
    std::vector<std::string> arguments = {MADOGUCHI_BLUEZ, "--control", folder_ + "/control"};
    for (size_t i = 0; i < readers.size(); ++i) {
      arguments.insert(arguments.end(), {"--reader", readers[i] + ",card=" + folder_ + "/slot" +
                                                         std::to_string(i + 1)});
    }
    arguments.insert(arguments.end(), options.begin(), options.end());
    auto program = conformance::Program::Run(arguments, folder_ + "/double.log");
    ASSERT_TRUE(program.ok()) << program.status();
    double_ = *std::move(program);
    client_ = std::make_unique<BusClient>();
  }
  BusClient& client() { return *client_; }

  // One line to the control socket, and its answer.
  std::string Tell(const std::string& command) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = folder_ + "/control";
    std::copy(path.begin(), path.end(), address.sun_path);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    std::string answer;
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
      const std::string line = command + "\n";
      (void)!write(fd, line.data(), line.size());
      char byte;
      while (read(fd, &byte, 1) == 1 && byte != '\n') answer += byte;
    }
    close(fd);
    return answer;
  }

  std::string CallAdapter(const std::string& method) {
    return client().Call(kAdapter, kAdapter1, method);
  }
  std::string CallReader(const std::string& method) {
    return client().Call(kReader, kDevice1, method);
  }
  void Discover() {
    ASSERT_EQ(CallAdapter("StartDiscovery"), "");
    ASSERT_TRUE(client().AwaitSeen(std::string("+ ") + kDev + " Device1"));
  }
  // Found, connected and resolved; the command and the answer characteristic are known.
  void Connect() {
    Discover();
    ASSERT_EQ(CallAdapter("StopDiscovery"), "");
    ASSERT_EQ(CallReader("Connect"), "");
    AwaitResolved();
  }
  void AwaitResolved() {
    ASSERT_TRUE(client().AwaitSeen(std::string(kDev) + " Device1.ServicesResolved=true"));
    command_ = client().FindUuid(kReader, kCommandUuid);
    answer_ = client().FindUuid(kReader, kAnswerUuid);
    ASSERT_NE(command_, "");
    ASSERT_NE(answer_, "");
  }
  std::string Write(const std::vector<uint8_t>& bytes, const BusClient::Options& options = {}) {
    return client().Call(command_, kCharacteristic1, "WriteValue", bytes, options);
  }
  std::string CallAnswer(const std::string& method) {
    return client().Call(answer_, kCharacteristic1, method);
  }
  std::string Acquire(const std::string& path, const std::string& method) {
    return client().Call(path, kCharacteristic1, method, BusClient::Options{});
  }

  std::string folder_, command_, answer_;
  std::unique_ptr<conformance::PrivateBus> bus_;
  std::unique_ptr<conformance::Program> double_;
  std::unique_ptr<BusClient> client_;
};

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_DOUBLE_TEST_H_
