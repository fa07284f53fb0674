#include "host/loader/consumption.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <ctime>
#include <functional>
#include <thread>

namespace madoguchi {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

// A process that does `what`, once it has said so.
class Consumer {
 public:
  explicit Consumer(const std::function<void()>& what) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    pid_ = fork();
    if (pid_ == 0) {
      what();
      (void)!write(ends[1], "", 1);
      while (true) pause();
    }
    char ready;
    EXPECT_EQ(read(ends[0], &ready, 1), 1);
    close(ends[0]);
    close(ends[1]);
  }
  ~Consumer() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

TEST(ConsumptionTest, TellsOnceOfAllDescriptors) {
  const Consumer consumer([] {
    for (int i = 0; i < 40; ++i) (void)open("/dev/null", O_RDONLY);
  });
  Consumption::Limits limits;
  limits.descriptors = 40;
  Consumption::Time now;
  Consumption consumption(consumer.pid(), limits, now);
  EXPECT_THAT(consumption.Look(now), ElementsAre("took all 40 descriptors that it may have"));
  EXPECT_THAT(consumption.Look(now += 1s), IsEmpty());
  limits.descriptors = 400;
  Consumption modest(consumer.pid(), limits, now);
  EXPECT_THAT(modest.Look(now), IsEmpty());
}

// The processor's time is that of a real process, and all else a clock of the test.
TEST(ConsumptionTest, TellsOfAWholeProcessor) {
  const Consumer consumer([] {
    std::thread([] {
      for (std::atomic<unsigned> n = 0;; ++n) {
      }
    }).detach();
  });
  const Consumption::Time begin;
  Consumption::Limits limits;
  limits.whole_processor = 1s;
  Consumption whole(consumer.pid(), limits, begin), part(consumer.pid(), limits, begin);
  clockid_t its;
  ASSERT_EQ(clock_getcpuclockid(consumer.pid(), &its), 0);
  timespec time{};
  while (time.tv_sec < 1) ASSERT_EQ(clock_gettime(its, &time), 0);
  EXPECT_THAT(whole.Look(begin + 1s), ElementsAre("took a whole processor for 1 s"));
  EXPECT_THAT(part.Look(begin + 1h), IsEmpty());
}

TEST(ConsumptionTest, IsSilentAboutAProcessThatIsGone) {
  pid_t pid;
  {
    const Consumer consumer([] {});
    pid = consumer.pid();
  }
  Consumption::Time now;
  Consumption consumption(pid, {}, now);
  EXPECT_THAT(consumption.Look(now += 10s), IsEmpty());
}

}  // namespace
}  // namespace madoguchi
