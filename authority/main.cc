#include <sys/stat.h>

#include <charconv>
#include <cstdio>
#include <string>
#include <vector>

#include "authority/config.h"
#include "authority/eligibility/import.h"
#include "authority/serve/serve.h"
#include "authority/text_file.h"

namespace madoguchi::authority {
namespace {

// As in sysexits.h.
constexpr int kUsage = 64;
constexpr int kDataError = 65;
constexpr int kUnavailable = 69;

constexpr char kHelp[] =
    "madoguchi-authority serve --config FILE [--answer-delay-ms N]\n"
    "madoguchi-authority import --config FILE DATA\n"
    "\n"
    "serve   answers hosts until SIGTERM; prints \"ready\" when it does\n"
    "import  adds or replaces the insured persons of DATA (protobuf text), all or none\n"
    "\n"
    "--answer-delay-ms N  hold back every answer N milliseconds; for trials only\n"
    "\n"
    "exit status: 0 done, 64 usage or configuration, 65 DATA is malformed,\n"
    "             69 the database or a listener cannot be had\n";

struct CommandLine {
  std::string command;
  std::string config;
  std::vector<std::string> files;
  int answer_delay_ms = 0;
};

int Fail(int exit_status, const absl::Status& status) {
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return exit_status;
}

int Usage(const std::string& complaint) {
  std::fprintf(stderr, "madoguchi-authority: %s\n\n%s", complaint.c_str(), kHelp);
  return kUsage;
}

// Empty, or what is wrong.
std::string Parse(const std::vector<std::string>& words, CommandLine* line) {
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const bool option = word == "--config" || word == "--answer-delay-ms";
    if (option && i + 1 == words.size()) return word + " needs a value";
    if (word == "--config") {
      line->config = words[++i];
    } else if (word == "--answer-delay-ms") {
      const std::string& value = words[++i];
      const auto [end, error] =
          std::from_chars(value.data(), value.data() + value.size(), line->answer_delay_ms);
      if (error != std::errc() || end != value.data() + value.size() || line->answer_delay_ms < 0 ||
          line->answer_delay_ms > 3600000) {
        return "--answer-delay-ms: expected 0 to 3600000, found \"" + value + "\"";
      }
    } else if (word.size() > 1 && word[0] == '-') {
      return "unknown option " + word;
    } else if (line->command.empty()) {
      line->command = word;
    } else {
      line->files.push_back(word);
    }
  }
  if (line->command != "serve" && line->command != "import") return "expected serve or import";
  if (line->config.empty()) return "expected --config FILE";
  const bool import = line->command == "import";
  if (line->files.size() != (import ? 1U : 0U)) {
    return import ? "import: expected one DATA file" : "serve: expected no further argument";
  }
  return "";
}

int Import(const CommandLine& line) {
  const auto database = LoadDatabasePath(line.config);
  if (!database.ok()) return Fail(kUsage, database.status());
  const auto text = FileBytes(line.files[0]);
  if (!text.ok()) return Fail(kDataError, text.status());
  const auto persons = ParseInsured(
      *text, line.files[0], [](const std::string& path) { return FileBytes(path, 1U << 20); });
  if (!persons.ok()) return Fail(kDataError, persons.status());
  auto store = OpenSqlite(*database);
  if (!store.ok()) return Fail(kUnavailable, store.status());
  if (auto status = (*store)->Put(*persons); !status.ok()) return Fail(kUnavailable, status);
  std::printf("imported %zu\n", persons->size());
  return 0;
}

int Main(const std::vector<std::string>& words) {
  CommandLine line;
  if (!words.empty() && words[0] == "--help") {
    std::printf("%s", kHelp);
    return 0;
  }
  if (const std::string complaint = Parse(words, &line); !complaint.empty()) {
    return Usage(complaint);
  }
  umask(077);  // names and numbers of patients
  if (line.command == "import") return Import(line);
  const auto settings = LoadForServe(line.config);
  if (!settings.ok()) return Fail(kUsage, settings.status());
  const auto served = Serve(*settings, std::chrono::milliseconds(line.answer_delay_ms));
  return served.ok() ? 0 : Fail(kUnavailable, served);
}

}  // namespace
}  // namespace madoguchi::authority

int main(int argc, char** argv) {
  return madoguchi::authority::Main(std::vector<std::string>(argv + 1, argv + argc));
}
