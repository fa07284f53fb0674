// madoguchi-conformance as its users meet it.
#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "sdk/conformance/program.h"

namespace madoguchi::conformance {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr char kNumber[] = " setting { name: 'number' type: TYPE_INTEGER default_value: '7' }";

class Main : public testing::Test {
 protected:
  Main() {
    char pattern[] = "/tmp/madoguchi-main-XXXXXX";
    folder_ = mkdtemp(pattern);
  }
  ~Main() override { fs::remove_all(folder_); }

  std::string Plugin(const std::string& name, const std::string& manifest) const {
    const fs::path folder = fs::path(folder_) / name;
    fs::create_directory(folder);
    fs::create_symlink(fs::absolute("wrong_plugin"), folder / name);
    WriteManifest(name, manifest);
    return folder;
  }
  void WriteManifest(const std::string& name, const std::string& manifest) const {
    std::ofstream(fs::path(folder_) / name / "plugin.textproto")
        << "name: '" << name << "' maker: 'Nobody' " << manifest << kNumber;
  }
  std::string Policy(const std::string& name) const {
    return Plugin(name, "kind: KIND_POLICY version: '1.0.0'");
  }

  std::unique_ptr<Program> Begin(std::vector<std::string> words) const {
    words.insert(words.begin(), "../bin/madoguchi-conformance");
    auto program = Program::Run(words, Path("out"), /*await_ready=*/false, "", Path("err"));
    EXPECT_TRUE(program.ok()) << program.status();
    return program.ok() ? *std::move(program) : nullptr;
  }
  std::optional<int> Run(const std::vector<std::string>& words) {
    const auto program = Begin(words);
    const auto status = program->Wait(std::chrono::seconds(60));
    out_ = program->Output();
    err_ = program->Errors();
    return status;
  }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  static std::string Read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  std::string folder_, out_, err_;
};

TEST_F(Main, RefusesWrongCommandLinesAndFolders) {
  EXPECT_EQ(Run({}), 64);
  EXPECT_THAT(err_, AllOf(HasSubstr("expected a plugin's folder"), HasSubstr("; see --help\n")));
  EXPECT_EQ(std::count(err_.begin(), err_.end(), '\n'), 1);
  EXPECT_EQ(Run({"a", "--set", "number"}), 64);
  EXPECT_THAT(err_, HasSubstr("expected NAME=VALUE"));
  EXPECT_EQ(Run({"a", "--largest-apdu", "many"}), 64);
  EXPECT_EQ(Run({"a", "--dance", "b"}), 64);
  EXPECT_EQ(Run({"a", "--only"}), 64);
  EXPECT_EQ(Run({"a", "b"}), 64);
  EXPECT_EQ(Run({"--help"}), 0);
  EXPECT_EQ(Run({Path("nowhere")}), 2);
  EXPECT_THAT(err_, HasSubstr("plugin.textproto"));
  EXPECT_EQ(Run({Policy("right_policy"), "--set", "colour=red"}), 2);
  EXPECT_THAT(err_, HasSubstr("colour is not declared"));
  EXPECT_EQ(Run({Path("right_policy"), "--grant", "network"}), 2);
  EXPECT_THAT(err_, HasSubstr("only an authority may ask for network"));
}

TEST_F(Main, SaysWhichFolderItWants) {
  const std::string hint = "give the built folder, such as build/plugins/NAME, which holds";
  const std::string source = Plugin("source", "kind: KIND_POLICY version: '1.0.0'");
  fs::remove(source + "/source");
  const std::string renamed = Plugin("renamed", "kind: KIND_POLICY version: '1.0.0'");
  fs::rename(renamed, Path("checkout"));
  std::ofstream(Path("checkout/CMakeLists.txt")) << "";
  for (const std::string& folder :
       {source, folder_, Path("checkout"), fs::absolute("wrong_plugin").string()}) {
    EXPECT_EQ(Run({folder}), 2);
    EXPECT_THAT(err_, HasSubstr(hint)) << folder;
  }
  EXPECT_EQ(Run({Policy("right_policy"), "--grant", "network"}), 2);
  EXPECT_THAT(err_, Not(HasSubstr(hint))) << "the folder is right";
}

TEST_F(Main, ListsThePrefixesWhenNoRowBeginsSo) {
  EXPECT_EQ(Run({Policy("right_policy"), "--only", "nope"}), 64);
  EXPECT_THAT(err_,
              HasSubstr("no row begins with \"nope\"; they begin with log., plugin., policy."));
}

TEST_F(Main, LooksFirstWhetherItCanWriteItsReport) {
  const std::string plugin = Policy("right_policy");
  EXPECT_EQ(Run({plugin, "--junit", Path("nodir/x.xml")}), 64);
  EXPECT_THAT(err_, HasSubstr("nodir/x.xml: No such file or directory"));
  EXPECT_EQ(out_, "");
  EXPECT_EQ(Run({Path("none"), "--junit", Path("x.xml")}), 2);
  EXPECT_FALSE(fs::exists(Path("x.xml")));
}

TEST_F(Main, PrintsTheWholeLogWhenAsked) {
  const std::string plugin = Policy("log_is_text");
  EXPECT_EQ(Run({plugin, "--only", "plugin.starts"}), 0);
  EXPECT_THAT(out_, Not(HasSubstr("caf")));
  EXPECT_EQ(Run({plugin, "--only", "plugin.starts", "--log"}), 0);
  EXPECT_THAT(out_, HasSubstr("\n  log\n        caf?\n"));
}

TEST_F(Main, SaysWhenThereIsNoLauncher) {
  EXPECT_EQ(Run({Policy("right_policy"), "--launcher", Path("none")}), 1);
  EXPECT_THAT(out_, AllOf(HasSubstr("FAIL  plugin.hello-in-time"), HasSubstr("--launcher")));
}

TEST_F(Main, ReportsInThreeForms) {
  const std::vector<std::string> plugin = {Policy("plugin_health"), "--only", "plugin.he"};
  EXPECT_EQ(Run(plugin), 1);
  EXPECT_THAT(out_, AllOf(HasSubstr("  FAIL  plugin.health "), HasSubstr("\nFAILED: 2 passed, 1 "
                                                                         "failed, 1 skipped")));
  EXPECT_EQ(Run({plugin[0], plugin[1], plugin[2], "--json", "--junit", Path("kit.xml")}), 1);
  google::protobuf::Struct read;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(out_, &read).ok()) << out_;
  EXPECT_FALSE(read.fields().at("passes").bool_value());
  EXPECT_THAT(Read(Path("kit.xml")), HasSubstr("tests=\"4\" failures=\"1\""));
}

TEST_F(Main, GivesTheSettings) {
  const std::string plugin = Policy("right_policy");
  EXPECT_EQ(Run({plugin, "--only", "plugin.starts"}), 0);
  EXPECT_EQ(Run({plugin, "--only", "plugin.starts", "--set", "number=12"}), 0);
  WriteManifest("right_policy",
                "kind: KIND_POLICY version: '1.0.0'\nsetting { name: 'digits' type: TYPE_INTEGER "
                "default_value: 'four' }");
  EXPECT_EQ(Run({plugin}), 2);
  EXPECT_THAT(err_, AllOf(HasSubstr("/plugin.textproto:2:45: "), HasSubstr("digits is \"four\""),
                          Not(HasSubstr("--set"))));
  EXPECT_EQ(Run({plugin, "--set", "digits=five"}), 2);
  EXPECT_THAT(err_, HasSubstr("--set digits: "));
  WriteManifest("right_policy",
                "kind: KIND_POLICY version: '1.0.0' setting { name: 'needed' "
                "type: TYPE_STRING required: true } ");
  EXPECT_EQ(Run({plugin}), 2);
  EXPECT_THAT(err_, HasSubstr("needed is missing"));
  EXPECT_EQ(Run({plugin, "--only", "plugin.starts", "--set", "needed=x"}), 0);
}

TEST_F(Main, ForbidsWhatTheClinicForbids) {
  const std::string plugin = Policy("right_policy");
  EXPECT_EQ(Run({plugin, "--only", "policy"}), 0);
  EXPECT_EQ(Run({plugin, "--only", "policy", "--without-visual"}), 1);
  EXPECT_THAT(out_, AllOf(HasSubstr("FAIL  policy.steps-allowed"),
                          HasSubstr("ASK_VISUAL_MATCH where the clinic does not allow it")));
}

TEST_F(Main, RunsAgainWhenTheFolderWasBuiltAnew) {
  const std::string plugin = Policy("right_policy");
  const auto program = Begin({plugin, "--watch", "--only", "plugin.hello"});
  const auto runs = [&] {
    const std::string out = program->Output();
    int count = 0;
    for (size_t at = 0; (at = out.find("\nWatching ", at)) != std::string::npos; ++at) ++count;
    return count;
  };
  ASSERT_TRUE(Await([&] { return runs() == 1; })) << program->Output() << program->Errors();
  WriteManifest("right_policy", "kind: KIND_POLICY version: '2.0.0'");
  ASSERT_TRUE(Await([&] { return runs() == 2; })) << program->Output();
  EXPECT_THAT(program->Output(), HasSubstr("right_policy 2.0.0"));
  // As a linker does it.
  fs::copy_file("wrong_plugin", plugin + "/new");
  fs::rename(plugin + "/new", plugin + "/right_policy");
  ASSERT_TRUE(Await([&] { return runs() == 3; })) << program->Output();
  fs::remove_all(plugin);
  ASSERT_TRUE(Await([&] { return runs() == 4; })) << program->Output();
  EXPECT_THAT(program->Errors(), HasSubstr("plugin.textproto"));
  Policy("right_policy");
  EXPECT_TRUE(Await([&] { return runs() >= 5; })) << program->Output();
  EXPECT_EQ(program->End(SIGTERM), 128 + SIGTERM);
}

TEST_F(Main, LetsADebuggerInAndSaysSo) {
  EXPECT_EQ(Run({Policy("right_policy"), "--debug", "--only", "plugin.health"}), 0);
  EXPECT_THAT(out_, HasSubstr("A host never runs it so"));
  EXPECT_THAT(err_, AllOf(HasSubstr("plugin started: pid "), HasSubstr("  gdb -p ")));
  EXPECT_EQ(Run({Path("right_policy"), "--only", "plugin.health"}), 0);
  EXPECT_THAT(out_, Not(HasSubstr("DEBUG")));
  EXPECT_THAT(err_, Not(HasSubstr("gdb")));
}

// The author's hook: here a script that inserts a virtual card, and that cannot restart a device.
TEST_F(Main, MovesTheCardByTheHook) {
  const std::string plugin =
      Plugin("right_reader",
             "kind: KIND_READER version: '1.0.0' permission: 'sockets' setting { "
             "name: 'directory' type: TYPE_SOCKET_FOLDER required: true }");
  std::ofstream(Path("hook")) << "#!/bin/sh\n"
                                 "cd "
                              << folder_
                              << "\n"
                                 "echo $1 >> said\n"
                                 "case $1 in\n"
                                 "lay) test -e pid && exit 0\n"
                                 "  "
                              << fs::absolute("../bin/madoguchi-card").string()
                              << " --dir card --socket sockets/reader-0.sock > card.log & "
                                 "echo $! > pid ;;\n"
                                 "take) kill $(cat pid) && rm pid ;;\n"
                                 "*) exit 77 ;;\n"
                                 "esac\n";
  fs::permissions(Path("hook"), fs::perms::owner_all);
  const auto run = [&](const std::string& row) {
    return Run({plugin, "--set", "directory=" + Path("sockets"), "--card-command", Path("hook"),
                "--only", row});
  };
  EXPECT_EQ(run("reader.card-pulled"), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("  pass  reader.card-pulled"));
  EXPECT_EQ(run("reader.device-restarted"), 1) << "nothing passed";
  EXPECT_THAT(out_, HasSubstr("  skip  reader.device-restarted"));
  EXPECT_THAT(out_, HasSubstr("restart says that it cannot"));
  EXPECT_FALSE(fs::exists(Path("pid"))) << "the card was taken away at the end";
}

}  // namespace
}  // namespace madoguchi::conformance
