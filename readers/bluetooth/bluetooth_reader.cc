#include "readers/bluetooth/bluetooth_reader.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <future>

#include "readers/bluetooth/acr1255.h"
#include "readers/bluetooth/ccid.h"
#include "readers/bluetooth/settings.h"

namespace madoguchi::bluetooth {
namespace {

constexpr std::chrono::milliseconds kStopPatience(300);

bool RandomBytes(std::span<uint8_t> bytes) {
  return RAND_priv_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1;
}

absl::StatusOr<Secret> CopyOf(std::span<const uint8_t> bytes) {
  auto copy = Secret::OfSize(bytes.size());
  if (copy.ok()) std::copy(bytes.begin(), bytes.end(), copy->bytes().begin());
  return copy;
}

}  // namespace

BluetoothReader::~BluetoothReader() {
  if (!thread_.joinable()) return;
  loop_.Stop();
  thread_.join();
}

absl::Status BluetoothReader::Start(const plugin::Settings& settings) {
  // Its file of settings lies outside of the jail, and nothing in it is for us.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  Radio::Options options;
  if (absl::Status read = ReadOptions(settings, &options); !read.ok()) return read;
  auto key = ReadMasterKey(settings);
  if (!key.ok()) return key.status();
  master_key_ = *std::move(key);
  const auto bus = settings.Text("bus");
  if (!bus.ok()) return bus.status();

  bluez_ = std::make_unique<BusBluez>(loop_, *bus);
  const auto make_codec = [this](const Family& family) -> std::unique_ptr<Codec> {
    if (family.language == Family::Language::kCcid) return std::make_unique<Ccid>();
    auto key = CopyOf(std::as_const(master_key_).bytes());
    if (!key.ok()) return nullptr;
    return std::make_unique<Acr1255>(*std::move(key), RandomBytes);
  };
  radio_ = std::make_unique<Radio>(
      *bluez_, loop_, std::move(options), make_codec,
      [this](reader::v1::Snapshot snapshot) { board().Publish(std::move(snapshot)); });
  radio_->Start();
  thread_ = std::thread([this] { loop_.Run(*bluez_); });
  started_ = true;
  return absl::OkStatus();
}

void BluetoothReader::Stop() {
  if (!started_) return;
  const auto ended = std::make_shared<std::promise<void>>();
  loop_.Post([this, ended] { radio_->End([ended] { ended->set_value(); }); });
  ended->get_future().wait_for(kStopPatience);
}

absl::StatusOr<std::vector<uint8_t>> BluetoothReader::Await(
    std::function<void(Device::Answer)> ask) {
  const auto answer = std::make_shared<std::promise<absl::StatusOr<std::vector<uint8_t>>>>();
  auto answered = answer->get_future();
  loop_.Post([ask = std::move(ask), answer] {
    ask([answer](absl::StatusOr<std::vector<uint8_t>> bytes) {
      answer->set_value(std::move(bytes));
    });
  });
  return answered.get();
}

absl::StatusOr<reader::v1::OpenReply> BluetoothReader::Open(
    const reader::v1::OpenRequest& request) {
  const uint64_t session = ++last_session_;
  const auto atr = Await([&](Device::Answer answer) {
    radio_->Open(session, request.reader(), request.insertion(), std::move(answer));
  });
  if (!atr.ok()) return atr.status();
  reader::v1::OpenReply reply;
  reply.set_session(session);
  reply.set_atr(atr->data(), atr->size());
  return reply;
}

absl::StatusOr<std::vector<uint8_t>> BluetoothReader::Transmit(uint64_t session,
                                                               std::span<const uint8_t> command) {
  if (command.size() > kLongestCommand) {
    return FailureStatus(check::v1::FAILURE_CODE_REQUEST_INVALID,
                         "these readers carry commands of at most 261 bytes");
  }
  auto copy = CopyOf(command);
  if (!copy.ok()) return copy.status();
  return Await([&](Device::Answer answer) {
    radio_->Transmit(session, *std::move(copy), std::move(answer));
  });
}

void BluetoothReader::Close(uint64_t session) {
  loop_.Post([this, session] { radio_->Close(session); });
}

}  // namespace madoguchi::bluetooth
