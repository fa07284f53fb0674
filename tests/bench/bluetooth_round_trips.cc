#include <poll.h>
#include <systemd/sd-bus.h>

#include <cstring>
#include <filesystem>

#include "sdk/conformance/card_hand.h"
#include "sdk/conformance/private_bus.h"
#include "sdk/conformance/program.h"
#include "tests/bench/round_trips.h"

namespace madoguchi::bench {
namespace {

// The least that reads a card in a bR301: CCID in the clear, through libsystemd; write, and wait
// for the signal.
class BareClient {
 public:
  explicit BareClient(const std::string& address) {
    Must(sd_bus_new(&bus_) >= 0 && sd_bus_set_address(bus_, address.c_str()) >= 0 &&
             sd_bus_set_bus_client(bus_, 1) >= 0 && sd_bus_start(bus_) >= 0,
         "sd_bus_start");
    Must(sd_bus_add_match(bus_, nullptr, "type='signal',sender='org.bluez'", Hear, this) >= 0,
         "sd_bus_add_match");
    Call("/org/bluez/hci0", "org.bluez.Adapter1", "StartDiscovery");
    Until([&] { return !device_.empty(); });
    Call("/org/bluez/hci0", "org.bluez.Adapter1", "StopDiscovery");
    Call(device_, "org.bluez.Device1", "Connect");
    Until([&] { return !write_.empty() && !notify_.empty() && resolved_; });
    Call(notify_, "org.bluez.GattCharacteristic1", "StartNotify");
    Exchange(0x62, {});
  }
  ~BareClient() {
    Call(device_, "org.bluez.Device1", "Disconnect");
    sd_bus_flush_close_unref(bus_);
  }

  void Exchange(uint8_t type, const Bytes& data) {
    Bytes message = {type, static_cast<uint8_t>(data.size()), 0, 0, 0, 0, ++sequence_, 0, 0, 0};
    message.insert(message.end(), data.begin(), data.end());
    heard_.clear();
    for (size_t at = 0; at < message.size(); at += 20) {
      sd_bus_message* call = nullptr;
      Must(sd_bus_message_new_method_call(bus_, &call, "org.bluez", write_.c_str(),
                                          "org.bluez.GattCharacteristic1", "WriteValue") >= 0 &&
               sd_bus_message_append_array(call, 'y', message.data() + at,
                                           std::min<size_t>(20, message.size() - at)) >= 0 &&
               sd_bus_message_append(call, "a{sv}", 1, "type", "s", "request") >= 0 &&
               sd_bus_call(bus_, call, 0, nullptr, nullptr) >= 0,
           "WriteValue");
      sd_bus_message_unref(call);
    }
    Until(
        [&] { return heard_.size() >= 10 && heard_.size() >= 10u + (heard_[1] | heard_[2] << 8); });
    Must(heard_[0] == 0x80 && heard_[7] == 0, "the exchange");
  }

 private:
  void Call(const std::string& path, const char* interface, const char* method) {
    sd_bus_error error = SD_BUS_ERROR_NULL;
    Must(sd_bus_call_method(bus_, "org.bluez", path.c_str(), interface, method, &error, nullptr,
                            nullptr) >= 0,
         method);
  }
  template <typename Condition>
  void Until(Condition done) {
    while (!done()) {
      const int result = sd_bus_process(bus_, nullptr);
      Must(result >= 0, "sd_bus_process");
      if (result == 0) Must(sd_bus_wait(bus_, 10'000'000) > 0, "a signal");
    }
  }
  static int Hear(sd_bus_message* message, void* self, sd_bus_error*) {
    static_cast<BareClient*>(self)->HearOne(message);
    return 0;
  }
  void HearOne(sd_bus_message* message) {
    const char* text = nullptr;
    if (sd_bus_message_is_signal(message, nullptr, "InterfacesAdded") > 0) {
      sd_bus_message_read(message, "o", &text);
      const std::string path = text;
      if (Contains(message, "FT_000000000001")) device_ = path;
      sd_bus_message_rewind(message, 1);
      sd_bus_message_skip(message, "o");
      if (Contains(message, "46540002-0002-00c4-0000-465453414645")) write_ = path;
      sd_bus_message_rewind(message, 1);
      sd_bus_message_skip(message, "o");
      if (Contains(message, "46540003-0002-00c4-0000-465453414645")) notify_ = path;
      return;
    }
    sd_bus_message_read(message, "s", &text);
    const std::string interface = text;
    sd_bus_message_enter_container(message, 'a', "{sv}");
    while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
      sd_bus_message_read(message, "s", &text);
      const std::string name = text;
      if (name == "ServicesResolved") resolved_ = true;
      if (name == "Value" && notify_ == sd_bus_message_get_path(message)) {
        const void* bytes = nullptr;
        size_t size = 0;
        sd_bus_message_enter_container(message, 'v', "ay");
        sd_bus_message_read_array(message, 'y', &bytes, &size);
        const auto* const begin = static_cast<const uint8_t*>(bytes);
        heard_.insert(heard_.end(), begin, begin + size);
        sd_bus_message_exit_container(message);
      } else {
        sd_bus_message_skip(message, "v");
      }
      sd_bus_message_exit_container(message);
    }
  }
  // Whether a string of a{sa{sv}} is `wanted`.
  static bool Contains(sd_bus_message* message, const std::string& wanted) {
    bool found = false;
    sd_bus_message_enter_container(message, 'a', "{sa{sv}}");
    while (sd_bus_message_enter_container(message, 'e', "sa{sv}") > 0) {
      sd_bus_message_skip(message, "s");
      sd_bus_message_enter_container(message, 'a', "{sv}");
      while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
        const char *type = nullptr, *text = nullptr;
        sd_bus_message_skip(message, "s");
        sd_bus_message_peek_type(message, nullptr, &type);
        if (std::strcmp(type, "s") == 0) {
          sd_bus_message_read(message, "v", "s", &text);
          found = found || wanted == text;
        } else {
          sd_bus_message_skip(message, "v");
        }
        sd_bus_message_exit_container(message);
      }
      sd_bus_message_exit_container(message);
      sd_bus_message_exit_container(message);
    }
    return found;
  }

  sd_bus* bus_ = nullptr;
  std::string device_, write_, notify_;
  bool resolved_ = false;
  uint8_t sequence_ = 0;
  Bytes heard_;
};

}  // namespace

void BluetoothRoundTrips(const Turns& turns, const std::string& folder) {
  RoundTrips bare, ccid, acr;
  for (int round = 0; round < turns.rounds; ++round) {
    // A bluetoothd of its own, that never heard of the readers: the bare client knows no others.
    const std::string own = folder + "/" + std::to_string(round);
    std::filesystem::create_directory(own);
    const auto bus = Must(conformance::PrivateBus::Start(own));
    const auto bluez = Must(conformance::Program::Run(
        {MADOGUCHI_BIN "/madoguchi-bluez", "--reader", "br301,card=" + own + "/slot1", "--reader",
         "acr1255,card=" + own + "/slot2"},
        own + "/bluez.log"));
    std::vector<std::unique_ptr<conformance::CardHand>> hands;
    for (const char* number : {"1", "2"}) {
      const std::string scratch = own + "/hand" + number;
      std::filesystem::create_directory(scratch);
      hands.push_back(conformance::HandOfSimulator(MADOGUCHI_BIN "/madoguchi-card",
                                                   own + "/slot" + number,
                                                   folder + "/card" + number, scratch));
      Must(hands.back()->Lay());
    }
    {
      BareClient client(bus->address());
      bare.Time(turns.calls, [&](const Bytes& command) { client.Exchange(0x6F, command); });
    }
    const auto time = [&](const std::string& reader, RoundTrips* into) {
      PluggedReader("reader_bluetooth", {{"readers", reader}}, {"bluetooth"}, own)
          .Time(reader, turns.calls, into);
    };
    time("FT_000000000001", &ccid);
    time("ACR1255U-J1-000002", &acr);
  }
  Head("Readers by Bluetooth, air that takes no time");
  Print("SELECT, bare sd-bus, bR301", bare.select);
  Print("SELECT, reader_bluetooth, bR301", ccid.select);
  Print("SELECT, reader_bluetooth, ACR1255U-J1", acr.select);
  Print("READ BINARY of 256 bytes, bare sd-bus, bR301", bare.read);
  Print("READ BINARY of 256 bytes, reader_bluetooth, bR301", ccid.read);
  Print("READ BINARY of 256 bytes, reader_bluetooth, ACR1255U-J1", acr.read);
}

}  // namespace madoguchi::bench
