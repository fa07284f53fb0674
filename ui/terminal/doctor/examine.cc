#include "ui/terminal/doctor/examine.h"

#include <algorithm>
#include <numeric>

#include "sdk/failure/failure.h"

namespace madoguchi::terminal::doctor {
namespace {

constexpr Phrase kNoAnswer("窓口システムに確かめられませんでした（{}）。",
                           "The host could not be asked ({}).");
constexpr Phrase kSilent("窓口システムにつながらないため、調べられません。",
                         "The host does not answer.");
constexpr Phrase kOlder("窓口システムの版が古く、確かめられません。",
                        "This host is too old to be asked.");
constexpr Phrase kNotAllowed("担当者か管理者の権限がないため、確かめられません。",
                             "Needs the role of staff or admin.");
constexpr Phrase kHidden("ほかの利用者のプログラム（{}個）が開いている機器は見えませんでした。",
                         "Which devices other users' programs ({}) have open could not be seen.");
constexpr Phrase kHiddenOfHost(
    "ほかの利用者のプログラム（{}個）が開いている機器は見えませんでした。窓口システムの利用者（{}"
    "）の"
    "ものは、その利用者で実行すると見えます。",
    "Which devices other users' programs ({}) have open could not be seen; those of the host's "
    "user "
    "({}) can be seen by that user.");
constexpr Phrase kIncidents("プラグインが隔離に阻まれたかどうかは、管理者にだけ表示されます。",
                            "Whether a plugin ran into its jail is shown to the admin alone.");
constexpr Phrase kElsewhere(
    "窓口システムは別のパソコンにあります。そのパソコンのサービスと機器は、そこで "
    "madoguchi doctor を実行して調べてください。",
    "The host is on another machine. Run madoguchi doctor there to examine its services and "
    "devices.");

struct Row {
  const char* id;
  Examination examine;
};

// The order of causes.
constexpr Row kExaminations[] = {
    {"host", ExamineHost},       {"plugins", ExaminePlugins},     {"pcsc", ExaminePcsc},
    {"usb", ExamineUsb},         {"serial", ExamineSerial},       {"bluetooth", ExamineBluetooth},
    {"readers", ExamineReaders}, {"counters", ExamineCounters},   {"cards", ExamineCards},
    {"clock", ExamineClock},     {"authority", ExamineAuthority},
};

bool IsAdmin(const HostSeen& host) {
  return host.host.ok() &&
         std::count(host.host->role().begin(), host.host->role().end(), check::v1::ROLE_ADMIN) > 0;
}

int Distance(const std::string& a, const std::string& b) {
  std::vector<int> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 0; i < a.size(); ++i) {
    int corner = std::exchange(row[0], static_cast<int>(i) + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      const int changed = corner + (a[i] != b[j]);
      corner = std::exchange(row[j + 1], std::min({changed, row[j] + 1, row[j + 1] + 1}));
    }
  }
  return row.back();
}

}  // namespace

Diagnosis Examine(const Seen& seen) {
  Diagnosis diagnosis;
  for (const Row& row : kExaminations) {
    const Part part = row.examine(seen, diagnosis);
    Examined& examined = *diagnosis.add_examined();
    examined.set_id(row.id);
    examined.set_state(part.state);
    if (!part.note.en().empty()) *examined.mutable_note() = part.note;
    for (const Finding& finding : part.findings) {
      Finding& found = *diagnosis.add_finding();
      found = finding;
      found.set_examined(row.id);
    }
  }
  // A plugin that ran into its jail is a cause where nothing else is.
  std::stable_partition(diagnosis.mutable_finding()->begin(), diagnosis.mutable_finding()->end(),
                        [](const Finding& finding) {
                          return finding.failure().code() !=
                                 check::v1::FAILURE_CODE_PLUGIN_CONFINED;
                        });
  if (!seen.host.local) *diagnosis.add_unseen() = Both(kElsewhere);
  if (seen.machine.hidden_processes > 0) {
    const std::string count = std::to_string(seen.machine.hidden_processes);
    const std::string& owner = seen.machine.host_user;
    *diagnosis.add_unseen() = owner.empty() || owner == seen.machine.user
                                  ? Both(kHidden, {count})
                                  : Both(kHiddenOfHost, {count, owner});
  }
  if (seen.host.plugins.ok() && !IsAdmin(seen.host)) *diagnosis.add_unseen() = Both(kIncidents);
  return diagnosis;
}

check::v1::Text Both(const Phrase& phrase, Values values) {
  check::v1::Text text;
  text.set_ja(Fill(phrase, Language::kJapanese, values));
  text.set_en(Fill(phrase, Language::kEnglish, values));
  return text;
}

check::v1::Text Nothing() { return {}; }

Part Well(const Phrase& note, Values values) {
  return {Examined::STATE_WELL, Both(note, values), {}};
}

Part NotUsed(const Phrase& note, Values values) {
  return {Examined::STATE_NOT_USED, Both(note, values), {}};
}

Part NotExamined(const Phrase& why) { return {Examined::STATE_NOT_EXAMINED, Both(why), {}}; }

Part NotAnswered(const absl::Status& why) {
  Part part;
  part.state = Examined::STATE_NOT_EXAMINED;
  if (absl::IsUnimplemented(why)) {
    part.note = Both(kOlder);
  } else if (CodeOf(why) == check::v1::FAILURE_CODE_ROLE_FORBIDDEN) {
    part.note = Both(kNotAllowed);
  } else {
    const auto code = FailureOf(why, check::v1::FAILURE_CODE_HOST_UNREACHABLE).code();
    part.note = code == check::v1::FAILURE_CODE_HOST_UNREACHABLE ? Both(kSilent)
                                                                 : Both(kNoAnswer, {NameOf(code)});
  }
  return part;
}

Part Judged(std::vector<Finding> findings, Part well) {
  if (findings.empty()) return well;
  return {Examined::STATE_FOUND, Nothing(), std::move(findings)};
}

Finding Found(check::v1::FailureCode code, check::v1::Text seen, check::v1::Text remedy,
              const std::string& detail) {
  Finding finding;
  *finding.mutable_failure() = Describe(code, detail);
  if (!seen.en().empty()) *finding.mutable_seen() = std::move(seen);
  if (!remedy.en().empty()) *finding.mutable_remedy() = std::move(remedy);
  return finding;
}

Finding Of(const std::string& plugin, const std::string& place, Finding finding) {
  finding.set_plugin(plugin);
  finding.set_place(place);
  return finding;
}

bool FoundAt(const Diagnosis& diagnosis, const std::string& id) {
  return std::any_of(diagnosis.finding().begin(), diagnosis.finding().end(),
                     [&](const Finding& finding) { return finding.examined() == id; });
}

Wanted IsWanted(const HostSeen& host, const std::string& permission) {
  if (!host.plugins.ok()) return Wanted::kUnknown;
  for (const auto& row : host.plugins->plugin()) {
    if (row.state() == desk::v1::PluginRow::STATE_UNUSED) continue;
    for (const auto* const list : {&row.asked(), &row.granted()}) {
      if (std::count(list->begin(), list->end(), permission) > 0) return Wanted::kYes;
    }
  }
  return Wanted::kNo;
}

bool HasPermission(const HostSeen& host, const std::string& plugin, const std::string& permission) {
  if (!host.plugins.ok()) return false;
  return std::any_of(
      host.plugins->plugin().begin(), host.plugins->plugin().end(), [&](const auto& row) {
        return row.name() == plugin &&
               (std::count(row.asked().begin(), row.asked().end(), permission) > 0 ||
                std::count(row.granted().begin(), row.granted().end(), permission) > 0);
      });
}

check::v1::FailureCode ToldOf(const HostSeen& host, const std::string& permission,
                              std::initializer_list<check::v1::FailureCode> codes) {
  if (!host.readers.ok()) return check::v1::FAILURE_CODE_UNSPECIFIED;
  std::vector<check::v1::FailureCode> told;
  for (const auto& source : host.readers->source()) {
    if (!HasPermission(host, source.plugin(), permission)) continue;
    told.push_back(TroubleOf(source).code());
  }
  for (const auto& row : host.readers->reader()) {
    if (!HasPermission(host, row.plugin(), permission)) continue;
    told.push_back(row.state().trouble().code());
  }
  for (const auto code : told) {
    if (std::find(codes.begin(), codes.end(), code) != codes.end()) return code;
  }
  return check::v1::FAILURE_CODE_UNSPECIFIED;
}

check::v1::Failure TroubleOf(const desk::v1::ReaderSource& source) {
  const bool told = source.trouble().code() != check::v1::FAILURE_CODE_UNSPECIFIED;
  if (told || source.service() != reader::v1::SERVICE_DOWN) return source.trouble();
  return Describe(check::v1::FAILURE_CODE_READER_SERVICE_DOWN, source.detail());
}

bool ComesThrough(const HostSeen& host, const std::string& permission) {
  if (!host.plugins.ok() || !host.readers.ok()) return false;
  for (const auto& row : host.plugins->plugin()) {
    const auto& granted = row.granted();
    if (std::count(granted.begin(), granted.end(), permission) == 0) continue;
    for (const auto& source : host.readers->source()) {
      if (source.plugin() == row.name() && source.service() == reader::v1::SERVICE_RUNNING) {
        return true;
      }
    }
  }
  return false;
}

std::string Nearest(const std::string& name, const std::vector<std::string>& names) {
  std::string nearest;
  int least = static_cast<int>(name.size()) / 2 + 1;
  for (const std::string& other : names) {
    const int distance = Distance(name, other);
    if (distance < least) {
      least = distance;
      nearest = other;
    }
  }
  return nearest;
}

}  // namespace madoguchi::terminal::doctor
