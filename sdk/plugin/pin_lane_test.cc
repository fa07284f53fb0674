#include "sdk/plugin/pin_lane.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sdk/failure/failure.h"

namespace madoguchi::plugin {
namespace {

constexpr std::chrono::milliseconds kShort(30);
constexpr std::chrono::milliseconds kLong(5000);

class PinLaneTest : public testing::Test {
 protected:
  PinLaneTest() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends_), 0); }
  ~PinLaneTest() override {
    close(ends_[0]);
    if (ends_[1] >= 0) close(ends_[1]);
  }
  void Send(const std::string& packet) {
    ASSERT_EQ(send(ends_[1], packet.data(), packet.size(), 0), static_cast<ssize_t>(packet.size()));
  }
  static std::string Text(const Secret& s) { return {s.bytes().begin(), s.bytes().end()}; }

  int ends_[2];
};

const std::string kOne(16, '1'), kTwo(16, '2');

TEST_F(PinLaneTest, GivesEachPinToTheOwnerOfItsToken) {
  PinLane lane(ends_[0]);
  Send(kOne + "1111");
  Send(kTwo + "2222");
  EXPECT_EQ(Text(*lane.Take(kTwo, kLong)), "2222");
  EXPECT_EQ(Text(*lane.Take(kOne, kLong)), "1111");
  EXPECT_FALSE(lane.Take(kOne, kShort).ok()) << "a PIN is given once";
}

TEST_F(PinLaneTest, PassesOverPacketsThatAreNoPins) {
  PinLane lane(ends_[0]);
  Send(kOne);                         // no PIN
  Send(kOne + std::string(17, '9'));  // too long
  Send("short");
  Send(kOne + "1234");
  EXPECT_EQ(Text(*lane.Take(kOne, kLong)), "1234");
}

TEST_F(PinLaneTest, SaysWhenTheLaneIsClosedOrNothingComes) {
  PinLane lane(ends_[0]);
  EXPECT_EQ(CodeOf(lane.Take(kOne, kShort).status()), check::v1::FAILURE_CODE_REQUEST_INVALID);
  close(ends_[1]);
  ends_[1] = -1;
  EXPECT_EQ(CodeOf(lane.Take(kOne, kLong).status()), check::v1::FAILURE_CODE_REQUEST_INVALID);
}

TEST(FillPin, SetsLcAndRefusesTemplatesOfAnotherShape) {
  Secret pin = *Secret::OfSize(4);
  const std::vector<uint8_t> verify = {0x00, 0x20, 0x00, 0x98, 0x00};
  const auto command = FillPin(verify, 5, pin);
  ASSERT_TRUE(command.ok());
  EXPECT_EQ(command->size(), 9u);
  EXPECT_EQ(command->bytes()[4], 4);
  EXPECT_FALSE(FillPin(verify, 4, pin).ok());
  EXPECT_FALSE(FillPin(verify, 6, pin).ok());
  EXPECT_FALSE(FillPin({}, 0, pin).ok());
}

}  // namespace
}  // namespace madoguchi::plugin
