#ifndef MADOGUCHI_UI_TERMINAL_FOLLOW_H_
#define MADOGUCHI_UI_TERMINAL_FOLLOW_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "ui/terminal/bell.h"
#include "ui/terminal/desk.h"
#include "ui/terminal/keyboard.h"
#include "ui/terminal/language.h"

namespace madoguchi::terminal {

struct FollowSettings {
  Language language = Language::kEnglish;
  std::string pinned_host_key;  // empty: the local socket
  bool patient_too = false;     // the patient's questions are asked here as well
  bool assume_match = false;    // --yes
  bool assume_same_card = false;
};

// The loop of a screen: a view in, a reply out. It keeps nothing that the host does not know. One
// thread uses it; the bell wakes it. What it says of the course goes to `progress`.
class Follow {
 public:
  // All pointers must outlive it. `interrupted` counts the times somebody pressed
  // Ctrl-C; the bell rings with it.
  Follow(const FollowSettings& settings, Desk* desk, Keyboard* keyboard, Bell* bell,
         const std::atomic<int>* interrupted, std::ostream* progress);

  // One check, as the staff: from Begin to the verdict. There always is one: whatever hinders the
  // check is CANNOT_TELL with its failure. An interruption cancels the check; a second one does not
  // wait for the host's answer to that.
  check::v1::Verdict Check(const std::string& method);
  // After Check: closes it at the host, and says so when the card still lies there.
  void Close();

  // The patient's screen, until interrupted; with `once` until one check was closed. OK, or what
  // ended the connection.
  absl::Status Attend(bool once);

 private:
  struct Question;
  // Answers the question that is open for `role`, if there is one and it is not answered yet.
  void Answer(check::v1::Role role);
  void AskPin(const Question& question);
  void AskYesNo(const Question& question, desk::v1::ReplyKind kind);
  void AskWhichCard(const Question& question);
  void AskAsk(const Question& question);
  // The number of one of `labels`, from 0. Nothing when the question is not open any more.
  std::optional<size_t> Choose(const Question& question, const std::vector<std::string>& labels);
  // A line from the keyboard while `question` is open. False when it is not any more.
  bool ReadLine(const Question& question, std::string* line);
  bool StillOpen(const Question& question);
  void SendAnswer(const Question& question, desk::v1::Reply reply);
  void SendCancel(const desk::v1::View& view);
  void Show(const Sight& sight);
  void Say(const std::string& line);
  check::v1::Verdict CannotTell(const absl::Status& why) const;

  const FollowSettings settings_;
  Desk* const desk_;
  Keyboard* const keyboard_;
  Bell* const bell_;
  const std::atomic<int>* const interrupted_;
  std::ostream& progress_;

  std::string check_id_;
  desk::v1::View done_;  // the view with the verdict
  // The keys of the questions that need no further answer. All of them: one role's stream may still
  // show an old question when the other's is ahead.
  std::set<std::string> answered_;
  std::string shown_;  // the progress text shown last
  bool shown_broken_ = false;
  bool give_up_ = false;       // cancel: no more input, or interrupted
  uint64_t cancelled_at_ = 0;  // the revision at which Cancel was sent
  bool cancel_sent_ = false;
  bool cancel_taken_ = false;  // the host accepted it
  absl::Status fatal_;         // a foreign host, a broken transport
};

}  // namespace madoguchi::terminal

#endif  // MADOGUCHI_UI_TERMINAL_FOLLOW_H_
