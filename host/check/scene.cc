#include "host/check/scene.h"

#include <array>

namespace madoguchi {
namespace {

using namespace desk::v1;  // NOLINT: stages and reply kinds.
using check::v1::Role;
using check::v1::ROLE_PATIENT;
using check::v1::ROLE_STAFF;
using check::v1::Text;

struct Words {
  Stage stage;
  Role role;
  const char *title_ja, *title_en, *advice_ja, *advice_en;
};

// What each screen says at each stage. Roles without a row of their own read the staff's.
constexpr Words kWords[] = {
    {STAGE_IDLE, ROLE_STAFF, "確認方法を選んでください", "Choose how to check",
     "患者さんのカードを用意してはじめます。", "Start when the patient has the card at hand."},
    {STAGE_IDLE, ROLE_PATIENT, "受付をお待ちください", "Please wait",
     "受付の担当者がご案内します。", "The staff will help you."},
    {STAGE_ASK_PIN, ROLE_STAFF, "患者さんが暗証番号を入力しています",
     "The patient is typing the PIN", "患者さんの画面で入力してもらってください。",
     "It is typed on the patient's screen."},
    {STAGE_ASK_PIN, ROLE_PATIENT, "暗証番号を入力してください", "Type your PIN",
     "利用者証明用電子証明書の暗証番号です。", "The PIN of the user authentication certificate."},
    {STAGE_ASK_LAST_TRY, ROLE_STAFF, "暗証番号の残りは1回です", "One PIN try is left",
     "使うかどうかを患者さんが選びます。", "The patient decides whether to use it."},
    {STAGE_ASK_LAST_TRY, ROLE_PATIENT, "暗証番号の残りは1回です。使いますか",
     "One PIN try is left. Use it?",
     "間違えるとカードがロックされ、市区町村の窓口で解除が必要になります。",
     "If it is wrong the card is blocked until the municipal office unlocks it."},
    {STAGE_ASK_VISUAL_MATCH, ROLE_STAFF, "カードの写真と本人を見比べてください",
     "Compare the photo on the card with the patient", "同じ人なら「一致」を選びます。",
     "Choose \"match\" if it is the same person."},
    {STAGE_ASK_VISUAL_MATCH, ROLE_PATIENT, "担当者が写真を確認しています",
     "The staff are looking at the photo", "そのままお待ちください。", "Please wait."},
    {STAGE_ASK_SAME_CARD, ROLE_STAFF, "前から置かれたカードがあります。この患者さんのカードですか",
     "A card from before lies there. Is it this patient's?",
     "違うときはカードを取り、この患者さんのカードを置いてもらってください。",
     "If not, take it away and let this patient lay down theirs."},
    {STAGE_ASK_SAME_CARD, ROLE_PATIENT, "担当者がカードを確認しています",
     "The staff are looking at the card", "そのままお待ちください。", "Please wait."},
    {STAGE_ASK_WHICH_CARD, ROLE_STAFF,
     "複数のリーダーにカードがあります。この患者さんのカードはどれですか",
     "Cards lie on several readers. Which is this patient's?",
     "選ぶか、ほかのカードを取ってもらってください。", "Choose it, or have the others taken away."},
    {STAGE_ASK_WHICH_CARD, ROLE_PATIENT, "担当者がカードを確認しています",
     "The staff are looking at the card", "そのままお待ちください。", "Please wait."},
    {STAGE_LAY_CARD, ROLE_STAFF, "カードを置いてください", "Lay the card on the reader",
     "患者さんのカードをリーダーに置いてもらってください。",
     "Let the patient lay the card on the reader."},
    {STAGE_LAY_CARD, ROLE_PATIENT, "カードを置いてください", "Lay your card on the reader",
     "マイナンバーカードをリーダーに置いてください。", "Lay your My Number Card on the reader."},
    {STAGE_READING, ROLE_STAFF, "カードを読んでいます", "Reading the card",
     "カードを動かさないでください。", "Do not move the card."},
    {STAGE_PROVING, ROLE_STAFF, "暗証番号を確かめています", "Checking the PIN",
     "カードを動かさないでください。", "Do not move the card."},
    {STAGE_TYPE_AT_PAD, ROLE_STAFF, "患者さんがリーダーで暗証番号を入力しています",
     "The patient is typing the PIN at the reader",
     "カードを動かさず、リーダーのボタンで入力してもらってください。",
     "It is typed with the reader's own keys. Do not move the card."},
    {STAGE_TYPE_AT_PAD, ROLE_PATIENT, "リーダーのボタンで暗証番号を入力してください",
     "Type your PIN with the reader's keys",
     "利用者証明用電子証明書の暗証番号です。カードは動かさないでください。",
     "The PIN of the user authentication certificate. Do not move the card."},
    {STAGE_ASK_AUTHORITY, ROLE_STAFF, "資格を問い合わせています", "Asking for the eligibility",
     "そのままお待ちください。", "Please wait."},
    {STAGE_DONE, ROLE_PATIENT, "確認が終わりました", "The check is done",
     "受付の担当者がご案内します。", "The staff will help you."},
};

Text TextOf(const char* ja, const char* en) {
  Text text;
  text.set_ja(ja);
  text.set_en(en);
  return text;
}

void SetWords(const Scene& scene, Role role, View* view) {
  const Words* found = nullptr;
  for (const Words& words : kWords) {
    if (words.stage != scene.stage) continue;
    if (found == nullptr || words.role == role) found = &words;
  }
  if (found == nullptr) return;
  *view->mutable_title() = TextOf(found->title_ja, found->title_en);
  *view->mutable_advice() = TextOf(found->advice_ja, found->advice_en);
}

void SetVerdict(const Scene& scene, Role role, View* view) {
  *view->mutable_verdict() = *scene.verdict;
  if (role != ROLE_STAFF) {
    view->mutable_verdict()->clear_eligibility();
    return;
  }
  switch (scene.verdict->outcome()) {
    case check::v1::OUTCOME_ELIGIBLE:
      *view->mutable_title() = TextOf("資格は有効です", "The insurance is valid");
      break;
    case check::v1::OUTCOME_NOT_ELIGIBLE:
      *view->mutable_title() = TextOf("資格は有効ではありません", "The insurance is not valid");
      break;
    default:
      *view->mutable_title() = TextOf("確認できませんでした", "The check could not be done");
  }
  if (scene.verdict->has_failure()) {
    *view->mutable_advice() = scene.verdict->failure().advice();
  } else {
    *view->mutable_advice() = TextOf("内容を確かめて「閉じる」を押してください。",
                                     "Read the result and choose \"close\".");
  }
}

}  // namespace

bool IsRunning(Stage stage) { return stage != STAGE_IDLE && stage != STAGE_DONE; }

Answerer AnswererOf(const Scene& scene) {
  switch (scene.stage) {
    case STAGE_IDLE:
      return {REPLY_KIND_BEGIN, ROLE_STAFF};
    case STAGE_ASK_PIN:
      return {REPLY_KIND_PIN, ROLE_PATIENT};
    case STAGE_ASK_LAST_TRY:
      return {REPLY_KIND_LAST_TRY, ROLE_PATIENT};
    case STAGE_ASK_VISUAL_MATCH:
      return {REPLY_KIND_VISUAL_MATCH, ROLE_STAFF};
    case STAGE_ASK_SAME_CARD:
      return {REPLY_KIND_SAME_CARD, ROLE_STAFF};
    case STAGE_ASK_WHICH_CARD:
      return {REPLY_KIND_WHICH_CARD, ROLE_STAFF};
    case STAGE_ASK:
      return {REPLY_KIND_ANSWER, scene.ask.role()};
    case STAGE_DONE:
      return {REPLY_KIND_CLOSE, ROLE_STAFF};
    default:
      return {};
  }
}

bool IsAllowed(const Scene& scene, Role role, ReplyKind kind) {
  if (kind == REPLY_KIND_CANCEL) {
    return IsRunning(scene.stage) && (role == ROLE_STAFF || role == ROLE_PATIENT);
  }
  // A question that was answered is closed, though its stage may still stand for a moment.
  if (IsRunning(scene.stage) && scene.question == 0) return false;
  const Answerer answerer = AnswererOf(scene);
  return kind == answerer.kind && role == answerer.role && kind != REPLY_KIND_UNSPECIFIED;
}

View MakeView(const Scene& scene, Role role) {
  View view;
  view.set_role(role);
  view.set_stage(scene.stage);
  view.set_check_id(scene.check_id);
  view.set_question(scene.question);
  view.set_method_id(scene.method);
  view.set_reader(scene.reader);
  SetWords(scene, role, &view);
  for (const ReplyKind kind : {REPLY_KIND_BEGIN, REPLY_KIND_PIN, REPLY_KIND_LAST_TRY,
                               REPLY_KIND_VISUAL_MATCH, REPLY_KIND_SAME_CARD, REPLY_KIND_ANSWER,
                               REPLY_KIND_CANCEL, REPLY_KIND_CLOSE, REPLY_KIND_WHICH_CARD}) {
    if (IsAllowed(scene, role, kind)) view.add_allowed(kind);
  }
  if (scene.pin_prompt && role == ROLE_PATIENT) *view.mutable_pin_prompt() = *scene.pin_prompt;
  if (scene.tries_left) view.set_tries_left(*scene.tries_left);
  view.set_pin_rejected(scene.pin_rejected);
  if (scene.stage == STAGE_ASK) {
    *view.mutable_ask() = scene.ask;
    *view.mutable_title() = scene.ask.text();
  }
  if (scene.stage == STAGE_LAY_CARD && scene.other_card_lies_there) {
    *view.mutable_advice() =
        TextOf("今あるカードを取り、この患者さんのカードを置いてください。",
               "Take the card that lies there away and lay down this patient's.");
  }
  if (scene.stage == STAGE_ASK_SAME_CARD && scene.others_wait && role == ROLE_STAFF) {
    *view.mutable_title() = TextOf("カードが置かれました。この患者さんのカードですか",
                                   "A card was laid down. Is it this patient's?");
    *view.mutable_advice() = TextOf("ほかの窓口も、このリーダーのカードを待っています。",
                                    "Another counter waits for a card on this reader, too.");
  }
  if (scene.stage == STAGE_ASK_WHICH_CARD) {
    for (const std::string& reader : scene.card_at) view.add_card_at(reader);
  }
  view.set_lost_reader(scene.lost_reader);
  if (scene.stage == STAGE_LAY_CARD && !scene.lost_reader.empty()) {
    *view.mutable_advice() = TextOf(
        "リーダーとの接続が切れました。別のリーダーにカードを置いてください。ほかの手順はやり直さな"
        "くてかまいません。",
        "The reader went away. Lay the card on another reader; nothing else has to be done "
        "again.");
  }
  if (scene.verdict) SetVerdict(scene, role, &view);
  return view;
}

}  // namespace madoguchi
