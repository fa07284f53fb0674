#ifndef MADOGUCHI_HOST_CHECK_SCENE_H_
#define MADOGUCHI_HOST_CHECK_SCENE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "madoguchi/check/v1/check.pb.h"
#include "madoguchi/desk/v1/desk.pb.h"

namespace madoguchi {

// What stands at one counter, before anybody looks at it. A View is a Scene seen in a role.
struct Scene {
  desk::v1::Stage stage = desk::v1::STAGE_IDLE;
  std::string check_id;
  std::string method;
  std::string reader;
  // Which of the check's steps this is.
  int step = 0;
  // The number of the open question; 0 while none is open.
  uint64_t question = 0;
  std::optional<desk::v1::PinPrompt> pin_prompt;
  std::optional<int> tries_left;
  bool pin_rejected = false;
  // ASK_SAME_CARD and ASK_WHICH_CARD: the stays of cards (ReaderTable's count of arrivals) that are
  // asked about, and where they lie.
  std::vector<uint64_t> arrivals;
  std::vector<std::string> card_at;
  // A reader that went away, as long as the card is awaited at another one.
  std::string lost_reader;
  // LAY_CARD, with a card on the reader that is not this patient's: it has to go first.
  bool other_card_lies_there = false;
  // STAGE_ASK_SAME_CARD: another counter waits for a card there, too.
  bool others_wait = false;
  check::v1::Step::Ask ask;
  std::optional<check::v1::Verdict> verdict;
};

// The kind of reply that answers the question of `stage`, and the role that may give it.
// REPLY_KIND_UNSPECIFIED where nothing is asked. For STAGE_ASK the role stands in the question.
struct Answerer {
  desk::v1::ReplyKind kind = desk::v1::REPLY_KIND_UNSPECIFIED;
  check::v1::Role role = check::v1::ROLE_UNSPECIFIED;
};
Answerer AnswererOf(const Scene& scene);

// Whether a check runs at this stage, and may be cancelled.
bool IsRunning(desk::v1::Stage stage);

// Whether `role` may send `kind` now.
bool IsAllowed(const Scene& scene, check::v1::Role role, desk::v1::ReplyKind kind);

// The whole screen of `role`. Only the staff see the eligibility; the patient's screen gets the
// PIN prompt, the staff's does not. Counter, revision, card and methods are left to the caller.
desk::v1::View MakeView(const Scene& scene, check::v1::Role role);

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_CHECK_SCENE_H_
