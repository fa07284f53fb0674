#include "sdk/sim/card/card.h"

#include <openssl/rand.h>

#include <algorithm>
#include <utility>

#include "sdk/sim/card/signature.h"

namespace madoguchi::sim {
namespace {

constexpr uint8_t kLastShortId = 0x1E;
constexpr size_t kLongestSecret = 16;

Bytes Answer(uint16_t status) {
  Bytes answer(2);
  answer[0] = static_cast<uint8_t>(status >> 8);
  answer[1] = static_cast<uint8_t>(status);
  return answer;
}

Bytes Answer(std::span<const uint8_t> data, uint16_t status = kSuccess) {
  Bytes answer(data.size() + 2);
  std::copy(data.begin(), data.end(), answer.begin());
  answer[data.size()] = static_cast<uint8_t>(status >> 8);
  answer[data.size() + 1] = static_cast<uint8_t>(status);
  return answer;
}

// ISO 7816-4: CLA 00 is the standard's, 80 the application's own; the low bits are the logical
// channel (2 bits) and secure messaging (2 bits).
uint16_t ClassFault(const Command& command) {
  const uint8_t kind = command.cla & 0xF0;
  if (kind != 0x00 && kind != 0x80) return kNoClass;
  if ((command.cla & 0x03) != 0) return kNoLogicalChannel;
  if ((command.cla & 0x0C) != 0) return kNoSecureMessaging;
  return kSuccess;
}

bool IsProprietary(uint8_t instruction) {
  return instruction == kComputeDigitalSignature || instruction == kChangeKey ||
         instruction == kLastCommandIndicator;
}

}  // namespace

Card::Card(std::vector<Application> applications, State state, const Faults& faults)
    : applications_(std::move(applications)), state_(std::move(state)), faults_(faults) {
  Reset();
}

void Card::Replace(std::vector<Application> applications, const Faults& faults) {
  applications_ = std::move(applications);
  faults_ = faults;
  Reset();
}

void Card::Reset() {
  application_ = nullptr;
  file_ = nullptr;
  verified_.clear();
  // An iPhone asks for face or finger before it shows itself to the reader.
  if (faults_.phone == Faults::Phone::kIphone) verified_.insert("jpki.auth");
  // After power-on the issuer security domain is current; nothing but GET DATA is to be had there.
  for (const Application& application : applications_) {
    if (!application.data_objects.empty()) application_ = &application;
  }
}

Bytes Card::Transmit(std::span<const uint8_t> apdu) {
  const std::optional<Command> parsed = ParseCommand(apdu);
  if (!parsed) return Answer(kWrongLength);
  const Command& command = *parsed;
  if (const uint16_t fault = ClassFault(command); fault != kSuccess) return Answer(fault);
  const bool proprietary = command.cla == 0x80;
  switch (command.ins) {
    case kSelect:
    case kReadBinary:
    case kReadRecord:
    case kVerify:
    case kChangeReferenceData:
    case kGetChallenge:
    case kGetData:
    case kComputeDigitalSignature:
    case kChangeKey:
      if (proprietary != IsProprietary(command.ins)) return Answer(kNoClass);
      break;
    case kLastCommandIndicator:
      if (!proprietary) return Answer(kNoClass);
      return Answer(faults_.phone == Faults::Phone::kIphone ? kSuccess : kWrongLength);
    default:
      return Answer(kNoInstruction);
  }
  switch (command.ins) {
    case kSelect:
      return Select(command);
    case kReadBinary:
      return ReadBinary(command);
    case kReadRecord:
      return ReadRecord(command);
    case kVerify:
      return Verify(command);
    case kGetChallenge:
      return GetChallenge(command);
    case kGetData:
      return GetData(command);
    case kComputeDigitalSignature:
      return Sign(command);
    default:
      return Change(command);
  }
}

Bytes Card::Select(const Command& command) {
  if (command.p1 == 0x04) {
    if (command.p2 != 0x0C && command.p2 != 0x00) return Answer(kWrongP1P2);
    if (command.data.empty() || command.data.size() > 16) return Answer(kWrongLength);
    for (const Application& application : applications_) {
      if (command.data.size() <= application.aid.size() &&
          std::equal(command.data.begin(), command.data.end(), application.aid.begin())) {
        application_ = &application;
        file_ = nullptr;
        return Answer(kSuccess);
      }
    }
    return Answer(kNoFile);
  }
  if (command.p1 == 0x02) {
    if (command.p2 != 0x0C && command.p2 != 0x00) return Answer(kWrongP1P2);
    if (command.data.size() != 2) return Answer(kWrongLength);
    if (application_ == nullptr) return Answer(kNoFile);
    const auto found =
        application_->files.find(static_cast<uint16_t>(command.data[0] << 8 | command.data[1]));
    if (found == application_->files.end()) return Answer(kNoFile);
    file_ = &found->second;
    return Answer(kSuccess);
  }
  if (command.p1 == 0x00) {
    if (!command.data.empty()) return Answer(kNoFile);
    // The master file: refused after a reset, and taken without any effect inside an application.
    const bool inside = application_ != nullptr && application_->data_objects.empty();
    return Answer(inside ? kSuccess : kWrongP1P2);
  }
  return Answer(kWrongP1P2);
}

const ElementaryFile* Card::Find(uint8_t short_id, uint16_t& status) {
  if (short_id == 0) {
    status = kNoCurrentFile;
    return file_;
  }
  if (faults_.no_short_ef) {
    status = *faults_.no_short_ef;
    return nullptr;
  }
  status = short_id > kLastShortId ? kWrongP1P2 : kNoFile;
  if (application_ == nullptr) return nullptr;
  const auto found = application_->files.find(short_id);
  if (short_id > kLastShortId || found == application_->files.end()) return nullptr;
  file_ = &found->second;
  return file_;
}

const ElementaryFile* Card::Referenced(uint8_t p2, uint16_t& status) {
  status = kWrongP1P2;
  if ((p2 & 0xE0) != 0x80) return nullptr;
  return Find(p2 & 0x1F, status);
}

bool Card::Opened(const ElementaryFile& file) const {
  return file.opens_with.empty() ||
         std::any_of(file.opens_with.begin(), file.opens_with.end(),
                     [this](const std::string& name) { return verified_.contains(name); });
}

Bytes Card::ReadBinary(const Command& command) {
  if (!command.data.empty() || !command.le) return Answer(kWrongLength);
  uint16_t status = kWrongP1P2;
  const ElementaryFile* file = nullptr;
  size_t offset = 0;
  if ((command.p1 & 0x80) != 0) {
    const uint8_t short_id = command.p1 & 0x1F;
    if ((command.p1 & 0x60) != 0 || short_id == 0) return Answer(kWrongP1P2);
    file = Find(short_id, status);
    offset = command.p2;
  } else {
    file = Find(0, status);
    offset = size_t{command.p1} << 8 | command.p2;
  }
  if (file == nullptr) return Answer(status);
  if (file->kind != ElementaryFile::Kind::kTransparent) return Answer(kWrongFileStructure);
  if (!Opened(*file)) return Answer(kSecurityStatus);
  if (offset >= file->content.size()) return Answer(kWrongOffset);
  const size_t length = std::min(*command.le, file->content.size() - offset);
  const bool cut = length < *command.le;
  return Answer(std::span(file->content).subspan(offset, length),
                cut && faults_.eof_6282 ? kEndOfFile : kSuccess);
}

Bytes Card::ReadRecord(const Command& command) {
  if (!command.data.empty() || !command.le) return Answer(kWrongLength);
  if ((command.p2 & 0x07) != 0x04) return Answer(kWrongP1P2);
  uint16_t status = kNoFile;
  const ElementaryFile* file = Find(command.p2 >> 3, status);
  if (file == nullptr) return Answer(status);
  if (file->kind != ElementaryFile::Kind::kRecords) return Answer(kWrongFileStructure);
  if (!Opened(*file)) return Answer(kSecurityStatus);
  if (command.p1 > 1) return Answer(kNoRecord);
  return Answer(std::span(file->content).first(std::min(*command.le, file->content.size())));
}

Bytes Card::Verify(const Command& command) {
  if (command.le || command.data.size() > kLongestSecret) return Answer(kWrongLength);
  if (command.p1 != 0) return Answer(kWrongP1P2);
  uint16_t status = kNoFile;
  const ElementaryFile* file = Referenced(command.p2, status);
  if (file == nullptr) return Answer(status);
  if (file->kind != ElementaryFile::Kind::kSecret) return Answer(kWrongFileStructure);
  if (command.data.empty()) {
    return Answer(static_cast<uint16_t>(kTriesLeft | state_.TriesLeft(file->secret)));
  }
  switch (state_.Verify(file->secret, command.data)) {
    case State::Verdict::kRight:
      verified_.insert(file->secret);
      return Answer(kSuccess);
    case State::Verdict::kWrong:
      verified_.erase(file->secret);
      return Answer(static_cast<uint16_t>(kTriesLeft | state_.TriesLeft(file->secret)));
    case State::Verdict::kBlocked:
      break;
  }
  verified_.erase(file->secret);
  return Answer(kBlocked);
}

Bytes Card::Change(const Command& command) {
  if (application_ == nullptr || application_->change_instruction != command.ins) {
    return Answer(kNoInstruction);
  }
  const uint8_t new_value_only = command.ins == kChangeReferenceData ? 0x01 : 0x00;
  if (command.p1 != new_value_only) return Answer(kWrongP1P2);
  if (command.le || command.data.empty() || command.data.size() > kLongestSecret) {
    return Answer(kWrongLength);
  }
  uint16_t status = kNoFile;
  const ElementaryFile* file = Referenced(command.p2, status);
  if (file == nullptr) return Answer(status);
  if (file->kind != ElementaryFile::Kind::kSecret) return Answer(kWrongFileStructure);
  if (state_.TriesLeft(file->secret) == 0) return Answer(kBlocked);
  if (!verified_.contains(file->secret)) return Answer(kSecurityStatus);
  const absl::Status changed =
      state_.Set(file->secret, command.data, state_.TriesAtMost(file->secret));
  return Answer(changed.ok() ? kSuccess : kConditionsOfUse);
}

Bytes Card::Sign(const Command& command) {
  if (command.data.empty() || !command.le) return Answer(kWrongLength);
  // P2 00 means an application's own key for internal authentication, which JPKI has not.
  if (command.p2 == 0) return Answer(kNoReferencedData);
  uint16_t status = kNoFile;
  const ElementaryFile* file = Referenced(command.p2, status);
  if (file == nullptr) return Answer(status);
  if (file->kind != ElementaryFile::Kind::kKey) return Answer(kWrongFileStructure);
  if (command.p1 > static_cast<uint8_t>(SignatureForm::kMessagePss)) return Answer(kWrongP1P2);
  if (file->key == nullptr || !Opened(*file)) return Answer(kSecurityStatus);
  const SignatureForm form{command.p1};
  if (!TakesLength(form, command.data.size())) return Answer(kConditionsOfUse);
  std::optional<Bytes> signature = ComputeSignature(file->key.get(), form, command.data);
  if (!signature) return Answer(kConditionsOfUse);
  if (*command.le < signature->size()) return Answer(kWrongLength);
  if (faults_.flipped_signature) (*signature)[signature->size() / 2] ^= 0x01;
  return Answer(*signature);
}

Bytes Card::GetChallenge(const Command& command) {
  if (command.p1 != 0 || command.p2 != 0) return Answer(kWrongP1P2);
  if (!command.data.empty() || !command.le) return Answer(kWrongLength);
  if (*command.le > 256) return Answer(kConditionsOfUse);
  Bytes random(*command.le);
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
    return Answer(kConditionsOfUse);
  }
  return Answer(random);
}

Bytes Card::GetData(const Command& command) {
  if (!command.data.empty() || !command.le) return Answer(kWrongLength);
  if (application_ == nullptr) return Answer(kNoReferencedData);
  const auto found =
      application_->data_objects.find(static_cast<uint16_t>(command.p1 << 8 | command.p2));
  if (found == application_->data_objects.end()) return Answer(kNoReferencedData);
  return Answer(found->second);
}

}  // namespace madoguchi::sim
