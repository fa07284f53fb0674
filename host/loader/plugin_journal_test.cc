#include "host/loader/plugin_journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace madoguchi {
namespace {

using namespace std::chrono_literals;
using desk::v1::PluginRow;
using testing::ElementsAre;
using testing::IsEmpty;

class PluginJournalTest : public testing::Test {
 protected:
  PluginJournalTest() { row_.set_name("a"); }
  std::vector<std::string> In(PluginRow::State state, const std::string& detail = "") {
    row_.set_state(state);
    row_.set_detail(detail);
    return journal_.Take({row_}, now_);
  }
  void Add(const std::string& what, uint32_t times) {
    auto* const incident = row_.add_incident();
    incident->set_what(what);
    incident->set_times(times);
  }

  PluginRow row_;
  PluginJournal::Time now_ = std::chrono::steady_clock::now();
  PluginJournal journal_;
};

TEST_F(PluginJournalTest, EachChangeOfStateHasOneLine) {
  row_.set_version("1.0");
  EXPECT_THAT(In(PluginRow::STATE_STARTING), IsEmpty());
  EXPECT_THAT(In(PluginRow::STATE_RUNNING), ElementsAre("plugin a: running, version 1.0"));
  EXPECT_THAT(In(PluginRow::STATE_RUNNING), IsEmpty());
  row_.set_version("1.1");
  EXPECT_THAT(In(PluginRow::STATE_RUNNING), ElementsAre("plugin a: running, version 1.1"));
  EXPECT_THAT(In(PluginRow::STATE_UNAPPROVED, "it is not approved"),
              ElementsAre("plugin a: not approved: it is not approved"));
  EXPECT_THAT(In(PluginRow::STATE_REFUSED, "no name"), ElementsAre("plugin a: refused: no name"));
}

TEST_F(PluginJournalTest, NothingThatAPluginSaysGetsIn) {
  Add("refused to start: 0456", 1);
  for (const auto state :
       {PluginRow::STATE_RUNNING, PluginRow::STATE_WAITING, PluginRow::STATE_QUARANTINED}) {
    for (const std::string& line : In(state, "it says: 0456")) {
      EXPECT_EQ(line.find("0456"), std::string::npos) << line;
    }
  }
}

TEST_F(PluginJournalTest, IncidentsAreToldOnceInAWhile) {
  const std::string line = "plugin a: did what none should; see madoguchi plugins show a";
  EXPECT_THAT(In(PluginRow::STATE_STARTING), IsEmpty());
  Add("slept", 1);
  EXPECT_THAT(In(PluginRow::STATE_STARTING), ElementsAre(line));
  row_.mutable_incident(0)->set_times(2);
  EXPECT_THAT(In(PluginRow::STATE_STARTING), IsEmpty());
  now_ += 11min;
  EXPECT_THAT(In(PluginRow::STATE_STARTING), ElementsAre(line));
  now_ += 11min;
  EXPECT_THAT(In(PluginRow::STATE_STARTING), IsEmpty());
}

}  // namespace
}  // namespace madoguchi
