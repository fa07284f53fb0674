// Few APDUs is the whole of speed with a real card: counted in the card's own trace, from insertion
// to signature, recognition included.
#include <sstream>

#include "tests/flows/flow.h"

namespace madoguchi::clinic {
namespace {

using namespace check::v1;  // NOLINT: outcomes.

// The commands in `trace`, in hexadecimal.
std::vector<std::string> Commands(const std::string& trace) {
  std::vector<std::string> commands;
  std::istringstream lines(trace);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("> ", 0) == 0) commands.push_back(line.substr(2));
  }
  return commands;
}

// The size of the certificate as the trace shows it: its DER header says it.
int CertificateSize(const std::string& trace) {
  const size_t at = trace.find("< 3082");
  EXPECT_NE(at, std::string::npos) << "no certificate was read";
  if (at == std::string::npos) return 0;
  return 4 + std::stoi(trace.substr(at + 6, 4), nullptr, 16);
}

class ApdusTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    clinic_ = MakeFlowClinic(1, {{"hanako"}});
    clinic_->Start();
  }
  static void TearDownTestSuite() { clinic_.reset(); }
  static inline std::unique_ptr<Clinic> clinic_;
};

// `others`: APDUs besides those that read the certificate.
void ExpectFew(const std::string& trace, int others) {
  const int size = CertificateSize(trace);
  EXPECT_GT(size, 1500);
  const auto commands = Commands(trace);
  EXPECT_LE(static_cast<int>(commands.size()), others + (size + 255) / 256)
      << "certificate of " << size << " bytes\n"
      << trace;
}

TEST_F(ApdusTest, ByPinWithTheCardLaidDownLast) {
  Window window(*clinic_, 0, "hanako");
  window.BeginByPin();
  window.staff().AwaitStage(desk::v1::STAGE_LAY_CARD);
  window.Lay();
  EXPECT_EQ(window.staff().AwaitVerdict().outcome(), OUTCOME_ELIGIBLE);
  ExpectFew(window.card().Trace(), 5);
}

// What was read while the PIN was typed is not read again.
TEST_F(ApdusTest, ByPinWithTheCardThereFirst) {
  Window window(*clinic_, 0, "hanako");
  window.Lay({}, true);
  window.BeginByPin();
  EXPECT_EQ(window.staff().AwaitVerdict().outcome(), OUTCOME_ELIGIBLE);
  ExpectFew(window.card().Trace(), 5);
}

TEST_F(ApdusTest, ByEyes) {
  for (const bool card_first : {false, true}) {
    Window window(*clinic_, 0, "hanako");
    if (card_first) window.Lay({}, true);
    window.BeginByEyes();
    if (!card_first) {
      window.staff().AwaitStage(desk::v1::STAGE_LAY_CARD);
      window.Lay();
    }
    EXPECT_EQ(window.staff().AwaitVerdict().outcome(), OUTCOME_ELIGIBLE);
    ExpectFew(window.card().Trace(), 2);
  }
}

// Nothing that was begun for a check is asked of the card after its verdict.
TEST_F(ApdusTest, NoneAfterTheVerdict) {
  Window window(*clinic_, 0, "hanako");
  window.BeginByPin();
  window.Lay();
  EXPECT_EQ(window.staff().AwaitVerdict().outcome(), OUTCOME_ELIGIBLE);
  const int apdus = Number(window.card(), "apdus");
  EXPECT_TRUE(window.staff().Close().ok());
  window.BeginByPin();
  window.staff().AwaitStage(desk::v1::STAGE_ASK_SAME_CARD);
  EXPECT_EQ(Number(window.card(), "apdus"), apdus) << "the card of the patient before was read";
}

}  // namespace
}  // namespace madoguchi::clinic
