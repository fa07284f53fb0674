#include "sdk/sim/card/options.h"

#include <getopt.h>
#include <openssl/crypto.h>
#include <string.h>
#include <unistd.h>

#include <charconv>
#include <string_view>

namespace madoguchi::sim {

const char kUsage[] =
    "usage: madoguchi-card --dir FOLDER [--port N | --socket PATH | --make-only] [options]\n"
    "\n"
    "  --dir FOLDER          where the card lives; made if missing\n"
    "  --ca-dir FOLDER       where its CAs live, to be shared by several cards (--dir)\n"
    "  --serial N            the serial number of a new card (the next one of the CAs)\n"
    "  --port N              a vpcd reader's port on 127.0.0.1\n"
    "  --socket PATH         a Unix socket that speaks the same protocol\n"
    "  --make-only           make the files, print their paths and end\n"
    "  --pin PIN             1 to 16 bytes (a new card: 1234)\n"
    "  --pin-fd N            the PIN is the first line of this file descriptor\n"
    "  --sign-password TEXT  1 to 16 bytes (a new card: ABC123)\n"
    "  --atr KIND            contactless (the default) or contact\n"
    "  --latency-ms N        before every answer\n"
    "  --fault NAME[=VALUE]  repeatable; see README.md\n"
    "  --trace FILE          append APDUs to FILE, secrets masked\n"
    "  --trace-pins          do not mask them\n"
    "  --control PATH        listen there for commands; see README.md\n";

namespace {

// ATRs seen on real cards (OpenSC, win32/customactions.cpp and its driver table).
const Bytes kContact = {0x3B, 0xE0, 0x00, 0xFF, 0x81, 0x31, 0xFE, 0x45, 0x14};
const Bytes kContactless = {0x3B, 0x88, 0x80, 0x01, 0x00, 0x00, 0x05,
                            0xE0, 0xB3, 0x81, 0xA1, 0x00, 0x7F};

enum Option {
  kDir = 1,
  kCaDir,
  kSerial,
  kPort,
  kSocket,
  kMakeOnly,
  kPin,
  kPinFd,
  kSignPasswordFlag,
  kAtr,
  kLatency,
  kFault,
  kTraceFile,
  kTracePins,
  kControlPath,
  kHelp,
};

constexpr option kOptions[] = {
    {"dir", required_argument, nullptr, kDir},
    {"ca-dir", required_argument, nullptr, kCaDir},
    {"serial", required_argument, nullptr, kSerial},
    {"port", required_argument, nullptr, kPort},
    {"socket", required_argument, nullptr, kSocket},
    {"make-only", no_argument, nullptr, kMakeOnly},
    {"pin", required_argument, nullptr, kPin},
    {"pin-fd", required_argument, nullptr, kPinFd},
    {"sign-password", required_argument, nullptr, kSignPasswordFlag},
    {"atr", required_argument, nullptr, kAtr},
    {"latency-ms", required_argument, nullptr, kLatency},
    {"fault", required_argument, nullptr, kFault},
    {"trace", required_argument, nullptr, kTraceFile},
    {"trace-pins", no_argument, nullptr, kTracePins},
    {"control", required_argument, nullptr, kControlPath},
    {"help", no_argument, nullptr, kHelp},
    {nullptr, 0, nullptr, 0},
};

absl::Status Number(const char* name, std::string_view text, uint64_t least, uint64_t most,
                    uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < least || number > most) {
    return absl::InvalidArgumentError(std::string("--") + name + ": expected a number from " +
                                      std::to_string(least) + " to " + std::to_string(most));
  }
  return absl::OkStatus();
}

// Takes the secret and wipes where it stood.
absl::Status Secret(const char* name, char* text, Bytes& secret) {
  const size_t length = strlen(text);
  secret.assign(text, text + length);
  OPENSSL_cleanse(text, length);
  if (length < 1 || length > 16) {
    return absl::InvalidArgumentError(std::string("--") + name + ": expected 1 to 16 bytes");
  }
  return absl::OkStatus();
}

absl::Status SecretFrom(int fd, Bytes& secret) {
  char line[64] = {};
  size_t length = 0;
  ssize_t count;
  while (length < sizeof line - 1 &&
         (count = read(fd, line + length, sizeof line - 1 - length)) > 0) {
    length += static_cast<size_t>(count);
    if (memchr(line, '\n', length) != nullptr) break;
  }
  if (char* end = static_cast<char*>(memchr(line, '\n', length))) {
    OPENSSL_cleanse(end, static_cast<size_t>(line + sizeof line - end));
  }
  const absl::Status status = Secret("pin-fd", line, secret);
  OPENSSL_cleanse(line, sizeof line);
  return status;
}

}  // namespace

absl::StatusOr<Options> ParseOptions(int argc, char** argv) {
  Options options;
  options.atr = kContactless;
  uint64_t number = 0;
  absl::Status status;
  optind = 0;
  opterr = 0;
  for (int which; status.ok() && (which = getopt_long(argc, argv, "", kOptions, nullptr)) != -1;) {
    switch (which) {
      case kDir:
        options.folder.path = optarg;
        break;
      case kCaDir:
        options.folder.ca_path = optarg;
        break;
      case kSerial:
        status = Number("serial", optarg, 1, 0x7FFFFFFF, number);
        options.folder.serial = number;
        break;
      case kPort:
        status = Number("port", optarg, 1, 65535, number);
        options.port = static_cast<uint16_t>(number);
        break;
      case kSocket:
        options.socket_path = optarg;
        if (options.socket_path.empty() || options.socket_path.size() > 107) {
          status = absl::InvalidArgumentError("--socket: expected a path of 1 to 107 bytes");
        }
        break;
      case kMakeOnly:
        options.make_only = true;
        break;
      case kPin:
        status = Secret("pin", optarg, options.pin);
        break;
      case kPinFd:
        status = Number("pin-fd", optarg, 0, 1 << 20, number);
        if (status.ok()) status = SecretFrom(static_cast<int>(number), options.pin);
        break;
      case kSignPasswordFlag:
        status = Secret("sign-password", optarg, options.password);
        break;
      case kAtr:
        if (std::string_view(optarg) == "contact") {
          options.atr = kContact;
        } else if (std::string_view(optarg) != "contactless") {
          status = absl::InvalidArgumentError("--atr: expected contact or contactless");
        }
        break;
      case kLatency:
        status = Number("latency-ms", optarg, 0, 600000, number);
        options.latency = std::chrono::milliseconds(number);
        break;
      case kFault:
        status = AddFault(optarg, options.faults);
        break;
      case kTraceFile:
        options.trace_path = optarg;
        break;
      case kTracePins:
        options.trace_pins = true;
        break;
      case kControlPath:
        options.control_path = optarg;
        break;
      case kHelp:
        options.help = true;
        return options;
      default:
        status = absl::InvalidArgumentError(std::string(argv[optind - 1]) +
                                            ": no such option, or its value is missing");
    }
  }
  if (!status.ok()) return status;
  if (optind < argc) {
    return absl::InvalidArgumentError(std::string(argv[optind]) + ": expected options alone");
  }
  if (options.folder.path.empty()) return absl::InvalidArgumentError("--dir is missing");
  const int ends = (options.port != 0 ? 1 : 0) + (options.socket_path.empty() ? 0 : 1) +
                   (options.make_only ? 1 : 0);
  if (ends != 1) {
    return absl::InvalidArgumentError("expected one of --port, --socket and --make-only");
  }
  return options;
}

}  // namespace madoguchi::sim
