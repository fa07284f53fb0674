#include "host/check/reader_table.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>

namespace madoguchi {
namespace {

reader::v1::Snapshot Parsed(const std::string& text) {
  reader::v1::Snapshot snapshot;
  EXPECT_TRUE(
      google::protobuf::TextFormat::ParseFromString("service: SERVICE_RUNNING " + text, &snapshot))
      << text;
  return snapshot;
}

std::string Card(const std::string& reader, int insertion, bool lying = false) {
  return "reader { name: '" + reader +
         "' presence: PRESENCE_PRESENT insertion: " + std::to_string(insertion) +
         (lying ? " lying: true" : "") + " } ";
}
std::string Empty(const std::string& reader) {
  return "reader { name: '" + reader + "' presence: PRESENCE_ABSENT } ";
}

TEST(ReaderTableTest, ArrivalsAreInTheirOrderOverAllPlugins) {
  ReaderTable table;
  table.Update("nfc", 1, Parsed(Card("x", 1)));
  table.Update("pcsc", 1, Parsed(Card("a", 7)));
  const auto cards = table.Cards({});
  ASSERT_EQ(cards.size(), 2u);
  EXPECT_EQ(cards[0].place(), "nfc/x");
  EXPECT_LT(cards[0].arrival, cards[1].arrival);
  EXPECT_EQ(cards[1].insertion, 7u);
  EXPECT_EQ(table.arrivals(), cards[1].arrival);
  EXPECT_EQ(table.Cards({"pcsc/a"}).size(), 1u);
  EXPECT_TRUE(table.Cards({"pcsc/x"}).empty());
}

TEST(ReaderTableTest, AStayKeepsItsArrivalAndASwapGetsANewOne) {
  ReaderTable table;
  table.Update("pcsc", 1, Parsed(Card("a", 1)));
  const uint64_t first = table.Cards({})[0].arrival;
  table.Update("pcsc", 1, Parsed(Card("a", 1) + Empty("b")));
  EXPECT_EQ(table.Cards({})[0].arrival, first);
  // Swapped between two snapshots: only the insertion tells.
  table.Update("pcsc", 1, Parsed(Card("a", 2)));
  const uint64_t second = table.Cards({})[0].arrival;
  EXPECT_GT(second, first);
  table.Update("pcsc", 1, Parsed(Empty("a")));
  table.Update("pcsc", 1, Parsed(Card("a", 2)));
  EXPECT_GT(table.Cards({})[0].arrival, second);
}

TEST(ReaderTableTest, AReaderThatIsNotMentionedForAWhileKeepsItsCard) {
  ReaderTable table;
  table.Update("pcsc", 1, Parsed(Card("a", 1)));
  const uint64_t first = table.Cards({})[0].arrival;
  EXPECT_TRUE(table.Take(first, "one check", false));
  table.Update("pcsc", 1, Parsed(""));
  EXPECT_TRUE(table.Cards({}).empty());
  table.Update("pcsc", 1, Parsed(Empty("b")));
  table.Update("pcsc", 1, Parsed(Card("a", 1)));
  ASSERT_EQ(table.Cards({}).size(), 1u);
  EXPECT_EQ(table.Cards({})[0].arrival, first);
  EXPECT_FALSE(table.Take(first, "another check", false)) << "the card served a check before";
  table.Update("pcsc", 1, Parsed(""));
  table.Update("pcsc", 1, Parsed(Card("a", 2)));
  EXPECT_GT(table.Cards({})[0].arrival, first);
}

TEST(ReaderTableTest, AReaderInTroubleForAWhileKeepsItsCard) {
  ReaderTable table;
  const auto trouble = Parsed("reader { name: 'a' trouble { code: FAILURE_CODE_READER_SILENT } }");
  table.Update("pcsc", 1, Parsed(Card("a", 1)));
  const uint64_t first = table.Cards({})[0].arrival;
  EXPECT_TRUE(table.Take(first, "one check", false));
  table.Update("pcsc", 1, trouble);
  EXPECT_TRUE(table.Cards({}).empty());
  table.Update("pcsc", 1, Parsed(""));
  table.Update("pcsc", 1, trouble);
  table.Update("pcsc", 1, Parsed(Card("a", 1)));
  ASSERT_EQ(table.Cards({}).size(), 1u);
  EXPECT_EQ(table.Cards({})[0].arrival, first);
  EXPECT_EQ(table.Cards({})[0].taken_by, "one check");
  // A reader that was empty in between forgets it.
  table.Update("pcsc", 1, Parsed(Empty("a")));
  table.Update("pcsc", 1, trouble);
  table.Update("pcsc", 1, Parsed(Card("a", 1)));
  EXPECT_GT(table.Cards({})[0].arrival, first);
}

TEST(ReaderTableTest, AnotherLifeOfThePluginIsAnotherArrival) {
  ReaderTable table;
  table.Update("pcsc", 1, Parsed(Card("a", 1)));
  const auto before = table.Cards({})[0];
  table.Remove("pcsc", "gone");
  EXPECT_TRUE(table.Cards({}).empty());
  table.Update("pcsc", 2, Parsed(Card("a", 1, /*lying=*/true)));
  const auto after = table.Cards({})[0];
  EXPECT_GT(after.arrival, before.arrival);
  EXPECT_EQ(after.generation, 2u);
  EXPECT_TRUE(after.lying);
}

TEST(ReaderTableTest, TheDeadDoNotSpeak) {
  ReaderTable table;
  table.Update("pcsc", 1, Parsed(Card("a", 1)));
  table.Remove("pcsc", "gone");
  table.Update("pcsc", 1, Parsed(Card("a", 1)));
  EXPECT_TRUE(table.Cards({}).empty());
  table.Update("pcsc", 2, Parsed(Empty("a")));
  table.Update("pcsc", 1, Parsed(Card("a", 1)));
  EXPECT_TRUE(table.Cards({}).empty());
}

TEST(ReaderTableTest, ACardWithoutPowerStaysTheSameCard) {
  ReaderTable table;
  table.Update("pcsc", 1, Parsed("reader { name: 'a' presence: PRESENCE_UNPOWERED insertion: 1 }"));
  const auto before = table.Cards({})[0];
  EXPECT_FALSE(before.powered);
  table.Update("pcsc", 1, Parsed(Card("a", 1)));
  EXPECT_EQ(table.Cards({})[0].arrival, before.arrival);
  EXPECT_TRUE(table.Cards({})[0].powered);
}

TEST(ReaderTableTest, WhyUnusableTellsADeadServiceFromAMissingReader) {
  ReaderTable table;
  const auto why = [&](const Places& places) {
    const auto failure = table.WhyUnusable(places);
    return failure ? failure->code() : check::v1::FAILURE_CODE_UNSPECIFIED;
  };
  EXPECT_EQ(why({}), check::v1::FAILURE_CODE_NO_READER);
  reader::v1::Snapshot down;
  down.set_service(reader::v1::SERVICE_DOWN);
  table.Update("pcsc", 1, down);
  EXPECT_EQ(why({}), check::v1::FAILURE_CODE_READER_SERVICE_DOWN);
  EXPECT_EQ(why({"pcsc/a"}), check::v1::FAILURE_CODE_READER_SERVICE_DOWN);
  EXPECT_EQ(why({"nfc/x"}), check::v1::FAILURE_CODE_NO_READER);
  down.mutable_trouble()->set_code(check::v1::FAILURE_CODE_BLUETOOTH_OFF);
  table.Update("bluetooth", 1, down);
  EXPECT_EQ(why({"bluetooth/b"}), check::v1::FAILURE_CODE_BLUETOOTH_OFF);
  table.Update("nfc", 1, Parsed(Empty("x")));
  EXPECT_EQ(why({}), 0);
  EXPECT_EQ(why({"pcsc/a"}), check::v1::FAILURE_CODE_READER_SERVICE_DOWN);
  EXPECT_EQ(why({"nfc/y"}), check::v1::FAILURE_CODE_READER_UNKNOWN);
  table.Update("nfc", 1, Parsed(""));
  EXPECT_EQ(why({"nfc/y"}), check::v1::FAILURE_CODE_NO_READER);
}

TEST(ReaderTableTest, AReaderInTroubleIsNotUsableAndSaysWhy) {
  ReaderTable table;
  table.Update("nfc", 1,
               Parsed(Empty("b") + "reader { name: 'a' trouble { code: "
                                   "FAILURE_CODE_READER_PORT_BUSY detail: 'held by\\nminicom' "
                                   "happened { en: 'Send us your PIN.' } } }"));
  EXPECT_THAT(table.Usable({}), testing::ElementsAre("nfc/b"));
  EXPECT_FALSE(table.WhyUnusable({"nfc/b", "nfc/a"}));
  const auto why = table.WhyUnusable({"nfc/a"});
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code(), check::v1::FAILURE_CODE_READER_PORT_BUSY);
  EXPECT_EQ(why->detail(), "held by?minicom");
  EXPECT_EQ(why->happened().en(), "Another program holds the reader's port.");
  // A plugin is not asked what an authority would say.
  table.Update("nfc", 1,
               Parsed("reader { name: 'a' trouble { code: FAILURE_CODE_NO_QUALIFICATION } }"));
  EXPECT_EQ(table.WhyUnusable({"nfc/a"})->code(), check::v1::FAILURE_CODE_NO_READER);
}

TEST(ReaderTableTest, UsableReadersComeInTheOrderOfPreference) {
  ReaderTable table;
  table.Update("nfc", 1, Parsed(Empty("x")));
  table.Update("pcsc", 1, Parsed(Empty("a") + Empty("b")));
  EXPECT_THAT(table.Usable({"pcsc/b", "nfc/x", "pcsc/none"}),
              testing::ElementsAre("pcsc/b", "nfc/x"));
  EXPECT_THAT(table.Usable({}), testing::ElementsAre("nfc/x", "pcsc/a", "pcsc/b"));
}

TEST(ReaderTableTest, WhatACardIsStandsInItsRowForItsStay) {
  ReaderTable table;
  table.Update("pcsc", 1, Parsed(Card("a", 1)));
  const auto row = [&] { return table.Rows().reader(0); };
  EXPECT_EQ(row().card(), desk::v1::CARD_KIND_UNSPECIFIED);
  table.Recognise(table.Cards({})[0].arrival, desk::v1::CARD_KIND_IPHONE);
  table.Update("pcsc", 1, Parsed(Card("a", 1)));
  EXPECT_EQ(row().card(), desk::v1::CARD_KIND_IPHONE);
  EXPECT_EQ(row().since().size(), std::string("2030-01-01T00:00:00Z").size());
  table.Update("pcsc", 1, Parsed(Card("a", 2)));
  EXPECT_EQ(row().card(), desk::v1::CARD_KIND_UNSPECIFIED);
}

TEST(ReaderTableTest, ACardServesOneCheckUntilTheStaffSayOtherwise) {
  ReaderTable table;
  table.Update("pcsc", 1, Parsed(Card("a", 1)));
  const uint64_t arrival = table.Cards({})[0].arrival;
  EXPECT_TRUE(table.Take(arrival, "one", false));
  EXPECT_TRUE(table.Take(arrival, "one", false));
  EXPECT_FALSE(table.Take(arrival, "two", false));
  table.Update("pcsc", 1, Parsed(Card("a", 1) + Empty("b")));
  EXPECT_FALSE(table.Take(arrival, "two", false));
  EXPECT_TRUE(table.Take(arrival, "two", true));
  EXPECT_FALSE(table.Take(arrival, "one", false));
  table.Update("pcsc", 1, Parsed(Card("a", 2)));
  EXPECT_FALSE(table.Take(arrival, "two", true));  // that stay is over
  EXPECT_TRUE(table.Take(table.Cards({})[0].arrival, "one", false));
}

TEST(ReaderTableTest, ACardInTheHandOfACheckIsGivenToNobodyElse) {
  ReaderTable table;
  table.Update("pcsc", 1, Parsed(Card("a", 1)));
  const uint64_t arrival = table.Cards({})[0].arrival;
  table.BeginCheck("one", {"pcsc/a"});
  table.BeginCheck("two", {});
  EXPECT_TRUE(table.IsAwaitedByOthers("pcsc/a", "one"));
  EXPECT_FALSE(table.Take(arrival, "one", false)) << "check two waits there, too";
  EXPECT_TRUE(table.Take(arrival, "one", true));
  EXPECT_TRUE(table.Cards({})[0].in_check);
  EXPECT_FALSE(table.Take(arrival, "two", true)) << "though its staff say so, too";
  EXPECT_FALSE(table.IsAwaitedByOthers("pcsc/a", "two")) << "check one has a card";
  table.EndCheck("one");
  EXPECT_FALSE(table.Cards({})[0].in_check);
  EXPECT_TRUE(table.Take(arrival, "two", true));
}

TEST(ReaderTableTest, EveryChangeIsANewRevisionAndAPoke) {
  ReaderTable table;
  int pokes = 0;
  const auto listener = std::make_shared<Listener>([&] { ++pokes; });
  table.Tell(listener);
  const uint64_t before = table.revision();
  table.Update("pcsc", 1, Parsed(Card("a", 1)));
  EXPECT_EQ(pokes, 1);
  EXPECT_GT(table.WaitNewer(before, std::chrono::seconds(5)), before);
  EXPECT_EQ(table.WaitNewer(table.revision(), std::chrono::milliseconds(1)), table.revision());
  table.Remove("pcsc", "its plugin is not running");
  EXPECT_EQ(pokes, 2);
  const auto rows = table.Rows();
  ASSERT_EQ(rows.source_size(), 1);
  EXPECT_EQ(rows.source(0).detail(), "its plugin is not running");
  EXPECT_EQ(rows.reader_size(), 0);
  listener->Stop();
  table.Remove("pcsc", "");
  EXPECT_EQ(pokes, 2);
}

}  // namespace
}  // namespace madoguchi
