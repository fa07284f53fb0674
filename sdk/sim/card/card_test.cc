#include "sdk/sim/card/card.h"

#include <gtest/gtest.h>

#include <ostream>

#include "sdk/sim/card/hex.h"
#include "sdk/sim/card/memory_card.h"
#include "sdk/sim/card/script.h"

namespace madoguchi::sim {
namespace {

// A table of conversations: one row a behaviour, the APDUs as they go over the wire.
struct Conversation {
  const char* name;
  const char* fault;  // Empty: a good card.
  const char* script;
};

std::ostream& operator<<(std::ostream& out, const Conversation& row) { return out << row.name; }

#define SELECT_JPKI "> 00A4040C0AD392F000260100000001\n< 9000\n"

const Conversation kConversations[] = {
    {"SelectsByNameAndPrefix", "",
     R"(> 00A4040C0A D392F000260100000001
        < 9000
        > 00A4040C0A D3921000310001010408
        < 9000
        > 00A4040C0A D3921000310001010402
        < 9000
        > 00A4040C0A D3921000310001010401
        < 9000
        > 00A4040C0A D3921000310001010100
        < 9000
        > 00A4040007 A0000001510000 00
        < 9000
        > 00A4040C08 D392100031000101
        < 9000
        > 00A4040C0B D392F00026010000000100
        < 6A82
        > 00A4040C0A D392F000260100000002
        < 6A82
        > 00A4040C00
        < 6700
        > 00A4050C0A D392F000260100000001
        < 6A86)"},
    {"MasterFileIsRefusedAfterResetAndWithoutEffectInside", "",
     R"(> 00A40000
        < 6A86
        > 00A40000023F00
        < 6A82
        > 00A4040C0A D392F000260100000001
        < 9000
        > 00A4020C02000A
        < 9000
        > 00A40000
        < 9000
        > 00A4020C023F00
        < 6A82
        > 00B0000004
        < 3082 * 9000 #4)"},
    {"ReadsAFileByOffsetAndByShortId", "", SELECT_JPKI R"(
        > 00B0000004
        < 6986
        > 00B08A0000
        < 3082 * 9000 #256
        // The short id has made it the current file.
        > 00B0010000
        < * 9000 #256
        > 00B08AF010
        < * 9000 #16
        > 00A4020C020006
        < 9000
        > 00B0000000
        < 4A504B4941504943 43544F4B454E32 20 * 9000 #160
        > 00B0009800
        < 3939393939393939 9000
        > 00B000A000
        < 6B00
        > 00B07FFF00
        < 6B00
        > 00B0860003
        < 4A504B 9000
        > 00B0880000
        < 8F8F00 9000
        > 00B09F0000
        < 6A86
        > 00B0800000
        < 6A86
        > 00B0CA0000
        < 6A86
        > 00B08C0000
        < 6A82
        > 00B00000
        < 6700
        > 00B0980000
        < 6981)"},
    {"FillerFollowsTheCertificate", "", SELECT_JPKI R"(
        > 00A4020C02000A
        < 9000
        > 00B007F010
        < FFFFFFFFFFFFFFFF FFFFFFFFFFFFFFFF 9000
        > 00B0080010
        < 6B00)"},
    {"CountsTries", "", SELECT_JPKI R"(
        > 00200080
        < 6986
        > 00A4020C020018
        < 9000
        > 00200080
        < 63C3
        > 00200080 04 39393939
        < 63C2
        > 00200080
        < 63C2
        > 00200080 04 31323334
        < 9000
        > 00200080
        < 63C3
        > 00200080 04 39393939
        < 63C2
        > 00200080 01 39
        < 63C1
        > 00200080 10 39393939393939393939393939393939
        < 63C0
        // Blocked, also for the right one.
        > 00200080 04 31323334
        < 6984
        > 00200080
        < 63C0
        // The other secret is not touched.
        > 0020009B
        < 63C5)"},
    {"VerifiesByShortId", "", SELECT_JPKI R"(
        > 00200098
        < 63C3
        > 00200098 04 31323334
        < 9000
        > 802A0097 02 ABCD 00
        < * 9000 #256
        > 0020009B 06 414243313233
        < 9000
        > 802A009A 02 ABCD 00
        < * 9000 #256
        > 00B0810004
        < 3082 * 9000 #4)"},
    {"RefusesOddVerifies", "", SELECT_JPKI R"(
        > 00A4020C020018
        < 9000
        > 00200080 11 3939393939393939393939393939393939
        < 6700
        > 00200080 00
        < 6700
        > 00200180 04 31323334
        < 6A86
        > 00200000 04 31323334
        < 6A86
        > 002000A0 04 31323334
        < 6A86
        > 00200097 04 31323334
        < 6981
        > 00200085 04 31323334
        < 6981
        > 0020009D 04 31323334
        < 6A82
        > 00200098
        < 63C3)"},
    {"KeysNeedTheirOwnSecret", "", SELECT_JPKI R"(
        > 802A0080 02 ABCD 00
        < 6986
        > 00A4020C020017
        < 9000
        > 802A0080 02 ABCD 00
        < 6982
        > 0020009B 06 414243313233
        < 9000
        > 802A0097 02 ABCD 00
        < 6982
        > 00200098 04 31323334
        < 9000
        > 802A0097 02 ABCD 00
        < * 9000 #256
        // A wrong PIN takes the right back.
        > 00200098 04 39393939
        < 63C2
        > 802A0097 02 ABCD 00
        < 6982
        > 802A009A 02 ABCD 00
        < * 9000 #256)"},
    {"ForgetsAtReset", "", SELECT_JPKI R"(
        > 00200098 04 31323334
        < 9000
        // Another application does not take the right back.
        > 00A4040C0A D3921000310001010408
        < 9000
        > 00A4040C0A D392F000260100000001
        < 9000
        > 802A0097 02 ABCD 00
        < * 9000 #256
        reset
        > 802A0097 02 ABCD 00
        < 6A82
        > 00A4040C0A D392F000260100000001
        < 9000
        > 802A0097 02 ABCD 00
        < 6982)"},
    {"SignatureLengthsAndForms", "", SELECT_JPKI R"(
        > 00200098 04 31323334
        < 9000
        > 802A0197 01 AA 00
        < * 9000 #256
        > 802A0397 01 AA 00
        < * 9000 #256
        > 802A0597 01 AA 00
        < * 9000 #256
        > 802A0297 20 000102030405060708090A0B0C0D0E0F000102030405060708090A0B0C0D0E0F 00
        < * 9000 #256
        > 802A0497 20 000102030405060708090A0B0C0D0E0F000102030405060708090A0B0C0D0E0F 00
        < * 9000 #256
        > 802A0297 01 AA 00
        < 6985
        > 802A0497 01 AA 00
        < 6985
        > 802A0697 01 AA 00
        < 6A86
        > 802A0097 01 AA
        < 6700
        > 802A0000 01 AA 00
        < 6A88
        > 802A0098 01 AA 00
        < 6981
        > 002A0097 01 AA 00
        < 6E00)"},
    {"ProtectedFilesStayShut", "", SELECT_JPKI R"(
        > 00B0810004
        < 6982
        > 00200098 04 31323334
        < 9000
        > 00B0810004
        < 6982
        > 00B0890004
        < 6982
        > 00A4020C020016
        < 9000
        > 00B0000004
        < 6981)"},
    {"ChangesThePin", "", SELECT_JPKI R"(
        > 00240198 04 35363738
        < 6982
        > 00200098 04 31323334
        < 9000
        > 00240098 04 35363738
        < 6A86
        > 00240198 04 35363738
        < 9000
        > 00200098 04 31323334
        < 63C2
        > 00200098 04 35363738
        < 9000
        > 80320098 04 35363738
        < 6D00)"},
    {"Challenge", "",
     R"(> 0084000008
        < * 9000 #8
        > 0084000000
        < * 9000 #256
        > 00840000000101
        < 6985
        > 00840100 08
        < 6A86)"},
    {"Classes", "",
     R"(> 01A4040C0AD392F000260100000001
        < 6881
        > 08A4040C0AD392F000260100000001
        < 6882
        > 90A4040C0AD392F000260100000001
        < 6E00
        > 80A4040C0AD392F000260100000001
        < 6E00
        > 00FF0000
        < 6D00
        > 00A4
        < 6700
        > 00A4040C0AD392
        < 6700
        > 80FC0000
        < 6700)"},
    {"TextApplication", "",
     R"(> 00A4040C0A D3921000310001010408
        < 9000
        > 00B0850000
        < FF40 * 9000
        > 00B0820000
        < 6982
        > 00200091
        < 63C3
        > 00200092
        < 63C0
        > 00200092 04 31323334
        < 6984
        > 00200094
        < 63CA
        > 00200091 04 31323334
        < 9000
        > 00B0820000
        < FF20 * 9000
        > 00B0810000
        < FF100C 303030303030303030343236 FFFF 9000)"},
    {"CommonAndResidenceApplications", "",
     R"(> 00A4040C0A D3921000310001010100
        < 9000
        > 00B2010C00
        < 011C 39 * 9000 #30
        > 00B2020C00
        < 6A83
        > 00B0810000
        < 6981
        > 8032009C 04 35363738
        < 6982
        > 0020009C 04 31323334
        < 9000
        > 8032009C 04 35363738
        < 9000
        > 00A4040C0A D3921000310001010401
        < 9000
        > 0020009C 04 31323334
        < 9000)"},
    {"IssuerSecurityDomainAnswersAfterPowerOn", "",
     R"(> 00CA5F5100
        < 3BE000FF8131FE4514 9000
        > 00CA00F000
        < 3939393939 9000
        > 00CA123400
        < 6A88
        > 00A4040C0A D392F000260100000001
        < 9000
        > 00CA5F5100
        < 6A88)"},
    {"FaultNoShortEf", "no-short-ef=6A86", SELECT_JPKI R"(
        > 00B08A0000
        < 6A86
        > 00200098
        < 6A86
        > 00A4020C020018
        < 9000
        > 00200080 04 31323334
        < 9000
        > 802A0097 01 AA 00
        < 6A86
        > 00A4020C020017
        < 9000
        > 802A0080 01 AA 00
        < * 9000 #256)"},
    {"FaultEof6282", "eof-6282", SELECT_JPKI R"(
        > 00B08600A0
        < * 9000 #160
        > 00B0860000
        < * 6282 #160
        > 00B000A000
        < 6B00)"},
    {"FaultCertificateAbsent", "certificate=absent", SELECT_JPKI R"(
        > 00B08A0000
        < 6A82
        > 00A4020C02000A
        < 6A82
        > 00B0880000
        < 8F0000 9000)"},
    {"FaultCertificateBlank", "certificate=blank", SELECT_JPKI R"(
        > 00B08A0004
        < FFFFFFFF 9000)"},
    {"FaultAndroid", "phone-token=android", SELECT_JPKI R"(
        > 00B086000F
        < 4A504B49415047505345544F4B454E 9000
        > 00B08A0004
        < 6982
        > 00200098 04 31323334
        < 9000
        > 00B08A0004
        < 3082 * 9000
        > 80FC0000
        < 6700)"},
    {"FaultIphone", "phone-token=iphone", SELECT_JPKI R"(
        > 00B086000E
        < 4A504B49415049 4F53544F4B454E 9000
        > 802A0097 01 AA 00
        < * 9000 #256
        > 80FC0000
        < 9000)"},
};

class CardConversation : public testing::TestWithParam<Conversation> {};

TEST_P(CardConversation, Goes) {
  Faults faults;
  if (*GetParam().fault != '\0') {
    ASSERT_TRUE(AddFault(GetParam().fault, faults).ok());
  }
  Card card = MemoryCard(faults);
  EXPECT_EQ(PlayScript(GetParam().script, card), "");
}

INSTANTIATE_TEST_SUITE_P(Table, CardConversation, testing::ValuesIn(kConversations),
                         [](const auto& row) { return row.param.name; });

TEST(Script, FindsADifference) {
  Card card = MemoryCard();
  EXPECT_EQ(PlayScript("> 00A40000\n< 9000", card), "line 2: < 9000\nbut the card said 6A86");
  EXPECT_EQ(PlayScript("> 0084000008\n< * 9000 #9", card).substr(0, 7), "line 2:");
  EXPECT_NE(PlayScript("> 0084000008\n< 00 * 9001", card), "");
  EXPECT_NE(PlayScript("> 0", card), "");
  EXPECT_NE(PlayScript("send", card), "");
}

TEST(Card, KnowsNoApplicationWhenForeign) {
  Faults faults;
  ASSERT_TRUE(AddFault("foreign-card", faults).ok());
  Card card({}, MemoryState(), faults);
  EXPECT_EQ(PlayScript("> 00A4040C0AD392F000260100000001\n< 6A82\n"
                       "> 00A4040007A0000001510000\n< 6A82\n"
                       "> 00A4020C02000A\n< 6A82\n> 00B08A0000\n< 6A82\n> 00200098\n< 6A82\n",
                       card),
            "");
}

TEST(Card, ReadsAWholeCertificateInSevenCommands) {
  Card card = MemoryCard();
  ASSERT_EQ(PlayScript(SELECT_JPKI, card), "");
  Bytes der;
  int commands = 0;
  for (size_t length = 4; der.size() < length; ++commands) {
    const size_t offset = der.size();
    Bytes apdu = {0x00, 0xB0, static_cast<uint8_t>(offset >> 8), static_cast<uint8_t>(offset), 0};
    if (offset == 0) apdu[2] = 0x8A;
    const Bytes answer = card.Transmit(apdu);
    ASSERT_EQ(answer.size(), 258u);
    der.insert(der.end(), answer.begin(), answer.end() - 2);
    length = (size_t{der[2]} << 8 | der[3]) + 4;
    if (der.size() > length) der.resize(length);
  }
  EXPECT_EQ(commands, 7);
  EXPECT_EQ(std::string(der.begin(), der.end()), MemoryContents().auth_certificate);
}

TEST(Card, FilesCanBeExchangedWhileItRuns) {
  Card card = MemoryCard();
  ASSERT_EQ(PlayScript(SELECT_JPKI "> 0020009804 31323334\n< 9000\n", card), "");
  Faults faults;
  ASSERT_TRUE(AddFault("certificate=absent", faults).ok());
  card.Replace({MakeJpki(MemoryContents(), faults)}, faults);
  EXPECT_EQ(PlayScript("> 802A009701AA00\n< 6A82\n" SELECT_JPKI
                       "> 802A009701AA00\n< 6982\n> 00B08A0000\n< 6A82",
                       card),
            "");
}

}  // namespace
}  // namespace madoguchi::sim
