#ifndef MADOGUCHI_TESTS_CLINIC_STAND_H_
#define MADOGUCHI_TESTS_CLINIC_STAND_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

// What the readers of a clinic stand on: nothing, a pcscd, boards on serial lines, a bluetoothd.
namespace madoguchi::clinic {

enum class ReaderKind { kVirtual, kPcsc, kNfc, kBluetooth };

// The kind that this run of the tests is for: MADOGUCHI_READERS (virtual, pcsc, nfc or bluetooth);
// without it pcsc where sdk/tools/private-pcscd runs the test, else virtual.
ReaderKind KindOfThisRun();

// The folder of the plugin that drives them: reader_pcsc, ...
std::string PluginOf(ReaderKind kind);

// The readers of one kind, numbered from 0. They are there as long as this object.
class Stand {
 public:
  // Starts what is needed besides the plugin, with its sockets in `folder`, whose path is short.
  // The running test fails when it does not start.
  static std::unique_ptr<Stand> Make(ReaderKind kind, int readers, const std::string& folder);
  virtual ~Stand() = default;

  // The plugin's settings.
  virtual std::map<std::string, std::string> Settings() const = 0;
  // The reader's name, as the plugin tells it.
  virtual std::string NameOf(int reader) const = 0;
  // How madoguchi-card is told to lie on it.
  virtual std::vector<std::string> WhereOf(int reader) const = 0;
  // Takes one reader away from its machine, and brings it back; false where this kind cannot.
  virtual bool Unplug(int reader) { return false; }
  virtual bool Replug(int reader) { return false; }
  // Something bad that passes by itself, chosen by `dice`: a frame is damaged, a link is lost, a
  // device is away for a moment. False where this kind knows nothing of the sort.
  virtual bool Disturb(int reader, uint32_t dice) { return false; }
  // The same for all readers at once: their service is away for a moment.
  virtual bool DisturbAll() { return false; }
};

// One line to a control socket of ours, and its answer; empty when nobody listens.
std::string AskSocket(const std::string& path, const std::string& line);

}  // namespace madoguchi::clinic

#endif  // MADOGUCHI_TESTS_CLINIC_STAND_H_
