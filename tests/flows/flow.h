#ifndef MADOGUCHI_TESTS_FLOWS_FLOW_H_
#define MADOGUCHI_TESTS_FLOWS_FLOW_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/clinic/clinic.h"

// What the flow tests share: a clinic with short limits and plugins that can be unplugged, and one
// of its counters as staff and patient use it.
namespace madoguchi::clinic {

using check::v1::FailureCode;
using check::v1::Verdict;

// Whether the tests run on readers/pcsc: then the environment is private-pcscd's.
bool OnPcsc();

// A clinic whose plugins lie in its own folder (the programs as links), with limits so short that
// no failure takes long.
std::unique_ptr<Clinic> MakeFlowClinic(int readers, const std::vector<Patient>& patients);

// Kills the plugin, and it stays away until Replug, which waits until it runs again.
void Unplug(Clinic& clinic, const std::string& name);
void Replug(Clinic& clinic, const std::string& name);
std::string ReaderPlugin();

// One of the numbers of a card's status: verifies, verifies-total, apdus, tries-left.
int Number(Card& card, const std::string& key);

// Where a check can be held.
enum class Point {
  kAskPin,        // nothing typed yet, no card
  kVisualMatch,   // 目視, no card
  kLayCard,       // the PIN is typed, no card
  kSameCard,      // the PIN is typed, a card from before lies there
  kReading,       // an APDU of the certificate is under way
  kChallenge,     // the certificate is read, the challenge is on its way
  kSigning,       // the PIN was right, the signature is under way
  kLastTry,       // one try is left
  kAskAuthority,  // the answer is on its way
};
const char* NameOf(Point point);

// A counter and its people. Its reader is number `number`, its patient `patient`.
class Window {
 public:
  Window(Clinic& clinic, int number, std::string patient);
  ~Window();

  Screen& staff() { return *staff_; }
  Screen& patient() { return *patient_; }
  Card& card() { return *card_; }
  bool has_card() const { return card_ != nullptr; }

  // Lays the patient's card down anew; with `await` until the host sees it.
  void Lay(const std::vector<std::string>& flags = {}, bool await = false);
  // Ends the card's process, and waits until the host sees that it is gone.
  void TakeAway();

  // Begins by PIN and types it.
  void BeginByPin(const std::string& pin = "1234");
  // Begins 目視 and says that it matches.
  void BeginByEyes();
  absl::Status SameCard(bool same);
  absl::Status LastTry(bool go_on);
  FailureCode AwaitCode();

  // Brings a check to `point` and holds it there.
  void HoldAt(Point point);
  // Lets the outside world go on that HoldAt stopped.
  void Release();
  // Does what is left for the people to do after HoldAt, so that the check comes to its end.
  void GoOn();

  // The host lives and the next check at this counter finds the patient eligible, with this
  // patient's card, which is laid down anew where it is not there. It spends one VERIFY.
  void ExpectNextCheckWorks();

 private:
  Clinic& clinic_;
  const int number_;
  const std::string name_;
  std::unique_ptr<Screen> staff_, patient_;
  std::unique_ptr<Card> card_;
  Point held_ = Point::kAskPin;
  bool card_frozen_ = false;
  bool authority_frozen_ = false;
};

}  // namespace madoguchi::clinic

#endif  // MADOGUCHI_TESTS_FLOWS_FLOW_H_
