// The rows about how a plugin of any kind begins and ends.
#include <algorithm>
#include <thread>

#include "sdk/conformance/calls.h"
#include "sdk/conformance/exam.h"
#include "sdk/launch/launch.h"

namespace madoguchi::conformance {
namespace {

using plugin::v1::SettingDeclaration;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kHealthPatience(500);
constexpr uint32_t kNoVersion = 4000000000;

// The last line of a log that says why, for a process that is about to be dropped.
std::string LastLine(PluginProcess& process) {
  std::string log = process.TakeLog();
  while (!log.empty() && log.back() == '\n') log.pop_back();
  const std::string line = log.substr(log.rfind('\n') + 1);
  return line.empty() ? "; its log is empty" : "; its log ends: " + line;
}

Finding HelloInTime(Exam& exam) {
  const auto begin = steady_clock::now();
  auto life = exam.Spawn();
  if (!life.ok()) {
    return Failed(Words(life.status()), "build madoguchi-jail, or name it with --launcher");
  }
  const auto said = Hello(**life, {kContractVersion}, exam.Patience(kStartPatience));
  if (said.ok()) return Passed(Milliseconds(steady_clock::now() - begin));
  const auto ended = (*life)->Wait(milliseconds(100));
  std::string seen = Words(said.status());
  if (ended) seen += " (" + Words(ended) + ")";
  return Failed(seen + LastLine(**life),
                "serve gRPC on fd 3 before anything slow; the environment is empty, and of files "
                "only the system's libraries can be read: " +
                    std::string(kAboutTheJail));
}

Finding HelloIsManifest(Exam& exam) {
  auto life = exam.Spawn();
  if (!life.ok()) return Failed(Words(life.status()), "see plugin.hello-in-time");
  const auto said = Hello(**life, {kContractVersion}, exam.Patience(kStartPatience));
  if (!said.ok()) return Failed(Words(said.status()), "answer Hello in every process");
  plugin::v1::HelloReply of_version = *said;
  of_version.set_version(kContractVersion);  // has a row of its own
  const std::string difference = DifferenceFrom(exam.manifest(), of_version);
  if (difference.empty()) return Passed();
  return Failed(difference,
                "let name() return the name in plugin.textproto, and derive from the "
                "class of its kind");
}

Finding UnknownVersionRefused(Exam& exam) {
  auto life = exam.Spawn();
  if (!life.ok()) return Failed(Words(life.status()), "see plugin.hello-in-time");
  const auto said = Hello(**life, {kNoVersion}, exam.Patience(kStartPatience));
  const std::string advice =
      "answer FAILED_PRECONDITION, with a sentence for the admin that names the versions it speaks";
  if (said.ok()) {
    return Failed("a host that speaks only version " + std::to_string(kNoVersion) +
                      " was answered with version " + std::to_string(said->version()),
                  advice);
  }
  if (!absl::IsFailedPrecondition(said.status())) return Failed(Words(said.status()), advice);
  if (said.status().message().find(std::to_string(kContractVersion)) == std::string::npos) {
    return Failed("FAILED_PRECONDITION, and the message does not name a version: \"" +
                      std::string(said.status().message()) + "\"",
                  advice);
  }
  return Passed();
}

Finding HighestCommonVersion(Exam& exam) {
  auto life = exam.Spawn();
  if (!life.ok()) return Failed(Words(life.status()), "see plugin.hello-in-time");
  const auto said = Hello(**life, {1, 2, kNoVersion}, exam.Patience(kStartPatience));
  const std::string advice = "take the highest version that both speak; others are for others";
  if (!said.ok()) return Failed("of 1, 2 and others: " + Words(said.status()), advice);
  if (said->version() != kContractVersion) {
    return Failed("of 1, 2 and others it took " + std::to_string(said->version()), advice);
  }
  return Passed();
}

Finding StartsInTime(Exam& exam) {
  const auto begin = steady_clock::now();
  const auto life = exam.Start();
  if (life.ok()) return Passed(Milliseconds(steady_clock::now() - begin));
  return Failed(Words(life.status()),
                "accept the manifest's defaults; what has none is given with --set NAME=VALUE");
}

Finding WrongValueRefused(Exam& exam) {
  auto settings = exam.Settings({});
  if (!settings.ok()) return Failed(Words(settings.status()), "");
  int tried = 0;
  for (const SettingDeclaration& setting : exam.manifest().setting()) {
    const bool number = setting.type() == SettingDeclaration::TYPE_INTEGER;
    if (!number && setting.type() != SettingDeclaration::TYPE_BOOLEAN) continue;
    ++tried;
    const std::string value = number ? "twelve" : "perhaps";
    auto life = exam.Spawn();
    if (!life.ok()) return Failed(Words(life.status()), "see plugin.hello-in-time");
    const auto said = Hello(**life, {kContractVersion}, exam.Patience(kStartPatience));
    if (!said.ok()) return Failed(Words(said.status()), "answer Hello in every process");
    plugin::v1::StartRequest wrong = *settings;
    (*wrong.mutable_setting())[setting.name()] = value;
    const absl::Status status = Started(**life, wrong, exam.Patience(kStartPatience));
    const bool named = status.message().find(setting.name()) != std::string::npos;
    if (absl::IsInvalidArgument(status) && named) continue;
    return Failed(
        "Start with " + setting.name() + " \"" + value + "\": " + Words(status),
        "return INVALID_ARGUMENT with a message that names the setting and what was expected; "
        "Settings::Integer and Settings::Boolean do it");
  }
  if (tried == 0) return Skipped("no setting is a whole number or yes or no");
  return Passed();
}

Finding HealthInTime(Exam& exam) {
  auto life = exam.Start();
  if (!life.ok()) return Failed(Words(life.status()), "see plugin.starts");
  const auto begin = steady_clock::now();
  const absl::Status status = Health(**life, exam.Patience(kHealthPatience));
  if (status.ok()) return Passed(Milliseconds(steady_clock::now() - begin));
  return Failed(Words(status), "answer OK at once while the plugin can do its work");
}

Finding HealthWhileBusy(Exam& exam) {
  auto life = exam.Start();
  if (!life.ok()) return Failed(Words(life.status()), "see plugin.starts");
  LongCall first(**life), second(**life);
  first.AwaitBegun();
  second.AwaitBegun();
  const auto begin = steady_clock::now();
  const absl::Status status = Health(**life, exam.Patience(kHealthPatience));
  if (status.ok()) return Passed(Milliseconds(steady_clock::now() - begin));
  return Failed("with two calls under way: " + Words(status),
                "hold no lock in Health that another call holds while it waits");
}

Finding EndsWithHost(Exam& exam, bool busy) {
  auto life = exam.Start();
  if (!life.ok()) return Failed(Words(life.status()), "see plugin.starts");
  std::unique_ptr<LongCall> call;
  if (busy) {
    call = std::make_unique<LongCall>(**life);
    call->AwaitBegun();
  }
  const auto begin = steady_clock::now();
  const auto status = (*life)->End(exam.Patience(kEndPatience));
  if (status == 0) return Passed(Milliseconds(steady_clock::now() - begin));
  return Failed(Words(status),
                "end with status 0 when fd 3 is at its end, whatever is under way: Serve does it");
}

}  // namespace

void GreetingRows(Exam& exam) {
  const auto gate = [&](const char* id, const char* why) {
    if (exam.Fails(id)) exam.Stop(why);
  };
  exam.Row("plugin.hello-in-time", "In the jail, with no environment: Hello within 2 s.",
           [&] { return HelloInTime(exam); });
  gate("plugin.hello-in-time", "the plugin does not answer Hello");
  exam.Row("plugin.hello-is-manifest", "Hello tells the name and the kind of the manifest.",
           [&] { return HelloIsManifest(exam); });
  exam.Row("plugin.version-unknown-refused",
           "No common version is FAILED_PRECONDITION; the message says which it speaks.",
           [&] { return UnknownVersionRefused(exam); });
  exam.Row("plugin.version-highest-common", "Of the versions it takes the highest common one.",
           [&] { return HighestCommonVersion(exam); });
  exam.Row("plugin.starts", "It starts with the manifest's defaults and --set.",
           [&] { return StartsInTime(exam); });
  gate("plugin.starts", "the plugin does not start");
  exam.Row("plugin.setting-refused",
           "A value that cannot be used is INVALID_ARGUMENT; the message names the setting.",
           [&] { return WrongValueRefused(exam); });
  exam.Row("plugin.health", "Health answers OK while the plugin can do its work.",
           [&] { return HealthInTime(exam); });
  exam.Row(
      "plugin.health-while-busy", "Health may be asked at any time, also during calls.",
      [&] { return HealthWhileBusy(exam); }, "plugin.health");
  exam.Row("plugin.ends-with-host", "End of file on fd 3: status 0 within 1 s.",
           [&] { return EndsWithHost(exam, false); });
  exam.Row(
      "plugin.ends-with-host-busy", "The same with a call under way.",
      [&] { return EndsWithHost(exam, true); }, "plugin.ends-with-host");
}

}  // namespace madoguchi::conformance
