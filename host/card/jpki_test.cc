#include "host/card/jpki.h"

#include <gtest/gtest.h>

#include <sstream>

#include "sdk/failure/failure.h"

namespace madoguchi {
namespace {

using namespace check::v1;  // NOLINT: the codes.

std::vector<uint8_t> Hex(const std::string& text) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::string Text(std::span<const uint8_t> bytes) {
  static const char* const kDigits = "0123456789ABCDEF";
  std::string text;
  for (const uint8_t b : bytes) text += {kDigits[b >> 4], kDigits[b & 15]};
  return text;
}

// A card by script: lines "> command" and "< response". "R(n,from)" stands for n bytes counting up.
class Script final : public CardSession {
 public:
  explicit Script(const std::string& text) {
    std::istringstream lines(text);
    std::string mark, rest;
    while (lines >> mark >> rest) lines_.emplace_back(mark, rest);
  }
  ~Script() override { EXPECT_EQ(at_, lines_.size()) << "commands that were never sent"; }

  absl::StatusOr<std::vector<uint8_t>> Transmit(std::span<const uint8_t> command) override {
    return Answer(Text(command));
  }
  absl::StatusOr<std::vector<uint8_t>> VerifyPin(std::span<const uint8_t> apdu_template,
                                                 Secret* pin) override {
    return Answer(Text(apdu_template) + (pin != nullptr ? "+PIN" : "+PAD"));
  }

 private:
  absl::StatusOr<std::vector<uint8_t>> Answer(const std::string& command) {
    if (at_ + 1 >= lines_.size() || lines_[at_].second != command) {
      ADD_FAILURE() << "sent " << command << ", the script has "
                    << (at_ < lines_.size() ? lines_[at_].second : "nothing");
      at_ = lines_.size();
      return FailureStatus(FAILURE_CODE_CARD_GONE);
    }
    const std::string answer = lines_[at_ + 1].second;
    at_ += 2;
    if (answer == "gone") return FailureStatus(FAILURE_CODE_CARD_GONE);
    return Hex(answer);
  }

  std::vector<std::pair<std::string, std::string>> lines_;
  size_t at_ = 0;
};

constexpr char kSelected[] = "> 00A4040C0AD392F000260100000001 < 9000 ";

absl::StatusOr<Jpki> Card(const std::string& script) {
  return Jpki::Select(std::make_unique<Script>(kSelected + script));
}

std::string Certificate(size_t size) {
  std::string text = "3082" + Text(std::vector<uint8_t>{static_cast<uint8_t>((size - 4) >> 8),
                                                        static_cast<uint8_t>(size - 4)});
  while (text.size() < 2 * size) text += "AB";
  return text;
}

// The READ of EF 0006 and its answer.
std::string Label(std::string label, char filler = ' ') {
  label.resize(32, filler);
  return "> 00B0860020 < " + Text(std::vector<uint8_t>(label.begin(), label.end())) + "9000 ";
}

TEST(Jpki, ForeignCardsAndGarbageAreToldApart) {
  const auto select = [](const std::string& answer) {
    return CodeOf(
        Jpki::Select(std::make_unique<Script>("> 00A4040C0AD392F000260100000001 < " + answer))
            .status());
  };
  EXPECT_EQ(select("6A82"), FAILURE_CODE_NOT_MY_NUMBER_CARD);
  EXPECT_EQ(select("6D00"), FAILURE_CODE_NOT_MY_NUMBER_CARD);
  EXPECT_EQ(select("1234"), FAILURE_CODE_CARD_ANSWER_INVALID);
  EXPECT_EQ(select("90"), FAILURE_CODE_CARD_GONE);
  EXPECT_EQ(select("gone"), FAILURE_CODE_CARD_GONE);
}

TEST(Jpki, ReadsACertificateOfNBytesInNBy256Apdus) {
  for (const size_t size : {4u + 200u, 256u, 257u, 512u, 600u}) {
    const std::string file = Certificate(size);
    std::string script;
    for (size_t at = 0; at < size; at += 256) {
      const size_t part = std::min<size_t>(256, size - at);
      const auto p =
          Text(std::vector<uint8_t>{static_cast<uint8_t>(at >> 8), static_cast<uint8_t>(at)});
      const auto le = Text(std::vector<uint8_t>{static_cast<uint8_t>(at == 0 ? 256 : part)});
      script +=
          "> 00B0" + (at == 0 ? "8A00" : p) + le + " < " + file.substr(2 * at, 2 * part) + "9000 ";
    }
    auto card = Card(script);
    ASSERT_TRUE(card.ok());
    const auto read = card->ReadAuthenticationCertificate();
    ASSERT_TRUE(read.ok()) << size << " " << read.status();
    EXPECT_EQ(Text(*read), file);
  }
}

TEST(Jpki, AsksAheadInTwoCallsAndNoMoreApdus) {
  const std::string file = Certificate(600);
  auto card = Jpki::Select(
      std::make_unique<Script>(std::string(kSelected) + "> 00B08A0000 < " + file.substr(0, 512) +
                               "9000 > 00B0010000 < " + file.substr(512, 512) +
                               "9000 > 00B0020058 < " + file.substr(1024) + "9000 " +
                               Label("JPKIAPICCTOKEN2") + "> 00200098 < 63C2"),
      Jpki::Ahead::kCertificateAndTries);
  ASSERT_TRUE(card.ok());
  EXPECT_EQ(Text(*card->ReadAuthenticationCertificate()), file);
  EXPECT_EQ(card->TriesLeft()->value(), 2);
  EXPECT_EQ(card->credential(), CREDENTIAL_CARD);
}

TEST(Jpki, TellsWhatHoldsTheCertificateByItsLabel) {
  const std::string file = Certificate(100);
  const auto read = [&](const std::string& label) {
    auto card = Jpki::Select(std::make_unique<Script>(std::string(kSelected) + "> 00B08A0000 < " +
                                                      file + "9000 " + label),
                             Jpki::Ahead::kCertificate);
    EXPECT_TRUE(card.ok() && card->ReadAuthenticationCertificate().ok());
    return card->credential();
  };
  EXPECT_EQ(read(Label("JPKIAPICCTOKEN")), CREDENTIAL_CARD);
  EXPECT_EQ(read(Label("JPKIAPGPSETOKEN")), CREDENTIAL_ANDROID);
  EXPECT_EQ(read(Label("JPKIAPIOSTOKEN")), CREDENTIAL_IPHONE);
  EXPECT_EQ(read(Label("JPKIAPIOSTOKEN", '\0')), CREDENTIAL_IPHONE);
  EXPECT_EQ(read(Label("JPKIAPIOSTOKEN9")), CREDENTIAL_UNSPECIFIED);
  EXPECT_EQ(read("> 00B0860020 < 6A82 "), CREDENTIAL_UNSPECIFIED);
}

TEST(Jpki, IsRecognisedByTwoApdus) {
  const auto recognise = [](const std::string& script) {
    return Jpki::Recognise(std::make_unique<Script>(kSelected + script));
  };
  EXPECT_EQ(*recognise(Label("JPKIAPICCTOKEN2")), CREDENTIAL_CARD);
  EXPECT_EQ(*recognise(Label("JPKIAPIOSTOKEN")), CREDENTIAL_IPHONE);
  EXPECT_EQ(*recognise("> 00B0860020 < 6A82 > 00A4020C020006 < 6A82"), CREDENTIAL_UNSPECIFIED)
      << "it has no label";
  EXPECT_EQ(*recognise("> 00B0860020 < 6C10 > 00B0860020 < 6C10 > 00B0860010 < 9000"),
            CREDENTIAL_UNSPECIFIED);
  EXPECT_EQ(CodeOf(recognise("> 00B0860020 < gone").status()), FAILURE_CODE_CARD_GONE);
  const auto foreign =
      Jpki::Recognise(std::make_unique<Script>("> 00A4040C0AD392F000260100000001 < 6A82"));
  EXPECT_EQ(CodeOf(foreign.status()), FAILURE_CODE_NOT_MY_NUMBER_CARD);
}

// A card that knows no short ids has its label all the same.
TEST(Jpki, TellsWhatItIsWithoutShortIdsToo) {
  const std::string file = Certificate(100);
  std::string label = Label("JPKIAPIOSTOKEN");
  label = "> 00A4020C020006 < 9000 > 00B0000020" + label.substr(label.find(" <"));
  auto card = Jpki::Select(std::make_unique<Script>(std::string(kSelected) +
                                                    "> 00B08A0000 < 6A86 > 00A4020C02000A < 9000 "
                                                    "> 00B0000000 < " +
                                                    file + "9000 " + label),
                           Jpki::Ahead::kCertificate);
  ASSERT_TRUE(card.ok() && card->ReadAuthenticationCertificate().ok());
  EXPECT_EQ(card->credential(), CREDENTIAL_IPHONE);
  EXPECT_EQ(
      *Jpki::Recognise(std::make_unique<Script>(kSelected + ("> 00B0860020 < 6A86 " + label))),
      CREDENTIAL_IPHONE);
  auto phone = Card("> 00B08A0000 < 6A86 > 00A4020C02000A < 9000 > 00B0000000 < 6982 " + label);
  EXPECT_EQ(CodeOf(phone->ReadAuthenticationCertificate().status()),
            FAILURE_CODE_PHONE_NOT_READABLE);
}

TEST(Jpki, APhoneThatWantsItsPinFirstIsNamed) {
  auto phone = Card("> 00B08A0000 < 6982 " + Label("JPKIAPGPSETOKEN"));
  EXPECT_EQ(CodeOf(phone->ReadAuthenticationCertificate().status()),
            FAILURE_CODE_PHONE_NOT_READABLE);
  EXPECT_EQ(phone->credential(), CREDENTIAL_ANDROID);
  auto card = Card("> 00B08A0000 < 6982 " + Label("JPKIAPICCTOKEN2"));
  EXPECT_EQ(CodeOf(card->ReadAuthenticationCertificate().status()),
            FAILURE_CODE_CARD_ANSWER_INVALID);
}

TEST(Jpki, AShortPartIsReadOnFromItsOwnFile) {
  const std::string file = Certificate(300);
  // 20 bytes instead of 44; by then the label's file is the current one.
  auto card = Jpki::Select(
      std::make_unique<Script>(std::string(kSelected) + "> 00B08A0000 < " + file.substr(0, 512) +
                               "9000 > 00B001002C < " + file.substr(512, 40) + "9000 " +
                               Label("JPKIAPICCTOKEN2") + "> 00A4020C02000A < 9000 " +
                               "> 00B001002C < " + file.substr(512) + "9000 "),
      Jpki::Ahead::kCertificate);
  ASSERT_TRUE(card.ok());
  const auto read = card->ReadAuthenticationCertificate();
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(Text(*read), file);
}

TEST(Jpki, AheadOfAForeignCardStopsAtItsRefusal) {
  EXPECT_EQ(CodeOf(Jpki::Select(std::make_unique<Script>("> 00A4040C0AD392F000260100000001 < 6A82"),
                                Jpki::Ahead::kCertificateAndTries)
                       .status()),
            FAILURE_CODE_NOT_MY_NUMBER_CARD);
}

TEST(Jpki, LeavesTheFillerBehindTheCertificateOut) {
  auto card = Card("> 00B08A0000 < " + Certificate(100) + "FFFFFFFF9000");
  EXPECT_EQ(card->ReadAuthenticationCertificate()->size(), 100u);
}

TEST(Jpki, FallsBackToSelectWhereShortIdsAreRefused) {
  for (const std::string sw : {"6A82", "6A86", "6986"}) {
    auto card =
        Card("> 00B08A0000 < " + sw + " > 00A4020C02000A < 9000 > 00B0000000 < " + Certificate(90) +
             "9000 > 00A4020C020018 < 9000 > 00200080 < 63C3 > 0020008000+PIN < 9000 "
             "> 00A4020C020017 < 9000 > 802A00800101"
             "00 < " +
             std::string(512, 'A') + "9000");
    EXPECT_TRUE(card->ReadAuthenticationCertificate().ok());
    EXPECT_EQ(card->TriesLeft()->value(), 3);
    Secret pin = *Secret::OfSize(4);
    EXPECT_TRUE(card->VerifyPin(&pin, "\x01")->verified);
    EXPECT_EQ(card->Sign("\x01")->size(), 256u);
  }
}

TEST(Jpki, AbsentBlankAndBrokenCertificates) {
  const auto read = [](const std::string& script) {
    return CodeOf(Card(script)->ReadAuthenticationCertificate().status());
  };
  EXPECT_EQ(read("> 00B08A0000 < 6A82 > 00A4020C02000A < 6A82"), FAILURE_CODE_CERTIFICATE_ABSENT);
  EXPECT_EQ(read("> 00B08A0000 < 9000"), FAILURE_CODE_CERTIFICATE_ABSENT);
  EXPECT_EQ(read("> 00B08A0000 < FFFFFFFFFFFF9000"), FAILURE_CODE_CERTIFICATE_ABSENT);
  EXPECT_EQ(read("> 00B08A0000 < 04820101AA9000"), FAILURE_CODE_CARD_ANSWER_INVALID);
  EXPECT_EQ(read("> 00B08A0000 < 3082FFFFAA9000"), FAILURE_CODE_CARD_ANSWER_INVALID);
  EXPECT_EQ(read("> 00B08A0000 < 3080AAAA9000"), FAILURE_CODE_CARD_ANSWER_INVALID);
  EXPECT_EQ(read("> 00B08A0000 < 6982 > 00B0860020 < 6982"), FAILURE_CODE_CARD_ANSWER_INVALID);
  // A card that stops in the middle must not be asked for ever.
  EXPECT_EQ(read("> 00B08A0000 < 30820200AA9000 > 00B0000500 < 9000 > 00B00105FF < 9000 "
                 "> 00B0000500 < 9000"),
            FAILURE_CODE_CARD_ANSWER_INVALID);
}

TEST(Jpki, ACardThatGivesAByteAtATimeIsGivenUp) {
  std::string script = "> 00B08A0000 < 30820200AA9000 > 00B0000500 < AA9000 > 00B00105FF < 9000";
  for (int at = 5; at < 5 + 64; ++at) {
    char line[64];
    std::snprintf(line, sizeof(line), " > 00B000%02X%02X < AA9000", at,
                  std::min(256, 0x204 - at) & 0xff);
    script += line;
  }
  EXPECT_EQ(CodeOf(Card(script)->ReadAuthenticationCertificate().status()),
            FAILURE_CODE_CARD_ANSWER_INVALID);
}

TEST(Jpki, TriesLeftAndTheFacesOfABlockedPin) {
  const auto tries = [](const std::string& sw) { return *Card("> 00200098 < " + sw)->TriesLeft(); };
  EXPECT_EQ(tries("63C3"), 3);
  EXPECT_EQ(tries("63C1"), 1);
  EXPECT_EQ(tries("63C0"), 0);
  EXPECT_EQ(tries("6983"), 0);
  EXPECT_EQ(tries("6984"), 0);
  EXPECT_EQ(tries("9000"), std::nullopt);
  EXPECT_FALSE(Card("> 00200098 < 6700")->TriesLeft().ok());
}

TEST(Jpki, VerifyIsSentOnceWhateverComesBack) {
  Secret pin = *Secret::OfSize(4);
  for (const std::string sw : {"63C2", "63C0", "6984", "6A82", "6986", "6CFF", "61FF", "0000"}) {
    auto card = Card("> 0020009800+PIN < " + sw);  // The script fails on a second one.
    const auto result = card->VerifyPin(&pin, "\xAA");
    if (sw == "63C2") {
      EXPECT_EQ(result->tries_left, 2);
    } else if (sw == "63C0" || sw == "6984") {
      EXPECT_TRUE(result->blocked);
    } else {
      EXPECT_EQ(CodeOf(result.status()), FAILURE_CODE_CARD_ANSWER_INVALID) << sw;
    }
  }
}

TEST(Jpki, SignsInTheCallOfVerify) {
  const std::string signature(512, 'B');
  Secret pin = *Secret::OfSize(4);
  auto card = Card("> 0020009800+PIN < 9000 > 802A009701AA00 < " + signature + "9000");
  EXPECT_TRUE(card->VerifyPin(&pin, "\xAA")->verified);
  EXPECT_EQ(card->Sign("\xAA")->size(), 256u);
  // What came in that call and will not do is handled as if it had been asked for by itself.
  auto chained = Card(
      "> 0020009800+PIN < 9000 > 802A009701AA00 < 6100 > 802A009701AA00 < 6100 "
      "> 00C0000000 < " +
      signature + "9000");
  EXPECT_TRUE(chained->VerifyPin(&pin, "\xAA")->verified);
  EXPECT_EQ(chained->Sign("\xAA")->size(), 256u);
  auto selects = Card(
      "> 0020009800+PIN < 9000 > 802A009701AA00 < 6A86 > 00A4020C020017 < 9000 "
      "> 802A008001AA00 < " +
      signature + "9000");
  EXPECT_TRUE(selects->VerifyPin(&pin, "\xAA")->verified);
  EXPECT_EQ(selects->Sign("\xAA")->size(), 256u);
  auto gone = Card("> 0020009800+PIN < 9000 > 802A009701AA00 < gone");
  EXPECT_EQ(CodeOf(gone->VerifyPin(&pin, "\xAA").status()), FAILURE_CODE_CARD_GONE);
}

TEST(Jpki, ChainedAnswersOfContactCards) {
  auto card = Card("> 802A009701AA00 < 6100 > 00C0000000 < " + std::string(512, 'B') + "9000");
  EXPECT_EQ(card->Sign("\xAA")->size(), 256u);
  auto endless = Card("> 802A009701AA00 < 6110 > 00C0000010 < 6110 > 00C0000010 < gone");
  EXPECT_EQ(CodeOf(endless->Sign("\xAA").status()), FAILURE_CODE_CARD_GONE);
}

TEST(Jpki, ASignatureOfAnotherLengthIsNone) {
  EXPECT_EQ(CodeOf(Card("> 802A009701AA00 < AABB9000")->Sign("\xAA").status()),
            FAILURE_CODE_CARD_ANSWER_INVALID);
  EXPECT_EQ(CodeOf(Card("> 802A009701AA00 < 6982")->Sign("\xAA").status()),
            FAILURE_CODE_CARD_ANSWER_INVALID);
}

}  // namespace
}  // namespace madoguchi
