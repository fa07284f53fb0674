#include "tests/bench/round_trips.h"

namespace madoguchi::bench {

using conformance::PluginProcess;
using conformance::ReaderClient;

void RoundTrips::Time(int calls, const std::function<void(const Bytes&)>& exchange) {
  const auto timed = [&](const Bytes& command, Row* row) {
    const auto start = Clock::now();
    exchange(command);
    row->AddSince(start);
  };
  for (int i = 0; i < calls; ++i) timed(kSelect, &select);
  exchange(kSelectCertificate);
  for (int i = 0; i < calls; ++i) timed(kRead, &read);
}

PluggedReader::PluggedReader(const std::string& plugin, std::map<std::string, std::string> settings,
                             const std::vector<std::string>& grants, const std::string& folder) {
  const PluginImage image = Must(ReadPluginImage(MADOGUCHI_PLUGINS "/" + plugin));
  const auto& manifest = image.folder.manifest;
  plugin::v1::StartRequest start;
  for (const auto& setting : manifest.setting()) {
    (*start.mutable_setting())[setting.name()] = setting.default_value();
  }
  for (const auto& [name, value] : settings) (*start.mutable_setting())[name] = value;
  const std::string socket = folder + "/proxy/bus.sock";
  if (FillInBus(manifest, socket, &start)) proxy_ = Must(BusProxy::Start(socket));
  process_ = Must(
      PluginProcess::SpawnJailed(image, Must(JailOf(manifest, start, grants)), MADOGUCHI_LAUNCHER));
  Must(process_->Start({start.setting().begin(), start.setting().end()}));
  client_ = std::make_unique<ReaderClient>(*process_);
}

void PluggedReader::Time(const std::string& reader, int calls, RoundTrips* into) {
  const auto state =
      client_->AwaitPresence(reader, reader::v1::PRESENCE_PRESENT, std::chrono::seconds(15));
  Must(state.has_value(), "the card's arrival at " + reader);
  const auto opened = Must(client_->Open(reader, state->insertion()));
  into->Time(calls, [&](const Bytes& command) {
    (void)Must(client_->Transmit(opened.session(), command));
  });
  Must(client_->Close(opened.session()));
}

}  // namespace madoguchi::bench
