#ifndef MADOGUCHI_TESTS_CLINIC_CLINIC_H_
#define MADOGUCHI_TESTS_CLINIC_CLINIC_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "host/config.pb.h"
#include "sdk/conformance/program.h"
#include "tests/clinic/screen.h"
#include "tests/clinic/stand.h"

// A whole clinic of real processes in a folder of its own: authority, host, plugins, cards. Tests
// change its parts before Open, and break them afterwards.
namespace madoguchi::clinic {

using conformance::Await;
using conformance::Program;

// One virtual patient.
struct Patient {
  std::string name;
  std::string pin = "1234";
  check::v1::Validity validity = check::v1::VALIDITY_VALID;  // UNSPECIFIED: not insured at all
};

// A card process: laid on a reader when it is made, taken away when it is destroyed.
class Card {
 public:
  // One command on its control socket (see sdk/sim/card/README.md) and the answer.
  std::string Control(const std::string& command);
  void Take() { Control("remove"); }
  void LayAgain() { Control("insert"); }
  // The trace so far: one line an APDU.
  std::string Trace() const;
  Program& program() { return *program_; }

 private:
  friend class Clinic;
  std::unique_ptr<Program> program_;
  std::string control_, trace_;
};

class Clinic {
 public:
  struct Options {
    ReaderKind kind = ReaderKind::kVirtual;
    int readers = 2;
    // The kind of each reader, where they are of several; `kind` and `readers` then say nothing.
    std::vector<ReaderKind> kinds;
    std::vector<Patient> patients = {{"hanako"}};
    std::vector<std::string> authority_flags;
    // Name of one in readers/virtual/recordings: it is played, and is the card of the only patient.
    std::string recording;
  };

  // Makes the folder, the cards and the configuration; starts nothing yet.
  static std::unique_ptr<Clinic> Make(const Options& options);
  ~Clinic();

  // To be changed before Start.
  host::Config& config() { return config_; }
  std::string folder() const { return folder_; }

  // Authority, import, host; StartHost approves the plugins as they are. Start waits for the
  // plugins and for the readers' first snapshot (of a recording: for its card). Each fails the
  // running test with the program's output when it cannot.
  void Start();
  void StartAuthority();
  void StopAuthority() { authority_.reset(); }
  void StartHost();
  // Until all of them run.
  bool AwaitPlugins();
  void StopHost() { host_.reset(); }
  Program& host() { return *host_; }
  Program* authority() { return authority_.get(); }

  // Lays a card down again that was taken from there, until the host sees it. pcscd looks at its
  // virtual readers every 0.4 s; when a card goes while it is being reset, pcscd says at once that
  // there is none, and does not see one that comes before its next look. Then people do as they do,
  // and lay it down once more.
  bool LayAgain(Card& card, int reader);
  // Lays the patient's card on reader number `reader`; `flags` are madoguchi-card's.
  std::unique_ptr<Card> Lay(const std::string& patient, int reader = 0,
                            const std::vector<std::string>& flags = {});
  // The name of reader number `reader` as configurations have it: plugin/name.
  std::string ReaderName(int reader) const;
  // Takes reader number `reader` away from its machine, and brings it back; false where readers of
  // its kind cannot.
  bool UnplugReader(int reader) { return StandOf(reader).Unplug(readers_.at(reader).second); }
  bool DisturbReader(int reader, uint32_t dice) {
    return StandOf(reader).Disturb(readers_.at(reader).second, dice);
  }
  // All readers of that one's kind.
  bool DisturbReaders(int reader) { return StandOf(reader).DisturbAll(); }
  bool ReplugReader(int reader) { return StandOf(reader).Replug(readers_.at(reader).second); }
  // Waits until the host sees a card (or none) on that reader; false after `patience`.
  bool AwaitCard(int reader, bool there = true,
                 std::chrono::milliseconds patience = std::chrono::seconds(20));
  // One that lay there before its reader, or pcscd, came.
  bool AwaitLyingCard(int reader);
  // Until the host knows that the reader is gone, or cannot be used.
  bool AwaitNoReader(int reader);

  // A new channel to the desk's local socket.
  std::shared_ptr<grpc::Channel> Channel();
  std::unique_ptr<Screen> Staff(const std::string& counter = "1");
  std::unique_ptr<Screen> PatientScreen(const std::string& counter = "1");
  // The plugin's row in the list; its pid is in it.
  desk::v1::PluginRow Plugin(const std::string& name);
  // An admin's word while the host runs: yes to the plugin as it lies there, or no.
  void Approve(const std::string& name);
  void Restart(const std::string& name);
  void Revoke(const std::string& name);

  // Our programs' folder.
  static std::string Bin();
  // Runs `madoguchi` against this host and waits for its end. Its output, and status.
  std::pair<std::optional<int>, std::string> Madoguchi(std::vector<std::string> arguments,
                                                       const std::string& pins = "");

 private:
  explicit Clinic(Options options) : options_(std::move(options)) {}
  void MakeStands();
  Stand& StandOf(int reader) const { return *stands_.at(readers_.at(reader).first); }
  void MakeCards();
  void TakeRecordedCard();
  void WriteAuthority();
  void WriteHost();
  void ApprovePlugins();
  // `pleases` is given nullptr while there is no such reader.
  bool AwaitReader(int reader, const std::function<bool(const reader::v1::ReaderState*)>& pleases,
                   std::chrono::milliseconds patience);

  const Options options_;
  std::string folder_;
  host::Config config_;
  int runs_ = 0;
  std::map<ReaderKind, std::unique_ptr<Stand>> stands_;
  std::vector<std::pair<ReaderKind, int>> readers_;  // kind, and number in its stand
  std::unique_ptr<Program> authority_, host_;
};

}  // namespace madoguchi::clinic

#endif  // MADOGUCHI_TESTS_CLINIC_CLINIC_H_
