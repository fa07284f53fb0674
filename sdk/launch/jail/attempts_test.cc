// One row an attempt: what it gives in the jail, and that it succeeds as soon as the layers that
// stop it are left out, so that no row passes because the attempt itself is broken.

#include "sdk/launch/jail/attempts.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace madoguchi {
namespace {

const Strings kNone;
const Strings kPcscd{"pcscd"}, kUsb{"usb"}, kBluetooth{"bluetooth"}, kNetwork{"network"},
    kSockets{"sockets"}, kSerial{"serial:$TERMINAL"},
    kDevices{"serial", "device:$LINK", "device:$TERMINAL"};

const Strings kBySeccomp{"seccomp"};
const Strings kByLandlock{"landlock"};
const Strings kByRoom{"room"}, kByRoomAndLandlock{"room", "landlock"};
const Strings kByAll{"seccomp", "landlock", "room"};
const Strings kByAllAsRoot{"seccomp", "landlock", "room", "capabilities"};
const Strings kAsRoot{"seccomp", "capabilities"};

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
        {"see /outside", kNone, "ENOENT", {}},
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
        {"inotify", kNone, "EPERM", kBySeccomp},
        {"inotify", {"usb"}, "EPERM", kBySeccomp},
        {"inotify", {"pcscd"}, "", {}}});
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
        {"connect /outside$DOOR", kPcscd, "ENOENT", {}},
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
        {"device $TERMINAL", kUsb, "EACCES", kByLandlock},
        {"read /etc/passwd", kUsb, "EACCES", kByLandlock},
        {"device $TERMINAL", kSerial, "", {}},
        {"device $OTHER", kSerial, "ENOENT", kByRoomAndLandlock},
        {"device $OTHER", kSerial, "EACCES", kByLandlock, kByRoom},
        {"speed $TERMINAL", kSerial, "", {}},
        {"type $TERMINAL", kSerial, "EPERM", kAsRoot},
        {"device /dev/kmsg", kSerial, "ENOENT", {}},
        {"device /dev/null", kSerial, "", {}},
        {"device $LINK", kDevices, "", {}},
        {"device $TERMINAL", kDevices, "", {}},
        {"device $OTHER", kDevices, "ENOENT", kByRoomAndLandlock},
        {"device $OTHER", kDevices, "EACCES", kByLandlock, kByRoom},
        {"device $LINK", {"serial"}, "ENOENT", kByRoomAndLandlock},
        {"speed $LINK", kDevices, "", {}},
        {"type $LINK", kDevices, "EPERM", kAsRoot}});
  EXPECT_THAT(Try({"device $FOLDER/own", {"serial", "device:$FOLDER/own"}, "", {}}, kNone),
              ::testing::StartsWith("jail: this is no serial device: "));
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
