#include "readers/bluetooth/bus_message.h"

#include <systemd/sd-bus.h>

#include <cstring>

namespace madoguchi::bluetooth {
namespace {

// Calls `read` for each element of an array, which it is to take.
template <typename Read>
bool ReadArray(sd_bus_message* message, const char* contents, Read read) {
  if (sd_bus_message_enter_container(message, SD_BUS_TYPE_ARRAY, contents) <= 0) return false;
  while (true) {
    const int end = sd_bus_message_at_end(message, 0);
    if (end < 0) return false;
    if (end > 0) break;
    if (!read()) return false;
  }
  return sd_bus_message_exit_container(message) >= 0;
}

template <typename Read>
bool ReadEntries(sd_bus_message* message, char key_type, const char* entry, Read read) {
  const std::string array = "{" + std::string(entry) + "}";
  return ReadArray(message, array.c_str(), [&] {
    std::string key;
    return sd_bus_message_enter_container(message, SD_BUS_TYPE_DICT_ENTRY, entry) > 0 &&
           ReadText(message, key_type, &key) && read(std::move(key)) &&
           sd_bus_message_exit_container(message) >= 0;
  });
}

template <typename T>
bool ReadInteger(sd_bus_message* message, char type, Value* value) {
  T number = 0;
  if (sd_bus_message_read_basic(message, type, &number) <= 0) return false;
  *value = static_cast<int64_t>(number);
  return true;
}

bool ReadOf(sd_bus_message* message, const std::string& type, Value* value) {
  if (type == "b") {
    int truth = 0;
    if (sd_bus_message_read_basic(message, 'b', &truth) <= 0) return false;
    *value = truth != 0;
    return true;
  }
  if (type == "y") return ReadInteger<uint8_t>(message, 'y', value);
  if (type == "n") return ReadInteger<int16_t>(message, 'n', value);
  if (type == "q") return ReadInteger<uint16_t>(message, 'q', value);
  if (type == "i") return ReadInteger<int32_t>(message, 'i', value);
  if (type == "u") return ReadInteger<uint32_t>(message, 'u', value);
  if (type == "x") return ReadInteger<int64_t>(message, 'x', value);
  if (type == "s" || type == "o") {
    std::string text;
    if (!ReadText(message, type[0], &text)) return false;
    *value = std::move(text);
    return true;
  }
  if (type == "as") {
    std::vector<std::string> texts;
    if (!ReadStrings(message, &texts)) return false;
    *value = std::move(texts);
    return true;
  }
  if (type == "ay") {
    std::vector<uint8_t> bytes;
    if (!ReadBytes(message, &bytes)) return false;
    *value = std::move(bytes);
    return true;
  }
  return sd_bus_message_skip(message, type.c_str()) >= 0;
}

bool ReadVariant(sd_bus_message* message, Value* value) {
  char type = 0;
  const char* contents = nullptr;
  if (sd_bus_message_peek_type(message, &type, &contents) <= 0 || type != SD_BUS_TYPE_VARIANT) {
    return false;
  }
  const std::string of = contents;
  return sd_bus_message_enter_container(message, SD_BUS_TYPE_VARIANT, of.c_str()) > 0 &&
         ReadOf(message, of, value) && sd_bus_message_exit_container(message) >= 0;
}

}  // namespace

bool ReadText(sd_bus_message* message, char type, std::string* text) {
  const char* read = nullptr;
  if (sd_bus_message_read_basic(message, type, &read) <= 0 || read == nullptr) return false;
  *text = read;
  return true;
}

bool ReadBytes(sd_bus_message* message, std::vector<uint8_t>* bytes) {
  const void* data = nullptr;
  size_t size = 0;
  if (sd_bus_message_read_array(message, 'y', &data, &size) < 0) return false;
  const auto* begin = static_cast<const uint8_t*>(data);
  bytes->assign(begin, begin + size);
  return true;
}

bool ReadStrings(sd_bus_message* message, std::vector<std::string>* texts) {
  return ReadArray(message, "s", [&] {
    std::string text;
    if (!ReadText(message, 's', &text)) return false;
    texts->push_back(std::move(text));
    return true;
  });
}

bool ReadProperties(sd_bus_message* message, Properties* properties) {
  return ReadEntries(message, 's', "sv", [&](std::string name) {
    return ReadVariant(message, &(*properties)[std::move(name)]);
  });
}

bool ReadInterfaces(sd_bus_message* message, Interfaces* interfaces) {
  return ReadEntries(message, 's', "sa{sv}", [&](std::string name) {
    return ReadProperties(message, &(*interfaces)[std::move(name)]);
  });
}

bool ReadObjects(sd_bus_message* message, Objects* objects) {
  return ReadEntries(message, 'o', "oa{sa{sv}}", [&](std::string path) {
    return ReadInterfaces(message, &(*objects)[std::move(path)]);
  });
}

bool AppendWrite(sd_bus_message* message, std::span<const uint8_t> piece) {
  constexpr char kName[] = "type", kWord[] = "request";
  void* hole = nullptr;
  char* word = nullptr;
  if (sd_bus_message_sensitive(message) < 0 ||
      sd_bus_message_append_array_space(message, 'y', piece.size(), &hole) < 0) {
    return false;
  }
  std::memset(hole, 0, piece.size());
  if (sd_bus_message_open_container(message, SD_BUS_TYPE_ARRAY, "{sv}") < 0 ||
      sd_bus_message_open_container(message, SD_BUS_TYPE_DICT_ENTRY, "sv") < 0 ||
      sd_bus_message_append_basic(message, 's', kName) < 0 ||
      sd_bus_message_open_container(message, SD_BUS_TYPE_VARIANT, "s") < 0 ||
      sd_bus_message_append_string_space(message, sizeof(kWord) - 1, &word) < 0) {
    return false;
  }
  std::memcpy(word, kWord, sizeof(kWord) - 1);
  for (int open = 3; open > 0; --open) {
    if (sd_bus_message_close_container(message) < 0) return false;
  }
  // Where the body begins, counted back from its end as the D-Bus specification lays it out: length
  // and bytes; length of the array; the entry, on a multiple of 8: its key, the signature "s" and
  // the word, each string behind its length.
  const auto aligned = [](size_t at, size_t to) { return (at + to - 1) / to * to; };
  constexpr size_t kLength = sizeof(uint32_t), kSignature = 3;
  size_t at = aligned(kLength + piece.size(), kLength) + kLength;
  at = aligned(at, 8) + kLength + sizeof(kName) + kSignature;
  at = aligned(at, kLength) + kLength;
  char* const body = word - at;
  uint32_t length = 0;
  std::memcpy(&length, body, sizeof(length));
  if (length != piece.size()) return false;
  std::memcpy(body + kLength, piece.data(), piece.size());
  return true;
}

}  // namespace madoguchi::bluetooth
