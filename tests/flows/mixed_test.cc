// Readers of all kinds behind one host. Run by private-pcscd with 4 readers.
#include <gmock/gmock.h>

#include <random>
#include <thread>

#include "tests/flows/lane.h"

namespace madoguchi::clinic {
namespace {

using namespace check::v1;  // NOLINT: codes and outcomes.
using namespace desk::v1;   // NOLINT: stages.

constexpr ReaderKind kKinds[] = {ReaderKind::kVirtual, ReaderKind::kPcsc, ReaderKind::kNfc,
                                 ReaderKind::kBluetooth};

std::unique_ptr<Clinic> MakeMixed(int of_each, const std::vector<Patient>& patients) {
  Clinic::Options options;
  for (int i = 0; i < of_each; ++i) {
    options.kinds.insert(options.kinds.end(), std::begin(kKinds), std::end(kKinds));
  }
  options.patients = patients;
  return Clinic::Make(options);
}

// 16 readers, 16 counters, 16 checks at once: MADOGUCHI_ROUNDS times.
TEST(Mixed, TheRightCardIsReadAtTheRightCounter) {
  const int rounds = FromEnvironment("MADOGUCHI_ROUNDS", 20);
  const uint32_t seed = static_cast<uint32_t>(FromEnvironment("MADOGUCHI_SEED", 1));
  SCOPED_TRACE("MADOGUCHI_SEED=" + std::to_string(seed));
  auto clinic = MakeMixed(4, PatientsOf(16));
  clinic->Start();
  if (testing::Test::HasFailure()) return;
  std::vector<std::unique_ptr<Lane>> lanes;
  for (int i = 0; i < 16; ++i) lanes.push_back(std::make_unique<Lane>(*clinic, i));
  std::mt19937 dice(seed);
  for (int round = 0; round < rounds && !testing::Test::HasFailure(); ++round) {
    std::vector<std::jthread> people;
    for (const auto& lane : lanes) {
      people.emplace_back([&lane, number = dice()] { lane->Round(number); });
    }
  }
  EXPECT_FALSE(clinic->host().Wait(std::chrono::milliseconds(0)).has_value()) << "the host ended";
}

// One counter with a reader of each kind: 0 virtual, 1 PC/SC, 2 NFC, 3 Bluetooth.
class OneCounter : public testing::Test {
 protected:
  // The readers in the order in which the counter prefers them; none: any reader will do.
  void Open(const std::vector<int>& preferred) {
    clinic_ = MakeMixed(1, {{"hanako"}, {"taro"}});
    auto& config = clinic_->config();
    config.clear_counter();
    auto* const counter = config.add_counter();
    counter->set_name("1");
    for (const int reader : preferred) counter->add_reader(clinic_->ReaderName(reader));
    clinic_->Start();
    staff_ = clinic_->Staff();
    patient_ = clinic_->PatientScreen();
  }
  void BeginByPin() {
    ASSERT_EQ(staff_->Begin("pin"), absl::OkStatus());
    ASSERT_EQ(patient_->Pin("1234"), absl::OkStatus());
  }

  std::unique_ptr<Clinic> clinic_;
  std::unique_ptr<Screen> staff_, patient_;
};

TEST_F(OneCounter, TakesACardOnAnyOfItsReaders) {
  Open({});
  for (int reader = 0; reader < 4; ++reader) {
    BeginByPin();
    staff_->AwaitStage(STAGE_LAY_CARD);
    auto card = clinic_->Lay("hanako", reader);
    EXPECT_EQ(staff_->AwaitVerdict().outcome(), OUTCOME_ELIGIBLE) << clinic_->ReaderName(reader);
    EXPECT_EQ(staff_->Await([](const View&) { return true; }).reader(),
              clinic_->ReaderName(reader));
    card.reset();
    EXPECT_TRUE(clinic_->AwaitCard(reader, false));
    EXPECT_EQ(staff_->Close(), absl::OkStatus());
  }
}

TEST_F(OneCounter, SaysWhereToLayTheCardInItsOrder) {
  Open({3, 1, 2});
  BeginByPin();
  const View view = staff_->AwaitStage(STAGE_LAY_CARD);
  EXPECT_THAT(view.lay_on(), testing::ElementsAre(clinic_->ReaderName(3), clinic_->ReaderName(1),
                                                  clinic_->ReaderName(2)));
}

TEST_F(OneCounter, AsksWhichOfTwoCardsIsMeant) {
  Open({});
  auto hanako = clinic_->Lay("hanako", 2);
  auto taro = clinic_->Lay("taro", 1);
  ASSERT_TRUE(clinic_->AwaitCard(1) && clinic_->AwaitCard(2));
  BeginByPin();
  const View view = staff_->AwaitStage(STAGE_ASK_WHICH_CARD);
  EXPECT_THAT(view.card_at(),
              testing::UnorderedElementsAre(clinic_->ReaderName(1), clinic_->ReaderName(2)));
  Reply reply;
  reply.mutable_which_card()->set_reader(clinic_->ReaderName(1));
  EXPECT_EQ(staff_->Send(reply), absl::OkStatus());
  EXPECT_EQ(staff_->AwaitVerdict().eligibility().name(), "試験　taro");
  EXPECT_EQ(Number(*hanako, "apdus"), 0) << "a card that nobody chose was touched";
}

TEST_F(OneCounter, TheStaffWatchAllReaders) {
  Open({});
  const auto watching = Program::Run({Clinic::Bin() + "/madoguchi", "readers", "--watch", "--json",
                                      "--socket", clinic_->folder() + "/desk.sock"},
                                     clinic_->folder() + "/log/watching", false);
  ASSERT_TRUE(watching.ok()) << watching.status();
  // The newest table: a line each.
  const auto table = [&] {
    std::string all = (*watching)->Output();
    all.resize(all.find_last_of('\n') + 1);
    const size_t before = all.rfind('\n', all.size() - 2);
    return all.substr(before == std::string::npos ? 0 : before + 1);
  };
  const auto shows = [&](const std::string& words, bool shown = true) {
    EXPECT_TRUE(Await([&] { return (table().find(words) != std::string::npos) == shown; }))
        << words << "\n"
        << table();
  };
  for (int reader = 0; reader < 4; ++reader) {
    const std::string name = clinic_->ReaderName(reader);
    shows("\"name\":\"" + name.substr(name.find('/') + 1) + "\"");
  }
  shows("\"maker\":\"Advanced Card Systems\"");
  shows("\"battery_percent\":100");
  shows("CARD_KIND", false);
  BeginByPin();
  auto card = clinic_->Lay("hanako", 2);
  EXPECT_EQ(staff_->AwaitVerdict().outcome(), OUTCOME_ELIGIBLE);
  shows("CARD_KIND_MY_NUMBER_CARD");
  card.reset();
  shows("CARD_KIND", false);
  EXPECT_TRUE(clinic_->UnplugReader(3));
  shows("FAILURE_CODE_READER_OUT_OF_RANGE");
  EXPECT_EQ((*watching)->End(SIGINT), 0);
}

// Of the readers of a counter that takes any, those that another counter names are not its own.
TEST_F(OneCounter, LeavesTheReaderOfAnotherCounterAlone) {
  clinic_ = MakeMixed(1, {{"hanako"}, {"taro"}});
  auto& config = clinic_->config();
  config.clear_counter();
  config.add_counter()->set_name("1");
  auto* const other = config.add_counter();
  other->set_name("2");
  other->add_reader(clinic_->ReaderName(1));
  clinic_->Start();
  staff_ = clinic_->Staff("1");
  patient_ = clinic_->PatientScreen("1");
  BeginByPin();
  const View view = staff_->AwaitStage(STAGE_LAY_CARD);
  EXPECT_THAT(view.lay_on(), testing::Contains(clinic_->ReaderName(2)));
  EXPECT_THAT(view.lay_on(), testing::Not(testing::Contains(clinic_->ReaderName(1))));
  auto taro = clinic_->Lay("taro", 1);
  ASSERT_TRUE(clinic_->AwaitCard(1));
  auto hanako = clinic_->Lay("hanako", 2);
  EXPECT_EQ(staff_->AwaitVerdict().eligibility().name(), "試験　hanako");
  EXPECT_EQ(Number(*taro, "apdus"), 0) << "another counter's patient's card was touched";
}

// The board is unplugged while the certificate is read; the patient lays the card on the next
// reader, and the PIN that was typed is good there.
TEST_F(OneCounter, GoesOnAtTheNextReaderWithoutThePinAgain) {
  for (const int lost : {2, 3}) {
    Open({lost, 1});
    BeginByPin();
    staff_->AwaitStage(STAGE_LAY_CARD);
    auto card = clinic_->Lay("hanako", lost, {"--fault", "slow=60"});
    EXPECT_TRUE(Await([&] { return Number(*card, "apdus") >= 3; }));
    EXPECT_TRUE(clinic_->UnplugReader(lost));
    const View view = staff_->Await([](const View& v) { return !v.lost_reader().empty(); });
    EXPECT_EQ(view.lost_reader(), clinic_->ReaderName(lost));
    card.reset();
    card = clinic_->Lay("hanako", 1);
    EXPECT_EQ(staff_->AwaitVerdict().outcome(), OUTCOME_ELIGIBLE);
    EXPECT_EQ(Number(*card, "verifies-total"), 1);
    staff_.reset();
    patient_.reset();
    card.reset();
    clinic_.reset();
  }
}

}  // namespace
}  // namespace madoguchi::clinic
