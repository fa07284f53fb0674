#include "authority/store/insured_store.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace madoguchi::authority {
namespace {

class InsuredStoreTest : public testing::Test {
 protected:
  InsuredStoreTest() {
    std::string pattern = testing::TempDir() + "insured store XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~InsuredStoreTest() override { std::filesystem::remove_all(folder_); }
  std::string path() const { return folder_ + "/insured.db"; }

  static InsuredPerson Person(const std::string& serial, const std::string& name) {
    InsuredPerson person{"O=JPKI-TEST,C=JP", serial, check::v1::VALIDITY_VALID, {}};
    person.eligibility.set_name(name);
    person.eligibility.set_branch("01");
    person.eligibility.set_share_percent(0);
    person.eligibility.set_relation(check::v1::RELATION_FAMILY);
    return person;
  }

  void Sql(const std::string& text) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path().c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, text.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database);
    sqlite3_close(database);
  }

  std::string folder_;
};

TEST_F(InsuredStoreTest, FindsWhatWasPutAfterReopening) {
  const InsuredPerson put = Person("1a2b", "試験 花子 \"引用\" \\ 😀");
  {
    auto store = OpenSqlite(path());
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE((*store)->Put({put}).ok());
  }
  auto store = OpenSqlite(path());
  ASSERT_TRUE(store.ok()) << store.status();
  const auto found = (*store)->Find(put.issuer, put.serial);
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->validity, check::v1::VALIDITY_VALID);
  EXPECT_EQ((*found)->eligibility.SerializeAsString(), put.eligibility.SerializeAsString());
  EXPECT_TRUE((*found)->eligibility.has_share_percent()) << "0 % is not the same as not said";
}

TEST_F(InsuredStoreTest, KnowsNobodyUnderAnotherIssuerOrSerial) {
  auto store = OpenSqlite(path());
  ASSERT_TRUE((*store)->Put({Person("1a2b", "a")}).ok());
  EXPECT_FALSE((*store)->Find("O=JPKI-TEST,C=JP", "1a2c")->has_value());
  EXPECT_FALSE((*store)->Find("O=OTHER,C=JP", "1a2b")->has_value());
  EXPECT_FALSE((*store)->Find("' or 1=1 --", "' or 1=1 --")->has_value());
}

TEST_F(InsuredStoreTest, ReplacesThePersonOfTheSameCertificate) {
  auto store = OpenSqlite(path());
  ASSERT_TRUE((*store)->Put({Person("1", "a"), Person("2", "b")}).ok());
  ASSERT_TRUE((*store)->Put({Person("2", "c"), Person("3", "d")}).ok());
  EXPECT_EQ(*(*store)->Count(), 3);
  EXPECT_EQ((**(*store)->Find("O=JPKI-TEST,C=JP", "2")).eligibility.name(), "c");
}

TEST_F(InsuredStoreTest, PutsAllOrNothing) {
  auto store = OpenSqlite(path());
  ASSERT_TRUE((*store)->Put({Person("1", "a")}).ok());
  Sql("create trigger refuse before insert on insured when new.serial = '3'"
      " begin select raise(abort, 'refused'); end");
  EXPECT_FALSE((*store)->Put({Person("1", "z"), Person("2", "b"), Person("3", "c")}).ok());
  EXPECT_EQ(*(*store)->Count(), 1);
  EXPECT_EQ((**(*store)->Find("O=JPKI-TEST,C=JP", "1")).eligibility.name(), "a");
  EXPECT_TRUE((*store)->Put({Person("2", "b")}).ok()) << "the session works on";
}

TEST_F(InsuredStoreTest, SaysWhatIsWrongWithTheDatabase) {
  EXPECT_EQ(OpenSqlite(folder_ + "/no/such/folder.db").status().code(),
            absl::StatusCode::kUnavailable);
  std::ofstream(path()) << std::string(4096, 'x');
  EXPECT_EQ(OpenSqlite(path()).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(InsuredStoreTest, RefusesARowThatMakesNoSense) {
  auto store = OpenSqlite(path());
  ASSERT_TRUE((*store)->Put({Person("1", "a"), Person("2", "a")}).ok());
  Sql("update insured set eligibility = 'nonsense' where serial = '1'");
  Sql("update insured set validity = 77 where serial = '2'");
  for (const char* serial : {"1", "2"}) {
    EXPECT_EQ((*store)->Find("O=JPKI-TEST,C=JP", serial).status().code(),
              absl::StatusCode::kDataLoss);
  }
}

TEST_F(InsuredStoreTest, RefusesTheDatabaseOfANewerProgram) {
  ASSERT_TRUE(OpenSqlite(path()).ok());
  Sql("update schema_version set version = 2");
  EXPECT_EQ(OpenSqlite(path()).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(InsuredStoreTest, IsReadableByItsOwnerAlone) {
  auto store = OpenSqlite(path());
  ASSERT_TRUE((*store)->Put({Person("1", "a")}).ok());
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct stat status {};
    ASSERT_EQ(stat((path() + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0777, 0600u) << suffix;
  }
}

TEST_F(InsuredStoreTest, ServesSeveralThreadsWhileAnotherProcessWrites) {
  auto server = OpenSqlite(path());
  auto importer = OpenSqlite(path());
  ASSERT_TRUE((*server)->Put({Person("1", "a")}).ok());
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 50; ++j) {
        const auto found = (*server)->Find("O=JPKI-TEST,C=JP", "1");
        EXPECT_TRUE(found.ok() && found->has_value()) << found.status();
      }
    });
  }
  for (int j = 0; j < 20; ++j) {
    EXPECT_TRUE((*importer)->Put({Person("1", "b"), Person(std::to_string(j + 2), "c")}).ok());
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(*(*server)->Count(), 21);
}

}  // namespace
}  // namespace madoguchi::authority
