#ifndef MADOGUCHI_HOST_LOADER_PLUGIN_SLOT_FIXTURE_H_
#define MADOGUCHI_HOST_LOADER_PLUGIN_SLOT_FIXTURE_H_

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "host/loader/plugin_slot.h"
#include "sdk/launch/launch.h"

namespace madoguchi {

using desk::v1::PluginRow;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

// Slots that run the test plugin (test_plugin.cc) from folders of their own, with short patience.
class PluginSlotFixture : public testing::Test {
 protected:
  PluginSlotFixture() {
    patience_.run.start = 5s;
    patience_.run.stop = 300ms;
    patience_.backoff.first = 20ms;
    patience_.backoff.longest = 40ms;
    char folder[] = "/tmp/madoguchi-slot-XXXXXX";
    folder_ = mkdtemp(folder);
  }
  ~PluginSlotFixture() override { std::filesystem::remove_all(folder_); }

  // The plugin's folder.
  std::string Write(const std::string& name, const std::string& version,
                    const std::string& program = MADOGUCHI_TEST_PLUGIN) {
    const std::string folder = folder_ + "/" + name;
    std::filesystem::create_directories(folder);
    std::ofstream(folder + "/plugin.textproto")
        << "name: '" << name << "' kind: " << kind_ << " version: '1.0" << version
        << "' binary: 'program'";
    std::filesystem::remove(folder + "/program");
    std::filesystem::create_symlink(program, folder + "/program");
    return folder;
  }
  std::unique_ptr<PluginSlot> Start(const std::string& name, const std::string& version = "") {
    const std::string folder = Write(name, version);
    return Slot(name, [this, folder] {
      ++plans_;
      PluginPlan plan;
      auto image = ReadPluginImage(folder);
      EXPECT_TRUE(image.ok()) << image.status();
      plan.image = std::make_shared<const PluginImage>(*std::move(image));
      plan.may_run = may_run_;
      plan.jail = *JailOf(plan.image->folder.manifest, {}, {});
      plan.jail.sockets = sockets_;
      plan.launcher = MADOGUCHI_LAUNCHER;
      return plan;
    });
  }
  std::unique_ptr<PluginSlot> Slot(const std::string& name, PluginSlot::Prepare prepare) {
    return std::make_unique<PluginSlot>(
        name, std::move(prepare), [this](const auto&) { ++ups_; },
        [this](const PluginLife&) { ++downs_; }, patience_);
  }
  static PluginSlot::Prepare Refusing(const absl::Status& why) {
    return [why] {
      PluginPlan plan;
      plan.may_run = why;
      return plan;
    };
  }

  // The first row that pleases, or the newest after ten seconds.
  static PluginRow Await(const PluginSlot& slot,
                         const std::function<bool(const PluginRow&)>& pleases) {
    const auto until = steady_clock::now() + 10s;
    while (true) {
      const PluginRow row = slot.Row();
      if (pleases(row) || steady_clock::now() > until) return row;
      std::this_thread::sleep_for(2ms);
    }
  }
  static PluginRow AwaitState(const PluginSlot& slot, PluginRow::State state) {
    return Await(slot, [state](const PluginRow& row) { return row.state() == state; });
  }
  static bool Lives(pid_t pid) { return kill(pid, 0) == 0; }
  // A row without a process says -1, and that would be every process of this machine.
  static void Signal(const PluginRow& row, int signal) {
    ASSERT_GT(row.pid(), 0) << row.detail();
    kill(row.pid(), signal);
  }

  PluginSlot::Patience patience_;
  std::string folder_;
  std::string kind_ = "KIND_POLICY";
  std::vector<std::string> sockets_;
  absl::Status may_run_ = absl::OkStatus();  // changed only while no slot prepares
  std::atomic<int> plans_ = 0, ups_ = 0, downs_ = 0;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_LOADER_PLUGIN_SLOT_FIXTURE_H_
