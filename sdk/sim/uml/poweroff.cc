// What ends a User Mode kernel: its own reboot(2), not that of the machine.
#include <sys/reboot.h>
#include <unistd.h>

int main() {
  sync();
  return reboot(RB_POWER_OFF);
}
