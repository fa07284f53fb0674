#ifndef MADOGUCHI_UI_TERMINAL_TEXT_H_
#define MADOGUCHI_UI_TERMINAL_TEXT_H_

#include <initializer_list>
#include <string>

#include "ui/terminal/language.h"

// What this screen says of its own accord. What the host says comes in the View, what a failure
// says from the catalogue.
namespace madoguchi::terminal {

// One sentence in every language. A missing translation, or one with other places to fill, does
// not compile. {} is a place that Fill fills, in order.
class Phrase {
 public:
  consteval Phrase(const char* ja, const char* en) : ja_(ja), en_(en) {
    if (*ja == '\0' || *en == '\0') throw "a translation is missing";
    if (Places(ja) != Places(en)) throw "the translations have different places to fill";
  }
  const char* In(Language language) const { return language == Language::kJapanese ? ja_ : en_; }

 private:
  static consteval int Places(const char* text) {
    int places = 0;
    for (; *text != '\0'; ++text) places += *text == '{';
    return places;
  }
  const char* ja_;
  const char* en_;
};

// The phrase with its places filled. The values are escaped (width.h, Printable).
std::string Fill(const Phrase& phrase, Language language,
                 std::initializer_list<std::string> values);

namespace phrase {

// The verdict.
inline constexpr Phrase kResult("資格確認の結果", "Result");
inline constexpr Phrase kEligible("有効", "Valid");
inline constexpr Phrase kNotEligible("無効", "Not valid");
inline constexpr Phrase kCannotTell("確認できません", "Cannot tell");
inline constexpr Phrase kReplaced("無効（新しい資格あり）", "Not valid (a newer one exists)");
inline constexpr Phrase kNoQualification("該当資格なし", "No insurance found");
inline constexpr Phrase kSeveral("複数該当", "Several match");
inline constexpr Phrase kUnregistered("有効（未登録）", "Valid (not registered)");
inline constexpr Phrase kReason("理由", "Why");
inline constexpr Phrase kAdvice("対応", "What to do");
inline constexpr Phrase kName("氏名", "Name");
inline constexpr Phrase kKana("フリガナ", "Kana");
inline constexpr Phrase kBirthDate("生年月日", "Birth date");
inline constexpr Phrase kSex("性別", "Sex");
inline constexpr Phrase kMale("男", "male");
inline constexpr Phrase kFemale("女", "female");
inline constexpr Phrase kSexNotSet("未設定", "not set");
inline constexpr Phrase kAddress("住所", "Address");
inline constexpr Phrase kInsurerNumber("保険者番号", "Insurer number");
inline constexpr Phrase kInsurerName("保険者名", "Insurer");
inline constexpr Phrase kSymbol("記号", "Symbol");
inline constexpr Phrase kNumber("番号", "Number");
inline constexpr Phrase kBranch("枝番", "Branch");
inline constexpr Phrase kRelation("本人・家族の別", "Relation");
inline constexpr Phrase kInsured("本人", "insured person");
inline constexpr Phrase kFamily("家族", "family member");
inline constexpr Phrase kValidity("有効期間", "Valid period");
inline constexpr Phrase kFromTo("{} ～ {}", "{} to {}");
inline constexpr Phrase kFrom("{} から", "from {}");
inline constexpr Phrase kTo("{} まで", "until {}");
inline constexpr Phrase kShare("負担割合", "Patient's share");
inline constexpr Phrase kTenths("{}割", "{}0%");
inline constexpr Phrase kPercent("{}パーセント", "{}%");
inline constexpr Phrase kReasonOfLoss("喪失理由", "Reason of loss");
inline constexpr Phrase kDeath("死亡", "death");
inline constexpr Phrase kPublicAssistance("生活保護受給開始", "public assistance began");
inline constexpr Phrase kOtherInsurance("医療保険等の資格取得", "other insurance began");
inline constexpr Phrase kOtherReason("その他", "other");
inline constexpr Phrase kTakeCard("カードをお取りください。", "Please take the card.");

// The course of a check, where the host's view has no title.
inline constexpr Phrase kIdle("次の確認をはじめられます。", "Ready for the next check.");
inline constexpr Phrase kStageAskPin("暗証番号の入力を待っています。", "Waiting for the PIN.");
inline constexpr Phrase kStageAskLastTry("残り1回を使うか、返事を待っています。",
                                         "Waiting to hear whether the last try may be used.");
inline constexpr Phrase kStageAskVisual("写真と本人を見比べてください。",
                                        "Compare the photo with the person.");
inline constexpr Phrase kStageSameCard("前から置かれたままのカードがあります。",
                                       "A card from before still lies on the reader.");
inline constexpr Phrase kStageWhichCard("複数のリーダーにカードがあります。",
                                        "Cards lie on several readers.");
inline constexpr Phrase kLayOn("置けるリーダー: {}", "Readers to lay it on: {}");
inline constexpr Phrase kLostReader("接続が切れたリーダー: {}", "The reader that went away: {}");
inline constexpr Phrase kListComma("、", ", ");
inline constexpr Phrase kListMore("、ほか", ", and more");
inline constexpr Phrase kStageAsk("質問があります。", "There is a question.");
inline constexpr Phrase kLayCard("カードを置いてください。", "Please lay the card down.");
inline constexpr Phrase kReading("カードを読んでいます。動かさないでください。",
                                 "Reading the card. Do not move it.");
inline constexpr Phrase kTypeAtPad("リーダーのボタンで暗証番号を入力しています。",
                                   "The PIN is being typed with the reader's keys.");
inline constexpr Phrase kProving("カードで本人を確認しています。動かさないでください。",
                                 "The card is proving who it belongs to. Do not move it.");
inline constexpr Phrase kAskingAuthority("資格を問い合わせています。",
                                         "Asking whether the insurance is valid.");
inline constexpr Phrase kDone("確認が終わりました。", "The check is done.");
inline constexpr Phrase kCancelling("取り消しています。", "Cancelling.");
inline constexpr Phrase kReconnecting("接続が切れました。つなぎ直しています。",
                                      "The connection broke. Connecting again.");
inline constexpr Phrase kReconnected("つながりました。続けます。", "Connected again. Going on.");

// Questions.
inline constexpr Phrase kPinDigits("暗証番号（数字{}桁）: ", "PIN ({} digits): ");
inline constexpr Phrase kPinCharacters("暗証番号（半角英数字・記号{}文字）: ",
                                       "PIN ({} characters): ");
inline constexpr Phrase kPinFormDigits("暗証番号は半角の数字{}桁です。残り回数は減っていません。",
                                       "The PIN has {} digits. No try was spent.");
inline constexpr Phrase kPinFormCharacters(
    "暗証番号は半角の英数字・記号{}文字です。残り回数は減っていません。",
    "The PIN has {} letters, digits or signs (ASCII). No try was spent.");
inline constexpr Phrase kRange("{}～{}", "{} to {}");
inline constexpr Phrase kPinWrong("暗証番号が違います。あと{}回", "Wrong PIN. Tries left: {}");
inline constexpr Phrase kPinWrongAgain("暗証番号が違います。", "Wrong PIN.");
inline constexpr Phrase kTriesLeft("暗証番号は、あと{}回まで入力できます。", "PIN tries left: {}");
inline constexpr Phrase kPinEnd("暗証番号の入力が終わったため、取り消します。",
                                "No more PIN to read: cancelling.");
inline constexpr Phrase kNoTerminal(
    "暗証番号を入力できる端末がありません。--pin-fd で渡してください。",
    "There is no terminal to type the PIN at. Hand it over with --pin-fd.");
inline constexpr Phrase kQuestionGone("（入力は不要になりました）", "(no longer needed)");
inline constexpr Phrase kAskVisual(
    "カードの写真と本人は一致しますか（y: 一致、n: 不一致） [y/n]: ",
    "Do the card's photo and the person match? (y: match, n: no match) [y/n]: ");
inline constexpr Phrase kAskLastTry(
    "次に間違えるとロックされます。入力した番号で、最後の1回を使いますか [y/n]: ",
    "One more mistake blocks the PIN. Use the last try? [y/n]: ");
inline constexpr Phrase kAskSameCard("置かれているのは、この患者さんのカードですか [y/n]: ",
                                     "Is the card that lies there this patient's? [y/n]: ");
inline constexpr Phrase kYesOrNo("y か n で答えてください。", "Please answer y or n.");
inline constexpr Phrase kAnswerEnd("答えを読み取れないため、取り消します。",
                                   "No answer can be read: cancelling.");
inline constexpr Phrase kChoose("番号で選んでください: ", "Choose by number: ");
inline constexpr Phrase kChooseRange("1 から {} の番号を入力してください。",
                                     "Please type a number from 1 to {}.");
inline constexpr Phrase kFieldDigits("半角の数字 {} 桁で入力してください。",
                                     "Please type {} digits.");
inline constexpr Phrase kFieldCharacters("{} 文字で入力してください。",
                                         "Please type {} characters.");
inline constexpr Phrase kYes("はい", "yes");
inline constexpr Phrase kNo("いいえ", "no");

}  // namespace phrase
}  // namespace madoguchi::terminal

#endif  // MADOGUCHI_UI_TERMINAL_TEXT_H_
