// A long day at 16 readers of four kinds: cards come and go, and things go wrong. Run by
// private-pcscd with 4 readers. MADOGUCHI_INSERTIONS says how many cards are laid down in all;
// MADOGUCHI_SEED what happens when.
#include <gmock/gmock.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "tests/flows/lane.h"

namespace madoguchi::clinic {
namespace {

using namespace desk::v1;  // NOLINT: the table.

#if defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer);
#else
constexpr bool kSanitized = false;
#endif
constexpr int kReaders = 16;
constexpr ReaderKind kKinds[] = {ReaderKind::kVirtual, ReaderKind::kPcsc, ReaderKind::kNfc,
                                 ReaderKind::kBluetooth};

// The host's reader table as one screen sees it, beside what was truly laid down.
class TableWatch {
 public:
  explicit TableWatch(Clinic& clinic) {
    for (int i = 0; i < kReaders; ++i) names_.push_back(clinic.ReaderName(i));
    stub_ = Desk::NewStub(clinic.Channel());
    thread_ = std::jthread([this] {
      const auto stream = stub_->WatchReaders(&context_, {});
      desk::v1::ReaderTable table;
      while (stream->Read(&table)) See(table);
      (void)stream->Finish();
    });
  }
  ~TableWatch() { context_.TryCancel(); }

  // Until the reader shows a card, or works and shows none.
  bool Await(int reader, bool there) {
    return AwaitThat(
        [&] { return there ? of_[reader].there : of_[reader].works && !of_[reader].there; });
  }
  // Until it showed so many arrivals.
  bool AwaitArrivals(int reader, int arrivals) {
    return AwaitThat([&] { return of_[reader].arrivals >= arrivals; });
  }
  int Arrivals(int reader) const {
    std::lock_guard<std::mutex> lock(mutex_);
    return of_[reader].arrivals;
  }
  // A card is about to be laid down there, or one that lies there to be lost and found.
  void Expect(int reader) {
    std::lock_guard<std::mutex> lock(mutex_);
    ++of_[reader].expected;
  }
  // Readers that told of a card more often than there was one.
  std::set<std::string> phantoms() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return phantoms_;
  }

 private:
  struct Reader {
    bool there = false, works = false;
    uint64_t insertion = 0;
    int arrivals = 0, expected = 0;
  };

  bool AwaitThat(const std::function<bool()>& pleases) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), pleases);
  }
  void See(const desk::v1::ReaderTable& table) {
    std::lock_guard<std::mutex> lock(mutex_);
    for (Reader& reader : of_) reader.there = reader.works = false;
    for (const auto& row : table.reader()) {
      const auto name =
          std::find(names_.begin(), names_.end(), row.plugin() + "/" + row.state().name());
      if (name == names_.end()) continue;
      Reader& reader = of_[static_cast<size_t>(name - names_.begin())];
      reader.there = row.state().presence() == reader::v1::PRESENCE_PRESENT ||
                     row.state().presence() == reader::v1::PRESENCE_UNPOWERED;
      reader.works = !row.state().has_trouble();
      if (!reader.there || reader.insertion == row.state().insertion()) continue;
      reader.insertion = row.state().insertion();
      // Of one that lay there already a reader does not say that it came.
      if (row.state().lying()) continue;
      if (++reader.arrivals > reader.expected) phantoms_.insert(*name);
    }
    changed_.notify_all();
  }

  std::vector<std::string> names_;
  std::unique_ptr<Desk::Stub> stub_;
  grpc::ClientContext context_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Reader of_[kReaders];
  std::set<std::string> phantoms_;
  std::jthread thread_;
};

// What one process holds.
struct Held {
  int descriptors = 0, threads = 0, private_kib = 0;
};

Held HeldBy(int pid) {
  const std::string proc = "/proc/" + std::to_string(pid);
  const auto count = [](const std::string& folder) {
    int entries = 0;
    std::error_code error;
    for ([[maybe_unused]] const auto& one : std::filesystem::directory_iterator(folder, error)) {
      ++entries;
    }
    return entries;
  };
  Held held{count(proc + "/fd"), count(proc + "/task"), 0};
  std::ifstream rollup(proc + "/smaps_rollup");
  for (std::string line; std::getline(rollup, line);) {
    if (line.rfind("Private_Dirty:", 0) != 0) continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    words >> held.private_kib;
  }
  return held;
}

class Day : public testing::Test {
 protected:
  void SetUp() override {
    Clinic::Options options;
    for (int i = 0; i < kReaders / 4; ++i) {
      options.kinds.insert(options.kinds.end(), std::begin(kKinds), std::end(kKinds));
    }
    clinic_ = Clinic::Make(options);
    clinic_->Start();
    watch_ = std::make_unique<TableWatch>(*clinic_);
    for (int i = 0; i < kReaders; ++i) {
      watch_->Expect(i);
      cards_.push_back(clinic_->Lay("hanako", i));
      EXPECT_TRUE(watch_->Await(i, true)) << clinic_->ReaderName(i);
      cards_[i]->Take();
      EXPECT_TRUE(watch_->Await(i, false)) << clinic_->ReaderName(i);
    }
  }

  // Cards come and go at every reader at once, `rounds` times each.
  void Go(int rounds, uint32_t seed) {
    std::vector<std::jthread> readers;
    for (int i = 0; i < kReaders; ++i) {
      readers.emplace_back([this, i, rounds, seed] {
        std::mt19937 dice(seed * kReaders + static_cast<uint32_t>(i));
        for (int round = 0; round < rounds && !HasFailure(); ++round) ComeAndGo(i, dice);
      });
    }
  }

  std::map<std::string, Held> WhatIsHeld() {
    EXPECT_TRUE(clinic_->AwaitPlugins());
    std::map<std::string, Held> held = {{"madoguchid", HeldBy(clinic_->host().pid())}};
    for (const ReaderKind kind : kKinds) {
      const std::string plugin = PluginOf(kind);
      held[plugin] = HeldBy(clinic_->Plugin(plugin).pid());
    }
    return held;
  }

  std::unique_ptr<Clinic> clinic_;
  std::unique_ptr<TableWatch> watch_;
  std::vector<std::unique_ptr<Card>> cards_;

 private:
  void ComeAndGo(int reader, std::mt19937& dice) {
    const std::string where = clinic_->ReaderName(reader);
    Card& card = *cards_[reader];
    LayAgain(reader);
    EXPECT_TRUE(watch_->Await(reader, true)) << where << ": a card that came is not seen";
    if (dice() % 4 == 0) {
      watch_->Expect(reader);
      (void)clinic_->DisturbReader(reader, dice());
    } else if (dice() % 8 == 0) {
      const int before = watch_->Arrivals(reader);
      card.Take();
      LayAgain(reader);
      // What polls may miss that it was away.
      const ReaderKind kind = kKinds[reader % 4];
      if (kind == ReaderKind::kVirtual || kind == ReaderKind::kBluetooth) {
        EXPECT_TRUE(watch_->AwaitArrivals(reader, before + 1)) << where << ": a swap is not seen";
      }
    }
    EXPECT_TRUE(watch_->Await(reader, true)) << where << ": a card that lies there is lost";
    card.Take();
    EXPECT_TRUE(watch_->Await(reader, false)) << where << ": a card that is gone is still seen";
    if (dice() % 8 == 0) (void)clinic_->DisturbReader(reader, dice());
    EXPECT_TRUE(watch_->Await(reader, false)) << where;
  }
  void LayAgain(int reader) {
    watch_->Expect(reader);
    cards_[reader]->LayAgain();
  }
};

TEST_F(Day, NoRemovalIsMissedNoCardIsMadeUpAndNothingIsLeaked) {
  const int insertions = FromEnvironment("MADOGUCHI_INSERTIONS", 200);
  const auto seed = static_cast<uint32_t>(FromEnvironment("MADOGUCHI_SEED", 1));
  SCOPED_TRACE("MADOGUCHI_SEED=" + std::to_string(seed));
  ASSERT_FALSE(HasFailure());
  // What is made once is there after this.
  Go(2, seed + 1);
  const auto before = WhatIsHeld();
  Go((insertions + kReaders - 1) / kReaders, seed);
  EXPECT_THAT(watch_->phantoms(), testing::IsEmpty());
  const auto after = WhatIsHeld();
  for (const auto& [program, held] : after) {
    const Held& then = before.at(program);
    std::printf("%-18s descriptors %3d -> %3d  threads %3d -> %3d  private KiB %6d -> %6d\n",
                program.c_str(), then.descriptors, held.descriptors, then.threads, held.threads,
                then.private_kib, held.private_kib);
    // gRPC's pools breathe by a few; what leaks grows with each card.
    const int slack = 8;
    EXPECT_LE(held.descriptors, then.descriptors + slack) << program;
    EXPECT_LE(held.threads, then.threads + slack) << program;
    // AddressSanitizer keeps what is freed.
    if (!kSanitized) {
      EXPECT_LE(held.private_kib, then.private_kib + 1024) << program;
    }
    // One whose device was plugged in again is started again; none may have ended by itself.
    const desk::v1::PluginRow row = clinic_->Plugin(program);
    for (const auto& incident : row.incident()) {
      ADD_FAILURE() << program << " " << incident.what();
    }
  }
}

}  // namespace
}  // namespace madoguchi::clinic
