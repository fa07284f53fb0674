// What madoguchi-record writes holds nothing of the card, and can be played.
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "sdk/conformance/program.h"
#include "sdk/failure/failure.h"
#include "sdk/proof/certificate.h"
#include "sdk/proof/proof.h"
#include "sdk/recording/recorded_card.h"
#include "sdk/sim/card/memory_card.h"
#include "sdk/tools/record/card_play.h"
#include "sdk/tools/record/recorder.h"
#include "sdk/tools/record/replacement.h"

namespace madoguchi::record {
namespace {

using conformance::Program;

constexpr char kPin[] = "7391846205918274";
constexpr char kSerial[] = "1918273645";

std::string TextOf(std::span<const uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

Bytes BytesOf(const std::string& text) { return {text.begin(), text.end()}; }

std::string Base64(const std::string& bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  text.resize(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                              reinterpret_cast<const unsigned char*>(bytes.data()),
                              static_cast<int>(bytes.size())));
  return text;
}

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(c));
  return text;
}

// The ways in which `secret` could stand in a file.
std::vector<std::pair<std::string, std::string>> EncodingsOf(const std::string& secret) {
  const std::string hex = recording::ToHex(BytesOf(secret));
  std::string spaced, colons, little, big, octal;
  for (size_t i = 0; i < secret.size(); ++i) {
    spaced += (i > 0 ? " " : "") + hex.substr(2 * i, 2);
    colons += (i > 0 ? ":" : "") + hex.substr(2 * i, 2);
    little += secret[i], little += '\0';
    big += '\0', big += secret[i];
    char escape[8];
    std::snprintf(escape, sizeof(escape), "\\%03o", static_cast<uint8_t>(secret[i]));
    octal += escape;
  }
  std::vector<std::pair<std::string, std::string>> all = {
      {"bytes", secret},
      {"HEX", hex},
      {"hex", Lower(hex)},
      {"HE X", spaced},
      {"he:x", Lower(colons)},
      {"UTF-16LE", little},
      {"UTF-16BE", big},
      {"octal", octal},
      {"reversed", std::string(secret.rbegin(), secret.rend())},
  };
  // Whatever stands before it in the same base64: the characters that depend on it alone.
  for (size_t before = 0; before < 3; ++before) {
    const std::string whole = Base64(std::string(before, 'x') + secret);
    const size_t from = before == 0 ? 0 : before + 1;
    const size_t until = (before + secret.size()) * 8 / 6;
    all.emplace_back("base64+" + std::to_string(before), whole.substr(from, until - from));
  }
  return all;
}

std::string WithoutBreaks(std::string text) {
  for (const std::string piece : {"\\n", "\n", "\""}) {
    for (size_t at; (at = text.find(piece)) != std::string::npos;) text.erase(at, piece.size());
  }
  return text;
}

// The encodings in which `secret` stands in one of `texts`.
std::vector<std::string> Found(const std::string& secret, const std::vector<std::string>& texts) {
  std::vector<std::string> found;
  for (const auto& [name, encoded] : EncodingsOf(secret)) {
    for (const std::string& text : texts) {
      if (text.find(encoded) != std::string::npos) {
        found.push_back(name);
        break;
      }
    }
  }
  return found;
}

std::string DerOf(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  char *name = nullptr, *header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  if (PEM_read_bio(bio.get(), &name, &header, &data, &size) != 1) return "";
  std::string der(reinterpret_cast<char*>(data), size);
  OPENSSL_free(name);
  OPENSSL_free(header);
  OPENSSL_free(data);
  return der;
}

// Where somebody would look for the card in a recording.
std::vector<std::string> TextsOf(const recording::v1::Recording& recording) {
  std::string text;
  google::protobuf::TextFormat::PrintToString(recording, &text);
  return {text,
          WithoutBreaks(text),
          recording.SerializeAsString(),
          DerOf(recording.certificate_pem()),
          DerOf(recording.key_pem()),
          DerOf(recording.trust_anchor_pem())};
}

// The same of what was taken, as a recorder without replacement would write it.
std::vector<std::string> TextsOf(const Taken& taken) {
  std::string text = "certificate: " + recording::ToHex(taken.certificate) + "\n";
  std::string bytes = TextOf(taken.certificate);
  for (const Event& event : taken.events) {
    if (const auto* state = std::get_if<reader::v1::ReaderState>(&event.kind)) {
      text += state->DebugString();
      bytes += state->SerializeAsString();
    }
    if (const auto* exchange = std::get_if<Exchange>(&event.kind)) {
      text +=
          recording::ToHex(exchange->command) + " " + recording::ToHex(exchange->response) + "\n";
      bytes += TextOf(exchange->command) + TextOf(exchange->response);
    }
  }
  return {text, bytes};
}

std::string Bin() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path();
}

std::string NewFolder() {
  std::string path = "/tmp/mdgrec.XXXXXX";
  return mkdtemp(path.data());
}

class RecordTest : public testing::Test {
 protected:
  // One card for all: its keys take the most time. Each test has a copy of it.
  static void SetUpTestSuite() {
    made_ = NewFolder();
    auto made = Program::Run({Bin() + "/bin/madoguchi-card", "--dir", made_ + "/card", "--serial",
                              kSerial, "--pin-fd", "5", "--make-only"},
                             made_ + "/make.log", false, std::string(kPin) + "\n");
    ASSERT_TRUE(made.ok()) << made.status();
    ASSERT_EQ((*made)->Wait(), 0) << (*made)->Output();
  }
  static void TearDownTestSuite() { std::filesystem::remove_all(made_); }

  RecordTest() {
    folder_ = NewFolder();
    std::filesystem::copy(made_ + "/card", folder_ + "/card");
  }
  ~RecordTest() override {
    card_.reset();
    std::filesystem::remove_all(folder_);
  }

  absl::Status Record(const std::string& pin, Taken* taken,
                      const std::vector<std::string>& flags = {}) {
    Request request;
    request.plugin_folder = Bin() + "/plugins/reader_virtual";
    request.settings = {{"directory", folder_ + "/r"}, {"readers", "1"}};
    request.patience = std::chrono::seconds(20);
    if (!pin.empty()) {
      request.pin = *Secret::OfSize(pin.size());
      std::copy(pin.begin(), pin.end(), request.pin.bytes().begin());
    }
    request.cue = [&](Request::Cue cue) {
      if (cue == Request::Cue::kTakeCard) return card_.reset();
      std::vector<std::string> arguments = {Bin() + "/bin/madoguchi-card", "--dir",
                                            folder_ + "/card", "--socket",
                                            folder_ + "/r/reader-0.sock"};
      arguments.insert(arguments.end(), flags.begin(), flags.end());
      auto card = Program::Run(arguments, folder_ + "/card.log");
      ASSERT_TRUE(card.ok()) << card.status();
      card_ = *std::move(card);
    };
    return Take(std::move(request), taken);
  }

  static recording::v1::Recording Replaced(const Taken& taken) {
    const auto replaced = Replace(taken, 7, std::chrono::system_clock::now());
    EXPECT_TRUE(replaced.ok()) << replaced.status();
    return replaced.ok() ? *replaced : recording::v1::Recording();
  }

  static inline std::string made_;
  std::string folder_;
  std::unique_ptr<Program> card_;
};

// By name, everything that tells of this card or its holder.
std::map<std::string, std::string> Canaries(const Taken& taken) {
  const Bytes& der = taken.certificate;
  const unsigned char* at = der.data();
  const std::shared_ptr<X509> x509(d2i_X509(nullptr, &at, static_cast<long>(der.size())),
                                   X509_free);
  std::map<std::string, std::string> canaries = {{"PIN", kPin}, {"serial in digits", kSerial}};
  const auto octets = [](const ASN1_STRING* string) {
    return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
                       ASN1_STRING_length(string));
  };
  canaries["serial"] = octets(X509_get0_serialNumber(x509.get()));
  canaries["begin"] = octets(X509_get0_notBefore(x509.get()));
  canaries["end"] = octets(X509_get0_notAfter(x509.get()));
  canaries["subject key id"] = octets(X509_get0_subject_key_id(x509.get()));
  canaries["authority key id"] = octets(X509_get0_authority_key_id(x509.get()));
  const X509_NAME* const subject = X509_get_subject_name(x509.get());
  canaries["common name"] = octets(X509_NAME_ENTRY_get_data(
      X509_NAME_get_entry(subject, X509_NAME_get_index_by_NID(subject, NID_commonName, -1))));
  const X509_NAME* const issuer = X509_get_issuer_name(x509.get());
  canaries["issuer"] = octets(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(
      issuer, X509_NAME_get_index_by_NID(issuer, NID_organizationalUnitName, -1))));
  canaries["municipality"] = "Mihon-shi CRLDP";
  canaries["responder"] = "auth.jpki-test.invalid";
  canaries["name in Japanese"] = "公的個人認証サービス利用者証明用（模擬）";
  canaries["notice"] = "A certificate of a virtual card";
  const ASN1_BIT_STRING* const key = X509_get0_pubkey_bitstr(x509.get());
  const ASN1_BIT_STRING* signature = nullptr;
  X509_get0_signature(&signature, nullptr, x509.get());
  // In the middle too: a piece of it would tell as much.
  for (const size_t from : {20, 100, 200}) {
    canaries["public key at " + std::to_string(from)] = octets(key).substr(from, 12);
    canaries["signature at " + std::to_string(from)] = octets(signature).substr(from, 12);
  }
  for (const Event& event : taken.events) {
    if (const auto* state = std::get_if<reader::v1::ReaderState>(&event.kind)) {
      canaries["reader"] = state->name();
      if (!state->atr().empty()) canaries["ATR"] = state->atr().substr(4, 8);
    }
    const auto* exchange = std::get_if<Exchange>(&event.kind);
    if (exchange != nullptr && exchange->role == Exchange::Role::kSign) {
      canaries["the card's signature"] = TextOf(exchange->response).substr(50, 12);
    }
  }
  return canaries;
}

TEST_F(RecordTest, HoldsNothingOfTheCard) {
  Taken taken;
  ASSERT_TRUE(Record(kPin, &taken).ok());
  const auto texts = TextsOf(Replaced(taken));
  const auto canaries = Canaries(taken);
  EXPECT_EQ(canaries.size(), 22u);
  for (const auto& [name, secret] : canaries) {
    EXPECT_GE(secret.size(), 4u) << name;
    EXPECT_THAT(Found(secret, texts), testing::IsEmpty()) << name;
  }
}

// The control: without the replacement the same search finds each of them; but for the PIN, which
// is in nothing that the recorder holds.
TEST_F(RecordTest, TheSearchFindsWhatIsNotReplaced) {
  Taken taken;
  ASSERT_TRUE(Record(kPin, &taken).ok());
  const auto texts = TextsOf(taken);
  for (const auto& [name, secret] : Canaries(taken)) {
    if (name == "PIN" || name == "serial in digits") {
      // The certificate has these digits in its common name.
      EXPECT_EQ(Found(secret, texts).empty(), name == "PIN") << name;
    } else {
      EXPECT_THAT(Found(secret, texts), testing::Not(testing::IsEmpty())) << name;
    }
    // And in every way in which it could be written, wherever it stands.
    for (const auto& [encoding, encoded] : EncodingsOf(secret)) {
      EXPECT_THAT(Found(secret, {"before" + encoded + "behind"}), testing::Contains(encoding))
          << name;
    }
  }
  // Base64 is found in the middle of more of it.
  const std::string long_text = Base64("0123456" + std::string(kPin) + "89");
  EXPECT_THAT(Found(kPin, {long_text}), testing::Contains("base64+1"));
  // One field that is not replaced is enough to be found.
  auto leaky = Replaced(taken);
  leaky.mutable_event(1)->mutable_sight()->set_atr(
      recording::ToHex(BytesOf(std::get<reader::v1::ReaderState>(taken.events[1].kind).atr())));
  EXPECT_THAT(Found(Canaries(taken)["ATR"], TextsOf(leaky)), testing::Contains("HEX"));
}

TEST_F(RecordTest, CertificateKeepsItsLengthAndForm) {
  Taken taken;
  ASSERT_TRUE(Record("", &taken).ok());
  const auto file = Replaced(taken);
  const auto own = Certificate::Parse(taken.certificate);
  const auto made = Certificate::Parse(BytesOf(DerOf(file.certificate_pem())));
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->der().size(), own->der().size());
  EXPECT_EQ(X509_get_ext_count(made->x509()), X509_get_ext_count(own->x509()));
  EXPECT_EQ(X509_get_key_usage(made->x509()), X509_get_key_usage(own->x509()));
  EXPECT_EQ(X509_get_extended_key_usage(made->x509()), X509_get_extended_key_usage(own->x509()));
  EXPECT_THAT(made->serial(), testing::EndsWith("0007"));
  EXPECT_THAT(made->issuer(), testing::HasSubstr("SYNTHETIC"));
  const auto anchors = TrustAnchors::FromPem(file.trust_anchor_pem());
  ASSERT_TRUE(anchors.ok());
  EXPECT_TRUE(anchors->Check(*made, std::chrono::system_clock::now()).ok());
}

TEST_F(RecordTest, AnExpiredCardStaysOne) {
  Taken taken;
  ASSERT_TRUE(Record("", &taken, {"--fault", "certificate=expired"}).ok());
  const auto file = Replaced(taken);
  const auto made = Certificate::Parse(BytesOf(DerOf(file.certificate_pem())));
  const auto anchors = TrustAnchors::FromPem(file.trust_anchor_pem());
  EXPECT_EQ(CodeOf(anchors->Check(*made, std::chrono::system_clock::now())),
            check::v1::FAILURE_CODE_CERTIFICATE_EXPIRED);
}

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
  EXPECT_EQ(CodeOf(Record(kPin, &taken, {"--fault", "pulled-before=9"})),
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

TEST(Replacement, Atr) {
  const auto replaced = [](const std::string& hex) {
    return recording::ToHex(ReplaceAtr(*recording::FromHex(hex)));
  };
  // Nothing historical in it: it stays, its check byte too.
  EXPECT_EQ(replaced("3BE000FF8131FE4514"), "3BE000FF8131FE4514");
  // Eight historical bytes become SYNTHETI, and TCK is the exclusive or of all but TS.
  EXPECT_EQ(replaced("3B8880010000 05E0B381A1007F"), "3B88800153594E544845544909");
  // T=0 alone has no TCK.
  EXPECT_EQ(replaced("3B0454657374"), "3B0453594E54");
  for (const char* const no_atr : {"", "3B", "3B04546573", "3B045465737400", "3B80", "3BF0"}) {
    EXPECT_EQ(replaced(no_atr), "3B00") << no_atr;
  }
}

TEST(Replacement, RefusesWhatItCannotReplace) {
  EXPECT_FALSE(ReplaceCertificate(Bytes{0x30, 0x00}, 1, {}, MakeKeys()).ok());
  EXPECT_FALSE(ReplaceCertificate(Bytes(), 1, {}, MakeKeys()).ok());
}

}  // namespace
}  // namespace madoguchi::record
