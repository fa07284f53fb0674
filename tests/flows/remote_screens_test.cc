// Screens of staff and patient on hosts of their own, over mTLS, at one check. Run by three-hosts.
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "sdk/failure/failure.h"
#include "sdk/screen/device_file.h"
#include "sdk/secret/seal.h"
#include "tests/clinic/clinic.h"
#include "tests/clinic/relay.h"

namespace madoguchi::clinic {
namespace {

using namespace check::v1;  // NOLINT: codes, roles and outcomes.
using desk::v1::View;

constexpr int kPort = 7443;
constexpr char kStaffSide[] = "10.77.1.1";
constexpr char kPatientSide[] = "10.77.2.1";

class RemoteScreensTest : public testing::Test {
 protected:
  void SetUp() override {
    if (access("/run/netns/staff", F_OK) != 0) GTEST_SKIP() << "run this test by three-hosts";
    Clinic::Options options;
    clinic_ = Clinic::Make(options);
    // All addresses of this namespace, which are the test's own.
    clinic_->config().mutable_desk()->set_address("0.0.0.0:" + std::to_string(kPort));
    clinic_->Start();
    staff_cable_ = std::make_unique<Relay>("staff", clinic_->folder() + "/s", kStaffSide, kPort);
    patient_cable_ =
        std::make_unique<Relay>("patient", clinic_->folder() + "/p", kPatientSide, kPort);
  }

  screen::DeviceFile Device(const std::string& name, const std::string& role) {
    const std::string path = clinic_->folder() + "/" + name + ".textproto";
    const auto [status, output] = clinic_->Madoguchi(
        {"devices", "add", name, "--role", role, "--out", path, "--address",
         std::string(role == "patient" ? kPatientSide : kStaffSide) + ":" + std::to_string(kPort)});
    EXPECT_EQ(status, 0) << output;
    const auto device = screen::ReadDeviceFile(path);
    EXPECT_TRUE(device.ok()) << device.status();
    return *device;
  }

  // A channel of its own (no sharing of connections) through `cable`.
  static std::shared_ptr<grpc::Channel> Through(const Relay& cable,
                                                const screen::DeviceFile& device) {
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = device.host_ca_pem();
    tls.pem_cert_chain = device.certificate_pem();
    tls.pem_private_key = device.private_key_pem();
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride("madoguchi-host");
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(cable.target(), grpc::SslCredentials(tls), arguments);
  }

  std::unique_ptr<Screen> StaffScreen() {
    return std::make_unique<Screen>(Through(*staff_cable_, staff_), "1", ROLE_STAFF);
  }
  std::unique_ptr<Screen> PatientScreen() {
    return std::make_unique<Screen>(Through(*patient_cable_, patient_), "1", ROLE_PATIENT);
  }

  static std::string Ends(const std::shared_ptr<grpc::Channel>& channel, Role role) {
    Screen screen(channel, "1", role);
    if (!Await([&] { return screen.ended().has_value(); })) return "it goes on";
    return NameOf(CodeOf(*screen.ended())) + " " +
           std::string(absl::StatusCodeToString(screen.ended()->code()));
  }

  std::unique_ptr<Clinic> clinic_;
  std::unique_ptr<Relay> staff_cable_, patient_cable_;
  screen::DeviceFile staff_, patient_;
};

TEST_F(RemoteScreensTest, EachSeesTheViewOfItsRole) {
  staff_ = Device("reception", "staff");
  patient_ = Device("tablet", "patient");
  auto staff = StaffScreen(), patient = PatientScreen();
  auto card = clinic_->Lay("hanako");
  ASSERT_TRUE(clinic_->AwaitCard(0));
  ASSERT_TRUE(staff->Begin("pin").ok());
  const View prompt = patient->Await([](const View& view) { return view.has_pin_prompt(); });
  EXPECT_TRUE(IsPromptOf(patient_.host_public_key(), prompt.pin_prompt(), prompt.check_id()));
  EXPECT_FALSE(staff->AwaitStage(desk::v1::STAGE_ASK_PIN).has_pin_prompt());
  ASSERT_TRUE(patient->Pin("1234").ok());
  EXPECT_TRUE(staff->AwaitVerdict().has_eligibility());
  EXPECT_EQ(patient->AwaitVerdict().outcome(), OUTCOME_ELIGIBLE);
  EXPECT_FALSE(patient->AwaitVerdict().has_eligibility());
}

TEST_F(RemoteScreensTest, EitherMayDropAndComeBackAtAnyStep) {
  staff_ = Device("reception", "staff");
  patient_ = Device("tablet", "patient");
  auto staff = StaffScreen(), patient = PatientScreen();
  const auto drop_both = [&](desk::v1::Stage stage) {
    staff->AwaitStage(stage);
    patient->AwaitStage(stage);
    staff_cable_->Cut();
    patient_cable_->Cut();
    EXPECT_TRUE(Await([&] { return staff->ended() && patient->ended(); }));
    staff_cable_->Join();
    patient_cable_->Join();
    staff = StaffScreen();
    patient = PatientScreen();
    EXPECT_EQ(staff->AwaitStage(stage).stage(), stage);
    EXPECT_EQ(patient->AwaitStage(stage).stage(), stage);
  };
  drop_both(desk::v1::STAGE_IDLE);
  ASSERT_TRUE(staff->Begin("pin").ok());
  drop_both(desk::v1::STAGE_ASK_PIN);
  ASSERT_TRUE(patient->Pin("1234").ok());
  drop_both(desk::v1::STAGE_LAY_CARD);
  // Slow enough to be met at each stage of its own.
  auto card = clinic_->Lay("hanako", 0, {"--latency-ms", "100", "--fault", "slow-signature=1500"});
  drop_both(desk::v1::STAGE_READING);
  drop_both(desk::v1::STAGE_PROVING);
  EXPECT_EQ(staff->AwaitVerdict().outcome(), OUTCOME_ELIGIBLE);
  drop_both(desk::v1::STAGE_DONE);
  EXPECT_TRUE(staff->AwaitVerdict().has_eligibility());
  EXPECT_TRUE(staff->Close().ok());
}

TEST_F(RemoteScreensTest, WhoIsNotListedGetsNothing) {
  staff_ = Device("reception", "staff");
  patient_ = Device("tablet", "patient");
  // In TLS 1.3 the client learns of a refused certificate only with its first bytes.
  screen::DeviceFile none = staff_;
  none.clear_certificate_pem();
  none.clear_private_key_pem();
  EXPECT_EQ(Ends(Through(*staff_cable_, none), ROLE_STAFF), "UNSPECIFIED UNAVAILABLE");

  // A device of another host: its certificate is as good as ours, and from another CA.
  Clinic::Options options;
  const auto elsewhere = Clinic::Make(options);
  elsewhere->config().mutable_desk()->set_address("127.0.0.1:0");
  elsewhere->Start();
  const std::string path = elsewhere->folder() + "/foreign.textproto";
  ASSERT_EQ(
      elsewhere->Madoguchi({"devices", "add", "foreign", "--role", "staff", "--out", path}).first,
      0);
  screen::DeviceFile foreign = *screen::ReadDeviceFile(path);
  foreign.set_host_ca_pem(staff_.host_ca_pem());
  EXPECT_EQ(Ends(Through(*staff_cable_, foreign), ROLE_STAFF), "UNSPECIFIED UNAVAILABLE");

  // The patient's device does not become the staff's by saying so.
  EXPECT_EQ(Ends(Through(*patient_cable_, patient_), ROLE_STAFF),
            "ROLE_FORBIDDEN PERMISSION_DENIED");

  // Removed in the middle of a stream: the stream ends, and nothing opens any more.
  auto staff = StaffScreen();
  staff->AwaitStage(desk::v1::STAGE_IDLE);
  ASSERT_EQ(clinic_->Madoguchi({"devices", "remove", "reception"}).first, 0);
  ASSERT_TRUE(Await([&] { return staff->ended().has_value(); }));
  EXPECT_EQ(CodeOf(*staff->ended()), FAILURE_CODE_DEVICE_UNKNOWN);
  EXPECT_EQ(CodeOf(staff->Begin("pin")), FAILURE_CODE_DEVICE_UNKNOWN);
  EXPECT_EQ(Ends(Through(*staff_cable_, staff_), ROLE_STAFF), "DEVICE_UNKNOWN UNAUTHENTICATED");
}

TEST_F(RemoteScreensTest, TheTerminalWorksFromTheOtherHosts) {
  Device("reception", "staff");
  Device("tablet", "patient");
  auto card = clinic_->Lay("hanako");
  ASSERT_TRUE(clinic_->AwaitCard(0));
  const auto run = [&](const std::string& netns, std::vector<std::string> arguments,
                       const std::string& pins) {
    const std::string device = netns == "staff" ? "reception" : "tablet";
    std::vector<std::string> command = {"/bin/ip", "netns", "exec", netns,
                                        Clinic::Bin() + "/madoguchi"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    command.insert(command.end(), {"--device", clinic_->folder() + "/" + device + ".textproto"});
    return *Program::Run(command, clinic_->folder() + "/log/" + netns, false, pins);
  };
  auto patient = run("patient", {"patient", "--counter", "1", "--once", "--pin-fd", "5"}, "1234\n");
  auto staff = run("staff", {"check", "--method", "pin", "--counter", "1", "--json"}, "");
  EXPECT_EQ(staff->Wait(), 0) << staff->Output();
  EXPECT_NE(staff->Output().find("OUTCOME_ELIGIBLE"), std::string::npos) << staff->Output();
  EXPECT_EQ(patient->Wait(), 0) << patient->Output();
  EXPECT_EQ(patient->Output().find("試験"), std::string::npos)
      << "the patient's screen has no name";
}

}  // namespace
}  // namespace madoguchi::clinic
