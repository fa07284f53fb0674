#include "sdk/sim/bluez/message.h"

#include <systemd/sd-bus.h>

#include <set>
#include <type_traits>
#include <utility>

namespace madoguchi::bluez {

void AppendVariant(sd_bus_message* message, const Value& value) {
  sd_bus_message_open_container(message, SD_BUS_TYPE_VARIANT, value.signature());
  Append(message, value);
  sd_bus_message_close_container(message);
}

void AppendDict(sd_bus_message* message, const Dict& dict) {
  sd_bus_message_open_container(message, SD_BUS_TYPE_ARRAY, "{sv}");
  for (const auto& [name, value] : dict) {
    sd_bus_message_open_container(message, SD_BUS_TYPE_DICT_ENTRY, "sv");
    sd_bus_message_append_basic(message, 's', name.c_str());
    AppendVariant(message, value);
    sd_bus_message_close_container(message);
  }
  sd_bus_message_close_container(message);
}

void AppendInterfaces(sd_bus_message* message, const std::map<std::string, Dict>& interfaces) {
  sd_bus_message_open_container(message, SD_BUS_TYPE_ARRAY, "{sa{sv}}");
  for (const auto& [interface, properties] : interfaces) {
    sd_bus_message_open_container(message, SD_BUS_TYPE_DICT_ENTRY, "sa{sv}");
    sd_bus_message_append_basic(message, 's', interface.c_str());
    AppendDict(message, properties);
    sd_bus_message_close_container(message);
  }
  sd_bus_message_close_container(message);
}

void AppendStrings(sd_bus_message* message, const std::vector<std::string>& strings) {
  sd_bus_message_open_container(message, SD_BUS_TYPE_ARRAY, "s");
  for (const std::string& text : strings) sd_bus_message_append_basic(message, 's', text.c_str());
  sd_bus_message_close_container(message);
}

void Append(sd_bus_message* message, const Value& value) {
  const auto append = [message](const auto& held) {
    using T = std::decay_t<decltype(held)>;
    if constexpr (std::is_same_v<T, bool>) {
      const int flag = held;
      sd_bus_message_append_basic(message, 'b', &flag);
    } else if constexpr (std::is_same_v<T, uint8_t>) {
      sd_bus_message_append_basic(message, 'y', &held);
    } else if constexpr (std::is_same_v<T, int16_t>) {
      sd_bus_message_append_basic(message, 'n', &held);
    } else if constexpr (std::is_same_v<T, uint16_t>) {
      sd_bus_message_append_basic(message, 'q', &held);
    } else if constexpr (std::is_same_v<T, uint32_t>) {
      sd_bus_message_append_basic(message, 'u', &held);
    } else if constexpr (std::is_same_v<T, std::string>) {
      sd_bus_message_append_basic(message, 's', held.c_str());
    } else if constexpr (std::is_same_v<T, ObjectPath>) {
      sd_bus_message_append_basic(message, 'o', held.path.c_str());
    } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
      AppendStrings(message, held);
    } else if constexpr (std::is_same_v<T, std::vector<ObjectPath>>) {
      sd_bus_message_open_container(message, SD_BUS_TYPE_ARRAY, "o");
      for (const ObjectPath& one : held) {
        sd_bus_message_append_basic(message, 'o', one.path.c_str());
      }
      sd_bus_message_close_container(message);
    } else if constexpr (std::is_same_v<T, Bytes>) {
      sd_bus_message_append_array(message, 'y', held.data(), held.size());
    } else {
      AppendDict(message, held);
    }
  };
  std::visit(append, static_cast<const Value::variant&>(value));
}

namespace {

bool Knows(const std::string& signature) {
  static const std::set<std::string> kKnown = {"b", "y", "n",  "q",  "u",
                                               "s", "o", "as", "ay", "a{sv}"};
  return kKnown.contains(signature);
}

std::optional<Value> ReadDict(sd_bus_message* message) {
  Dict dict;
  if (sd_bus_message_enter_container(message, 'a', "{sv}") < 0) return {};
  while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
    const char* name = nullptr;
    sd_bus_message_read_basic(message, 's', &name);
    const char* contents = nullptr;
    sd_bus_message_peek_type(message, nullptr, &contents);
    if (sd_bus_message_enter_container(message, 'v', contents) < 0) return {};
    if (!Knows(contents)) {
      sd_bus_message_skip(message, contents);
    } else if (std::optional<Value> value = Read(message)) {
      dict.emplace(name, *std::move(value));
    }
    sd_bus_message_exit_container(message);
    sd_bus_message_exit_container(message);
  }
  sd_bus_message_exit_container(message);
  return dict;
}

template <typename T>
std::optional<Value> ReadBasic(sd_bus_message* message, char type) {
  T value{};
  if (sd_bus_message_read_basic(message, type, &value) < 0) return {};
  return value;
}

}  // namespace

std::optional<Value> Read(sd_bus_message* message) {
  char type = 0;
  const char* contents = nullptr;
  if (sd_bus_message_peek_type(message, &type, &contents) <= 0) return {};
  const char* text = nullptr;
  switch (type) {
    case 'b': {
      int flag = 0;
      if (sd_bus_message_read_basic(message, 'b', &flag) < 0) return {};
      return flag != 0;
    }
    case 'y':
      return ReadBasic<uint8_t>(message, type);
    case 'n':
      return ReadBasic<int16_t>(message, type);
    case 'q':
      return ReadBasic<uint16_t>(message, type);
    case 'u':
      return ReadBasic<uint32_t>(message, type);
    case 's':
      if (sd_bus_message_read_basic(message, 's', &text) < 0) return {};
      return std::string(text);
    case 'o':
      if (sd_bus_message_read_basic(message, 'o', &text) < 0) return {};
      return ObjectPath{text};
    case 'v': {
      if (sd_bus_message_enter_container(message, 'v', contents) < 0) return {};
      std::optional<Value> value = Read(message);
      sd_bus_message_exit_container(message);
      return value;
    }
    case 'a': {
      const std::string of = contents;
      if (of == "{sv}") return ReadDict(message);
      if (of == "y") {
        const void* bytes = nullptr;
        size_t size = 0;
        if (sd_bus_message_read_array(message, 'y', &bytes, &size) < 0) return {};
        const auto* first = static_cast<const uint8_t*>(bytes);
        return Bytes(first, first + size);
      }
      if (of != "s") return {};
      std::vector<std::string> texts;
      sd_bus_message_enter_container(message, 'a', "s");
      while (sd_bus_message_read_basic(message, 's', &text) > 0) texts.emplace_back(text);
      sd_bus_message_exit_container(message);
      return texts;
    }
    default:
      return {};
  }
}

std::optional<std::vector<Value>> ReadAll(sd_bus_message* message) {
  std::vector<Value> values;
  while (sd_bus_message_at_end(message, 1) == 0) {
    std::optional<Value> value = Read(message);
    if (!value) return {};
    values.push_back(*std::move(value));
  }
  return values;
}

}  // namespace madoguchi::bluez
