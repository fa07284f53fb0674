#ifndef MADOGUCHI_READERS_BLUETOOTH_ACR_PEER_H_
#define MADOGUCHI_READERS_BLUETOOTH_ACR_PEER_H_

#include <algorithm>
#include <string>
#include <vector>

#include "readers/bluetooth/acr_frame.h"
#include "readers/bluetooth/acr_session.h"

// The reader's end of the ACR1255U-J1 protocol, for unit tests and fuzzers: just enough to answer a
// codec. Written from the manual, apart from the codec that it is held against.
namespace madoguchi::bluetooth {

using Bytes = std::vector<uint8_t>;

constexpr char kMakersKey[] = "ACR1255U-J1 Auth";

inline Bytes FromHex(const std::string& hex) {
  Bytes bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

inline Secret SecretOf(const Bytes& bytes) {
  Secret secret = *Secret::OfSize(bytes.size());
  std::copy(bytes.begin(), bytes.end(), secret.bytes().begin());
  return secret;
}

inline Secret SecretOf(const std::string& text) {
  return SecretOf(Bytes(text.begin(), text.end()));
}

inline Bytes BytesOf(const Secret& secret) {
  return Bytes(secret.bytes().begin(), secret.bytes().end());
}

class AcrPeer {
 public:
  explicit AcrPeer(const std::string& master = kMakersKey) : master_(SecretOf(master)) {}

  static Bytes Frame(const Bytes& payload) {
    Bytes frame = {0x05, static_cast<uint8_t>(payload.size() >> 8),
                   static_cast<uint8_t>(payload.size())};
    frame.insert(frame.end(), payload.begin(), payload.end());
    uint8_t sum = 0;
    for (size_t i = 1; i < frame.size(); ++i) sum ^= frame[i];
    frame.push_back(sum);
    frame.push_back(0x0A);
    return frame;
  }
  static Bytes Block(uint8_t type, uint8_t parameter, const Bytes& data) {
    Bytes block = {type,
                   static_cast<uint8_t>(data.size() >> 8),
                   static_cast<uint8_t>(data.size()),
                   0x00,
                   0x00,
                   parameter,
                   0x00};
    block.insert(block.end(), data.begin(), data.end());
    uint8_t sum = 0;
    for (const uint8_t byte : block) sum ^= byte;
    block[6] = sum;
    return block;
  }
  // A block as a frame, encrypted once there is a key.
  Bytes Say(uint8_t type, uint8_t parameter, const Bytes& data = {}) {
    Bytes block = Block(type, parameter, data);
    if (key_.empty()) return Frame(block);
    while (block.size() % 16 != 0) block.push_back(0xFF);
    (void)AesEncrypt(key_, block);
    return Frame(block);
  }
  // The block in a host's frame: type, parameter and data behind each other.
  Bytes Hear(const Bytes& frame) {
    Bytes block(frame.begin() + 3, frame.end() - 2);
    if (!key_.empty()) (void)AesDecrypt(key_, block);
    const size_t length = block[1] << 8 | block[2];
    Bytes heard = {block[0], block[5]};
    heard.insert(heard.end(), block.begin() + 7, block.begin() + 7 + length);
    return heard;
  }
  // E1 00 00 45 00 | E(master, A)
  Bytes Challenge() {
    Bytes sealed = a_;
    (void)AesEncrypt(master_, sealed);
    Bytes data = {0xE1, 0x00, 0x00, 0x45, 0x00};
    data.insert(data.end(), sealed.begin(), sealed.end());
    return Say(0x83, 0x00, data);
  }
  // Whether the host's proof is right, given the data of its escape.
  bool Believes(const Bytes& data) {
    if (data.size() != 5 + 32) return false;
    proof_.assign(data.begin() + 5, data.end());
    (void)AesEncrypt(master_, proof_);
    return std::equal(a_.begin(), a_.end(), proof_.begin() + 16);
  }
  // E1 00 00 46 00 | E(master, B), and everything is encrypted from then on.
  Bytes OwnProof() {
    Bytes b(proof_.begin(), proof_.begin() + 16);
    Bytes key(a_.begin(), a_.begin() + 8);
    key.insert(key.end(), b.begin(), b.begin() + 8);
    (void)AesEncrypt(master_, b);
    Bytes data = {0xE1, 0x00, 0x00, 0x46, 0x00};
    data.insert(data.end(), b.begin(), b.end());
    const Bytes frame = Say(0x83, 0x00, data);
    key_ = SecretOf(key);
    return frame;
  }

 private:
  Secret master_;
  Bytes a_ = Bytes(16, 0xA5);
  Bytes proof_;
  Secret key_;
};

}  // namespace madoguchi::bluetooth

#endif  // MADOGUCHI_READERS_BLUETOOTH_ACR_PEER_H_
