// One row an attempt: what it gives in the jail, and that it succeeds as soon as the layers that
// stop it are left out, so that no row passes because the attempt itself is broken.

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <pty.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include "host/loader/jail/jailed_process.h"

namespace madoguchi {
namespace {

using ::testing::HasSubstr;
using Strings = std::vector<std::string>;

constexpr char kDone[] = "DONE IT\n";
const Strings kNone;
const Strings kPcscd{"pcscd"}, kUsb{"usb"}, kBluetooth{"bluetooth"}, kNetwork{"network"},
    kSockets{"sockets"}, kSerial{"serial:$TERMINAL"};

struct Row {
  const char* attempt;  // hostile.cc's, with $NAMES of things that the test made
  Strings permissions;  // or "to:PATH", a socket that it may reach
  const char* outcome;  // "EPERM", or "" for: done, the permission allows it
  Strings layers;       // without these it is done; empty: shown by other means
  Strings first = {};   // layers that are left out already
};

const Strings kBySeccomp{"seccomp"};
const Strings kByLandlock{"landlock"};
const Strings kByRoom{"room"}, kByRoomAndLandlock{"room", "landlock"};
const Strings kByAll{"seccomp", "landlock", "room"};
const Strings kByAllAsRoot{"seccomp", "landlock", "room", "capabilities"};
const Strings kAsRoot{"seccomp", "capabilities"};

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
          *row.outcome == '\0' ? kDone : std::string("denied: ") + row.outcome + "\n";
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
          EXPECT_EQ(control, kDone) << "without its layers";
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

TEST_F(AttemptsTest, Files) {
  Show({{"read /etc/passwd", kNone, "ENOENT", kByRoomAndLandlock},
        {"read /etc/passwd", kNone, "EACCES", kByLandlock, kByRoom},
        {"read /etc/passwd", kPcscd, "ENOENT", kByRoomAndLandlock},
        {"read /etc/passwd", kPcscd, "EACCES", kByLandlock, kByRoom},
        {"read /etc/passwd", kNetwork, "ENOENT", kByRoomAndLandlock},
        {"read /etc/passwd", kNetwork, "EACCES", kByLandlock, kByRoom},
        {"read $FOLDER/own", kNone, "ENOENT", kByRoomAndLandlock},
        {"read $FOLDER/own", kNone, "EACCES", kByLandlock, kByRoom},
        {"list $FOLDER", kNone, "ENOENT", kByRoomAndLandlock},
        {"list $FOLDER", kNone, "EACCES", kByLandlock, kByRoom},
        {"list /etc", kNetwork, "EACCES", kByLandlock},
        {"see /etc/passwd", kNone, "ENOENT", kByRoom},
        {"see $FOLDER/own", kNetwork, "ENOENT", kByRoom},
        {"list /proc", kNone, "ENOENT", kByRoomAndLandlock},
        {"list /proc", kNone, "EACCES", kByLandlock, kByRoom},
        {"list /", kNone, "EACCES", kByLandlock},
        {"read /proc/$HOST/environ", kNone, "ENOENT", {"room", "landlock", "capabilities"}},
        {"read /proc/$HOST/environ", kNone, "EACCES", {"landlock", "capabilities"}, kByRoom},
        {"read /proc/self/status", kNone, "ENOENT", kByRoomAndLandlock},
        {"read /proc/self/status", kNone, "EACCES", kByLandlock, kByRoom},
        {"read /etc/ld.so.cache", kNone, "", {}},
        {"read /etc/hosts", kNone, "ENOENT", kByRoomAndLandlock},
        {"read /etc/hosts", kNone, "EACCES", kByLandlock, kByRoom},
        {"read /etc/hosts", kNetwork, "", {}},
        {"create $FOLDER/new", kNone, "EPERM", kByAll},
        {"create $FOLDER/new2", kNone, "EACCES", kByLandlock, {"seccomp", "room"}},
        {"create /dev/shm/madoguchi-jail-new", kNone, "EPERM", {}},
        {"create new", kNone, "EPERM", {}},
        {"overwrite $FOLDER/own", kNone, "EPERM", kByAll},
        {"overwrite $FOLDER/own", kSerial, "ENOENT", kByRoomAndLandlock},
        {"overwrite $FOLDER/own", kSerial, "EACCES", kByLandlock, kByRoom},
        // With a permission to open devices only the mount and Landlock are left.
        {"overwrite $FOLDER/granted/file",
         {"serial:$TERMINAL", "to:$GRANTED"},
         "EROFS",
         kByRoom,
         kByLandlock},
        {"overwrite $FOLDER/granted/file",
         {"serial:$TERMINAL", "to:$GRANTED"},
         "EROFS",
         kByRoomAndLandlock},
        {"chmod $FOLDER/own", kNone, "EPERM", kByAll},
        {"mkdir $FOLDER/made", kNone, "EPERM", kByAll},
        {"mkdir $FOLDER/made2", kSockets, "EROFS", kByRoomAndLandlock},
        {"mkdir $FOLDER/sockets/made", kSockets, "EACCES", kByLandlock},
        {"unlink $FOLDER/own", kSockets, "EROFS", {}},
        {"unlink $FOLDER/own", kSockets, "EACCES", {}, kByRoom},
        {"unlink $FOLDER/own", kNone, "EPERM", kByAll},
        {"open_by_handle_at", kNone, "EPERM", kByAllAsRoot},
        {"inotify", kNone, "EPERM", kBySeccomp}});
}

TEST_F(AttemptsTest, Sockets) {
  Show({{"tcp", kNone, "EPERM", kBySeccomp},
        {"tcp", kPcscd, "EPERM", kBySeccomp},
        {"tcp", kUsb, "EPERM", kBySeccomp},
        {"tcp", kBluetooth, "EPERM", kBySeccomp},
        {"tcp", kSockets, "EPERM", kBySeccomp},
        {"tcp", kNetwork, "", {}},
        {"udp", kNone, "EPERM", kBySeccomp},
        {"udp", kNetwork, "", {}},
        {"mptcp", kNetwork, "EPERM", kBySeccomp},
        {"raw", kNetwork, "EPERM", kAsRoot},
        {"packet", kNetwork, "EPERM", kAsRoot},
        {"unix", kNone, "EPERM", kBySeccomp},
        {"unix", kNetwork, "EPERM", kBySeccomp},
        {"unix", kPcscd, "", {}},
        {"unix-datagram", kPcscd, "EPERM", kBySeccomp},
        {"route", kNone, "EPERM", kBySeccomp},
        {"route", kNetwork, "", {}},
        {"uevent", kNetwork, "EPERM", kBySeccomp},
        {"uevent", kUsb, "", {}},
        {"connect $DOOR", kNone, "EPERM", kByAll},
        {"connect $DOOR", kUsb, "EPERM", kByAll},
        {"connect $DOOR", kNetwork, "EPERM", kByAll},
        {"connect $DOOR", kPcscd, "ENOENT", kByRoom},
        {"connect $DOOR", kBluetooth, "ENOENT", kByRoom},
        {"connect $DOOR", kSockets, "ENOENT", kByRoom},
        {"connect $DOOR", {"bluetooth", "to:$GRANTED"}, "ENOENT", kByRoom},
        {"connect $DOOR", {"network", "to:$GRANTED"}, "ENOENT", kByRoom},
        {"connect $GRANTED", kPcscd, "ENOENT", kByRoom},
        {"connect $GRANTED", {"pcscd", "to:$GRANTED"}, "", {}},
        {"connect $GRANTED", {"bluetooth", "to:$GRANTED"}, "", {}},
        {"connect $GRANTED", {"network", "to:$GRANTED"}, "", {}},
        {"connect-abstract $ABSTRACT", kNone, "EPERM", kByAll},
        {"connect-abstract $ABSTRACT", kPcscd, "ECONNREFUSED", kByRoomAndLandlock},
        {"connect-abstract $ABSTRACT", kPcscd, "EPERM", kByLandlock, kByRoom},
        {"connect-abstract $ABSTRACT", kPcscd, "ECONNREFUSED", kByRoom, kByLandlock},
        {"datagram $LOG", kNone, "EPERM", kByAll},
        {"datagram $LOG", kPcscd, "EPERM", kByAll},
        {"datagram $LOG", kNetwork, "EPERM", kByAll},
        {"connect-tcp $PORT", kNone, "EPERM", kByAll},
        {"connect-tcp $PORT", kNone, "EACCES", kByLandlock, {"seccomp", "room"}},
        {"connect-tcp $PORT", kNone, "ENETUNREACH", kByRoom, {"seccomp", "landlock"}},
        {"connect-tcp $PORT", kNetwork, "", {}},
        {"bind-tcp $FREE", kNetwork, "EACCES", kByLandlock},
        {"listen-tcp", kNetwork, "EPERM", kBySeccomp},
        {"make-socket $FOLDER/sockets/a.sock", kSockets, "", {}},
        {"make-socket $FOLDER/a.sock", kSockets, "EROFS", kByRoomAndLandlock},
        {"make-socket $FOLDER/c.sock", kSockets, "EACCES", kByLandlock, kByRoom},
        {"make-socket $FOLDER/b.sock", kPcscd, "EPERM", kByAll}});
}

TEST_F(AttemptsTest, Devices) {
  Show({{"device $TERMINAL", kNone, "EPERM", kByAll},
        {"device $TERMINAL", kUsb, "ENOENT", kByRoomAndLandlock},
        {"device $TERMINAL", kUsb, "EACCES", kByLandlock, kByRoom},
        {"device $TERMINAL", kSerial, "", {}},
        {"device $OTHER", kSerial, "ENOENT", kByRoomAndLandlock},
        {"device $OTHER", kSerial, "EACCES", kByLandlock, kByRoom},
        {"speed $TERMINAL", kSerial, "", {}},
        {"type $TERMINAL", kSerial, "EPERM", kAsRoot},
        {"device /dev/kmsg", kSerial, "ENOENT", {}},
        {"device /dev/null", kSerial, "", {}}});
}

TEST_F(AttemptsTest, OtherProcesses) {
  Show({{"host-memory $HOST", kNone, "EPERM", kByAllAsRoot},
        {"host-memory $HOST", kNone, "EPERM", {"landlock", "capabilities"}, kBySeccomp},
        {"device /proc/$HOST/mem", kSerial, "ENOENT", {}},
        {"trace $HOST", kNone, "EPERM", kByAllAsRoot},
        {"signal $HOST", kNone, "EPERM", kByAll},
        {"signal $HOST", kNone, "EPERM", kByLandlock, kBySeccomp},
        {"signal $HOST", kPcscd, "EPERM", kBySeccomp, kByLandlock},
        {"signal-thread $HOST", kNone, "EPERM", kByAll},
        {"signal-by-descriptor $HOST", kNone, "EPERM", kBySeccomp},
        {"signal-itself", kNone, "", {}},
        {"limit-host $HOST", kNone, "EPERM", kBySeccomp},
        {"affinity $HOST", kNone, "EPERM", kAsRoot},
        {"priority $HOST", kNone, "EPERM", kAsRoot},
        {"pidfd_open $HOST", kNone, "EPERM", kBySeccomp},
        {"forget-host", kNone, "EPERM", kBySeccomp},
        {"setpgid", kNone, "EPERM", kBySeccomp}});
}

TEST_F(AttemptsTest, Programs) {
  Show({
    {"thread", kNone, "", {}}, {"fork", kNone, "EPERM", kBySeccomp},
#if defined(__x86_64__)
        {"old-fork", kNone, "EPERM", kBySeccomp}, {"vfork", kNone, "EPERM", kBySeccomp},
#endif
        {"clone3", kNone, "ENOSYS", kBySeccomp}, {"exec", kNone, "EPERM", kByAll},
        {"exec", kNetwork, "EACCES", kByLandlock, {"seccomp", "room"}},
        {"exec-again", kNone, "EPERM", kBySeccomp}, {"exec-again", kNone, "EPERM", {"limits"}}, {
      "exec-again", kSerial, "EPERM", kBySeccomp
    }
  });
}

TEST_F(AttemptsTest, Limits) {
  // Not even root has it everywhere.
  const bool may_raise = prctl(PR_CAPBSET_READ, CAP_SYS_RESOURCE) > 0;
  Show({{"memory", kNone, "ENOMEM", {"limits"}},
        {"shared-memory", kNone, "EPERM", kBySeccomp},
        {"addresses", kNone, "ENOMEM", {"limits"}},
        {"memfd", kNone, "EPERM", kBySeccomp},
        {"shmget", kNone, "EPERM", kBySeccomp},
        {"descriptors", kNone, "EMFILE", {"limits"}},
        // For root there is no such limit.
        {"threads", kNone, geteuid() == 0 ? "" : "EAGAIN", geteuid() == 0 ? kNone : kByRoom},
        {"lower-descriptors", kNone, "EPERM", kBySeccomp},
        {"raise-descriptors", kNone, "EPERM", may_raise ? kAsRoot : kNone},
        {"raise-memory", kNone, "EPERM", may_raise ? kAsRoot : kNone},
        {"raise-memory", kNone, "EPERM", may_raise ? Strings{"capabilities"} : kNone, kBySeccomp}});
}

TEST_F(AttemptsTest, Kernel) {
  Show({{"unshare", kNone, "EPERM", kBySeccomp},
        {"setns $HOST", kNone, "EPERM", kByAllAsRoot},
        {"mount", kNone, "EPERM", kByAllAsRoot},
        {"chroot", kNone, "EPERM", kAsRoot},
        {"keyctl", kNone, "EPERM", kBySeccomp},
        {"bpf", kNone, "EPERM", kAsRoot},
        {"userfaultfd", kNone, "EPERM", kBySeccomp},
        {"io_uring", kNone, "ENOSYS", kBySeccomp},
        {"perf_event_open", kNone, "EPERM", kAsRoot},
        {"personality", kNone, "EPERM", kBySeccomp},
        {"setuid", kNone, "EPERM", kAsRoot},
        {"capabilities", kNone, "EPERM", {"capabilities"}},
        {"environment", kNone, "ENOENT", {}},
        {"other-descriptor 4", kNone, "EBADF", {}}});
}

}  // namespace
}  // namespace madoguchi
