#include "sdk/conformance/exam.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "sdk/conformance/calls.h"
#include "sdk/conformance/mute_server.h"
#include "sdk/launch/launch.h"
#include "sdk/launch/manifest.h"

namespace madoguchi::conformance {
namespace {

using plugin::v1::SettingDeclaration;

const char* NameOf(plugin::v1::Kind kind) {
  switch (kind) {
    case plugin::v1::KIND_READER:
      return "a reader";
    case plugin::v1::KIND_POLICY:
      return "a policy";
    default:
      return "an authority";
  }
}

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text.empty() ? "none" : text;
}

// Says which folder was meant, for those who gave another.
absl::Status WithHint(const absl::Status& status, const std::string& folder) {
  std::error_code none;
  const std::filesystem::path path(folder);
  if (!absl::IsNotFound(status) && std::filesystem::is_directory(path, none) &&
      !std::filesystem::exists(path / "CMakeLists.txt", none)) {
    return status;
  }
  return absl::Status(status.code(), std::string(status.message()) +
                                         "; give the built folder, such as build/plugins/NAME, "
                                         "which holds plugin.textproto and the program");
}

// For a debugger: where the process is, and time to get there.
void Introduce(pid_t pid, const std::string& binary) {
  // What runs is a copy in memory: the symbols are the file's.
  std::fprintf(stderr, "plugin started: pid %d\n  gdb -p %d %s\nPress Enter to go on. ", pid, pid,
               binary.c_str());
  if (isatty(STDIN_FILENO) == 0) {
    std::fprintf(stderr, "(not a terminal: going on)\n");
    return;
  }
  int c;
  while ((c = std::getchar()) != '\n' && c != EOF) {
  }
}

}  // namespace

Exam::Exam(Options options) : options_(std::move(options)) {
  const char* const base = std::getenv("TMPDIR");
  std::string pattern = std::string(base == nullptr ? "/tmp" : base) + "/madoguchi-kit-XXXXXX";
  if (mkdtemp(pattern.data()) != nullptr) scratch_ = pattern;
}

Exam::~Exam() {
  std::error_code none;
  if (!scratch_.empty()) std::filesystem::remove_all(scratch_, none);
}

void Exam::FindServer() {
  using Type = SettingDeclaration;
  if (kind() != plugin::v1::KIND_AUTHORITY) return;
  bool told = false;
  for (const SettingDeclaration& setting : manifest().setting()) {
    const bool place = setting.type() == Type::TYPE_SOCKET || setting.type() == Type::TYPE_STRING;
    told = told || (place && options_.settings.count(setting.name()) > 0);
  }
  std::string& name = options_.server_setting;
  for (const SettingDeclaration& setting : manifest().setting()) {
    if (!name.empty() || setting.type() != Type::TYPE_SOCKET) continue;
    // Where another was set, this one may have to stay empty.
    if (!told || options_.settings.count(setting.name()) > 0) name = setting.name();
  }
  if (told || name.empty()) return;
  bool socket = false;
  for (const SettingDeclaration& setting : manifest().setting()) {
    socket = socket || (setting.name() == name && setting.type() == Type::TYPE_SOCKET);
  }
  const std::string folder = scratch_ + "/mute";
  std::filesystem::create_directory(folder);
  mute_ = std::make_unique<MuteServer>(socket ? folder + "/server.sock" : "", /*deaf=*/false);
  options_.settings[name] = mute_->address();
}

absl::StatusOr<std::unique_ptr<Exam>> Exam::Of(Options options) {
  std::unique_ptr<Exam> exam(new Exam(std::move(options)));
  if (exam->scratch_.empty()) return absl::UnavailableError("cannot make a folder in TMPDIR");
  // Named ".", a folder has no name to compare with.
  std::error_code none;
  const auto folder = std::filesystem::canonical(exam->options_.folder, none);
  auto image = ReadPluginImage(none ? exam->options_.folder : folder.string());
  if (!image.ok()) return WithHint(image.status(), exam->options_.folder);
  exam->image_ = *std::move(image);
  plugin::v1::Manifest unplaced;
  (void)ParseTextproto(exam->image_.folder.manifest_text,
                       exam->image_.folder.path + "/plugin.textproto", &unplaced, &exam->places_);
  for (const auto& [name, value] : exam->options_.settings) exam->given_.insert(name);
  exam->FindServer();
  const plugin::v1::Manifest& manifest = exam->manifest();
  for (const SettingDeclaration& setting : manifest.setting()) {
    std::string& value = exam->options_.settings[setting.name()];
    const bool folder = setting.type() == SettingDeclaration::TYPE_SOCKET_FOLDER;
    if (value.empty()) value = setting.default_value();
    if (value.empty() && folder) value = exam->scratch_ + "/" + setting.name();
  }
  exam->granted_ = exam->options_.granted.value_or(
      std::vector<std::string>(manifest.permission().begin(), manifest.permission().end()));
  const auto permissions = PermissionsOf(manifest.kind(), exam->granted_);
  if (!permissions.ok()) return permissions.status();
  std::string no_bus;
  plugin::v1::StartRequest unused;
  if (permissions->bluetooth && FillInBus(manifest, exam->BusPath(), &unused)) {
    auto bus = BusProxy::Start(exam->BusPath());
    if (bus.ok()) exam->bus_ = *std::move(bus);
    if (!bus.ok()) no_bus = std::string(bus.status().message());
  }
  const auto settings = exam->Settings({});
  if (!settings.ok()) return settings.status();
  for (const SettingDeclaration& setting : manifest.setting()) {
    const std::string& value = settings->setting().at(setting.name());
    // A shorter one stands in every log.
    if (setting.secret() && value.size() >= 4) {
      exam->AddSecret("the setting " + setting.name(), value);
    }
  }

  std::vector<std::string> heading = {"folder    " + exam->image_.folder.path,
                                      "digest    " + exam->image_.digest,
                                      "granted   " + Joined(exam->granted_)};
  for (const Layer& layer : Layers()) {
    if (!layer.there) heading.push_back("no " + layer.name + "  " + layer.sentence);
  }
  if (!no_bus.empty()) heading.push_back("no bus    " + no_bus);
  if (exam->options_.debug) {
    heading.push_back(
        "DEBUG     no room, Landlock, seccomp or deadlines. A host never runs it so.");
  }
  exam->report_ = Report(manifest.name() + " " + manifest.version() + ", " +
                             NameOf(manifest.kind()) + " by " + manifest.maker(),
                         heading);
  return exam;
}

std::string Exam::PlaceOfDefault(const std::string& name) const {
  for (int i = 0; i < manifest().setting_size(); ++i) {
    if (manifest().setting(i).name() != name) continue;
    return places_.Of("setting[" + std::to_string(i) + "].default_value");
  }
  return "--set " + name;
}

absl::StatusOr<plugin::v1::StartRequest> Exam::Settings(const Form& form) const {
  ConfiguredPlugin configured{"--set", {}};
  for (const auto* given : {&options_.settings, &form.settings}) {
    for (const auto& [name, value] : *given) {
      const bool by_hand = given == &form.settings || given_.count(name) > 0 || value.empty();
      configured.setting[name] = {value, by_hand ? "--set " + name : PlaceOfDefault(name)};
    }
  }
  auto settings = Settle(manifest(), configured, std::filesystem::current_path().string());
  if (settings.ok() && bus_ != nullptr) FillInBus(manifest(), BusPath(), &*settings);
  return settings;
}

absl::StatusOr<Exam::Life> Exam::Spawn(const Form& form) {
  const auto settings = Settings(form);
  if (!settings.ok()) return settings.status();
  auto jail = JailOf(manifest(), *settings, granted_);
  if (!jail.ok()) return jail.status();
  if (form.descriptors > 0) jail->descriptors = form.descriptors;
  if (options_.debug) jail->without = {"room", "landlock", "seccomp"};
  jail->notices = std::count(jail->without.begin(), jail->without.end(), "seccomp") == 0;
  auto process = PluginProcess::SpawnJailed(image_, *jail, options_.launcher, form.wire);
  if (!process.ok()) return process.status();
  if (options_.debug) Introduce((*process)->pid(), image_.folder.binary);
  return lives_.Follow(*std::move(process), *jail);
}

absl::StatusOr<Exam::Life> Exam::Start(const Form& form) {
  const auto settings = Settings(form);
  if (!settings.ok()) return settings.status();
  auto life = Spawn(form);
  if (!life.ok()) return life.status();
  const auto greeted = Hello(**life, {kContractVersion}, Patience(kStartPatience));
  if (!greeted.ok()) return greeted.status();
  const absl::Status started = Started(**life, *settings, Patience(kStartPatience));
  if (!started.ok()) return started;
  return life;
}

void Exam::Row(const std::string& id, const std::string& sentence,
               const std::function<Finding()>& look, const std::string& needs) {
  families_.insert(id.substr(0, id.find('.') + 1));
  if (!id.starts_with(options_.only)) return;
  report_.Check(id, sentence, [&] {
    if (!stopped_.empty()) return Skipped(stopped_);
    if (!needs.empty() && Fails(needs)) return Skipped(needs + " failed, and this rests on it");
    lives_.BeginRow();
    return lives_.EndRow(look());
  });
}

bool Exam::Fails(const std::string& id) const {
  for (const conformance::Row& row : report_.rows()) {
    if (row.id == id) return row.finding.outcome == Outcome::kFailed;
  }
  return false;
}

std::string Exam::Families() const { return Joined({families_.begin(), families_.end()}); }

std::chrono::milliseconds Exam::Patience(std::chrono::milliseconds usual) const {
  return options_.debug ? std::chrono::hours(24) : usual;
}

absl::StatusOr<Report> Examine(const Options& options) {
  auto exam = Exam::Of(options);
  if (!exam.ok()) return exam.status();
  GreetingRows(**exam);
  StrayRows(**exam);
  switch ((*exam)->kind()) {
    case plugin::v1::KIND_READER:
      ReaderRows(**exam);
      break;
    case plugin::v1::KIND_POLICY:
      PolicyRows(**exam);
      break;
    default:
      AuthorityRows(**exam);
      break;
  }
  LogRows(**exam);
  if ((*exam)->report().rows().empty()) {
    return absl::OutOfRangeError("--only: no row begins with \"" + options.only +
                                 "\"; they begin with " + (*exam)->Families());
  }
  (*exam)->report().SetLog(LogLines(**exam));
  return (*exam)->report();
}

}  // namespace madoguchi::conformance
