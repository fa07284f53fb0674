#ifndef MADOGUCHI_SDK_TOOLS_RECORD_RECORD_FIXTURE_H_
#define MADOGUCHI_SDK_TOOLS_RECORD_RECORD_FIXTURE_H_

#include <gtest/gtest.h>
#include <openssl/pem.h>

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sdk/conformance/program.h"
#include "sdk/recording/recording.h"
#include "sdk/tools/record/recorder.h"
#include "sdk/tools/record/replacement.h"

// What the tests of the recorder share: a virtual card behind readers/virtual.
namespace madoguchi::record {

using conformance::Program;

inline constexpr char kPin[] = "7391846205918274";
inline constexpr char kSerial[] = "1918273645";

inline std::string TextOf(std::span<const uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

inline Bytes BytesOf(const std::string& text) { return {text.begin(), text.end()}; }

// The bytes of the first block of `pem`.
inline std::string DerOf(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  char *name = nullptr, *header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  if (PEM_read_bio(bio.get(), &name, &header, &data, &size) != 1) return "";
  std::string der(reinterpret_cast<char*>(data), size);
  OPENSSL_free(name);
  OPENSSL_free(header);
  OPENSSL_free(data);
  return der;
}

inline std::string Bin() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path();
}

inline std::string NewFolder() {
  std::string path = "/tmp/mdgrec.XXXXXX";
  return mkdtemp(path.data());
}

class RecordTest : public testing::Test {
 protected:
  // One card for all: its keys take the most time. Each test has a copy of it.
  static void SetUpTestSuite() {
    made_ = NewFolder();
    auto made = Program::Run({Bin() + "/bin/madoguchi-card", "--dir", made_ + "/card", "--serial",
                              kSerial, "--pin-fd", "5", "--make-only"},
                             made_ + "/make.log", false, std::string(kPin) + "\n");
    ASSERT_TRUE(made.ok()) << made.status();
    ASSERT_EQ((*made)->Wait(), 0) << (*made)->Output();
  }
  static void TearDownTestSuite() { std::filesystem::remove_all(made_); }

  RecordTest() {
    folder_ = NewFolder();
    std::filesystem::copy(made_ + "/card", folder_ + "/card");
  }
  ~RecordTest() override {
    card_.reset();
    std::filesystem::remove_all(folder_);
  }

  absl::Status Record(const std::string& pin, Taken* taken,
                      const std::vector<std::string>& flags = {}) {
    Request request;
    request.plugin_folder = Bin() + "/plugins/reader_virtual";
    request.settings = {{"directory", folder_ + "/r"}, {"readers", "1"}};
    request.patience = std::chrono::seconds(20);
    if (!pin.empty()) {
      request.pin = *Secret::OfSize(pin.size());
      std::copy(pin.begin(), pin.end(), request.pin.bytes().begin());
    }
    request.cue = [&](Request::Cue cue) {
      if (cue == Request::Cue::kTakeCard) return card_.reset();
      std::vector<std::string> arguments = {Bin() + "/bin/madoguchi-card", "--dir",
                                            folder_ + "/card", "--socket",
                                            folder_ + "/r/reader-0.sock"};
      arguments.insert(arguments.end(), flags.begin(), flags.end());
      auto card = Program::Run(arguments, folder_ + "/card.log");
      ASSERT_TRUE(card.ok()) << card.status();
      card_ = *std::move(card);
    };
    return Take(std::move(request), taken);
  }

  static recording::v1::Recording Replaced(const Taken& taken) {
    const auto replaced = Replace(taken, 7, std::chrono::system_clock::now());
    EXPECT_TRUE(replaced.ok()) << replaced.status();
    return replaced.ok() ? *replaced : recording::v1::Recording();
  }

  static inline std::string made_;
  std::string folder_;
  std::unique_ptr<Program> card_;
};

}  // namespace madoguchi::record

#endif  // MADOGUCHI_SDK_TOOLS_RECORD_RECORD_FIXTURE_H_
