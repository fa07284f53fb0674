// Runs the launcher with its own arguments as if the kernel knew neither Landlock nor namespaces
// nor listeners for system calls.

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <unistd.h>

#include <initializer_list>

int main(int, char** argv) {
  const scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  for (const char* call : {"landlock_create_ruleset", "unshare"}) {
    const int number = seccomp_syscall_resolve_name(call);
    if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), number, 0) != 0) return 1;
  }
  if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(seccomp), 1,
                       SCMP_A1(SCMP_CMP_MASKED_EQ, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                               SECCOMP_FILTER_FLAG_NEW_LISTENER)) != 0) {
    return 1;
  }
  if (seccomp_load(filter) != 0) return 1;
  char* const environment[] = {nullptr};
  execve(MADOGUCHI_LAUNCHER, argv, environment);
  return 1;
}
