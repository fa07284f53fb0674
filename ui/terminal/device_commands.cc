// The admin's commands: devices list, add, remove.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "madoguchi/desk/v1/desk.grpc.pb.h"
#include "sdk/failure/failure.h"
#include "sdk/screen/device_file.h"
#include "sdk/screen/device_key.h"
#include "ui/terminal/commands.h"
#include "ui/terminal/remote_desk.h"
#include "ui/terminal/text.h"
#include "ui/terminal/width.h"

namespace madoguchi::terminal {
namespace {

constexpr Phrase kNone("登録された端末はありません。", "No device is registered.");
constexpr Phrase kDevice("端末", "DEVICE");
constexpr Phrase kRole("役割", "ROLE");
constexpr Phrase kAdded("登録日時", "ADDED");
constexpr Phrase kFingerprint("証明書 (SHA-256)", "CERTIFICATE (SHA-256)");
constexpr Phrase kStaff("職員", "staff");
constexpr Phrase kPatient("患者", "patient");
constexpr Phrase kAdmin("管理者", "admin");
constexpr Phrase kIsThere("{} はすでにあります。別の名前を指定するか、先に消してください。",
                          "{} is there already. Name another file, or delete it first.");
constexpr Phrase kWrote(
    "端末「{}」を登録し、{} に書きました。秘密鍵を含むため、その端末だけに安全に渡してください。",
    "Registered \"{}\" and wrote {}. It holds a private key: give it to that device alone, "
    "safely.");
constexpr Phrase kNoAddress(
    "窓口システムはほかの機械からの接続を受けていません。使うときは --host "
    "で接続先を指定してください。",
    "The host takes no connections from other machines yet; when it does, name it with --host.");
constexpr Phrase kTakenBack(
    "ファイルを書けないため、登録を取り消しました。{}",
    "The file could not be written, so the device was struck off again. {}");
constexpr Phrase kNotTakenBack(
    "ファイルを書けず、登録の取り消しもできませんでした。devices remove {} を実行してください。{}",
    "The file could not be written and the device is still registered. Run: devices remove {}. {}");
constexpr Phrase kNoDevice(
    "「{}」という名前の端末は登録されていません。madoguchi devices list "
    "で名前を確かめてください。",
    "No device is registered as \"{}\". See the names with: madoguchi devices list");
constexpr Phrase kRemoved("端末「{}」の登録を消しました。", "Struck off \"{}\".");

const Phrase* RolePhrase(check::v1::Role role) {
  switch (role) {
    case check::v1::ROLE_STAFF:
      return &kStaff;
    case check::v1::ROLE_PATIENT:
      return &kPatient;
    case check::v1::ROLE_ADMIN:
      return &kAdmin;
    default:
      return nullptr;
  }
}

grpc::Status Remove(const std::shared_ptr<grpc::Channel>& channel, const std::string& name) {
  grpc::ClientContext call;
  SetDeadline(&call);
  desk::v1::RemoveDeviceRequest request;
  request.set_name(name);
  desk::v1::RemoveDeviceReply reply;
  return desk::v1::Desk::NewStub(channel)->RemoveDevice(&call, request, &reply);
}

}  // namespace

int RunDevicesList(const CommandLine&, const Session& session) {
  const auto channel = session.connection->Channel();
  if (!channel.ok()) return Fail(channel.status(), session);
  grpc::ClientContext call;
  SetDeadline(&call);
  desk::v1::ListDevicesReply reply;
  const absl::Status status =
      CallStatus(desk::v1::Desk::NewStub(*channel)->ListDevices(&call, {}, &reply),
                 session.connection->address());
  if (!status.ok()) return Fail(status, session);
  const Language language = session.language;
  if (reply.device_size() == 0) {
    session.out << kNone.In(language) << std::endl;
    return kExitDone;
  }
  std::vector<std::vector<std::string>> rows = {
      {kDevice.In(language), kRole.In(language), kAdded.In(language), kFingerprint.In(language)}};
  for (const auto& device : reply.device()) {
    const Phrase* const role = RolePhrase(device.role());
    rows.push_back({Printable(device.name()), role == nullptr ? "-" : role->In(language),
                    Printable(device.added()), Printable(device.certificate_sha256())});
  }
  session.out << Columns(rows) << std::flush;
  return kExitDone;
}

int RunDevicesAdd(const CommandLine& line, const Session& session) {
  const Language language = session.language;
  // Looked at before the host registers anything; writing looks again.
  if (access(line.out.c_str(), F_OK) == 0) {
    session.err << Fill(kIsThere, language, {line.out}) << std::endl;
    return kExitFailed;
  }
  const auto channel = session.connection->Channel();
  if (!channel.ok()) return Fail(channel.status(), session);
  const auto made = screen::MakeKeyAndRequest(line.name);
  if (!made.ok()) {
    return Fail(FailureStatus(check::v1::FAILURE_CODE_REQUEST_INVALID,
                              std::string(made.status().message())),
                session);
  }
  grpc::ClientContext call;
  SetDeadline(&call);
  desk::v1::AddDeviceRequest request;
  request.set_name(line.name);
  request.set_role(line.role);
  request.set_certificate_request(made->request_der);
  desk::v1::AddDeviceReply reply;
  const absl::Status status =
      CallStatus(desk::v1::Desk::NewStub(*channel)->AddDevice(&call, request, &reply),
                 session.connection->address());
  if (!status.ok()) return Fail(status, session);
  screen::DeviceFile device;
  device.set_address(line.address.empty() ? reply.address() : line.address);
  device.set_name(line.name);
  device.set_role(line.role);
  device.set_certificate_pem(reply.certificate_pem());
  device.set_private_key_pem(made->private_key_pem);
  device.set_host_ca_pem(reply.host_ca_pem());
  device.set_host_public_key(reply.host_public_key());
  const absl::Status written = screen::WriteDeviceFile(line.out, device);
  if (!written.ok()) {
    const std::string why(written.message());
    const bool taken_back = Remove(*channel, line.name).ok();
    session.err << (taken_back ? Fill(kTakenBack, language, {why})
                               : Fill(kNotTakenBack, language, {line.name, why}))
                << std::endl;
    return kExitFailed;
  }
  session.out << Fill(kWrote, language, {line.name, line.out}) << std::endl;
  if (device.address().empty()) session.err << kNoAddress.In(language) << std::endl;
  return kExitDone;
}

int RunDevicesRemove(const CommandLine& line, const Session& session) {
  const auto channel = session.connection->Channel();
  if (!channel.ok()) return Fail(channel.status(), session);
  const grpc::Status removed = Remove(*channel, line.name);
  // The same failure with another code is of the device that this screen runs on.
  if (removed.error_code() == grpc::StatusCode::NOT_FOUND) {
    session.err << Fill(kNoDevice, session.language, {line.name}) << std::endl;
    return kExitFailed;
  }
  const absl::Status status = CallStatus(removed, session.connection->address());
  if (!status.ok()) return Fail(status, session);
  session.out << Fill(kRemoved, session.language, {line.name}) << std::endl;
  return kExitDone;
}

}  // namespace madoguchi::terminal
