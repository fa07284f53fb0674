#ifndef MADOGUCHI_SDK_CONFORMANCE_EXAM_H_
#define MADOGUCHI_SDK_CONFORMANCE_EXAM_H_

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "madoguchi/plugin/v1/plugin.pb.h"
#include "sdk/conformance/lives.h"
#include "sdk/conformance/plugin_process.h"
#include "sdk/conformance/report.h"
#include "sdk/launch/bus_proxy.h"
#include "sdk/launch/image.h"
#include "sdk/launch/jail/jail.h"
#include "sdk/textproto/textproto.h"

namespace madoguchi::conformance {

class MuteServer;

// What madoguchi-conformance was asked for; README.md says what each is good for.
struct Options {
  std::string folder;
  std::string launcher;                             // path of madoguchi-jail
  std::map<std::string, std::string> settings;      // over the manifest's defaults
  std::optional<std::vector<std::string>> granted;  // nothing: all that the manifest asks for
  std::string only;                                 // rows whose ids begin so; empty: all
  bool visual = true;                               // the clinic allows 目視
  std::string card_command;                         // the author's hook; see CardHand
  std::string sim_card;         // path of a socket, or port, where madoguchi-card is inserted
  std::string sim_card_binary;  // path of madoguchi-card
  std::string card_folder;      // of a madoguchi-card, whose key signs for the authority
  size_t largest_apdu = 65544;  // bytes that card and driver carry; longer ones are not tried
  std::string server_setting;   // the setting that names an authority's server
  bool debug = false;
  bool whole_log = false;  // the report holds every log, not only the end of what a failed row saw
};

// One plugin under examination: its folder, read once, and the processes that are made of it, each
// jailed as a host would do it. One thread uses it; processes die with that thread.
class Exam {
 public:
  // A process of the plugin. Whoever drops it last ends it; its log is kept for the rows about
  // logs.
  using Life = std::shared_ptr<PluginProcess>;
  // How one process differs from a usual one.
  struct Form {
    PluginProcess::Wire wire = PluginProcess::Wire::kGrpc;
    int descriptors = 0;                          // 0: as many as the host gives
    std::map<std::string, std::string> settings;  // over those of the options
  };

  // INVALID_ARGUMENT or NOT_FOUND with the place and what was expected, as a host would say it.
  static absl::StatusOr<std::unique_ptr<Exam>> Of(Options options);
  ~Exam();

  const Options& options() const { return options_; }
  const plugin::v1::Manifest& manifest() const { return image_.folder.manifest; }
  plugin::v1::Kind kind() const { return manifest().kind(); }
  Report& report() { return report_; }
  // A folder of this exam alone, removed at its end.
  const std::string& scratch() const { return scratch_; }

  // What Start gets: as Settle has it.
  absl::StatusOr<plugin::v1::StartRequest> Settings(const Form& form) const;
  // A process that nobody has greeted yet.
  absl::StatusOr<Life> Spawn(const Form& form);
  absl::StatusOr<Life> Spawn() { return Spawn(Form()); }
  // The same, greeted and started.
  absl::StatusOr<Life> Start(const Form& form);
  absl::StatusOr<Life> Start() { return Start(Form()); }

  // Adds a row, unless it was not asked for; it is skipped once Stop was called, and where the row
  // `needs` failed (both say why).
  void Row(const std::string& id, const std::string& sentence, const std::function<Finding()>& look,
           const std::string& needs = "");
  // No row that comes after is looked at.
  void Stop(const std::string& why) { stopped_ = why; }
  bool Fails(const std::string& id) const;
  // What the ids of the rows so far begin with, asked for or not: "log., plugin., policy."
  std::string Families() const;

  // How long to wait for something that takes `usual`: without end for those who debug.
  std::chrono::milliseconds Patience(std::chrono::milliseconds usual) const;

  // The setting that names an authority's server; empty where nobody knows.
  const std::string& server_setting() const { return options_.server_setting; }
  // Somebody said where a server is. Otherwise one that never answers stands in for it.
  bool has_server() const { return mute_ == nullptr; }

  // `bytes` must not be in any log.
  void AddSecret(const std::string& what, const std::string& bytes) { secrets_[bytes] = what; }
  // Each with what it is.
  const std::map<std::string, std::string>& secrets() const { return secrets_; }
  // What its processes left behind.
  const Lives& lives() const { return lives_; }

 private:
  explicit Exam(Options options);
  void FindServer();
  // Where the value of a setting stands that was not given with --set.
  std::string PlaceOfDefault(const std::string& name) const;
  std::string BusPath() const { return scratch_ + "/bus/bus.sock"; }

  Options options_;
  std::set<std::string> given_;  // names of the settings that were given with --set
  PluginImage image_;
  TextPlaces places_;  // of its manifest
  std::vector<std::string> granted_;
  std::string scratch_;
  std::string stopped_;
  std::set<std::string> families_;  // of all rows, also of those that were not asked for
  std::unique_ptr<BusProxy> bus_;
  std::unique_ptr<MuteServer> mute_;
  std::map<std::string, std::string> secrets_;
  Lives lives_;
  Report report_{""};
};

// Examines the plugin in `options.folder`, all rows of its kind. OUT_OF_RANGE when no row's id
// begins with `options.only`.
absl::StatusOr<Report> Examine(const Options& options);

// The rows, in this order; each family is a file of its own.
void GreetingRows(Exam& exam);  // Hello, Start, Health, the end of the host
void StrayRows(Exam& exam);     // bytes and calls that no host sends; descriptors; signals
void ReaderRows(Exam& exam);
void PolicyRows(Exam& exam);
void AuthorityRows(Exam& exam);
void LogRows(Exam& exam);  // also what the jail denied

// Lines for the report: the logs of the processes that lived while a row failed, or all of them.
// A line that holds something secret says so in its place.
std::vector<std::string> LogLines(const Exam& exam);

}  // namespace madoguchi::conformance

#endif  // MADOGUCHI_SDK_CONFORMANCE_EXAM_H_
