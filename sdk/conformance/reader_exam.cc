#include "sdk/conformance/reader_exam.h"

#include <thread>

#include "sdk/conformance/calls.h"
#include "sdk/failure/failure.h"

namespace madoguchi::conformance {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kCardPatience(5000);
constexpr milliseconds kNoCardPatience(700);

}  // namespace

ReaderExam::ReaderExam(Exam& exam) : exam_(exam) {
  const Options& options = exam.options();
  if (!options.card_command.empty()) {
    hand_ = HandOfCommand(options.card_command, exam.scratch());
  } else if (!options.sim_card.empty()) {
    // A name alone is a socket in the folder that the plugin was given.
    std::string place = options.sim_card;
    for (const auto& setting : exam.manifest().setting()) {
      if (setting.type() != plugin::v1::SettingDeclaration::TYPE_SOCKET_FOLDER) continue;
      if (place.find('/') == std::string::npos && !place.ends_with(".sock")) continue;
      if (place[0] != '/') place = options.settings.at(setting.name()) + "/" + place;
    }
    hand_ = HandOfSimulator(
        options.sim_card_binary, place,
        options.card_folder.empty() ? exam.scratch() + "/card" : options.card_folder,
        exam.scratch());
  }
}

ReaderExam::~ReaderExam() {
  if (laid_) (void)hand_->Take();
}

absl::Status ReaderExam::Ready() {
  if (life_ != nullptr && !life_->Wait(milliseconds(0))) return absl::OkStatus();
  Drop();
  auto life = exam_.Start();
  if (!life.ok()) return life.status();
  life_ = *std::move(life);
  client_ = std::make_unique<ReaderClient>(*life_, patience());
  return absl::OkStatus();
}

void ReaderExam::Drop() {
  client_.reset();
  life_.reset();
}

std::optional<reader::v1::Snapshot> ReaderExam::Snapshot() {
  return client_->Await([](const auto&) { return true; }, exam_.Patience(milliseconds(1000)));
}

std::optional<ReaderExam::Card> ReaderExam::CardWithin(milliseconds patience) {
  std::optional<Card> card;
  client_->Await(
      [&](const reader::v1::Snapshot& snapshot) {
        for (const auto& state : snapshot.reader()) {
          if (state.presence() != reader::v1::PRESENCE_PRESENT) continue;
          card = Card{state.name(), state.insertion(), state.atr(), state.pin_pad()};
          return true;
        }
        return false;
      },
      patience);
  return card;
}

absl::StatusOr<ReaderExam::Card> ReaderExam::AwaitCard() {
  const auto none = [](const std::string& why) { return absl::FailedPreconditionError(why); };
  if (hand_ != nullptr && !laid_) {
    const absl::Status laid = hand_->Lay();
    if (!laid.ok()) return none("the card could not be laid down: " + std::string(laid.message()));
    laid_ = true;
  }
  if (!no_card_) {
    if (auto card = CardWithin(hand_ != nullptr ? kCardPatience : kNoCardPatience)) return *card;
    // A row may have left card and reader in disorder; another row is not to pay for it.
    if (hand_ != nullptr && hand_->Restart().ok()) {
      if (auto card = CardWithin(kCardPatience)) return *card;
    }
    no_card_ = true;
  }
  return none(
      "no card lies on a reader: lay one down before the examination, or give --card-command or "
      "--sim-card");
}

Finding ReaderExam::WithCard(const std::function<Finding(const Card&)>& look) {
  if (absl::Status ready = Ready(); !ready.ok()) return Failed(Words(ready), "see plugin.starts");
  const auto card = AwaitCard();
  if (!card.ok()) return Skipped(std::string(card.status().message()));
  return look(*card);
}

Finding ReaderExam::WithSession(const std::function<Finding(const Card&, uint64_t)>& look) {
  return WithCard([&](const Card& card) {
    // A card that was laid down a moment ago may not have been shown yet: the snapshot is of
    // before.
    auto opened = client_->Open(card.reader, card.insertion);
    const auto until = std::chrono::steady_clock::now() + kNoCardPatience;
    while (CodeOf(opened.status()) == check::v1::FAILURE_CODE_CARD_GONE &&
           std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(milliseconds(20));
      if (const auto newest = CardWithin(milliseconds(0))) {
        opened = client_->Open(newest->reader, newest->insertion);
      }
    }
    if (!opened.ok()) {
      return Failed("Open: " + Words(opened.status()),
                    "open the card of the newest snapshot; a closed session leaves it free");
    }
    const Session session(*this, opened->session());
    return look(card, session.number());
  });
}

ReaderExam::Bytes ReaderExam::Harmless(size_t size) {
  Bytes command = {0x80, 0xFE, 0x00, 0x00};
  const std::string canary = "SYNTHETIC-APDU-7083";
  const auto fill = [&](size_t length) {
    for (size_t i = 0; i < length; ++i) command.push_back(canary[i % canary.size()]);
  };
  if (size >= 4 + 1 + canary.size()) exam_.AddSecret("an APDU's data", canary);
  if (size == 4) return command;
  if (size == 5) {
    command.push_back(0x00);  // Le
  } else if (size <= 261) {
    // Short: Lc, data, and Le where there is one byte too many for Lc.
    const size_t data = std::min<size_t>(size - 5, 255);
    command.push_back(static_cast<uint8_t>(data));
    fill(data);
    if (command.size() < size) command.push_back(0x00);
  } else {
    // Extended: 00 and Lc in two bytes, data, and Le of two bytes where Lc cannot hold the rest.
    const size_t data = std::min<size_t>(size - 7, 65535);
    command.push_back(0x00);
    command.push_back(static_cast<uint8_t>(data >> 8));
    command.push_back(static_cast<uint8_t>(data));
    fill(data);
    command.resize(size, 0x00);
  }
  return command;
}

Finding ExpectCode(const absl::Status& status, check::v1::FailureCode code, const std::string& what,
                   const std::string& advice) {
  if (CodeOf(status) == code) return Passed();
  return Failed(what + ": expected " + NameOf(code) + ", came " + Words(status), advice);
}

}  // namespace madoguchi::conformance
