#ifndef MADOGUCHI_READERS_BLUETOOTH_SELECTION_H_
#define MADOGUCHI_READERS_BLUETOOTH_SELECTION_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace madoguchi::bluetooth {

// Which readers this clinic uses, as the setting `readers` says it: addresses (AA:BB:CC:DD:EE:FF),
// names, and patterns of names in which * stands for any characters, with commas between them.
// Nothing is used that nobody named: whose reader it is cannot be seen from afar.
class Selection {
 public:
  enum class Kind { kAddress, kName, kPattern };
  struct Entry {
    Kind kind;
    std::string text;  // an address in upper case
  };

  static constexpr size_t kMostEntries = 16;

  // INVALID_ARGUMENT says which entry is none.
  static absl::StatusOr<Selection> Parse(const std::string& text);

  const std::vector<Entry>& entries() const { return entries_; }
  // Whether `entry` means a device. One of a kind that is not known here (`known`: it gives itself
  // out as a reader) is meant only by its own address or name.
  static bool Means(const Entry& entry, const std::string& address, const std::string& name,
                    bool known);
  // The entry that means it, by its address where one does; null where none does.
  const Entry* Match(const std::string& address, const std::string& name, bool known) const;

 private:
  std::vector<Entry> entries_;
};

}  // namespace madoguchi::bluetooth

#endif  // MADOGUCHI_READERS_BLUETOOTH_SELECTION_H_
