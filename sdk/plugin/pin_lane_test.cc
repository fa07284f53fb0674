#include "sdk/plugin/pin_lane.h"

#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

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
  PinLane lane(ends_[0], kLong);
  Send(kOne + "1111");
  Send(kTwo + "2222");
  EXPECT_EQ(Text(*lane.Take(kTwo)), "2222");
  EXPECT_EQ(Text(*lane.Take(kOne)), "1111");
  EXPECT_EQ(lane.Sweep(), 0u);
}

TEST_F(PinLaneTest, GivesAPinOnce) {
  PinLane lane(ends_[0], kLong);
  Send(kOne + "1111");
  EXPECT_TRUE(lane.Take(kOne).ok());
  close(ends_[1]);
  ends_[1] = -1;
  EXPECT_FALSE(lane.Take(kOne).ok());
}

TEST_F(PinLaneTest, PassesOverPacketsThatAreNoPins) {
  PinLane lane(ends_[0], kLong);
  Send(kOne);                         // no PIN
  Send(kOne + std::string(17, '9'));  // too long
  Send("short");
  Send(kOne + "1234");
  EXPECT_EQ(Text(*lane.Take(kOne)), "1234");
}

TEST_F(PinLaneTest, WipesAPinThatNobodyTakesInTime) {
  PinLane lane(ends_[0], kShort);
  lane.Sweep();  // makes the secure heap
  const size_t before = CRYPTO_secure_used();
  Send(kOne + "1111");
  EXPECT_EQ(lane.Sweep(), 1u);
  EXPECT_GT(CRYPTO_secure_used(), before);
  const auto deadline = std::chrono::steady_clock::now() + kLong;
  while (lane.Sweep() > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(CRYPTO_secure_used(), before);
  EXPECT_FALSE(lane.Take(kOne).ok());
}

TEST_F(PinLaneTest, TakesAPinThatASweepHasRead) {
  PinLane lane(ends_[0], kLong);
  Send(kOne + "1111");
  EXPECT_EQ(lane.Sweep(), 1u);
  EXPECT_EQ(lane.Sweep(), 1u) << "it is not too old yet";
  EXPECT_EQ(Text(*lane.Take(kOne)), "1111");
}

TEST_F(PinLaneTest, OrphansDoNotCrowdOutTheNextPin) {
  PinLane lane(ends_[0], kLong);
  for (size_t i = 0; i <= PinLane::kMostWaiting; ++i) {
    Send(std::string(15, 'o') + static_cast<char>(i) + "0000");
  }
  Send(kOne + "1111");
  const auto pin = lane.Take(kOne);
  ASSERT_TRUE(pin.ok()) << pin.status();
  EXPECT_EQ(Text(*pin), "1111");
}

TEST_F(PinLaneTest, SaysWhenTheLaneIsClosedOrNothingComes) {
  PinLane hasty(ends_[0], kShort);
  EXPECT_EQ(CodeOf(hasty.Take(kOne).status()), check::v1::FAILURE_CODE_REQUEST_INVALID);
  PinLane lane(ends_[0], kLong);
  close(ends_[1]);
  ends_[1] = -1;
  EXPECT_EQ(CodeOf(lane.Take(kOne).status()), check::v1::FAILURE_CODE_REQUEST_INVALID);
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
