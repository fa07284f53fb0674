// madoguchi-record: what a reader and a card do, as a file without anything personal (README.md).
#include <getopt.h>
#include <google/protobuf/text_format.h>
#include <termios.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "sdk/recording/recording.h"
#include "sdk/textproto/textproto.h"
#include "sdk/tools/record/recorder.h"
#include "sdk/tools/record/replacement.h"

namespace madoguchi::record {
namespace {

constexpr char kUsage[] =
    "usage: madoguchi-record --plugin FOLDER --out FILE [options]\n"
    "       madoguchi-record --certificate-of FILE | --trust-anchor-of FILE\n"
    "\n"
    "  --plugin FOLDER       a reader plugin: its program and its plugin.textproto\n"
    "  --setting NAME=VALUE  of the plugin, repeatable\n"
    "  --reader NAME         the reader to use (the first on which a card comes)\n"
    "  --method pin|visual   with the PIN, read from the terminal or standard input; or without\n"
    "  --number N            1 to 65535, at the end of the made-up serial number (1)\n"
    "  --out FILE            the recording\n"
    "  --certificate-of FILE, --trust-anchor-of FILE\n"
    "                        print the PEM of a recording, for the authority and for the host\n";

enum Option { kPlugin = 1, kSetting, kReader, kMethod, kNumber, kOut, kCertificateOf, kAnchorOf };

constexpr option kOptions[] = {
    {"plugin", required_argument, nullptr, kPlugin},
    {"setting", required_argument, nullptr, kSetting},
    {"reader", required_argument, nullptr, kReader},
    {"method", required_argument, nullptr, kMethod},
    {"number", required_argument, nullptr, kNumber},
    {"out", required_argument, nullptr, kOut},
    {"certificate-of", required_argument, nullptr, kCertificateOf},
    {"trust-anchor-of", required_argument, nullptr, kAnchorOf},
    {nullptr, 0, nullptr, 0},
};

int Fail(int status, const std::string& why) {
  std::fprintf(stderr, "madoguchi-record: %s\n", why.c_str());
  return status;
}

// PEM a line a line.
std::string Broken(const std::string& text) {
  std::string broken;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text.compare(at, 2, "\\n") == 0 && text.compare(at, 3, "\\n\"") != 0) {
      broken += "\\n\"\n  \"";
      ++at;
    } else {
      broken += text[at];
    }
  }
  return broken;
}

// One line of standard input, unseen where it is a terminal. Byte by byte: no buffer keeps it.
absl::StatusOr<Secret> ReadPin() {
  auto pin = Secret::OfSize(16);
  if (!pin.ok()) return pin.status();
  termios before{};
  const bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
  if (terminal) {
    std::fputs("PIN: ", stderr);
    termios silent = before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  size_t size = 0;
  uint8_t byte = 0;
  bool fits = true;
  while (read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n') {
    if (size == pin->size()) {
      fits = false;
    } else {
      pin->bytes()[size++] = byte;
    }
  }
  byte = 0;
  if (terminal) {
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    std::fputs("\n", stderr);
  }
  if (size == 0 || !fits) return absl::InvalidArgumentError("a PIN has 1 to 16 characters");
  pin->Shrink(size);
  return pin;
}

int Print(const std::string& path, bool certificate) {
  recording::v1::Recording recording;
  if (const absl::Status read = ReadTextproto(path, &recording); !read.ok()) {
    return Fail(1, std::string(read.message()));
  }
  const std::string& pem = certificate ? recording.certificate_pem() : recording.trust_anchor_pem();
  std::fputs(pem.c_str(), stdout);
  return 0;
}

int Record(Request request, bool with_pin, uint16_t number, const std::string& out) {
  if (with_pin) {
    auto pin = ReadPin();
    if (!pin.ok()) return Fail(64, std::string(pin.status().message()));
    request.pin = *std::move(pin);
  }
  request.cue = [](Request::Cue cue) {
    std::fputs(cue == Request::Cue::kLayCard ? "Lay the card on the reader.\n"
                                             : "Done. Take the card away.\n",
               stderr);
  };
  Taken taken;
  const absl::Status played = Take(std::move(request), &taken);
  if (!played.ok()) {
    std::fprintf(stderr, "The check did not come to its end: %s\n",
                 std::string(played.message()).c_str());
    if (taken.certificate.empty()) return Fail(1, "no certificate was read: nothing to record");
  }
  const auto recording = Replace(taken, number, std::chrono::system_clock::now());
  if (!recording.ok()) return Fail(1, std::string(recording.status().message()));
  std::string text;
  google::protobuf::TextFormat::PrintToString(*recording, &text);
  // It has to be playable before anybody relies on it.
  if (const auto parsed = recording::Parse(text, out); !parsed.ok()) {
    return Fail(1, std::string(parsed.status().message()));
  }
  text =
      "# proto-file: sdk/recording/recording.proto\n"
      "# proto-message: madoguchi.recording.v1.Recording\n"
      "# Made by madoguchi-record. Certificates and keys are made up and of no worth.\n" +
      Broken(text);
  if (const absl::Status written = WriteFile(out, text, 0644); !written.ok()) {
    return Fail(1, std::string(written.message()));
  }
  std::fprintf(stderr, "%s: %d events\n", out.c_str(), recording->event_size());
  return 0;
}

int Main(int argc, char** argv) {
  Request request;
  std::string out;
  bool with_pin = true;
  uint16_t number = 1;
  for (int which; (which = getopt_long(argc, argv, "", kOptions, nullptr)) != -1;) {
    const std::string_view value = optarg == nullptr ? "" : optarg;
    switch (which) {
      case kPlugin:
        request.plugin_folder = value;
        break;
      case kSetting: {
        const size_t equals = value.find('=');
        if (equals == std::string_view::npos) return Fail(64, "--setting: expected NAME=VALUE");
        request.settings[std::string(value.substr(0, equals))] = value.substr(equals + 1);
        break;
      }
      case kReader:
        request.reader = value;
        break;
      case kMethod:
        if (value != "pin" && value != "visual") {
          return Fail(64, "--method: expected pin or visual");
        }
        with_pin = value == "pin";
        break;
      case kNumber: {
        const auto [end, error] = std::from_chars(value.begin(), value.end(), number);
        if (error != std::errc() || end != value.end() || number == 0) {
          return Fail(64, "--number: expected 1 to 65535");
        }
        break;
      }
      case kOut:
        out = value;
        break;
      case kCertificateOf:
      case kAnchorOf:
        return Print(std::string(value), which == kCertificateOf);
      default:
        std::fputs(kUsage, stderr);
        return 64;
    }
  }
  if (optind != argc || request.plugin_folder.empty() || out.empty()) {
    std::fputs(kUsage, stderr);
    return 64;
  }
  return Record(std::move(request), with_pin, number, out);
}

}  // namespace
}  // namespace madoguchi::record

int main(int argc, char** argv) { return madoguchi::record::Main(argc, argv); }
