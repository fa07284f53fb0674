#ifndef MADOGUCHI_SDK_LAUNCH_JAIL_ATTEMPTS_H_
#define MADOGUCHI_SDK_LAUNCH_JAIL_ATTEMPTS_H_

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "sdk/launch/jail/jailed_process.h"

namespace madoguchi {

using Strings = std::vector<std::string>;
inline constexpr char kDoneIt[] = "DONE IT\n";

// One attempt of hostile.cc.
struct Row {
  const char* attempt;  // hostile.cc's, with $NAMES of things that the test made
  Strings permissions;  // or "to:PATH", a socket that it may reach, or "device:PATH"
  const char* outcome;  // "EPERM", or "" for: done, the permission allows it
  Strings layers;       // without these it is done; empty: shown by other means
  Strings first = {};   // layers that are left out already
};

// Makes what is attempted on (sockets, files, terminals), and shows rows.
class AttemptsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/madoguchi-jail-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
    std::filesystem::create_directory(folder_ + "/sockets");
    std::ofstream(folder_ + "/own") << "plugin.textproto";
    program_ = JailedProcess::SealedCopy(MADOGUCHI_HOSTILE);
    ASSERT_GE(program_, 0);
    things_["$HOST"] = std::to_string(getpid());
    things_["$FOLDER"] = folder_;
    things_["$DOOR"] = folder_ + "/door.sock";
    std::filesystem::create_directory(folder_ + "/granted");
    std::ofstream(folder_ + "/granted/file") << "x";
    things_["$GRANTED"] = folder_ + "/granted/server.sock";
    Listen(SOCK_STREAM, things_["$GRANTED"], false);
    things_["$LOG"] = folder_ + "/log.sock";
    things_["$ABSTRACT"] = "madoguchi-jail-" + std::to_string(getpid());
    Listen(SOCK_STREAM, things_["$DOOR"], false);
    Listen(SOCK_DGRAM, things_["$LOG"], false);
    Listen(SOCK_STREAM, things_["$ABSTRACT"], true);
    ListenTcp();
    char name[64];
    ASSERT_EQ(openpty(&terminal_[0], &terminal_[1], name, nullptr, nullptr), 0);
    things_["$TERMINAL"] = name;
    things_["$LINK"] = folder_ + "/link";
    ASSERT_EQ(symlink(name, things_["$LINK"].c_str()), 0);
    ASSERT_EQ(openpty(&other_[0], &other_[1], name, nullptr, nullptr), 0);
    things_["$OTHER"] = name;
  }

  void TearDown() override {
    for (const int fd : listeners_) close(fd);
    for (const int fd : {terminal_[0], terminal_[1], other_[0], other_[1], program_}) close(fd);
    std::filesystem::remove_all(folder_);
  }

  void Listen(int type, const std::string& name, bool abstract) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + abstract, name.data(), name.size());
    const int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address),
                   offsetof(sockaddr_un, sun_path) + abstract + name.size()),
              0);
    if (type == SOCK_STREAM) {
      ASSERT_EQ(listen(fd, 64), 0);
    }
    listeners_.push_back(fd);
  }

  void ListenTcp() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), size), 0);
    ASSERT_EQ(listen(fd, 64), 0);
    ASSERT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
    things_["$PORT"] = std::to_string(ntohs(address.sin_port));
    // A port that was free a moment ago.
    const int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_port = 0;
    ASSERT_EQ(bind(other, reinterpret_cast<const sockaddr*>(&address), size), 0);
    ASSERT_EQ(getsockname(other, reinterpret_cast<sockaddr*>(&address), &size), 0);
    things_["$FREE"] = std::to_string(ntohs(address.sin_port));
    close(other);
    listeners_.push_back(fd);
  }

  std::string Filled(std::string text) const {
    for (const auto& [name, value] : things_) {
      const size_t at = text.find(name);
      if (at != text.npos) text.replace(at, name.size(), value);
    }
    return text;
  }

  // What the attempt wrote, or how its process ended when it wrote nothing.
  std::string Try(const Row& row, const Strings& without) {
    Strings permissions;
    Jail jail;
    for (const std::string& one : row.permissions) {
      if (one.starts_with("to:")) {
        jail.sockets.push_back(Filled(one.substr(3)));
      } else if (one.starts_with("device:")) {
        jail.serial_devices.push_back(Filled(one.substr(7)));
      } else {
        permissions.push_back(Filled(one));
      }
    }
    jail.name = Filled(row.attempt);
    auto parsed = ParsePermissions(permissions);
    if (!parsed.ok()) return std::string(parsed.status().message());
    jail.permissions = *parsed;
    jail.sockets_folder = folder_ + "/sockets";
    jail.without = without;
    auto process = JailedProcess::Spawn(MADOGUCHI_LAUNCHER, jail, program_);
    if (!process.ok()) return std::string(process.status().message());
    std::string log;
    const int status = (*process)->Wait(&log);
    return log.empty() ? "status " + std::to_string(status) : log;
  }

  void Show(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
      std::string title = row.attempt;
      for (const std::string& one : row.permissions) title += " +" + one;
      for (const std::string& one : row.first) title += " -" + one;
      SCOPED_TRACE(title);
      const std::string expected =
          *row.outcome == '\0' ? kDoneIt : std::string("denied: ") + row.outcome + "\n";
      const std::string outcome = Try(row, row.first);
      EXPECT_EQ(outcome, expected);
      std::string control;
      if (!row.layers.empty()) {
        Strings without = row.first;
        without.insert(without.end(), row.layers.begin(), row.layers.end());
        control = Try(row, without);
        const bool root =
            std::find(without.begin(), without.end(), "capabilities") != without.end();
        // A kernel may be built without; who is not root is denied it by anyone.
        if (control != "denied: ENOSYS\n" && (!root || geteuid() == 0)) {
          EXPECT_EQ(control, kDoneIt) << "without its layers";
        }
      }
      std::printf("%-58s %-16s %s", title.c_str(), outcome.substr(0, outcome.size() - 1).c_str(),
                  control.empty() ? "\n" : ("without its layers: " + control).c_str());
    }
  }

  std::string folder_;
  int program_ = -1;
  int terminal_[2], other_[2];
  std::vector<int> listeners_;
  // $FOLDER must not be found within another's name.
  std::map<std::string, std::string> things_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_LAUNCH_JAIL_ATTEMPTS_H_
