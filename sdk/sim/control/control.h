#ifndef MADOGUCHI_SDK_SIM_CONTROL_CONTROL_H_
#define MADOGUCHI_SDK_SIM_CONTROL_CONTROL_H_

#include <poll.h>

#include <functional>
#include <list>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace madoguchi::sim {

// The hand of a test on a simulated thing: a Unix stream socket that takes one command a line and
// answers each with one line. Nothing here blocks; a caller polls the descriptors of `Polled` and
// then calls Serve.
class Control {
 public:
  // A command's line without its end, to an answer without its end.
  using Command = std::function<std::string(const std::string&)>;

  // Replaces a socket that is there from a program that has gone. The socket is this user's alone.
  static absl::StatusOr<Control> Listen(const std::string& path);

  Control(Control&& other) noexcept;
  Control& operator=(Control&&) = delete;
  ~Control();

  void AddTo(std::vector<pollfd>& polled) const;
  void Serve(const Command& command);

 private:
  struct Client {
    int fd;
    std::string line;
  };

  Control(int fd, std::string path);
  static bool ServeClient(Client& client, const Command& command);

  int fd_;
  std::string path_;
  std::list<Client> clients_;
};

}  // namespace madoguchi::sim

#endif  // MADOGUCHI_SDK_SIM_CONTROL_CONTROL_H_
