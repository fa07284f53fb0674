#include "sdk/sim/pn532/options.h"

#include <getopt.h>

#include <charconv>
#include <random>
#include <string_view>

namespace madoguchi::pn532 {

const char kUsage[] =
    "usage: madoguchi-pn532 --link PATH [--slot PATH] [--port N] [options]\n"
    "\n"
    "  --link PATH     a symbolic link to the serial device, made here\n"
    "  --slot PATH     cards connect to this Unix socket (madoguchi-card --socket PATH)\n"
    "  --port N        cards connect to this port of 127.0.0.1 (madoguchi-card --port N)\n"
    "  --control PATH  listen there for commands; see README.md\n"
    "  --baud N        as slow as a line of N bits a second (as fast as it goes)\n"
    "  --fault NAME[=VALUE][@APDU]  repeatable; see README.md\n"
    "  --unplugged     the device is not there before the command replug\n"
    "  --seed N        of the PUPIs (random)\n"
    "  --trace FILE    append each frame's direction, command and length to FILE, never its data\n";

namespace {

enum Option { kLink = 1, kSlot, kPort, kControl, kBaud, kFault, kUnplugged, kSeed, kTrace, kHelp };

constexpr option kOptions[] = {
    {"link", required_argument, nullptr, kLink},
    {"slot", required_argument, nullptr, kSlot},
    {"port", required_argument, nullptr, kPort},
    {"control", required_argument, nullptr, kControl},
    {"baud", required_argument, nullptr, kBaud},
    {"fault", required_argument, nullptr, kFault},
    {"unplugged", no_argument, nullptr, kUnplugged},
    {"seed", required_argument, nullptr, kSeed},
    {"trace", required_argument, nullptr, kTrace},
    {"help", no_argument, nullptr, kHelp},
    {nullptr, 0, nullptr, 0},
};

absl::Status Number(const char* name, std::string_view text, uint64_t least, uint64_t most,
                    uint64_t* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  if (error == std::errc() && end == text.data() + text.size() && *number >= least &&
      *number <= most) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(std::string("--") + name + ": expected a number from " +
                                    std::to_string(least) + " to " + std::to_string(most));
}

}  // namespace

absl::StatusOr<Options> ParseOptions(int argc, char** argv) {
  Options options;
  options.seed = std::random_device()();
  absl::Status status;
  uint64_t number = 0;
  optind = 0;
  opterr = 0;
  for (int which; status.ok() && (which = getopt_long(argc, argv, "", kOptions, nullptr)) != -1;) {
    switch (which) {
      case kLink:
        options.link = optarg;
        break;
      case kSlot:
        options.slot = optarg;
        break;
      case kPort:
        status = Number("port", optarg, 1, 65535, &number);
        options.port = static_cast<uint16_t>(number);
        break;
      case kControl:
        options.control = optarg;
        break;
      case kBaud:
        status = Number("baud", optarg, 300, 10'000'000, &options.baud);
        break;
      case kFault: {
        auto fault = ParseFault(optarg);
        if (fault.ok()) options.faults.push_back(*std::move(fault));
        status = fault.status();
        break;
      }
      case kUnplugged:
        options.unplugged = true;
        break;
      case kSeed:
        status = Number("seed", optarg, 0, UINT32_MAX, &number);
        options.seed = static_cast<uint32_t>(number);
        break;
      case kTrace:
        options.trace = optarg;
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
  if (options.link.empty()) return absl::InvalidArgumentError("--link is missing");
  return options;
}

}  // namespace madoguchi::pn532
