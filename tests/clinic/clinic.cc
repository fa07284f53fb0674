#include "tests/clinic/clinic.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "host/loader/approvals.h"
#include "sdk/launch/image.h"
#include "sdk/recording/recording.pb.h"
#include "sdk/screen/connect.h"
#include "sdk/textproto/textproto.h"

namespace madoguchi::clinic {
namespace {

using check::v1::ROLE_ADMIN;
using check::v1::ROLE_PATIENT;
using check::v1::ROLE_STAFF;

void Write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::string Recordings() { return MADOGUCHI_RECORDINGS "/"; }

std::unique_ptr<Program> Started(absl::StatusOr<std::unique_ptr<Program>> program) {
  EXPECT_TRUE(program.ok()) << program.status();
  return program.ok() ? *std::move(program) : nullptr;
}

}  // namespace

std::string Card::Control(const std::string& command) { return AskSocket(control_, command); }

std::string Card::Trace() const {
  std::ifstream file(trace_);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string Clinic::Bin() {
  const auto self = std::filesystem::read_symlink("/proc/self/exe");
  return self.parent_path().parent_path() / "bin";
}

std::unique_ptr<Clinic> Clinic::Make(const Options& options) {
  std::unique_ptr<Clinic> clinic(new Clinic(options));
  // Short, because a socket's path holds 107 bytes.
  std::string path = "/tmp/mdg.XXXXXX";
  clinic->folder_ = mkdtemp(path.data());
  for (const char* part : {"/a", "/log"}) std::filesystem::create_directory(clinic->folder_ + part);
  clinic->MakeStands();
  options.recording.empty() ? clinic->MakeCards() : clinic->TakeRecordedCard();

  host::Config& config = clinic->config_;
  config.set_host_id("test-clinic");
  config.set_state_folder("state");
  config.set_plugin_folder(std::filesystem::path(Bin()).parent_path() / "plugins");
  config.set_trust_anchors("ca/auth-ca.pem");
  config.set_visual_allowed(true);
  config.mutable_desk()->set_socket("desk.sock");
  config.mutable_authority()->set_id("test-authority");
  config.mutable_authority()->set_plugin("authority_online");
  const auto plugin = [&](const std::string& name,
                          const std::map<std::string, std::string>& settings) {
    auto* added = config.add_plugin();
    added->set_name(name);
    for (const auto& [key, value] : settings) {
      auto* setting = added->add_setting();
      setting->set_name(key);
      setting->set_value(value);
    }
  };
  plugin("policy_pin", {});
  plugin("policy_visual", {});
  plugin("authority_online", {{"socket", clinic->folder_ + "/a/authority.sock"}});
  if (!options.recording.empty()) {
    plugin("reader_virtual", {{"recording", Recordings() + options.recording}});
  } else {
    for (const auto& [kind, stand] : clinic->stands_) plugin(PluginOf(kind), stand->Settings());
  }
  for (const auto& [id, name] : {std::pair("pin", "policy_pin"), {"visual", "policy_visual"}}) {
    auto* method = config.add_method();
    method->set_id(id);
    method->set_plugin(name);
    method->mutable_label()->set_ja(id);
    method->mutable_label()->set_en(id);
  }
  for (size_t i = 0; i < clinic->readers_.size(); ++i) {
    auto* counter = config.add_counter();
    counter->set_name(std::to_string(i + 1));
    counter->add_reader(clinic->ReaderName(static_cast<int>(i)));
  }
  return clinic;
}

Clinic::~Clinic() {
  host_.reset();
  authority_.reset();
  std::error_code error;
  if (!testing::Test::HasFailure()) {
    std::filesystem::remove_all(folder_, error);
  } else {
    std::fprintf(stderr, "the clinic's folder is left for you: %s\n", folder_.c_str());
  }
}

void Clinic::MakeCards() {
  // All at once: most of the time goes into their keys.
  std::vector<std::unique_ptr<Program>> makers;
  for (const Patient& patient : options_.patients) {
    makers.push_back(
        Started(Program::Run({Bin() + "/madoguchi-card", "--dir", folder_ + "/" + patient.name,
                              "--ca-dir", folder_ + "/ca", "--pin-fd", "5", "--make-only"},
                             folder_ + "/log/make-" + patient.name, false, patient.pin + "\n")));
  }
  for (const auto& made : makers) {
    ASSERT_NE(made, nullptr);
    ASSERT_EQ(made->Wait(), 0) << made->Output();
  }
}

void Clinic::TakeRecordedCard() {
  recording::v1::Recording recording;
  const absl::Status read = ReadTextproto(Recordings() + options_.recording, &recording);
  ASSERT_TRUE(read.ok()) << read;
  const std::string card = folder_ + "/" + options_.patients.at(0).name;
  std::filesystem::create_directory(card);
  std::filesystem::create_directory(folder_ + "/ca");
  Write(card + "/auth.pem", recording.certificate_pem());
  Write(folder_ + "/ca/auth-ca.pem", recording.trust_anchor_pem());
}

void Clinic::MakeStands() {
  std::vector<ReaderKind> kinds = options_.kinds;
  if (kinds.empty()) kinds.assign(options_.readers, options_.kind);
  std::map<ReaderKind, int> count;
  for (const ReaderKind kind : kinds) readers_.emplace_back(kind, count[kind]++);
  for (const auto& [kind, number] : count) {
    // One letter: sockets' paths are short.
    const char letter = PluginOf(kind).at(std::string("reader_").size());
    stands_[kind] = Stand::Make(kind, number, folder_ + "/" + letter);
  }
}

std::string Clinic::ReaderName(int reader) const {
  const auto& [kind, number] = readers_.at(reader);
  return PluginOf(kind) + "/" + StandOf(reader).NameOf(number);
}

void Clinic::WriteAuthority() {
  Write(folder_ + "/authority.textproto",
        "authority_id: \"test-authority\"\ndatabase: \"insured.db\"\n"
        "trust_anchors: \"ca/auth-ca.pem\"\nlisten_socket: \"a/authority.sock\"\n"
        "host { host_id: \"test-clinic\" uid: " +
            std::to_string(getuid()) + " visual: true }\n");
  std::string persons;
  for (const Patient& patient : options_.patients) {
    if (patient.validity == check::v1::VALIDITY_UNSPECIFIED) continue;
    persons += "person { certificate: \"" + patient.name +
               "/auth.pem\" validity: " + check::v1::Validity_Name(patient.validity) +
               " eligibility { insurer_number: \"01000000\" insurer_name: \"試験健康保険組合\""
               " symbol: \"試験\" number: \"0001\" branch: \"01\" relation: RELATION_INSURED"
               " name: \"試験　" +
               patient.name +
               "\" kana: \"シケン\" sex: SEX_FEMALE birth_date: \"1990-01-01\""
               " valid_from: \"2024-04-01\" valid_to: \"2030-03-31\" share_percent: 30 } }\n";
  }
  Write(folder_ + "/insured.textproto", persons);
}

void Clinic::StartAuthority() {
  WriteAuthority();
  const std::string config = folder_ + "/authority.textproto";
  std::vector<std::string> serve = {Bin() + "/madoguchi-authority", "serve", "--config", config};
  serve.insert(serve.end(), options_.authority_flags.begin(), options_.authority_flags.end());
  authority_ = Started(Program::Run(serve, folder_ + "/log/authority"));
  auto import = Started(Program::Run({Bin() + "/madoguchi-authority", "import", "--config", config,
                                      folder_ + "/insured.textproto"},
                                     folder_ + "/log/import", false));
  ASSERT_NE(import, nullptr);
  ASSERT_EQ(import->Wait(), 0) << import->Output();
}

// An admin's yes to every plugin that can be read, before the host starts.
void Clinic::ApprovePlugins() {
  const std::filesystem::path state = std::filesystem::path(folder_) / config_.state_folder();
  mkdir(state.c_str(), 0700);
  Approvals approvals(state / "plugins.lock");
  for (const auto& plugin : config_.plugin()) {
    const auto image =
        ReadPluginImage(std::filesystem::path(folder_) / config_.plugin_folder() / plugin.name());
    if (!image.ok()) continue;
    host::Approval approval;
    approval.set_name(plugin.name());
    approval.set_digest(image->digest);
    *approval.mutable_permission() = image->folder.manifest.permission();
    EXPECT_TRUE(approvals.Approve(approval).ok());
  }
}

void Clinic::StartHost() {
  ApprovePlugins();
  std::string text;
  google::protobuf::TextFormat::PrintToString(config_, &text);
  Write(folder_ + "/host.textproto", text);
  host_ = Started(Program::Run({Bin() + "/madoguchid", "--config", folder_ + "/host.textproto"},
                               folder_ + "/log/host"));
  ASSERT_NE(host_, nullptr);
}

void Clinic::Start() {
  StartAuthority();
  StartHost();
  EXPECT_TRUE(AwaitPlugins()) << host_->Output();
  for (size_t i = 0; i < readers_.size(); ++i) {
    const int reader = static_cast<int>(i);
    EXPECT_TRUE(AwaitCard(reader, !options_.recording.empty())) << ReaderName(reader);
  }
}

bool Clinic::AwaitPlugins() {
  return Await([&] {
    for (const auto& plugin : config_.plugin()) {
      if (Plugin(plugin.name()).state() != desk::v1::PluginRow::STATE_RUNNING) return false;
    }
    return true;
  });
}

std::unique_ptr<Card> Clinic::Lay(const std::string& patient, int reader,
                                  const std::vector<std::string>& flags) {
  auto card = std::make_unique<Card>();
  const std::string run = std::to_string(++runs_);
  card->control_ = folder_ + "/c" + run;
  card->trace_ = folder_ + "/log/trace-" + patient + "-" + run;
  std::vector<std::string> arguments = {Bin() + "/madoguchi-card",
                                        "--dir",
                                        folder_ + "/" + patient,
                                        "--ca-dir",
                                        folder_ + "/ca",
                                        "--control",
                                        card->control_,
                                        "--trace",
                                        card->trace_};
  for (const std::string& word : StandOf(reader).WhereOf(readers_.at(reader).second)) {
    arguments.push_back(word);
  }
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  card->program_ = Started(Program::Run(arguments, folder_ + "/log/card-" + patient + "-" + run));
  return card;
}

bool Clinic::AwaitCard(int reader, bool there, std::chrono::milliseconds patience) {
  return AwaitReader(
      reader,
      [&](const auto* state) {
        if (state == nullptr || state->has_trouble()) return false;
        return (state->presence() != reader::v1::PRESENCE_ABSENT) == there;
      },
      patience);
}

bool Clinic::LayAgain(Card& card, int reader) {
  card.LayAgain();
  const bool seldom = readers_.at(reader).first == ReaderKind::kPcsc;
  for (int tries = 0; seldom && tries < 3; ++tries) {
    if (AwaitCard(reader, true, std::chrono::milliseconds(1500))) return true;
    card.Take();
    if (!AwaitCard(reader, false)) return false;
    card.LayAgain();
  }
  return AwaitCard(reader);
}

bool Clinic::AwaitLyingCard(int reader) {
  return AwaitReader(
      reader, [](const auto* state) { return state != nullptr && state->lying(); },
      std::chrono::seconds(20));
}

bool Clinic::AwaitNoReader(int reader) {
  return AwaitReader(
      reader, [](const auto* state) { return state == nullptr || state->has_trouble(); },
      std::chrono::seconds(20));
}

bool Clinic::AwaitReader(int reader,
                         const std::function<bool(const reader::v1::ReaderState*)>& pleases,
                         std::chrono::milliseconds patience) {
  const std::string wanted = ReaderName(reader);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + patience);
  const auto stub = desk::v1::Desk::NewStub(Channel());
  const auto stream = stub->WatchReaders(&context, desk::v1::WatchReadersRequest());
  desk::v1::ReaderTable table;
  bool pleased = false;
  while (!pleased && stream->Read(&table)) {
    const reader::v1::ReaderState* state = nullptr;
    for (const auto& row : table.reader()) {
      if (row.plugin() + "/" + row.state().name() == wanted) state = &row.state();
    }
    pleased = pleases(state);
  }
  context.TryCancel();
  stream->Finish();
  return pleased;
}

std::shared_ptr<grpc::Channel> Clinic::Channel() {
  auto channel = screen::Connect(folder_ + "/desk.sock");
  EXPECT_TRUE(channel.ok()) << channel.status();
  return *channel;
}

std::unique_ptr<Screen> Clinic::Staff(const std::string& counter) {
  return std::make_unique<Screen>(Channel(), counter, ROLE_STAFF);
}

std::unique_ptr<Screen> Clinic::PatientScreen(const std::string& counter) {
  return std::make_unique<Screen>(Channel(), counter, ROLE_PATIENT);
}

desk::v1::PluginRow Clinic::Plugin(const std::string& name) {
  const auto stub = desk::v1::Desk::NewStub(Channel());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  desk::v1::ListPluginsReply reply;
  EXPECT_TRUE(stub->ListPlugins(&context, desk::v1::ListPluginsRequest(), &reply).ok());
  for (const auto& row : reply.plugin()) {
    if (row.name() == name) return row;
  }
  return {};
}

void Clinic::Restart(const std::string& name) {
  grpc::ClientContext call;
  desk::v1::RestartPluginRequest request;
  request.set_name(name);
  desk::v1::RestartPluginReply reply;
  EXPECT_TRUE(desk::v1::Desk::NewStub(Channel())->RestartPlugin(&call, request, &reply).ok());
}

void Clinic::Approve(const std::string& name) {
  const auto stub = desk::v1::Desk::NewStub(Channel());
  grpc::ClientContext inspecting, approving;
  desk::v1::InspectPluginRequest which;
  which.set_name(name);
  desk::v1::InspectPluginReply seen;
  ASSERT_TRUE(stub->InspectPlugin(&inspecting, which, &seen).ok());
  desk::v1::ApprovePluginRequest request;
  request.set_name(name);
  request.set_digest(seen.digest());
  *request.mutable_permission() = seen.asked();
  desk::v1::ApprovePluginReply reply;
  const grpc::Status status = stub->ApprovePlugin(&approving, request, &reply);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

void Clinic::Revoke(const std::string& name) {
  const auto stub = desk::v1::Desk::NewStub(Channel());
  grpc::ClientContext context;
  desk::v1::RevokePluginRequest request;
  request.set_name(name);
  desk::v1::RevokePluginReply reply;
  const grpc::Status status = stub->RevokePlugin(&context, request, &reply);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

std::pair<std::optional<int>, std::string> Clinic::Madoguchi(std::vector<std::string> arguments,
                                                             const std::string& pins) {
  arguments.insert(arguments.begin(), Bin() + "/madoguchi");
  arguments.insert(arguments.end(), {"--socket", folder_ + "/desk.sock"});
  auto program = Started(
      Program::Run(arguments, folder_ + "/log/madoguchi-" + std::to_string(++runs_), false, pins));
  if (program == nullptr) return {};
  const auto status = program->Wait();
  return {status, program->Output()};
}

}  // namespace madoguchi::clinic
