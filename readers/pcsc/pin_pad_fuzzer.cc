// What drivers say of their readers' PIN pads, and a rule of the clinic's beside it: any bytes.
#include <cstdlib>

#include "readers/pcsc/pin_pad.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace madoguchi::pcsc;
  const std::span<const uint8_t> input(data, size);
  (void)ParseFeatures(input);
  (void)ParsePinProperties(input);
  (void)PadFailure(input);
  const PadProperties properties = ParseTlvProperties(input);
  const auto rules = PadRules::Parse(std::string(input.begin(), input.end()));
  madoguchi::reader::v1::PadForm form;
  form.set_shortest(4);
  form.set_longest(16);
  form.set_patience_s(30);
  const uint8_t verify[] = {0x00, 0x20, 0x00, 0x98, 0x00};
  const PadRule rule = rules.ok() ? rules->Of("Reader 00 00") : PadRule();
  const auto structure = VerifyStructure(verify, 5, form, properties, rule);
  if (!structure.ok() || structure->size() != 19u + (rule.lc ? 5 : 4)) std::abort();
  const unsigned shortest = (*structure)[6], longest = (*structure)[5];
  if (shortest > longest) std::abort();
  // What the clinic says may go beyond the form; a pad's lies may not.
  if (!rule.shortest && !rule.longest && (shortest < 4 || longest > 16)) std::abort();
  (void)VerifyStructure(input, 5, form, properties, rule);
  return 0;
}
