#ifndef MADOGUCHI_TESTS_HOSTILE_ATTEMPTS_H_
#define MADOGUCHI_TESTS_HOSTILE_ATTEMPTS_H_

#include <functional>
#include <string>
#include <vector>

namespace madoguchi::hostile {

// Where the attempts are aimed.
struct Aims {
  std::string own_folder;  // the plugin's
  std::string door;        // the host's local socket
  std::string dbus;        // a socket of a D-Bus daemon that nobody granted
  int port = 0;            // of a TCP server on 127.0.0.1
  std::string own_bus;     // the plugin's own, with the permission bluetooth
};

// One thing that no plugin, or only one with a permission, may do.
struct Attempt {
  const char* name;
  // Negative, with errno, when it did not work.
  std::function<long(const Aims&)> run;
};

const std::vector<Attempt>& Attempts();

}  // namespace madoguchi::hostile

#endif  // MADOGUCHI_TESTS_HOSTILE_ATTEMPTS_H_
