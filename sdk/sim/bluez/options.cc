#include "sdk/sim/bluez/options.h"

#include <getopt.h>
#include <stdlib.h>

#include <charconv>
#include <set>
#include <string_view>

#include "sdk/sim/bluez/reader_options.h"

namespace madoguchi::bluez {

const char kUsage[] =
    "usage: madoguchi-bluez [--bus ADDRESS] --reader KIND,card=PATH[,...] ... [options]\n"
    "\n"
    "  --bus ADDRESS         of the D-Bus daemon (DBUS_SYSTEM_BUS_ADDRESS)\n"
    "  --reader KIND,...     repeatable; acr1255, br301 or springcore, and\n"
    "                          card=PATH    the Unix socket where a card is laid, or\n"
    "                          port=N       a port on 127.0.0.1; 0: a free one, printed\n"
    "                          id=WORD      what --fault and --control call it (reader1, ...)\n"
    "                          address=AA:BB:CC:DD:EE:FF, name=TEXT, rssi=DBM,\n"
    "                          battery=PERCENT, passkey=N (0), key=HEX (acr1255)\n"
    "  --fault [ID:]NAME[=VALUE]  repeatable; of one reader, of all or of the adapter;\n"
    "                             see README.md\n"
    "  --decoys N            devices that are no readers (2)\n"
    "  --scan-ms N           from StartDiscovery to what is found (150)\n"
    "  --connect-ms N        from Connect to Connected (50)\n"
    "  --resolve-ms N        from there to ServicesResolved (100)\n"
    "  --write-ms N          a WriteValue (0)\n"
    "  --give-up-ms N        until Connect fails for what is not there (2000)\n"
    "  --card-ms N           until a reader gives a silent card up (5000)\n"
    "  --control PATH        listen there for commands; see README.md\n";

namespace {

enum Option {
  kBus = 1,
  kReader,
  kFault,
  kDecoys,
  kScan,
  kConnect,
  kResolve,
  kWrite,
  kGiveUp,
  kCardPatience,
  kControl,
  kHelp,
};

constexpr option kOptions[] = {
    {"bus", required_argument, nullptr, kBus},
    {"reader", required_argument, nullptr, kReader},
    {"fault", required_argument, nullptr, kFault},
    {"decoys", required_argument, nullptr, kDecoys},
    {"scan-ms", required_argument, nullptr, kScan},
    {"connect-ms", required_argument, nullptr, kConnect},
    {"resolve-ms", required_argument, nullptr, kResolve},
    {"write-ms", required_argument, nullptr, kWrite},
    {"give-up-ms", required_argument, nullptr, kGiveUp},
    {"card-ms", required_argument, nullptr, kCardPatience},
    {"control", required_argument, nullptr, kControl},
    {"help", no_argument, nullptr, kHelp},
    {nullptr, 0, nullptr, 0},
};

absl::Status Number(const char* name, std::string_view text, uint32_t most, uint32_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number > most) {
    return absl::InvalidArgumentError(std::string("--") + name + ": expected a number from 0 to " +
                                      std::to_string(most));
  }
  return absl::OkStatus();
}

absl::Status Milliseconds(const char* name, const char* text, std::chrono::milliseconds& time) {
  uint32_t number = 0;
  const absl::Status status = Number(name, text, 600'000, number);
  if (status.ok()) time = std::chrono::milliseconds(number);
  return status;
}

absl::Status CheckReaders(const std::vector<ReaderOptions>& readers) {
  std::set<std::string> ids, addresses;
  for (const ReaderOptions& reader : readers) {
    if (!ids.insert(reader.identity.id).second) {
      return absl::InvalidArgumentError("--reader: two have the id " + reader.identity.id);
    }
    if (!addresses.insert(reader.identity.address).second) {
      return absl::InvalidArgumentError("--reader: two have the address " +
                                        reader.identity.address);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Options> ParseOptions(int argc, char** argv) {
  Options options;
  if (const char* bus = getenv("DBUS_SYSTEM_BUS_ADDRESS")) options.bus = bus;
  std::vector<std::string> faults;
  absl::Status status;
  optind = 0;
  opterr = 0;
  for (int which; status.ok() && (which = getopt_long(argc, argv, "", kOptions, nullptr)) != -1;) {
    switch (which) {
      case kBus:
        options.bus = optarg;
        break;
      case kReader: {
        absl::StatusOr<ReaderOptions> reader =
            ParseReader(optarg, static_cast<int>(options.readers.size()) + 1);
        status = reader.status();
        if (reader.ok()) options.readers.push_back(*std::move(reader));
        break;
      }
      case kFault:
        faults.emplace_back(optarg);
        break;
      case kDecoys:
        status = Number("decoys", optarg, 100, options.decoys);
        break;
      case kScan:
        status = Milliseconds("scan-ms", optarg, options.timing.scan);
        break;
      case kConnect:
        status = Milliseconds("connect-ms", optarg, options.timing.connect);
        break;
      case kResolve:
        status = Milliseconds("resolve-ms", optarg, options.timing.resolve);
        break;
      case kWrite:
        status = Milliseconds("write-ms", optarg, options.timing.write);
        break;
      case kGiveUp:
        status = Milliseconds("give-up-ms", optarg, options.timing.give_up);
        break;
      case kCardPatience:
        status = Milliseconds("card-ms", optarg, options.card_patience);
        break;
      case kControl:
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
  status = CheckReaders(options.readers);
  for (const std::string& fault : faults) status.Update(ParseFault(fault, options));
  if (!status.ok()) return status;
  if (options.bus.empty()) {
    return absl::InvalidArgumentError("--bus and DBUS_SYSTEM_BUS_ADDRESS are missing");
  }
  return options;
}

}  // namespace madoguchi::bluez
