#ifndef MADOGUCHI_UI_TERMINAL_CHECK_FIXTURE_H_
#define MADOGUCHI_UI_TERMINAL_CHECK_FIXTURE_H_

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <sstream>
#include <string>

#include "ui/terminal/commands.h"
#include "ui/terminal/remote_desk.h"
#include "ui/terminal/scripted_desk.h"

// For the tests of checks at a scripted desk: keyboard and screen of the command.
namespace madoguchi::terminal {

// A pipe with its writing end.
class Pipe {
 public:
  Pipe() {
    if (pipe(ends_) != 0) std::abort();
  }
  ~Pipe() {
    close(ends_[0]);
    End();
  }
  int reading() const { return ends_[0]; }
  void Type(const std::string& text) {
    ASSERT_EQ(write(ends_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void End() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  int ends_[2];
};

class CheckTest : public testing::Test {
 protected:
  int Check(ScriptedDesk& desk) {
    const auto connection = screen::DeskConnection::Local(desk.socket_path());
    return Check(connection.get());
  }
  int Check(screen::DeskConnection* connection) {
    DescriptorKeyboard keyboard(answers_.reading(), pins_.reading());
    const Session session = {Language::kJapanese, connection, &keyboard, &bell_,
                             &interrupted_,       out_,       err_};
    line_.command = Command::kCheck;
    if (line_.method.empty()) line_.method = "pin";
    return RunCheck(line_, session);
  }
  // False when what the staff see does not please within ten seconds.
  bool Await(RemoteDesk& remote, const std::function<bool(const Sight&)>& pleases) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!pleases(remote.Look(check::v1::ROLE_STAFF))) {
      if (std::chrono::steady_clock::now() > limit) return false;
      bell_.Wait(std::chrono::milliseconds(100));
      bell_.Clear();
    }
    return true;
  }
  void Interrupt() {
    ++interrupted_;
    bell_.Ring();
  }
  check::v1::Verdict Json() {
    check::v1::Verdict verdict;
    const std::string text = out_.str();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
    EXPECT_EQ(text.back(), '\n');
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(text, &verdict).ok()) << text;
    return verdict;
  }

  CommandLine line_;
  Pipe pins_, answers_;
  Bell bell_;
  std::atomic<int> interrupted_ = 0;
  std::ostringstream out_, err_;
};

}  // namespace madoguchi::terminal

#endif  // MADOGUCHI_UI_TERMINAL_CHECK_FIXTURE_H_
