// As many readers as pcscd carries. Runs inside private-pcscd --readers 16.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

#include "readers/pcsc/card_process.h"
#include "readers/pcsc/reader_watch.h"
#include "readers/pcsc/snapshot_log.h"
#include "sdk/conformance/plugin_process.h"
#include "sdk/conformance/reader_client.h"

namespace madoguchi::pcsc {
namespace {

namespace fs = std::filesystem;

// Sixteen readers are started and looked at one after the other, on a machine that may be busy.
constexpr std::chrono::seconds kPatience(20);

TEST(FullPcscdTest, SixteenReadersWorkAndASeventeenthIsSpokenOf) {
  std::vector<std::string> readers, ports;
  std::istringstream names(std::getenv("MADOGUCHI_PCSCD_READERS"));
  for (std::string name; std::getline(names, name);) readers.push_back(name);
  std::istringstream numbers(std::getenv("MADOGUCHI_PCSCD_PORTS"));
  for (std::string port; numbers >> port;) ports.push_back(port);
  ASSERT_EQ(readers.size(), 16u) << "run this under private-pcscd --readers 16";

  auto process =
      conformance::PluginProcess::Spawn(BuildFolder() / "plugins/reader_pcsc/reader_pcsc");
  ASSERT_TRUE(process.ok()) << process.status();
  ASSERT_TRUE((*process)
                  ->Start({{"pcscd_socket", std::getenv("PCSCLITE_CSOCK_NAME")},
                           {"readers", ""},
                           {"ignore_readers", ""},
                           {"pads", ""}})
                  .ok());
  conformance::ReaderClient client(**process);
  // A watch of our own beside it: of the plugin's snapshots a slow listener may miss some.
  SnapshotLog log;
  ReaderWatch watch(
      LibPcsclite(), std::getenv("PCSCLITE_CSOCK_NAME"), ReaderChoice(),
      [&](reader::v1::Snapshot snapshot) { log.Add(std::move(snapshot)); },
      [](const std::string&) {});
  const auto full = client.Await([](const auto& s) { return s.reader_size() == 16; }, kPatience);
  ASSERT_TRUE(full.has_value());
  EXPECT_EQ(full->service(), reader::v1::SERVICE_RUNNING);
  EXPECT_EQ(full->trouble().code(), check::v1::FAILURE_CODE_READERS_TOO_MANY);
  EXPECT_THAT(full->trouble().detail(), testing::HasSubstr("16 readers"));

  // The last of them is watched and opened like any other.
  std::string folder = testing::TempDir() + "full-pcscd-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  ASSERT_EQ(RunProgram({BuildFolder() / "bin/madoguchi-card", "--dir", folder, "--make-only"}), 0);
  ASSERT_TRUE(log.AwaitReaders(16));
  CardProcess card(folder, ports.back());
  for (uint64_t insertion = 1; insertion <= 4; ++insertion) {
    const auto state =
        client.AwaitPresence(readers.back(), reader::v1::PRESENCE_PRESENT, kPatience);
    ASSERT_TRUE(state.has_value());
    EXPECT_EQ(state->insertion(), insertion);
    EXPECT_FALSE(state->lying());
    ASSERT_TRUE(log.AwaitCard(readers.back(), reader::v1::PRESENCE_PRESENT, insertion));
    EXPECT_FALSE(log.card().lying());
    const auto opened = client.Open(readers.back(), state->insertion());
    EXPECT_TRUE(opened.ok()) << opened.status();
    EXPECT_TRUE(client.Close(opened.ok() ? opened->session() : 0).ok());
    card.Tell("remove");
    ASSERT_TRUE(client.AwaitPresence(readers.back(), reader::v1::PRESENCE_ABSENT, kPatience));
    ASSERT_TRUE(log.AwaitCard(readers.back(), reader::v1::PRESENCE_ABSENT, insertion));
    card.Tell("insert");
  }
  EXPECT_EQ(log.down(), 0u);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace madoguchi::pcsc
