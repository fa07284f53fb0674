#include "authority/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "sdk/proof/test_pki.h"

namespace madoguchi::authority {
namespace {

using testing::HasSubstr;

struct Keys {
  test::Authority ca = test::MakeAuthority();
  test::Key server_key = test::RsaKey();
  std::shared_ptr<X509> server = test::Issue(ca, server_key, test::ValidNow());
};
const Keys& keys() {
  static const auto* const keys = new Keys;
  return *keys;
}

class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    std::string pattern = testing::TempDir() + "configXXXXXX";
    folder_ = mkdtemp(pattern.data());
    Write("ca.pem", test::Pem(keys().ca.certificate));
    Write("server.pem", test::Pem(keys().server));
    Write("server.key", test::Pem(keys().server_key));
  }
  ~ConfigTest() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
  }
  absl::StatusOr<ServeSettings> Load(const std::string& text) {
    Write("authority.textproto", text);
    return LoadForServe(folder_ + "/authority.textproto");
  }
  std::string Error(const std::string& text) {
    const auto settings = Load(text);
    EXPECT_EQ(settings.status().code(), absl::StatusCode::kInvalidArgument) << text;
    return std::string(settings.status().message());
  }

  std::string folder_;
};

constexpr char kLocal[] =
    "authority_id: \"authority.test\"\ndatabase: \"a.db\"\ntrust_anchors: \"ca.pem\"\n"
    "listen_socket: \"a.sock\"\n";
constexpr char kRemote[] =
    "authority_id: \"authority.test\"\ndatabase: \"/var/a.db\"\ntrust_anchors: \"ca.pem\"\n"
    "listen_address: \"127.0.0.1:0\"\nserver_certificate: \"server.pem\"\n"
    "server_key: \"server.key\"\nclient_ca: \"ca.pem\"\n";

TEST_F(ConfigTest, ResolvesPathsFromItsOwnFolder) {
  const auto settings = Load(std::string(kLocal) + "host { host_id: \"c\" uid: 1 visual: true }");
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->database, folder_ + "/a.db");
  EXPECT_EQ(settings->listen_socket, folder_ + "/a.sock");
  ASSERT_EQ(settings->hosts_by_uid.count(1), 1u);
  EXPECT_TRUE(settings->hosts_by_uid.at(1).visual);
  EXPECT_EQ(*LoadDatabasePath(folder_ + "/authority.textproto"), folder_ + "/a.db");
}

TEST_F(ConfigTest, TakesFingerprintsAsOpensslPrintsThem) {
  std::string colons;
  for (int i = 0; i < 32; ++i) colons += i == 0 ? "AB" : ":AB";
  const auto settings =
      Load(std::string(kRemote) + "host { host_id: \"c\" certificate_sha256: \"" + colons + "\" }");
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->database, "/var/a.db");
  std::string digits;
  for (int i = 0; i < 32; ++i) digits += "ab";
  EXPECT_EQ(settings->hosts_by_certificate.count(digits), 1u);
}

TEST_F(ConfigTest, SaysWhereAndWhatWasExpected) {
  Write("empty.pem", "");
  Write("other.key", test::Pem(test::RsaKey()));
  const std::string local = kLocal, remote = kRemote;
  const auto with = [](std::string text, const std::string& from, const std::string& to) {
    return text.replace(text.find(from), from.size(), to);
  };
  const std::pair<std::string, std::string> kInputs[] = {
      {"authority_id 1", "authority.textproto:1:14:"},
      {local + "hots {}", "authority.textproto:5:"},
      {with(local, "authority.test", "a b"), ":1:1: expected authority_id"},
      {with(local, "database: \"a.db\"", ""), ": expected database"},
      {with(local, "ca.pem", "no.pem"), ":3:1: expected a PEM file; cannot read"},
      {with(local, "ca.pem", "empty.pem"), ":3:1: expected the certificates of CAs"},
      {with(local, "ca.pem", "server.pem"), ":3:1: expected the certificates of CAs; block 1"},
      {with(local, "a.sock", std::string(108, 's')), ":4:1: expected a path of at most 107"},
      {with(local, "listen_socket: \"a.sock\"", ""), ": expected listen_socket or listen_address"},
      {with(remote, "127.0.0.1:0", "127.0.0.1"), ":4:1: expected an address and a port"},
      {with(remote, "server.pem", "server.key"), ":5:1: expected a PEM file with a certificate"},
      {with(remote, "server.key", "other.key"), ":6:1: expected the key of server_certificate"},
      {with(remote, "client_ca: \"ca.pem\"", ""), ": expected client_ca: a PEM file"},
      {local + "host {\n  uid: 1 }", ":5:1: expected host_id"},
      {local + "host { host_id: \"c\" }", ":5:8: expected certificate_sha256 or uid"},
      {local + "host { host_id: \"c\" uid: 1 }\nhost { host_id: \"d\" uid: 1 }",
       ":6:21: expected each uid once"},
      {local + "host { host_id: \"c\" certificate_sha256: \"12\" }",
       ":5:21: expected 64 hexadecimal digits"},
      {remote + "host { host_id: \"c\" uid: 1 }", ":8:21: expected listen_socket, for a host by"},
  };
  for (const auto& [text, error] : kInputs) EXPECT_THAT(Error(text), HasSubstr(error)) << text;
  EXPECT_THAT(std::string(LoadForServe(folder_ + "/none").status().message()),
              HasSubstr("/none: expected a configuration; cannot read"));
}

}  // namespace
}  // namespace madoguchi::authority
