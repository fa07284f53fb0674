// What is recorded can be played.
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "sdk/failure/failure.h"
#include "sdk/proof/certificate.h"
#include "sdk/proof/proof.h"
#include "sdk/recording/recorded_card.h"
#include "sdk/sim/card/memory_card.h"
#include "sdk/tools/record/card_play.h"
#include "sdk/tools/record/record_fixture.h"

namespace madoguchi::record {
namespace {

// What was recorded is answered again; a fresh digest is signed by the key of the recording.
void PlayAgain(const Taken& taken, const recording::v1::Recording& file) {
  std::string text;
  google::protobuf::TextFormat::PrintToString(file, &text);
  const auto parsed = recording::Parse(text, "file");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  recording::RecordedCard card(*parsed);
  card.ShowSight();
  card.ShowSight();
  EXPECT_EQ(card.Open(), check::v1::FAILURE_CODE_UNSPECIFIED);
  const auto made = Certificate::Parse(BytesOf(DerOf(file.certificate_pem())));
  const std::string digest(32, 'd');
  std::string signature;
  for (const Event& event : taken.events) {
    const auto* exchange = std::get_if<Exchange>(&event.kind);
    if (exchange == nullptr) continue;
    Bytes command = exchange->command;
    if (exchange->role == Exchange::Role::kVerifyPin) {
      command.insert(command.end(), {4, '0', '0', '0', '0'});  // Any: it was replaced.
    }
    if (exchange->role == Exchange::Role::kSign) {
      const std::string info = DigestInfo(digest);
      std::copy(info.begin(), info.end(), command.begin() + 5);
    }
    const auto answer = card.Transmit(command);
    ASSERT_TRUE(answer.ok()) << answer.status();
    ASSERT_EQ(answer->bytes.size(), exchange->response.size());
    EXPECT_EQ(std::vector(answer->bytes.end() - 2, answer->bytes.end()),
              std::vector(exchange->response.end() - 2, exchange->response.end()));
    if (exchange->role == Exchange::Role::kSign || exchange->role == Exchange::Role::kSignRest) {
      signature += TextOf(std::span(answer->bytes).first(answer->bytes.size() - 2));
    }
  }
  EXPECT_TRUE(CheckSignature(*made, digest, signature).ok());
}

TEST_F(RecordTest, PlaysAgain) {
  Taken taken;
  ASSERT_TRUE(Record(kPin, &taken).ok());
  PlayAgain(taken, Replaced(taken));
}

TEST_F(RecordTest, PlaysACardWithoutShortFileIds) {
  Taken taken;
  ASSERT_TRUE(Record(kPin, &taken, {"--fault", "no-short-ef"}).ok());
  PlayAgain(taken, Replaced(taken));
}

// A contact card on T=0 keeps its answers until GET RESPONSE fetches them, 255 bytes at most.
TEST(CardPlay, FetchesWhatACardKeepsBack) {
  sim::Card card = sim::MemoryCard();
  Bytes kept;
  const auto fetched = [&](size_t most) {
    const size_t size = std::min(most, kept.size());
    Bytes response(kept.begin(), kept.begin() + static_cast<ptrdiff_t>(size));
    kept.erase(kept.begin(), kept.begin() + static_cast<ptrdiff_t>(size));
    const auto rest = static_cast<uint8_t>(std::min<size_t>(kept.size(), 255));
    response.insert(response.end(), {static_cast<uint8_t>(rest == 0 ? 0x90 : 0x61), rest});
    return response;
  };
  CardLine line;
  line.transmit = [&](const Bytes& command) -> absl::StatusOr<Bytes> {
    if (command[1] == 0xC0) return fetched(command[4]);
    Bytes response = card.Transmit(command);
    if (response.size() == 2) return response;
    kept.assign(response.begin(), response.end() - 2);
    return fetched(0);
  };
  line.verify_pin = [&](const Bytes& apdu_template) -> absl::StatusOr<Bytes> {
    Bytes command = apdu_template;
    command.back() = 4;
    command.insert(command.end(), {'1', '2', '3', '4'});
    return card.Transmit(command);
  };
  Taken taken;
  reader::v1::ReaderState state;
  state.set_presence(reader::v1::PRESENCE_ABSENT);
  taken.events.push_back({{}, state});
  state.set_presence(reader::v1::PRESENCE_PRESENT);
  taken.events.push_back({{}, state});
  taken.events.push_back({{}, Opened{}});
  const absl::Status played = PlayCheck(line, &taken);
  ASSERT_TRUE(played.ok()) << played;
  EXPECT_EQ(TextOf(taken.certificate), sim::MemoryContents().auth_certificate);
  const auto replaced = Replace(taken, 1, std::chrono::system_clock::now());
  ASSERT_TRUE(replaced.ok()) << replaced.status();
  PlayAgain(taken, *replaced);
}

TEST_F(RecordTest, NoLastTryIsSpent) {
  Taken taken;
  const absl::Status one = Record(kPin, &taken, {"--fault", "tries-left=1"});
  EXPECT_EQ(one.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(one.message()), testing::HasSubstr("63C1"));
  for (const Event& event : taken.events) {
    const auto* exchange = std::get_if<Exchange>(&event.kind);
    EXPECT_TRUE(exchange == nullptr || exchange->role != Exchange::Role::kVerifyPin);
  }
}

// A card that goes in the middle goes there again.
TEST_F(RecordTest, RecordsACardThatIsPulled) {
  Taken taken;
  EXPECT_EQ(CodeOf(Record(kPin, &taken, {"--fault", "pulled-before=10"})),
            check::v1::FAILURE_CODE_CARD_GONE);
  std::string text;
  google::protobuf::TextFormat::PrintToString(Replaced(taken), &text);
  const auto parsed = recording::Parse(text, "file");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  recording::RecordedCard card(*parsed);
  card.ShowSight();
  card.ShowSight();
  card.Open();
  const auto answer = card.Transmit(Bytes{0x00, 0x20, 0x00, 0x98});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->failure, check::v1::FAILURE_CODE_CARD_GONE);
  card.Close();
  ASSERT_NE(card.NextSight(), nullptr);
  card.ShowSight();
  EXPECT_EQ(card.sight().presence(), reader::v1::PRESENCE_ABSENT);
}

TEST_F(RecordTest, TheProgramRecords) {
  const std::string program = Bin() + "/bin/madoguchi-record", out = folder_ + "/out.textproto";
  auto record = Program::Run(
      {program, "--plugin", Bin() + "/plugins/reader_virtual", "--setting",
       "directory=" + folder_ + "/r", "--method", "visual", "--number", "300", "--out", out},
      folder_ + "/record.log", false);
  ASSERT_TRUE(record.ok()) << record.status();
  const auto says = [&](const std::string& text) {
    return conformance::Await([&] { return (*record)->Output().find(text) != std::string::npos; });
  };
  ASSERT_TRUE(says("Lay the card")) << (*record)->Output();
  auto card = Program::Run({Bin() + "/bin/madoguchi-card", "--dir", folder_ + "/card", "--socket",
                            folder_ + "/r/reader-0.sock"},
                           folder_ + "/card.log");
  ASSERT_TRUE(card.ok()) << card.status();
  ASSERT_TRUE(says("Take the card away")) << (*record)->Output();
  (*card)->End();
  EXPECT_EQ((*record)->Wait(), 0) << (*record)->Output();

  std::stringstream text;
  text << std::ifstream(out).rdbuf();
  const auto parsed = recording::Parse(text.str(), out);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_THAT(Certificate::Parse(parsed->certificate)->serial(), testing::EndsWith("012c"));
  auto anchor = Program::Run({program, "--trust-anchor-of", out}, folder_ + "/anchor", false);
  EXPECT_EQ((*anchor)->Wait(), 0);
  EXPECT_EQ((*anchor)->Output(), parsed->trust_anchor_pem);
}

TEST_F(RecordTest, TheProgramSaysWhatItWants) {
  const std::vector<std::vector<std::string>> cases = {
      {}, {"--plugin", "x"}, {"--method", "guess"}, {"--number", "0"}, {"--setting", "directory"}};
  for (const auto& arguments : cases) {
    std::vector<std::string> line = {Bin() + "/bin/madoguchi-record"};
    line.insert(line.end(), arguments.begin(), arguments.end());
    auto program = Program::Run(line, folder_ + "/usage.log", false);
    EXPECT_EQ((*program)->Wait(), 64) << testing::PrintToString(arguments);
    EXPECT_NE((*program)->Output(), "");
  }
  // Without a PIN nothing is begun: /dev/null has none.
  auto program = Program::Run(
      {Bin() + "/bin/madoguchi-record", "--plugin", "/nowhere", "--out", folder_ + "/out"},
      folder_ + "/pin.log", false);
  EXPECT_EQ((*program)->Wait(), 64);
  EXPECT_THAT((*program)->Output(), testing::HasSubstr("PIN"));
}

}  // namespace
}  // namespace madoguchi::record
