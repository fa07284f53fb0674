#include "sdk/textproto/textproto.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "madoguchi/plugin/v1/plugin.pb.h"

namespace madoguchi {
namespace {

TEST(Textproto, ErrorsNameFileLineColumnAndWhatWasExpected) {
  plugin::v1::Manifest manifest;
  const auto error = [&](const std::string& text) {
    return std::string(ParseTextproto(text, "plugin.textproto", &manifest).message());
  };
  EXPECT_EQ(error("name: \"a\"\nkind: 7x"),
            "plugin.textproto:2:8: Need space between number and identifier.");
  EXPECT_EQ(error("name: 12"), "plugin.textproto:1:7: Expected string, got: 12");
  EXPECT_NE(error("nam: \"a\"").find("plugin.textproto:1:"), std::string::npos);
  EXPECT_NE(error("nam: \"a\"").find("no field named \"nam\""), std::string::npos);
  // Not where the next token stands.
  EXPECT_EQ(
      error("name: \"a\"\nkind: KIND_OTHER\n\n\nversion: \"1\"\n"),
      "plugin.textproto:2:7: Unknown enumeration value of \"KIND_OTHER\" for field \"kind\".");
  EXPECT_EQ(
      error("kind: KIND_OTHER"),
      "plugin.textproto:1:7: Unknown enumeration value of \"KIND_OTHER\" for field \"kind\".");
  EXPECT_TRUE(ParseTextproto("name: \"a\"", "x", &manifest).ok());
}

TEST(Textproto, PlacesOfFields) {
  plugin::v1::Manifest manifest;
  TextPlaces places;
  ASSERT_TRUE(ParseTextproto("name: 'a'\nsetting { name: 'x' }\n  setting {\n    name: 'y' }", "f",
                             &manifest, &places)
                  .ok());
  EXPECT_EQ(places.Of("name"), "f:1:1");
  EXPECT_EQ(places.Of("setting[1]"), "f:3:3");
  EXPECT_EQ(places.Of("setting[1].name"), "f:4:5");
  EXPECT_EQ(places.Of("setting[1].type"), "f:3:3") << "not written";
  EXPECT_EQ(places.Of("version"), "f") << "not written";
  for (const char* none : {"", ".", "setting", "setting[7]", "name[0]", "name.x", "none"}) {
    EXPECT_EQ(places.Of(none).rfind("f", 0), 0u) << none;
  }
}

TEST(Textproto, FilesAreWrittenWholeWithTheirModeAndReadBack) {
  const std::string folder = testing::TempDir() + "/textproto_test";
  std::filesystem::create_directories(folder);
  const std::string path = folder + "/key.pem";
  ASSERT_TRUE(WriteFile(path, "one", 0600).ok());
  ASSERT_TRUE(WriteFile(path, "two", 0600).ok());
  EXPECT_EQ(*ReadFile(path), "two");
  struct stat facts;
  ASSERT_EQ(stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  EXPECT_EQ(ReadFile(folder + "/none").status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(ReadFile(folder).ok());
  EXPECT_FALSE(WriteFile(folder + "/no/such", "x", 0600).ok());
  std::filesystem::remove_all(folder);
}

// Nobody need ever write into it.
TEST(Textproto, APipeIsNoFileAndHoldsNobodyUp) {
  const std::string path = testing::TempDir() + "/textproto_test_pipe";
  std::filesystem::remove(path);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(ReadFile(path).status(), absl::InvalidArgumentError(path + ": not a regular file"));
  std::filesystem::remove(path);
}

TEST(Textproto, AFileIsNoLargerThanItMayBe) {
  const std::string path = testing::TempDir() + "/textproto_test_large";
  ASSERT_TRUE(WriteFile(path, std::string(2049, 'a'), 0600).ok());
  EXPECT_EQ(ReadFile(path)->size(), 2049u);
  EXPECT_EQ(ReadFile(path, 2049)->size(), 2049u);
  EXPECT_EQ(ReadFile(path, 2048).status(),
            absl::InvalidArgumentError(path + ": larger than 2 KiB"));
  std::filesystem::remove(path);
  // Of a size that the system does not tell beforehand.
  EXPECT_EQ(ReadFile("/proc/self/maps", 1024).status(),
            absl::InvalidArgumentError("/proc/self/maps: larger than 1 KiB"));
}

}  // namespace
}  // namespace madoguchi
