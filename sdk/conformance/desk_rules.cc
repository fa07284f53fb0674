#include "sdk/conformance/desk_rules.h"

#include <sys/stat.h>

#include "sdk/conformance/desk_examination.h"
#include "sdk/screen/connect.h"
#include "sdk/screen/device_file.h"

namespace madoguchi::conformance {

using namespace check::v1;  // NOLINT: roles.

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
