#ifndef MADOGUCHI_SDK_CONFORMANCE_DESK_EXAMINATION_H_
#define MADOGUCHI_SDK_CONFORMANCE_DESK_EXAMINATION_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sdk/conformance/desk_rules.h"
#include "sdk/conformance/desk_screen.h"

namespace madoguchi::conformance {

// One examination of one desk; its parts in their order, once. Used by one thread.
class DeskExamination {
 public:
  DeskExamination(const ExaminedDesk& desk, Report* report);
  ~DeskExamination();

  void LookBeforeACheck();   // desk_idle.cc
  void LookAtTheQuestion();  // desk_question.cc
  void LookAtTheAnswer();    // desk_answer.cc
  void LookBack();           // at all that was sent and refused; desk_answer.cc

 private:
  using Role = check::v1::Role;
  using View = desk::v1::View;
  using Reply = desk::v1::Reply;

  // A row; skipped without a look where `needs` says why.
  void Check(const std::string& id, const std::string& sentence, const std::string& needs,
             const std::function<Finding()>& look);
  // Why checks cannot be begun here; empty when they can.
  std::string WhyNoCheck() const;
  // The same, once a check stands at its PIN prompt.
  std::string WhyNoPrompt() const;

  bool Has(Role role) const { return desk_.channels.count(role) > 0; }
  std::unique_ptr<desk::v1::Desk::Stub> StubOf(Role role) const;
  // Sends `reply` as it is, but for the counter; the check's id, if it was taken, in `check_id`.
  CallEnd Send(Reply reply, Role role, std::string* check_id = nullptr);
  static bool Allows(const View& view, desk::v1::ReplyKind kind);
  // A PIN of `length` digits, 1 to 16, sealed to the prompt of `view` as a screen does it.
  static desk::v1::SealedPin Sealed(const View& view, size_t length);
  // A reply of the screen of `view` to its question, to be filled in.
  static Reply To(const View& view);
  // The first View of a new stream.
  std::optional<View> Fresh(Role role);
  // A failed finding unless `end` is that.
  Finding Refused(const CallEnd& end, grpc::StatusCode code, check::v1::FailureCode failure) const;

  // Begins a check of a method that asks for a PIN, and waits for the prompt. False: none does.
  bool BeginByPin();
  // Cancels and closes whatever stands at the counter.
  void ClearCounter();

  const ExaminedDesk desk_;
  Report& report_;
  std::string counter_;
  desk::v1::GetHostReply host_;
  bool played_ = false;
  std::string why_no_check_;
  std::unique_ptr<DeskScreen> staff_, patient_;
  std::string pin_method_;
  bool at_prompt_ = false;
  View prompt_;        // the patient's, at the prompt
  View first_prompt_;  // that of the first check
  std::vector<CallEnd> refused_;
};

}  // namespace madoguchi::conformance

#endif  // MADOGUCHI_SDK_CONFORMANCE_DESK_EXAMINATION_H_
