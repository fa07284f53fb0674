#include "authority/eligibility/eligibility.h"

#include <gtest/gtest.h>

#include <map>

#include "sdk/failure/failure.h"
#include "sdk/proof/proof.h"
#include "sdk/proof/test_pki.h"

namespace madoguchi::authority {
namespace {

using std::chrono::seconds;

constexpr char kCheck[] = "00112233445566778899aabbccddeeff";
constexpr char kOtherCheck[] = "ffeeddccbbaa99887766554433221100";

class MemoryStore final : public InsuredStore {
 public:
  absl::Status Put(const std::vector<InsuredPerson>& persons) override {
    for (const auto& person : persons) persons_[{person.issuer, person.serial}] = person;
    return absl::OkStatus();
  }
  absl::StatusOr<std::optional<InsuredPerson>> Find(const std::string& issuer,
                                                    const std::string& serial) override {
    if (broken) return absl::UnavailableError("the disk is gone");
    const auto found = persons_.find({issuer, serial});
    if (found == persons_.end()) return std::nullopt;
    return found->second;
  }
  absl::StatusOr<int64_t> Count() override { return static_cast<int64_t>(persons_.size()); }

  bool broken = false;

 private:
  std::map<std::pair<std::string, std::string>, InsuredPerson> persons_;
};

// Keys are slow to make, so that all tests share them.
struct World {
  test::Authority ca = test::MakeAuthority();
  test::Authority stranger_ca = test::MakeAuthority();
  test::Key card_key = test::RsaKey();
};
const World& world() {
  static const auto* const world = new World;
  return *world;
}

class EligibilityTest : public testing::Test {
 protected:
  EligibilityTest()
      : eligibility_("authority.test", *TrustAnchors::FromPem(test::Pem(world().ca.certificate)),
                     store_) {
    InsuredPerson person{
        certificate_.issuer(), certificate_.serial(), check::v1::VALIDITY_VALID, {}};
    person.eligibility.set_insurer_number("01000000");
    person.eligibility.set_name("試験 花子");
    EXPECT_TRUE(store_.Put({person}).ok());
  }

  static Certificate Card(const test::Authority& ca, const test::CertificateForm& form) {
    return *Certificate::Parse(test::Der(test::Issue(ca, world().card_key, form)));
  }

  std::string NewChallenge(const EnrolledHost& host, const std::string& check = kCheck,
                           const Now& now = {}) {
    v1::ChallengeRequest request;
    request.set_check_id(check);
    return eligibility_.Challenge(host, request, now)->challenge();
  }

  v1::AskRequest Proven(const std::string& challenge, const Certificate& certificate,
                        const ProofSubject& subject) {
    v1::AskRequest request;
    request.set_check_id(kCheck);
    request.set_certificate(std::string(certificate.der().begin(), certificate.der().end()));
    request.mutable_proof()->set_challenge(challenge);
    request.mutable_proof()->set_signature(
        test::SignDigest(world().card_key, ProofDigest(subject)));
    return request;
  }
  v1::AskRequest Proven(const std::string& challenge, const Certificate& certificate) {
    return Proven(challenge, certificate,
                  {"authority.test", "clinic-1", kCheck, challenge, certificate.sha256()});
  }
  v1::AskRequest Proven(const std::string& challenge) { return Proven(challenge, certificate_); }

  FailureCode Refusal(const EnrolledHost& host, const v1::AskRequest& request,
                      const Now& now = {}) {
    return CodeOf(eligibility_.Ask(host, request, now).status());
  }

  const EnrolledHost clinic_{"clinic-1", false};
  const EnrolledHost visual_clinic_{"clinic-2", true};
  const test::CertificateForm form_ = test::ValidNow();
  const Certificate certificate_ = Card(world().ca, form_);
  MemoryStore store_;
  Eligibility eligibility_;
};

TEST_F(EligibilityTest, NamesWhatTheProofBinds) {
  v1::ChallengeRequest request;
  request.set_check_id(kCheck);
  const auto reply = eligibility_.Challenge(clinic_, request);
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->challenge().size(), 32u);
  EXPECT_EQ(reply->valid_for_s(), 120u);
  EXPECT_LE(std::abs(reply->time_s() - std::time(nullptr)), 5);
  EXPECT_EQ(reply->authority_id(), "authority.test");
  EXPECT_EQ(reply->host_id(), "clinic-1");
  EXPECT_NE(reply->challenge(), NewChallenge(clinic_));
}

TEST_F(EligibilityTest, AnswersAProvenCard) {
  const auto reply = eligibility_.Ask(clinic_, Proven(NewChallenge(clinic_)));
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->validity(), check::v1::VALIDITY_VALID);
  EXPECT_EQ(reply->eligibility().name(), "試験 花子");
}

TEST_F(EligibilityTest, HasAllSixOutcomes) {
  for (int validity = 1; validity <= 6; ++validity) {
    ASSERT_TRUE(check::v1::Validity_IsValid(validity));
    ASSERT_TRUE(store_
                    .Put({{certificate_.issuer(),
                           certificate_.serial(),
                           static_cast<check::v1::Validity>(validity),
                           {}}})
                    .ok());
    const auto reply = eligibility_.Ask(clinic_, Proven(NewChallenge(clinic_)));
    ASSERT_TRUE(reply.ok()) << reply.status();
    EXPECT_EQ(reply->validity(), validity);
  }
}

TEST_F(EligibilityTest, AnUnknownPersonIsNoError) {
  test::CertificateForm form = form_;
  form.serial = 99;
  const auto reply =
      eligibility_.Ask(clinic_, Proven(NewChallenge(clinic_), Card(world().ca, form)));
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->validity(), check::v1::VALIDITY_NONE);
  EXPECT_FALSE(reply->has_eligibility());
}

TEST_F(EligibilityTest, TakesEachChallengeOnce) {
  const v1::AskRequest request = Proven(NewChallenge(clinic_));
  EXPECT_TRUE(eligibility_.Ask(clinic_, request).ok());
  EXPECT_EQ(Refusal(clinic_, request), check::v1::FAILURE_CODE_CHALLENGE_SPENT);
}

TEST_F(EligibilityTest, AFailedProofSpendsItsChallenge) {
  v1::AskRequest request = Proven(NewChallenge(clinic_));
  const std::string signature = request.proof().signature();
  request.mutable_proof()->set_signature(std::string(256, 'x'));
  EXPECT_EQ(Refusal(clinic_, request), check::v1::FAILURE_CODE_SIGNATURE_WRONG);
  request.mutable_proof()->set_signature(signature);
  EXPECT_EQ(Refusal(clinic_, request), check::v1::FAILURE_CODE_CHALLENGE_SPENT);
}

TEST_F(EligibilityTest, RefusesChallengesOfOthersAndOldOnes) {
  constexpr auto kSpent = check::v1::FAILURE_CODE_CHALLENGE_SPENT;
  EXPECT_EQ(Refusal(clinic_, Proven(std::string(32, 'x'))), kSpent);
  EXPECT_EQ(Refusal(clinic_, Proven("")), kSpent);
  EXPECT_EQ(Refusal(clinic_, Proven(NewChallenge(visual_clinic_))), kSpent);
  EXPECT_EQ(Refusal(clinic_, Proven(NewChallenge(clinic_, kOtherCheck))), kSpent);
  const Now now;
  const v1::AskRequest in_time = Proven(NewChallenge(clinic_, kCheck, now));
  EXPECT_TRUE(eligibility_.Ask(clinic_, in_time, {now.calendar, now.clock + seconds(120)}).ok());
  const v1::AskRequest late = Proven(NewChallenge(clinic_, kCheck, now));
  EXPECT_EQ(Refusal(clinic_, late, {now.calendar, now.clock + seconds(121)}), kSpent);
}

TEST_F(EligibilityTest, RefusesASignatureOverAnotherSubject) {
  for (int field = 0; field < 3; ++field) {
    const std::string challenge = NewChallenge(clinic_);
    ProofSubject subject{"authority.test", "clinic-1", kCheck, challenge, certificate_.sha256()};
    if (field == 0) subject.authority_id = "authority.other";
    if (field == 1) subject.host_id = "clinic-2";
    if (field == 2) subject.certificate_sha256 = std::string(32, 'x');
    EXPECT_EQ(Refusal(clinic_, Proven(challenge, certificate_, subject)),
              check::v1::FAILURE_CODE_SIGNATURE_WRONG)
        << field;
  }
}

TEST_F(EligibilityTest, RefusesCertificatesItDoesNotBelieve) {
  EXPECT_EQ(Refusal(clinic_, Proven(NewChallenge(clinic_), Card(world().stranger_ca, form_))),
            check::v1::FAILURE_CODE_CERTIFICATE_UNKNOWN_ISSUER);
  const auto at = [](time_t time) {
    return Now{std::chrono::system_clock::from_time_t(time), Now().clock};
  };
  EXPECT_EQ(Refusal(clinic_, Proven(NewChallenge(clinic_)), at(form_.not_after + 1)),
            check::v1::FAILURE_CODE_CERTIFICATE_EXPIRED);
  EXPECT_EQ(Refusal(clinic_, Proven(NewChallenge(clinic_)), at(form_.not_before - 1)),
            check::v1::FAILURE_CODE_CERTIFICATE_NOT_YET_VALID);
}

TEST_F(EligibilityTest, TakesTheStaffsWordOfAnEntitledHostAlone) {
  v1::AskRequest request = Proven("");
  request.mutable_visual_match();
  EXPECT_EQ(Refusal(clinic_, request), check::v1::FAILURE_CODE_METHOD_NOT_ENTITLED);
  const auto reply = eligibility_.Ask(visual_clinic_, request);
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->validity(), check::v1::VALIDITY_VALID);

  v1::AskRequest strange = Proven("", Card(world().stranger_ca, form_));
  strange.mutable_visual_match();
  EXPECT_EQ(Refusal(visual_clinic_, strange), check::v1::FAILURE_CODE_CERTIFICATE_UNKNOWN_ISSUER);
}

TEST_F(EligibilityTest, RefusesRequestsOfAnotherForm) {
  constexpr auto kInvalid = check::v1::FAILURE_CODE_REQUEST_INVALID;
  for (const std::string& id :
       {std::string(), std::string(31, 'a'), std::string(33, 'a'), std::string(32, 'A'),
        std::string(32, 'g'), std::string(32, '\0')}) {
    v1::ChallengeRequest challenge;
    challenge.set_check_id(id);
    EXPECT_EQ(CodeOf(eligibility_.Challenge(clinic_, challenge).status()), kInvalid);
    v1::AskRequest ask = Proven(NewChallenge(clinic_));
    ask.set_check_id(id);
    EXPECT_EQ(Refusal(clinic_, ask), kInvalid);
  }
  v1::AskRequest unproven = Proven("");
  unproven.clear_proven_by();
  EXPECT_EQ(Refusal(visual_clinic_, unproven), kInvalid);
  v1::AskRequest nameless = Proven(NewChallenge(clinic_));
  nameless.set_certificate("no certificate");
  EXPECT_EQ(Refusal(clinic_, nameless), kInvalid);
}

TEST_F(EligibilityTest, ABrokenDatabaseIsAFailureWithACode) {
  store_.broken = true;
  EXPECT_EQ(Refusal(clinic_, Proven(NewChallenge(clinic_))),
            check::v1::FAILURE_CODE_AUTHORITY_UNREACHABLE);
}

TEST(Challenges, AreBoundedForEachHostByItself) {
  Challenges challenges;
  const Challenges::TimePoint now;
  const std::string of_quiet = challenges.Issue("quiet", kCheck, now);
  const std::string first = challenges.Issue("busy", kCheck, now);
  const std::string second = challenges.Issue("busy", kCheck, now);
  std::string last;
  for (size_t i = 2; i <= Challenges::kMost; ++i) last = challenges.Issue("busy", kCheck, now);
  EXPECT_FALSE(challenges.Spend("busy", kCheck, first, now).ok()) << "the oldest makes room";
  EXPECT_TRUE(challenges.Spend("busy", kCheck, second, now).ok());
  EXPECT_TRUE(challenges.Spend("busy", kCheck, last, now).ok());
  EXPECT_TRUE(challenges.Spend("quiet", kCheck, of_quiet, now).ok());
}

}  // namespace
}  // namespace madoguchi::authority
