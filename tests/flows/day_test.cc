// A long day at 16 readers of four kinds: cards come and go, and things go wrong: links and fields
// are lost, boards unplugged, pcscd restarted, plugins killed. Run by
// private-pcscd with 4 readers. MADOGUCHI_INSERTIONS says how many cards are laid down in all;
// MADOGUCHI_SEED what happens when.
#include <gmock/gmock.h>
#include <signal.h>

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
    of_[reader].empty = false;
  }
  // The card that may lie there will be told of as if it came.
  void ExpectOneMore(int reader) {
    std::lock_guard<std::mutex> lock(mutex_);
    ++of_[reader].expected;
  }
  // The card was taken away, and the reader showed it: from here to the next Expect it shows none,
  // whatever happens to it.
  void ExpectNone(int reader) {
    std::lock_guard<std::mutex> lock(mutex_);
    of_[reader].empty = true;
    of_[reader].expected = of_[reader].arrivals;
  }
  // What readers told of that was not there, and how often they told of one card.
  std::set<std::string> phantoms() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return phantoms_;
  }

 private:
  struct Reader {
    bool there = false, works = false, empty = false;
    uint64_t insertion = 0;
    int arrivals = 0, expected = 0;
  };

  bool AwaitThat(const std::function<bool()>& pleases) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), pleases);
  }
  void See(const desk::v1::ReaderTable& table) {
    std::lock_guard<std::mutex> lock(mutex_);
    std::set<const Reader*> unmentioned;
    for (Reader& reader : of_) {
      reader.there = reader.works = false;
      unmentioned.insert(&reader);
    }
    for (const auto& row : table.reader()) {
      const auto name =
          std::find(names_.begin(), names_.end(), row.plugin() + "/" + row.state().name());
      if (name == names_.end()) continue;
      Reader& reader = of_[static_cast<size_t>(name - names_.begin())];
      unmentioned.erase(&reader);
      reader.there = row.state().presence() == reader::v1::PRESENCE_PRESENT ||
                     row.state().presence() == reader::v1::PRESENCE_UNPOWERED;
      reader.works = !row.state().has_trouble();
      if (reader.there && reader.empty) phantoms_.insert(*name + ": a card where none lies");
      if (!reader.there || reader.insertion == row.state().insertion()) continue;
      reader.insertion = row.state().insertion();
      // Of one that lay there already a reader does not say that it came.
      if (row.state().lying()) continue;
      if (++reader.arrivals > reader.expected) phantoms_.insert(*name + ": one card twice");
    }
    // Another life of its plugin counts anew.
    for (Reader& reader : of_) {
      if (unmentioned.count(&reader) > 0) reader.insertion = 0;
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

  int TimesAllWereDisturbed(ReaderKind kind) const {
    return faults_[std::find(std::begin(kKinds), std::end(kKinds), kind) - std::begin(kKinds)] / 2;
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
      Disturb(reader, dice());
    } else if (dice() % 8 == 0) {
      Swap(reader);
    }
    EXPECT_TRUE(watch_->Await(reader, true)) << where << ": a card that lies there is lost";
    card.Take();
    EXPECT_TRUE(watch_->Await(reader, false)) << where << ": a card that is gone is still seen";
    watch_->ExpectNone(reader);
    if (dice() % 8 == 0) (void)clinic_->DisturbReader(reader, dice());
    EXPECT_TRUE(watch_->Await(reader, false)) << where;
  }
  void LayAgain(int reader) {
    watch_->Expect(reader);
    cards_[reader]->LayAgain();
  }
  // The card is taken away and laid down again at once.
  void Swap(int reader) {
    const int before = watch_->Arrivals(reader), faults = FaultsOf(reader);
    cards_[reader]->Take();
    LayAgain(reader);
    // What polls may miss that it was away; and what a fault hid.
    const ReaderKind kind = kKinds[reader % 4];
    const bool told = kind == ReaderKind::kVirtual || kind == ReaderKind::kBluetooth;
    if (told && FaultsOf(reader) == faults) {
      EXPECT_TRUE(watch_->AwaitArrivals(reader, before + 1) || FaultsOf(reader) != faults)
          << clinic_->ReaderName(reader) << ": a swap is not seen";
    }
  }
  void Disturb(int reader, uint32_t dice) {
    watch_->Expect(reader);
    if (clinic_->DisturbReader(reader, dice)) return;
    // This kind knows no fault of one reader: now and then one of all.
    if (dice % 8 != 0) return;
    const std::lock_guard<std::mutex> one_at_a_time(fault_);
    ExpectAllAnew(reader);
    ++faults_[reader % 4];
    if (!clinic_->DisturbReaders(reader)) {
      const std::string plugin = PluginOf(kKinds[reader % 4]);
      if (const pid_t pid = clinic_->Plugin(plugin).pid(); pid > 0) kill(pid, SIGKILL);
      // Without the pause that a plugin is given which dies by itself.
      clinic_->Restart(plugin);
      // A card that was taken away and laid down again meanwhile will be told of twice, too.
      ExpectAllAnew(reader);
    }
    ++faults_[reader % 4];
  }
  // A virtual card is laid down anew where its reader comes back.
  void ExpectAllAnew(int reader) {
    if (kKinds[reader % 4] != ReaderKind::kVirtual) return;
    for (int i = reader % 4; i < kReaders; i += 4) watch_->ExpectOneMore(i);
  }
  int FaultsOf(int reader) const { return faults_[reader % 4]; }

  std::mutex fault_;
  std::atomic<int> faults_[std::size(kKinds)] = {};  // of all readers of a kind, twice for each
};

TEST_F(Day, NoRemovalIsMissedNoCardIsMadeUpAndNothingIsLeaked) {
  const int insertions = FromEnvironment("MADOGUCHI_INSERTIONS", 200);
  const auto seed = static_cast<uint32_t>(FromEnvironment("MADOGUCHI_SEED", 1));
  SCOPED_TRACE("MADOGUCHI_SEED=" + std::to_string(seed));
  ASSERT_FALSE(HasFailure());
  // What is made once is there after this.
  Go(2, seed + 1);
  const int rounds = (insertions + kReaders - 1) / kReaders;
  const auto at_first = WhatIsHeld();
  Go(rounds / 2, seed + 2);
  // What malloc keeps for each thread, and what each fault needs once, is there by now: what leaks
  // grows on.
  const auto before = WhatIsHeld();
  Go(rounds - rounds / 2, seed);
  EXPECT_THAT(watch_->phantoms(), testing::IsEmpty());
  std::printf("pcscd was restarted %d times, reader_virtual killed %d times\n",
              TimesAllWereDisturbed(ReaderKind::kPcsc),
              TimesAllWereDisturbed(ReaderKind::kVirtual));
  const auto after = WhatIsHeld();
  for (const auto& [program, held] : after) {
    const Held& then = before.at(program);
    const Held& first = at_first.at(program);
    std::printf(
        "%-18s descriptors %3d -> %3d -> %3d  threads %3d -> %3d -> %3d  private KiB %6d -> %6d -> "
        "%6d\n",
        program.c_str(), first.descriptors, then.descriptors, held.descriptors, first.threads,
        then.threads, held.threads, first.private_kib, then.private_kib, held.private_kib);
    // gRPC's pools breathe by a few; what leaks grows with each card.
    const int slack = 8;
    EXPECT_LE(held.descriptors, then.descriptors + slack) << program;
    EXPECT_LE(held.threads, then.threads + slack) << program;
    // AddressSanitizer keeps what is freed.
    if (!kSanitized) {
      EXPECT_LE(held.private_kib, then.private_kib + 512) << program;
    }
    // One whose device was plugged in again is started again; none may have ended by itself.
    const desk::v1::PluginRow row = clinic_->Plugin(program);
    for (const auto& incident : row.incident()) {
      const bool by_this_test =
          program == "reader_virtual" && incident.what() == "killed by Killed";
      EXPECT_TRUE(by_this_test) << program << " " << incident.what();
    }
  }
}

}  // namespace
}  // namespace madoguchi::clinic
