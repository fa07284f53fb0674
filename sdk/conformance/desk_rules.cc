#include "sdk/conformance/desk_rules.h"

#include <sys/stat.h>

#include <fstream>

#include "sdk/conformance/desk_examination.h"
#include "sdk/failure/plain_line.h"
#include "sdk/screen/connect.h"
#include "sdk/screen/device_file.h"

namespace madoguchi::conformance {

using namespace check::v1;  // NOLINT: roles.

constexpr size_t kLongestReason = 300;

absl::StatusOr<ExaminedDesk> ReachDesk(const std::vector<std::string>& addresses) {
  ExaminedDesk desk;
  for (const std::string& address : addresses) {
    struct stat facts = {};
    if (stat(address.c_str(), &facts) == 0 && S_ISSOCK(facts.st_mode)) {
      const auto channel = screen::Connect(address);
      if (!channel.ok()) return channel.status();
      const auto stub = desk::v1::Desk::NewStub(*channel);
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + kDeskPatience);
      desk::v1::GetHostReply reply;
      const grpc::Status status = stub->GetHost(&context, {}, &reply);
      if (!status.ok()) return absl::UnavailableError(address + ": " + status.error_message());
      for (const int role : reply.role()) desk.channels[static_cast<Role>(role)] = *channel;
    } else {
      std::ifstream file(address);
      std::string text(screen::kLargestDeviceFile + 1, '\0');
      file.read(text.data(), static_cast<std::streamsize>(text.size()));
      text.resize(static_cast<size_t>(file.gcount()));
      // What cannot be opened is ReadDeviceFile's to explain.
      if (const auto parsed = screen::ParseDeviceFile(text, address);
          file.is_open() && !parsed.ok()) {
        return absl::InvalidArgumentError(
            address + " is neither a socket nor a device file: " +
            PlainLine(std::string(parsed.status().message()), kLongestReason));
      }
      const auto device = screen::ReadDeviceFile(address);
      if (!device.ok()) return device.status();
      const auto channel = screen::Connect(*device);
      if (!channel.ok()) return channel.status();
      desk.channels[device->role()] = *channel;
    }
  }
  return desk;
}

void ExamineDesk(const ExaminedDesk& desk, Report* report) {
  DeskExamination examination(desk, report);
  examination.LookBeforeACheck();
  examination.LookAtTheQuestion();
  examination.LookAtTheAnswer();
  examination.LookBack();
}

}  // namespace madoguchi::conformance
