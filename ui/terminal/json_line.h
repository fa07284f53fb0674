#ifndef MADOGUCHI_UI_TERMINAL_JSON_LINE_H_
#define MADOGUCHI_UI_TERMINAL_JSON_LINE_H_

#include <google/protobuf/util/json_util.h>

#include <string>

namespace madoguchi::terminal {

// `message` as protobuf's JSON, in one line without its end; fields are named as in the proto.
inline std::string JsonLine(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  (void)google::protobuf::util::MessageToJsonString(message, &json, options);
  return json;
}

}  // namespace madoguchi::terminal

#endif  // MADOGUCHI_UI_TERMINAL_JSON_LINE_H_
