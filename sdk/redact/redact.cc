#include "sdk/redact/redact.h"

#include <google/protobuf/text_format.h>

#include <vector>

#include "madoguchi/privacy/v1/privacy.pb.h"

namespace madoguchi {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::TextFormat;

bool IsPersonal(const FieldDescriptor* field) {
  return field->options().GetExtension(privacy::v1::personal);
}

void Print(const Message& message, std::string* out) {
  const auto* const reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  printer.SetUseUtf8StringEscaping(true);
  for (const FieldDescriptor* field : fields) {
    const int count = field->is_repeated() ? reflection->FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      const int index = field->is_repeated() ? i : -1;
      if (!out->empty() && out->back() != '{') *out += ' ';
      *out += field->name();
      if (IsPersonal(field)) {
        *out += ": ***";
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        *out += " {";
        Print(index < 0 ? reflection->GetMessage(message, field)
                        : reflection->GetRepeatedMessage(message, field, index),
              out);
        *out += '}';
      } else {
        std::string value;
        printer.PrintFieldValueToString(message, field, index, &value);
        *out += ": " + value;
      }
    }
  }
}

}  // namespace

std::string Redacted(const Message& message) {
  std::string text;
  Print(message, &text);
  return text;
}

}  // namespace madoguchi
