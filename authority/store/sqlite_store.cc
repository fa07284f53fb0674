#include <soci/soci-config.h>
// Debian's SOCI offers Boost's tuples in its headers, and would need Boost for nothing else.
#undef SOCI_HAVE_BOOST

#include <fcntl.h>
#include <google/protobuf/util/json_util.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>

#include "authority/store/insured_store.h"

namespace madoguchi::authority {
namespace {

constexpr int kSchemaVersion = 1;

// SQLite reports every error of SOCI as "unknown"; its own result code tells more.
absl::Status StatusOf(const std::exception& error) {
  const std::string message = std::string("the database: ") + error.what();
  const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&error);
  switch (sqlite == nullptr ? -1 : sqlite->result() & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return absl::UnavailableError(message);
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
      return absl::ResourceExhaustedError(message);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::DataLossError(message);
    default:
      return absl::InternalError(message);
  }
}

class SqliteStore final : public InsuredStore {
 public:
  // Throws what SOCI throws.
  explicit SqliteStore(const std::string& path)
      : sql_(soci::sqlite3, "db=\"" + path + "\" timeout=5") {
    std::string mode;
    sql_ << "pragma journal_mode=wal", soci::into(mode);
    // Not in the connection string: SOCI would leak the connection when the file is no database.
    sql_ << "pragma synchronous=full";
    sql_ << "pragma foreign_keys=on";
    // Of a server and an import that start together one waits for the other.
    sql_ << "begin immediate";
    sql_ << "create table if not exists schema_version (version integer not null)";
    sql_ << "create table if not exists insured ("
            " issuer text not null,"
            " serial text not null,"
            " validity integer not null,"
            " eligibility text not null,"  // protobuf JSON of check.v1.Eligibility
            " primary key (issuer, serial))";
    sql_ << "select coalesce(max(version), 0) from schema_version", soci::into(version_);
    if (version_ == 0) {
      version_ = kSchemaVersion;
      sql_ << "insert into schema_version (version) values (:version)", soci::use(version_);
    }
    sql_ << "commit";
  }

  int version() const { return version_; }

  absl::Status Put(const std::vector<InsuredPerson>& persons) override {
    const std::lock_guard lock(mutex_);
    try {
      soci::transaction transaction(sql_);
      std::string issuer, serial, eligibility;
      int validity = 0;
      soci::statement put =
          (sql_.prepare << "insert into insured (issuer, serial, validity, eligibility)"
                           " values (:issuer, :serial, :validity, :eligibility)"
                           " on conflict (issuer, serial) do update set"
                           " validity = excluded.validity, eligibility = excluded.eligibility",
           soci::use(issuer, "issuer"), soci::use(serial, "serial"),
           soci::use(validity, "validity"), soci::use(eligibility, "eligibility"));
      for (const InsuredPerson& person : persons) {
        issuer = person.issuer;
        serial = person.serial;
        validity = person.validity;
        eligibility.clear();
        const auto written =
            google::protobuf::util::MessageToJsonString(person.eligibility, &eligibility);
        if (!written.ok()) return absl::InvalidArgumentError("an eligibility has no JSON form");
        put.execute(true);
      }
      transaction.commit();
      return absl::OkStatus();
    } catch (const std::exception& error) {
      return StatusOf(error);
    }
  }

  absl::StatusOr<std::optional<InsuredPerson>> Find(const std::string& issuer,
                                                    const std::string& serial) override {
    int validity = 0;
    std::string eligibility;
    try {
      const std::lock_guard lock(mutex_);
      sql_ << "select validity, eligibility from insured"
              " where issuer = :issuer and serial = :serial",
          soci::use(issuer, "issuer"), soci::use(serial, "serial"), soci::into(validity),
          soci::into(eligibility);
      if (!sql_.got_data()) return std::nullopt;
    } catch (const std::exception& error) {
      return StatusOf(error);
    }
    InsuredPerson person{issuer, serial, static_cast<check::v1::Validity>(validity), {}};
    const auto read = google::protobuf::util::JsonStringToMessage(eligibility, &person.eligibility);
    if (!read.ok() || !check::v1::Validity_IsValid(validity) || validity == 0) {
      return absl::DataLossError("the database: a person's row makes no sense");
    }
    return person;
  }

  absl::StatusOr<int64_t> Count() override {
    const std::lock_guard lock(mutex_);
    try {
      long long count = 0;
      sql_ << "select count(*) from insured", soci::into(count);
      return count;
    } catch (const std::exception& error) {
      return StatusOf(error);
    }
  }

 private:
  std::mutex mutex_;  // a SOCI session belongs to one thread at a time
  soci::session sql_;
  int version_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<InsuredStore>> OpenSqlite(const std::string& path) {
  if (path.find('"') != std::string::npos) {
    return absl::InvalidArgumentError("the path of a database holds no quotation mark");
  }
  // Made here, because SQLite would make it readable to all.
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return absl::UnavailableError("cannot open the database " + path + ": " + std::strerror(errno));
  }
  close(fd);
  try {
    auto store = std::make_unique<SqliteStore>(path);
    if (store->version() != kSchemaVersion) {
      return absl::DataLossError(path + " was written by a newer madoguchi-authority");
    }
    return store;
  } catch (const std::exception& error) {
    return StatusOf(error);
  }
}

}  // namespace madoguchi::authority
