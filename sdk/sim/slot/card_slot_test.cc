#include "sdk/sim/slot/card_slot.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace madoguchi::sim {
namespace {

using Bytes = std::vector<uint8_t>;
using Kind = CardSlot::Event::Kind;
using testing::Optional;

const Bytes kAtr = {0x3B, 0x80, 0x80, 0x01, 0x01};
const Bytes kApdu = {0x00, 0xA4, 0x04, 0x0C};
const Bytes kOk = {0x90, 0x00};

// The card's end, by hand.
class Hand {
 public:
  explicit Hand(int fd) : fd_(fd) {}
  Hand(Hand&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Hand() { TakeAway(); }

  static Hand On(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), address.sun_path);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return Hand(fd);
  }
  void Say(const Bytes& message) {
    Bytes whole = {static_cast<uint8_t>(message.size() >> 8), static_cast<uint8_t>(message.size())};
    whole.insert(whole.end(), message.begin(), message.end());
    EXPECT_EQ(send(fd_, whole.data(), whole.size(), MSG_NOSIGNAL), ssize_t(whole.size()));
  }
  // The next message; nullopt at the end, or when none comes for 5 s.
  std::optional<Bytes> Hear() {
    Bytes length(2);
    if (!Read(length)) return std::nullopt;
    Bytes message(length[0] << 8 | length[1]);
    if (!Read(message)) return std::nullopt;
    return message;
  }
  void TakeAway() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }

 private:
  bool Read(Bytes& bytes) {
    for (size_t at = 0; at < bytes.size();) {
      pollfd readable{fd_, POLLIN, 0};
      if (poll(&readable, 1, 5000) != 1) return false;
      const ssize_t size = recv(fd_, bytes.data() + at, bytes.size() - at, 0);
      if (size <= 0) return false;
      at += size;
    }
    return true;
  }

  int fd_;
};

class CardSlotTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "card-slot-" + std::to_string(getpid()) + ".sock";
    ASSERT_TRUE(slot_.Listen(path_).ok());
  }
  // The next event, waiting for it at most 5 s.
  std::optional<CardSlot::Event> Await() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (std::chrono::steady_clock::now() < deadline) {
      if (auto event = slot_.Next()) return event;
      pollfd readable{slot_.fd(), POLLIN, 0};
      poll(&readable, 1, 100);
    }
    return std::nullopt;
  }
  Hand LayDown() {
    Hand hand = Hand::On(path_);
    hand.Say(kAtr);  // It may be early: it is asked for it in any case.
    const auto event = Await();
    EXPECT_TRUE(event.has_value() && event->kind == Kind::kArrived && event->bytes == kAtr);
    EXPECT_THAT(hand.Hear(), Optional(Bytes{4}));
    return hand;
  }
  void ExpectNext(Kind kind, const Bytes& bytes = {}) {
    const auto event = Await();
    ASSERT_TRUE(event.has_value());
    EXPECT_EQ(event->kind, kind);
    EXPECT_EQ(event->bytes, bytes);
  }

  std::string path_;
  CardSlot slot_;
};

TEST_F(CardSlotTest, ACardComesAnswersAndGoes) {
  EXPECT_FALSE(slot_.Send(kApdu));
  Hand hand = LayDown();
  EXPECT_TRUE(slot_.powered());
  slot_.PowerOn();
  EXPECT_THAT(hand.Hear(), Optional(Bytes{1}));
  ASSERT_TRUE(slot_.Send(kApdu));
  EXPECT_FALSE(slot_.Send(kApdu)) << "one at a time";
  EXPECT_THAT(hand.Hear(), Optional(kApdu));
  hand.Say(kOk);
  ExpectNext(Kind::kAnswer, kOk);
  slot_.Reset();
  EXPECT_THAT(hand.Hear(), Optional(Bytes{2}));
  slot_.PowerOff();
  EXPECT_THAT(hand.Hear(), Optional(Bytes{0}));
  hand.TakeAway();
  ExpectNext(Kind::kLeft);
  EXPECT_FALSE(slot_.powered());
}

TEST_F(CardSlotTest, TheLastAnswerOfACardThatGoesIsHeard) {
  Hand hand = LayDown();
  ASSERT_TRUE(slot_.Send(kApdu));
  hand.Say(kOk);
  hand.TakeAway();
  ExpectNext(Kind::kAnswer, kOk);
  ExpectNext(Kind::kLeft);
}

TEST_F(CardSlotTest, GoingInMidApduIsGoing) {
  Hand hand = LayDown();
  ASSERT_TRUE(slot_.Send(kApdu));
  hand.TakeAway();
  ExpectNext(Kind::kLeft);
  EXPECT_FALSE(slot_.under_way());
}

TEST_F(CardSlotTest, TheNewestCardWins) {
  Hand first = LayDown();
  ASSERT_TRUE(slot_.Send(kApdu));
  EXPECT_THAT(first.Hear(), Optional(kApdu));
  Hand second = Hand::On(path_);
  second.Say(kAtr);
  ExpectNext(Kind::kLeft);
  ExpectNext(Kind::kArrived, kAtr);
  EXPECT_EQ(first.Hear(), std::nullopt);
}

TEST_F(CardSlotTest, ACardWithoutAnAtrExchangesNothing) {
  Hand hand = Hand::On(path_);
  hand.Say({0x12, 0x34});
  ExpectNext(Kind::kArrived);
  EXPECT_FALSE(slot_.powered());
  EXPECT_FALSE(slot_.Send(kApdu));
  hand.Say(kAtr);
  hand.TakeAway();
  ExpectNext(Kind::kLeft);
}

TEST_F(CardSlotTest, OneThatSaysNothingIsThereAfterTwoSeconds) {
  const auto before = std::chrono::steady_clock::now();
  Hand hand = Hand::On(path_);
  ExpectNext(Kind::kArrived);
  EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(1900));
}

TEST_F(CardSlotTest, ACardThatSpeaksUnaskedIsPutOut) {
  Hand hand = LayDown();
  hand.Say(kOk);
  ExpectNext(Kind::kLeft);
  EXPECT_EQ(hand.Hear(), std::nullopt);
}

TEST_F(CardSlotTest, ALateAnswerIsNobodys) {
  Hand hand = LayDown();
  ASSERT_TRUE(slot_.Send(kApdu));
  slot_.Abandon();
  const Bytes other = {0x00, 0xB0, 0x00, 0x00, 0x04};
  ASSERT_TRUE(slot_.Send(other));
  EXPECT_THAT(hand.Hear(), Optional(kApdu));
  EXPECT_THAT(hand.Hear(), Optional(other));
  hand.Say({0x6A, 0x82});
  hand.Say(kOk);
  ExpectNext(Kind::kAnswer, kOk);
}

TEST_F(CardSlotTest, AResetBringsASilentCardBackIntoStep) {
  Hand hand = LayDown();
  ASSERT_TRUE(slot_.Send(kApdu));
  EXPECT_THAT(hand.Hear(), Optional(kApdu));
  slot_.Reset();
  EXPECT_FALSE(slot_.under_way());
  EXPECT_THAT(hand.Hear(), Optional(Bytes{2}));
  EXPECT_THAT(hand.Hear(), Optional(Bytes{4}));
  slot_.PowerOn();
  EXPECT_THAT(hand.Hear(), Optional(Bytes{1}));
  // Nothing is sent before it is in step again; its late answer is dropped.
  ASSERT_TRUE(slot_.Send(kApdu));
  hand.Say({0x6A, 0x82});
  hand.Say(kAtr);
  // The slot turns when it is asked.
  EXPECT_EQ(slot_.Next(), std::nullopt);
  EXPECT_THAT(hand.Hear(), Optional(kApdu));
  hand.Say(kOk);
  ExpectNext(Kind::kAnswer, kOk);
}

TEST_F(CardSlotTest, LengthsThatAreNoApdusAreRefused) {
  Hand hand = LayDown();
  EXPECT_FALSE(slot_.Send(Bytes{0x04}));
  EXPECT_FALSE(slot_.Send(Bytes(65536, 0)));
  ASSERT_TRUE(slot_.Send(Bytes(65535, 7)));
  const auto heard = hand.Hear();
  ASSERT_TRUE(heard.has_value());
  EXPECT_EQ(heard->size(), 65535u);
}

TEST_F(CardSlotTest, ThePathIsForThisUserAloneAndGoesWithTheSlot) {
  struct stat facts;
  ASSERT_EQ(stat(path_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  const std::string other = path_ + ".other";
  {
    CardSlot slot;
    ASSERT_TRUE(slot.Listen(other).ok());
    EXPECT_EQ(access(other.c_str(), F_OK), 0);
  }
  EXPECT_NE(access(other.c_str(), F_OK), 0);
  EXPECT_FALSE(slot_.Listen(std::string(108, 'x')).ok());
  EXPECT_FALSE(slot_.Listen("/proc/there-is-no-such-folder/socket").ok());
}

TEST_F(CardSlotTest, APortIsOnTheLoopbackAlone) {
  const auto port = slot_.ListenOnPort(0);
  ASSERT_TRUE(port.ok()) << port.status();
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(*port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  Hand hand(fd);
  hand.Say(kAtr);
  ExpectNext(Kind::kArrived, kAtr);
  // All of 127/8 is this machine; a socket on every address would answer on this one too.
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
  const int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_NE(connect(other, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  close(other);
}

}  // namespace
}  // namespace madoguchi::sim
