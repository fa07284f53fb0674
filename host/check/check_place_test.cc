// Which card is taken, on which of a counter's readers, and what becomes of a check whose reader
// goes away.
#include "host/check/scenario.h"
#include "sdk/failure/failure.h"

namespace madoguchi {
namespace {

using Answered = std::optional<absl::StatusOr<std::vector<uint8_t>>>;

// A counter with two readers, and a third one of another counter.
struct TwoReaders : Scenario {
  TwoReaders() {
    fake.readers.Plug("b");
    fake.readers.Plug("of another counter");
    subject.places = {"virtual/b", "virtual/a"};
  }

  fake::Stay& LayOn(const std::string& reader, std::unique_ptr<sim::Card> card = MakeCard()) {
    stays.push_back(fake.readers.Lay(reader, std::move(card), false));
    return *stays.back();
  }
  // The reader of `stay` goes away at APDU `n`.
  void LoseAt(fake::Stay& stay, const std::string& reader, int n) {
    stay.instead = [this, reader, n](int number) -> Answered {
      if (number < n) return {};
      fake.readers.Unplug(reader);
      return FailureStatus(FAILURE_CODE_READER_LOST);
    };
  }
  // The patient lays the same card on `reader` when a screen asks for it after a loss.
  void LayAgainOn(const std::string& reader, Paper paper = Paper::kGood) {
    screens.when[STAGE_LAY_CARD] = [this, reader, paper] { LayOn(reader, MakeCard(paper)); };
  }
  std::vector<std::string> Lost() const {
    std::vector<std::string> lost;
    for (const Entry& entry : record.entry()) {
      lost.insert(lost.end(), entry.evidence().lost_reader().begin(),
                  entry.evidence().lost_reader().end());
    }
    return lost;
  }
  bool Showed(const std::function<bool(const Scene&)>& pleases) const {
    return std::any_of(screens.scenes.begin(), screens.scenes.end(), pleases);
  }
};

TEST(CheckPlaceTest, ACardOnAnyReaderOfTheCounterIsTaken) {
  for (const char* reader : {"a", "b"}) {
    TwoReaders s;
    s.screens.when[STAGE_LAY_CARD] = [&] {
      s.LayOn("of another counter");
      s.LayOn(reader);
    };
    EXPECT_EQ(s.Run().outcome(), OUTCOME_ELIGIBLE);
    EXPECT_TRUE(s.stays[0]->trace.empty()) << "that of another counter was touched";
  }
}

TEST(CheckPlaceTest, OfTwoCardsAtOnceTheStaffChoose) {
  TwoReaders s;
  s.screens.which_card = {"virtual/of another counter", "virtual/a"};
  s.screens.when[STAGE_ASK_PIN] = [&] {
    s.LayOn("a");
    s.LayOn("b");
  };
  EXPECT_EQ(s.Run().outcome(), OUTCOME_ELIGIBLE);
  EXPECT_FALSE(s.stays[0]->trace.empty());
  EXPECT_TRUE(s.stays[1]->trace.empty()) << "a card that nobody chose was touched";
  // The first answer named a reader that nobody was asked about.
  ASSERT_EQ(s.screens.refused.size(), 1u);
  EXPECT_EQ(CodeOf(s.screens.refused[0]), FAILURE_CODE_REQUEST_INVALID);
  EXPECT_TRUE(s.Showed([](const Scene& scene) {
    return scene.stage == STAGE_ASK_WHICH_CARD &&
           scene.card_at == std::vector<std::string>{"virtual/a", "virtual/b"};
  }));
}

TEST(CheckPlaceTest, TwoCardsThatNobodyChoosesFromAreAFailure) {
  TwoReaders s;
  s.LayOn("a");
  s.LayOn("b");
  EXPECT_EQ(s.Run().failure().code(), FAILURE_CODE_TWO_CARDS);
  for (const auto& stay : s.stays) EXPECT_TRUE(stay->trace.empty());
}

TEST(CheckPlaceTest, WhenOneOfTwoCardsGoesTheOtherIsMeant) {
  TwoReaders s;
  s.LayOn("a");
  s.LayOn("b");
  s.screens.when[STAGE_ASK_WHICH_CARD] = [&] { s.fake.readers.Take("b"); };
  EXPECT_EQ(s.Run().outcome(), OUTCOME_ELIGIBLE);
  EXPECT_TRUE(s.stays[1]->trace.empty());
}

// At each APDU of a check by PIN the reader goes, and the patient lays the card on the other one.
// Up to the VERIFY no PIN is typed again; from there on the check ends.
TEST(CheckPlaceTest, WithoutAVerifyTheCheckGoesOnAtTheNextReader) {
  int verify = 0, apdus = 0;
  {
    TwoReaders whole;
    whole.screens.when[STAGE_LAY_CARD] = [&] { whole.LayOn("a"); };
    EXPECT_EQ(whole.Run().outcome(), OUTCOME_ELIGIBLE);
    const auto& trace = whole.stays[0]->trace;
    apdus = static_cast<int>(trace.size()) - 1;  // without the reset
    verify = static_cast<int>(std::find(trace.begin(), trace.end(), "VERIFY") - trace.begin()) + 1;
  }
  ASSERT_GE(apdus, 5);
  for (int n = 1; n <= apdus; ++n) {
    TwoReaders s;
    // Lies there from the beginning: it is read while the PIN is typed.
    s.LoseAt(s.LayOn("a"), "a", n);
    s.LayAgainOn("b");
    const Verdict verdict = s.Run();
    EXPECT_EQ(s.screens.pins_taken, 1) << "APDU " << n;
    if (n < verify) {
      EXPECT_EQ(verdict.outcome(), OUTCOME_ELIGIBLE) << "APDU " << n;
      EXPECT_EQ(s.Lost(), std::vector<std::string>{"virtual/a"}) << "APDU " << n;
      EXPECT_EQ(s.Verifies(), 1) << "APDU " << n;
    } else {
      EXPECT_EQ(verdict.failure().code(), FAILURE_CODE_READER_LOST) << "APDU " << n;
      EXPECT_TRUE(s.Lost().empty()) << "APDU " << n;
    }
  }
}

TEST(CheckPlaceTest, TheScreensSayWhichReaderWent) {
  TwoReaders s;
  s.screens.when[STAGE_LAY_CARD] = [&] {
    s.LoseAt(s.LayOn("a"), "a", 3);
    s.LayAgainOn("b");
  };
  EXPECT_EQ(s.Run().outcome(), OUTCOME_ELIGIBLE);
  EXPECT_TRUE(s.Showed([](const Scene& scene) {
    return scene.stage == STAGE_LAY_CARD && scene.lost_reader == "virtual/a";
  }));
  EXPECT_TRUE(s.screens.scenes.back().lost_reader.empty());
}

TEST(CheckPlaceTest, AtTheNextReaderItHasToBeTheSameCard) {
  TwoReaders s;
  s.LayOn("a", MakeCard(Paper::kGood, Tries(1)));
  // The certificate is read; the reader goes while the patient decides on the last try.
  s.screens.last_try = {true};
  s.screens.when[STAGE_ASK_LAST_TRY] = [&] { s.fake.readers.Unplug("a"); };
  s.LayAgainOn("b", Paper::kAnother);
  const Verdict verdict = s.Run();
  EXPECT_EQ(verdict.failure().code(), FAILURE_CODE_CARD_GONE);
  EXPECT_NE(verdict.failure().detail().find("another card"), std::string::npos);
  EXPECT_EQ(s.Verifies(), 0);
}

// Nor does a policy that tries again after that get the PIN of one patient to another's card.
TEST(CheckPlaceTest, ThePinIsForNoOtherCardWhateverThePolicyAsksFor) {
  TwoReaders s;
  s.flow = Script({"ask_pin { form { shortest: 4 longest: 4 digits: true } }",
                   "read_certificate {}", "prove_card {}", "ask_last_try {}", "prove_card {}",
                   "prove_card {}", "prove_card {}"});
  s.LayOn("a", MakeCard(Paper::kGood, Tries(1)));
  s.screens.last_try = {true};
  s.screens.when[STAGE_ASK_LAST_TRY] = [&] { s.fake.readers.Unplug("a"); };
  s.LayAgainOn("b", Paper::kAnother);
  EXPECT_NE(s.Run().outcome(), OUTCOME_ELIGIBLE);
  EXPECT_EQ(s.Verifies(), 0);
}

TEST(CheckPlaceTest, NorWhenItReadsACertificateAnew) {
  Scenario s;
  s.Lay();
  const auto script =
      Script({"ask_pin { form { shortest: 4 longest: 4 digits: true } }", "read_certificate {}",
              "prove_card {}", "read_certificate {}", "prove_card {}"});
  s.flow = [&](const policy::v1::NextRequest& request) {
    if (request.evidence_size() == 2) {
      s.fake.readers.Take("a");
      s.Lay(MakeCard(Paper::kAnother));
    }
    return script(request);
  };
  EXPECT_NE(s.Run().outcome(), OUTCOME_ELIGIBLE);
  EXPECT_EQ(s.Verifies(), 0);
}

// What the patient or the staff said is about the card that lay there when they said it.
TEST(CheckPlaceTest, ACardThatIsSwappedAfterTheAnswerIsNotMeant) {
  for (const auto& by : {ByPin(), ByVisualMatch()}) {
    Scenario s;
    s.Lay();
    s.flow = [&](const policy::v1::NextRequest& request) {
      if (request.evidence_size() == 1) {
        s.fake.readers.Take("a");
        s.Lay(MakeCard(Paper::kAnother));
      }
      return by(request);
    };
    EXPECT_EQ(s.Run().failure().code(), FAILURE_CODE_CARD_GONE);
    EXPECT_EQ(s.Verifies(), 0);
  }
}

// One that bounced is the same card.
TEST(CheckPlaceTest, ACardThatIsLiftedAfterTheAnswerIsMeantAgain) {
  Scenario s;
  s.Lay();
  const auto by = ByPin();
  s.flow = [&](const policy::v1::NextRequest& request) {
    if (request.evidence_size() == 1) {
      s.fake.readers.Take("a");
      s.Lay();
    }
    return by(request);
  };
  EXPECT_EQ(s.Run().outcome(), OUTCOME_ELIGIBLE);
}

TEST(CheckPlaceTest, ALostReaderIsForgottenOnceACardWasTaken) {
  TwoReaders s;
  s.LayOn("a");
  s.screens.when[STAGE_ASK_PIN] = [&] {
    s.fake.readers.Unplug("a");
    s.screens.when[STAGE_ASK_PIN] = [&] { s.LayOn("b"); };
  };
  EXPECT_EQ(s.Run().outcome(), OUTCOME_ELIGIBLE);
  EXPECT_TRUE(s.Showed([](const Scene& scene) { return scene.lost_reader == "virtual/a"; }));
  EXPECT_EQ(s.screens.scenes.back().lost_reader, "");
}

TEST(CheckPlaceTest, WithoutAnotherReaderTheCheckEndsAtOnce) {
  TwoReaders s;
  s.fake.readers.Unplug("b");
  s.LoseAt(s.LayOn("a"), "a", 3);
  EXPECT_EQ(s.Run().failure().code(), FAILURE_CODE_READER_LOST);
}

// All readers of a plugin go with its process, though the table hears of it a moment later.
TEST(CheckPlaceTest, ADyingPluginIsNoNextReader) {
  TwoReaders s;
  s.LayOn("a").instead = [](int number) -> Answered {
    if (number < 3) return {};
    return FailureStatus(FAILURE_CODE_READER_LOST);
  };
  s.screens.when[STAGE_LAY_CARD] = [&] { ADD_FAILURE() << "asked for a card"; };
  EXPECT_EQ(s.Run().failure().code(), FAILURE_CODE_READER_LOST);
}

TEST(CheckPlaceTest, AReaderInTroubleSaysWhyAtOnce) {
  Scenario s;
  s.fake.readers.Unplug("a");
  reader::v1::Snapshot snapshot;
  snapshot.set_service(reader::v1::SERVICE_RUNNING);
  auto* const reader = snapshot.add_reader();
  reader->set_name("a");
  reader->mutable_trouble()->set_code(FAILURE_CODE_READER_OUT_OF_RANGE);
  s.fake.table.Update("virtual", 1, snapshot);
  const Verdict verdict = s.Run();
  EXPECT_EQ(verdict.failure().code(), FAILURE_CODE_READER_OUT_OF_RANGE);
  EXPECT_EQ(s.screens.pins_taken, 0);
}

TEST(CheckPlaceTest, WhatHoldsTheCertificateIsPartOfTheEvidence) {
  for (const auto& [phone, credential, kind] :
       {std::tuple{sim::Faults::Phone::kNone, CREDENTIAL_CARD, CARD_KIND_MY_NUMBER_CARD},
        std::tuple{sim::Faults::Phone::kIphone, CREDENTIAL_IPHONE, CARD_KIND_IPHONE}}) {
    Scenario s;
    sim::Faults faults;
    faults.phone = phone;
    policy::v1::NextRequest seen;
    s.flow = [&seen](const policy::v1::NextRequest& request) {
      seen = request;
      return ByVisualMatch()(request);
    };
    s.LayLate(Paper::kGood, faults);
    s.Run();
    bool read = false;
    for (const auto& evidence : seen.evidence()) {
      if (evidence.kind() != policy::v1::ProjectedEvidence::KIND_CERTIFICATE_READ) continue;
      read = true;
      EXPECT_EQ(evidence.credential(), credential);
    }
    EXPECT_TRUE(read);
    EXPECT_EQ(s.fake.table.Rows().reader(0).card(), kind);
  }
}

TEST(CheckPlaceTest, APhoneThatWantsItsPinFirstIsNamed) {
  Scenario s;
  sim::Faults faults;
  faults.phone = sim::Faults::Phone::kAndroid;
  s.LayLate(Paper::kGood, faults);
  EXPECT_EQ(s.Run().failure().code(), FAILURE_CODE_PHONE_NOT_READABLE);
  EXPECT_EQ(s.fake.table.Rows().reader(0).card(), CARD_KIND_ANDROID);
}

}  // namespace
}  // namespace madoguchi
