// Checks whose PIN is typed at the reader's own pad, through every process. The pad is that of a
// virtual reader.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>

#include "tests/clinic/clinic.h"

namespace madoguchi::clinic {
namespace {

using namespace check::v1;  // NOLINT: codes and outcomes.

class PadTest : public testing::Test {
 protected:
  void SetUp() override {
    clinic_ = Clinic::Make({});
    clinic_->config().mutable_limits()->set_pad_ms(pad_ms_);
    for (auto& plugin : *clinic_->config().mutable_plugin()) {
      if (plugin.name() != "reader_virtual") continue;
      auto* const setting = plugin.add_setting();
      setting->set_name("pin_pad");
      setting->set_value("true");
    }
    clinic_->Start();
    card_ = clinic_->Lay("hanako");
    ASSERT_TRUE(clinic_->AwaitCard(0));
    staff_ = clinic_->Staff();
    patient_ = clinic_->PatientScreen();
    ASSERT_TRUE(staff_->Begin("pin").ok());
  }

  // Presses keys at the pad as soon as it asks. False when it did not within 10 s.
  bool Press(const std::string& keys) {
    return Await([&] {
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      const std::string path = clinic_->folder() + "/v/pad-0.sock";
      std::copy(path.begin(), path.end(), address.sun_path);
      const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const timeval patience{1, 0};
      setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
      const std::string line = keys + "\n";
      char answer[3] = {};
      const bool taken =
          connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
          send(fd, line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size()) &&
          recv(fd, answer, sizeof(answer), MSG_WAITALL) == sizeof(answer);
      close(fd);
      return taken;
    });
  }

  uint32_t pad_ms_ = 60000;
  std::unique_ptr<Clinic> clinic_;
  std::unique_ptr<Card> card_;
  std::unique_ptr<Screen> staff_, patient_;
};

TEST_F(PadTest, ThePatientTypesAtTheReader) {
  const desk::v1::View view = patient_->AwaitStage(desk::v1::STAGE_TYPE_AT_PAD);
  EXPECT_FALSE(view.has_pin_prompt());
  EXPECT_EQ(view.allowed_size(), 1);
  EXPECT_EQ(view.allowed(0), desk::v1::REPLY_KIND_CANCEL);
  EXPECT_NE(view.title().ja().find("リーダー"), std::string::npos) << view.title().ja();
  ASSERT_TRUE(Press("1234"));
  const Verdict verdict = staff_->AwaitVerdict();
  EXPECT_EQ(verdict.outcome(), OUTCOME_ELIGIBLE) << verdict.DebugString();
}

TEST_F(PadTest, AWrongPinIsTypedAgain) {
  patient_->AwaitStage(desk::v1::STAGE_TYPE_AT_PAD);
  ASSERT_TRUE(Press("9999"));
  const desk::v1::View again = patient_->Await([](const desk::v1::View& view) {
    return view.stage() == desk::v1::STAGE_TYPE_AT_PAD && view.pin_rejected();
  });
  EXPECT_EQ(again.tries_left(), 2u);
  ASSERT_TRUE(Press("1234"));
  EXPECT_EQ(staff_->AwaitVerdict().outcome(), OUTCOME_ELIGIBLE);
}

TEST_F(PadTest, CancelledAtThePad) {
  patient_->AwaitStage(desk::v1::STAGE_TYPE_AT_PAD);
  ASSERT_TRUE(Press("cancel"));
  EXPECT_EQ(staff_->AwaitVerdict().failure().code(), FAILURE_CODE_PIN_PAD_CANCELLED);
}

class ImpatientPadTest : public PadTest {
 protected:
  ImpatientPadTest() { pad_ms_ = 1000; }
};

TEST_F(ImpatientPadTest, NobodyTypes) {
  patient_->AwaitStage(desk::v1::STAGE_TYPE_AT_PAD);
  EXPECT_EQ(staff_->AwaitVerdict().failure().code(), FAILURE_CODE_PIN_NOT_TYPED);
  EXPECT_NE(card_->Control("status").find("tries-left=3"), std::string::npos)
      << card_->Control("status");
}

TEST_F(PadTest, CancelledByTheStaffWhileThePadAsks) {
  patient_->AwaitStage(desk::v1::STAGE_TYPE_AT_PAD);
  desk::v1::Reply reply;
  reply.mutable_cancel();
  ASSERT_TRUE(staff_->Send(reply).ok());
  EXPECT_EQ(staff_->AwaitVerdict().failure().code(), FAILURE_CODE_CANCELLED);
  // The pad asks no more: whatever is pressed now reaches no card, and the next check has its own.
  ASSERT_TRUE(staff_->Close().ok());
  card_->Take();
  ASSERT_TRUE(clinic_->AwaitCard(0, false));
  ASSERT_TRUE(staff_->Begin("pin").ok());
  card_->LayAgain();
  patient_->AwaitStage(desk::v1::STAGE_TYPE_AT_PAD);
  ASSERT_TRUE(Press("1234"));
  EXPECT_EQ(staff_->AwaitVerdict().outcome(), OUTCOME_ELIGIBLE);
}

TEST_F(PadTest, ACardThatIsPulledWhileThePadAsksIsGone) {
  patient_->AwaitStage(desk::v1::STAGE_TYPE_AT_PAD);
  card_->Take();
  EXPECT_EQ(staff_->AwaitVerdict().failure().code(), FAILURE_CODE_CARD_GONE);
}

}  // namespace
}  // namespace madoguchi::clinic
