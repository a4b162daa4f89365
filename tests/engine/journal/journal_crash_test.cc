#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <iterator>
#include <latch>
#include <map>
#include <optional>
#include <random>

#include "engine/journal/journal_thread.h"
#include "tests/engine/journal/journal_sample.h"
#include "tests/support/temp_dir.h"

/// The journal when its process is killed, when the disk is full, and when other processes write.
namespace sluice::journal_crash_test {
namespace {

using State = JournalEntry::State;
using test::checksums_of;
using test::sample_entry;

constexpr std::uint64_t all_blocks = 24;  // of sample_entry()

std::uint64_t committed_after(std::uint64_t blocks) {
  return std::min(sample_entry().file.size, blocks * sample_entry().block_bytes);
}

/// Runs `body` in a child process, whose exit status is the result; returns the process ID.
pid_t in_child(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  return pid;
}

/// Returns the exit status, or 128 + the signal.
int wait_for(pid_t pid) {
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct Pipe {
  Pipe() { EXPECT_EQ(::pipe2(fds, O_CLOEXEC), 0); }
  ~Pipe() {
    for (const int fd : fds) ::close(fd);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_end(int end) {
    ::close(fds[end]);
    fds[end] = -1;
  }
  int fds[2] = {-1, -1};
};

class JournalCrash : public testing::TestWithParam<JournalMode> {};

INSTANTIATE_TEST_SUITE_P(Modes, JournalCrash,
                         testing::Values(JournalMode::wal, JournalMode::truncate),
                         [](const auto& mode) {
                           return mode.param == JournalMode::wal ? "wal" : "truncate";
                         });

/// The message of the writer after a call has returned.
struct Recorded {
  std::int64_t id = 0;
  std::uint64_t blocks = 0;  ///< all_blocks + 1: registered
};

/// Registers one upload after the other, and resumes where the last writer was killed.
int write_for_ever(const std::string& dir, JournalMode mode, int report_to) {
  const auto say = [&](std::int64_t id, std::uint64_t blocks) {
    const Recorded recorded{id, blocks};
    return ::write(report_to, &recorded, sizeof recorded) == sizeof recorded;
  };
  if (!open_journal_file(dir, mode)) return 1;
  const auto journal = Journal::open(dir);
  if (!journal) return 2;
  while (true) {
    auto found = (*journal)->find(sample_entry().system, "IDB-1", "scan.h5");
    if (!found) return 3;
    JournalEntry entry = *found ? **found : sample_entry();
    if (!*found) {
      const auto id = (*journal)->begin(entry);
      if (!id) return 4;
      entry.id = *id;
    }
    for (std::uint64_t block = entry.hashed_blocks; block < all_blocks; ++block) {
      const std::vector<std::uint64_t> one = checksums_of(block, 1);
      const std::string state = std::to_string(block + 1);
      if (!(*journal)->record(entry.id, {.committed = committed_after(block + 1),
                                         .hashed = Journal::Step::Hashed{block, one, state}}))
        return 5;
      if (!say(entry.id, block + 1)) return 6;
    }
    if (!(*journal)->record(entry.id, {.state = State::verifying})) return 7;
    if (!(*journal)->record(entry.id, {.state = State::registered, .receipt = "{}"})) return 8;
    if (!say(entry.id, all_blocks + 1)) return 9;
  }
}

/// Checks that everything a writer reported is in the journal, and that the entries are complete.
void expect_recorded(const std::string& dir, const Recorded& last) {
  ASSERT_EQ(test::integrity(dir), "ok");
  const auto journal = test::open_journal(dir);
  const auto entry = journal->get(last.id);
  ASSERT_TRUE(entry) << entry.error().message;
  ASSERT_TRUE(*entry);
  if ((*entry)->state == State::registered) {
    EXPECT_EQ((*entry)->receipt, "{}");
    EXPECT_EQ((*entry)->committed, sample_entry().file.size);
    return;
  }
  ASSERT_LE(last.blocks, all_blocks) << "was registered";
  const std::uint64_t blocks = (*entry)->hashed_blocks;
  EXPECT_GE(blocks, last.blocks);
  EXPECT_LE(blocks, last.blocks + 1);
  EXPECT_EQ((*entry)->committed, committed_after(blocks));
  EXPECT_EQ((*entry)->digest_state, std::to_string(blocks));
  const auto checksums = journal->checksums(last.id, 0, blocks);
  ASSERT_TRUE(checksums) << checksums.error().message;
  EXPECT_EQ(*checksums, checksums_of(0, blocks));
}

TEST_P(JournalCrash, KeepsRecordedStepsAfterKill) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  RecordProperty("seed", std::to_string(seed));
  std::mt19937_64 random(seed);
  const test::TempDir dir(test::memory_directory());
  Recorded last;
  for (int kills = 0; kills < 100; ++kills) {
    Pipe reports;
    const pid_t writer =
        in_child([&] { return write_for_ever(dir.path(), GetParam(), reports.fds[1]); });
    reports.close_end(1);
    // Killed right after a message or while opening the journal, so at any point of what follows.
    const std::uint64_t patience = random() % 20;
    for (std::uint64_t heard = 0; heard < patience; ++heard)
      ASSERT_EQ(::read(reports.fds[0], &last, sizeof last), ssize_t{sizeof last});
    ::kill(writer, SIGKILL);
    ASSERT_EQ(wait_for(writer), 128 + SIGKILL) << "the writer ended by itself";
    while (::read(reports.fds[0], &last, sizeof last) == ssize_t{sizeof last}) {
    }
    if (last.id != 0) expect_recorded(dir.path(), last);
    if (HasFailure()) return;
  }
  EXPECT_GT(last.id, 1) << "no upload was registered";
}

constexpr std::size_t concurrent = 8;

/// Advances eight concurrent uploads from block to block, with all steps posted at once, and
/// reports the progress of each upload when the journal's thread calls Done.
int write_groups_for_ever(const std::string& dir, JournalMode mode, int report_to) {
  if (!open_journal_file(dir, mode)) return 1;
  auto opened = Journal::open(dir);
  if (!opened) return 2;
  JournalThread thread(std::move(*opened));
  std::vector<JournalEntry> entries;
  for (std::size_t i = 0; i < concurrent; ++i) {
    entries.push_back(sample_entry("file " + std::to_string(i)));
    const auto found = thread.journal().find(entries[i].system, "IDB-1", entries[i].name);
    if (!found) return 3;
    if (*found) entries[i] = **found;
  }
  std::atomic<int> failures = 0;
  while (failures == 0) {
    std::latch all_told(concurrent);
    for (JournalEntry& entry : entries) {
      thread.post(
          [&entry](JournalTables& tables) -> Result<void> {
            if (entry.id == 0) {
              TRY_ASSIGN(entry.id, tables.begin(entry));
              entry.hashed_blocks = 0;
            }
            const std::uint64_t block = entry.hashed_blocks++;
            if (block == all_blocks)
              return tables.record(entry.id, {.state = State::registered, .receipt = "{}"});
            const std::vector<std::uint64_t> one = checksums_of(block, 1);
            const std::string state = std::to_string(block + 1);
            return tables.record(entry.id, {.committed = committed_after(block + 1),
                                            .hashed = JournalStep::Hashed{block, one, state}});
          },
          [&](const Result<void>& written) {
            const Recorded recorded{entry.id, entry.hashed_blocks};
            if (!written ||
                ::write(report_to, &recorded, sizeof recorded) != ssize_t{sizeof recorded})
              ++failures;
            if (entry.hashed_blocks > all_blocks) entry.id = 0;
            all_told.count_down();
          });
    }
    all_told.wait();
  }
  return 4;
}

TEST_P(JournalCrash, KeepsReportedGroupWorkAfterKill) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  RecordProperty("seed", std::to_string(seed));
  std::mt19937_64 random(seed);
  const test::TempDir dir(test::memory_directory());
  std::map<std::int64_t, std::uint64_t> told;  // blocks of each upload
  for (int kills = 0; kills < 100; ++kills) {
    Pipe reports;
    const pid_t writer =
        in_child([&] { return write_groups_for_ever(dir.path(), GetParam(), reports.fds[1]); });
    reports.close_end(1);
    Recorded recorded;
    const std::uint64_t patience = random() % 60;
    for (std::uint64_t heard = 0; heard < patience; ++heard) {
      ASSERT_EQ(::read(reports.fds[0], &recorded, sizeof recorded), ssize_t{sizeof recorded});
      told[recorded.id] = recorded.blocks;
    }
    ::kill(writer, SIGKILL);
    ASSERT_EQ(wait_for(writer), 128 + SIGKILL) << "the writer ended by itself";
    while (::read(reports.fds[0], &recorded, sizeof recorded) == ssize_t{sizeof recorded})
      told[recorded.id] = recorded.blocks;
    // Only the newest entry of each file is checked: older ones have ended.
    for (auto newest = told.rbegin(); newest != told.rend(); ++newest) {
      if (std::distance(told.rbegin(), newest) == concurrent) break;
      expect_recorded(dir.path(), {newest->first, newest->second});
      if (HasFailure()) return;
      // Blocks that were written but not reported count from now on.
      const auto entry = test::open_journal(dir.path())->get(newest->first);
      ASSERT_TRUE(entry && *entry);
      if ((*entry)->state != State::registered) newest->second = (*entry)->hashed_blocks;
    }
  }
  EXPECT_GT(told.size(), concurrent) << "no upload was registered";
}

TEST_P(JournalCrash, SeveralProcessesOpenConcurrently) {
  constexpr int processes = 6;
  constexpr int uploads = 5;
  for (int round = 0; round < 25; ++round) {
    const test::TempDir dir(test::memory_directory());
    Pipe gate;
    std::vector<pid_t> children;
    for (int child = 0; child < processes; ++child) {
      children.push_back(in_child([&] {
        gate.close_end(1);
        char byte = 0;
        if (::read(gate.fds[0], &byte, 1) != 0) return 1;  // blocks until the parent opens the gate
        const auto made = open_journal_file(dir.path(), GetParam());
        if (!made) return std::fprintf(stderr, "%s\n", made.error().message.c_str()), 2;
        const auto journal = Journal::open(dir.path());
        if (!journal) return std::fprintf(stderr, "%s\n", journal.error().message.c_str()), 3;
        for (int upload = 0; upload < uploads; ++upload) {
          const auto id =
              (*journal)->begin(sample_entry(std::to_string(child) + " " + std::to_string(upload)));
          if (!id) return std::fprintf(stderr, "%s\n", id.error().message.c_str()), 4;
          if (!(*journal)->record(*id, {.committed = 5})) return 5;
        }
        return 0;
      }));
    }
    gate.close_end(1);
    for (const pid_t child : children) EXPECT_EQ(wait_for(child), 0);
    const auto listing = test::open_journal(dir.path())->list(false);
    ASSERT_TRUE(listing) << listing.error().message;
    EXPECT_EQ(listing->entries.size(), std::size_t{processes * uploads});
    for (const JournalEntry& entry : listing->entries) EXPECT_EQ(entry.committed, 5U);
    auto database = open_journal_file(dir.path(), GetParam());
    ASSERT_TRUE(database);
    EXPECT_EQ(database->text("PRAGMA journal_mode").value_or("?"),
              GetParam() == JournalMode::wal ? "wal" : "truncate");
  }
}

/// A disk that is full after a number of SQLite's writes; the last write that fits is cut in half.
/// SQLite lets a program replace its system calls.
class FullDisk {
 public:
  FullDisk() {
    for (const char* name : {"write", "pwrite", "pwrite64"}) {
      if (vfs_->xGetSystemCall(vfs_, name) == nullptr) continue;
      const auto call = std::string(name) == "write"
                            ? reinterpret_cast<sqlite3_syscall_ptr>(&FullDisk::write)
                            : reinterpret_cast<sqlite3_syscall_ptr>(&FullDisk::pwrite);
      EXPECT_EQ(vfs_->xSetSystemCall(vfs_, name, call), SQLITE_OK);
    }
  }
  ~FullDisk() {
    vfs_->xSetSystemCall(vfs_, nullptr, nullptr);
    room_.reset();
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

  void room_for(std::optional<int> writes) { room_ = writes; }

 private:
  static ssize_t write(int fd, const void* bytes, std::size_t size) {
    const auto fits = how_much(size);
    return fits ? ::write(fd, bytes, *fits) : -1;
  }
  static ssize_t pwrite(int fd, const void* bytes, std::size_t size, off_t offset) {
    const auto fits = how_much(size);
    return fits ? ::pwrite(fd, bytes, *fits, offset) : -1;
  }
  static std::optional<std::size_t> how_much(std::size_t size) {
    if (!room_) return size;
    if (--*room_ >= 0) return size;
    if (*room_ == -1 && size > 1) return size / 2;
    errno = ENOSPC;
    return std::nullopt;
  }

  static inline std::optional<int> room_;
  sqlite3_vfs* const vfs_ = sqlite3_vfs_find(nullptr);
};

TEST_P(JournalCrash, FullDiskAtAnyWriteLosesNothing) {
  const test::TempDir dir(test::memory_directory());
  const auto journal = test::open_journal(dir.path(), GetParam());
  JournalEntry sample = sample_entry();
  sample.block_bytes = 4096;
  const auto id = journal->begin(sample);
  ASSERT_TRUE(id);
  const std::vector<std::uint64_t> old_checksums = checksums_of(0, 300);
  ASSERT_TRUE(journal->record(
      *id, {.committed = 5, .hashed = Journal::Step::Hashed{0, old_checksums, "old"}}));
  const std::vector<std::uint64_t> more = checksums_of(300, 2000);
  const Journal::Step step = {.committed = 6, .hashed = Journal::Step::Hashed{300, more, "new"}};

  FullDisk disk;
  int room = 0;
  for (bool done = false; !done; ++room) {
    disk.room_for(room);
    const auto recorded = journal->record(*id, step);
    disk.room_for(std::nullopt);
    const auto entry = journal->get(*id);
    ASSERT_TRUE(entry && *entry) << "the connection is unusable after the error";
    done = recorded.has_value();
    if (!done) {
      EXPECT_EQ(recorded.error().kind, ErrorKind::failed);
      EXPECT_EQ(recorded.error().code, SQLITE_FULL);
      EXPECT_FALSE(recorded.error().retryable);
      EXPECT_NE(recorded.error().message.find("database or disk is full"), std::string::npos)
          << recorded.error().message;
      EXPECT_NE(recorded.error().message.find(journal->path()), std::string::npos);
    }
    EXPECT_EQ((*entry)->committed, done ? 6U : 5U) << "room for " << room;
    EXPECT_EQ((*entry)->digest_state, done ? "new" : "old");
    const auto checksums = journal->checksums(*id, 0, done ? 2300 : 300);
    ASSERT_TRUE(checksums) << checksums.error().message;
    EXPECT_EQ(*checksums, checksums_of(0, done ? 2300 : 300));
    EXPECT_EQ(test::integrity(dir.path()), "ok");
    if (HasFailure()) return;
  }
  EXPECT_GT(room, 5) << "the disk was never full";
}

/// Wherever the disk becomes full: all of a group is written, or nothing, and each work gets that
/// result. The second work is larger than SQLite's cache, so the disk becomes full within that
/// work, too.
TEST_P(JournalCrash, FullDiskKeepsAllOfAGroupOrNothing) {
  const test::TempDir dir(test::memory_directory());
  const auto journal = test::open_journal(dir.path(), GetParam());
  JournalEntry sample = sample_entry("large");
  sample.block_bytes = 4096;
  sample.file.size = 4096 * 400'000ULL;
  const auto large = journal->begin(sample);
  ASSERT_TRUE(large);
  const std::vector<std::uint64_t> checksums(400'000, 1);  // 3.2 MB
  const auto begin = [](const char* name) {
    return [name](JournalTables& tables) -> Result<void> {
      TRY(tables.begin(sample_entry(name)));
      return {};
    };
  };
  bool called = false;
  const std::vector<Journal::Work> works = {
      begin("before"),
      [&](JournalTables& tables) {
        return tables.record(*large, {.hashed = JournalStep::Hashed{0, checksums, "new"}});
      },
      [&](JournalTables& tables) {
        called = true;
        return begin("after")(tables);
      }};

  FullDisk disk;
  bool within = false;
  bool at_the_end = false;
  // One write for each page of 4 KiB, and a few more in mode truncate.
  for (int room = 0;; room = room + 1 + room / 4) {
    called = false;
    disk.room_for(room);
    const auto outcomes = journal->together(works);
    disk.room_for(std::nullopt);
    const auto listing = journal->list(true);
    ASSERT_TRUE(listing) << "the connection is unusable after the error";
    ASSERT_EQ(outcomes.size(), 3U);
    const bool done = outcomes[0].has_value();
    for (const auto& outcome : outcomes) {
      ASSERT_EQ(outcome.has_value(), done) << "room for " << room;
      if (!outcome) {
        EXPECT_EQ(outcome.error().code, SQLITE_FULL) << outcome.error().message;
      }
    }
    EXPECT_EQ(listing->entries.size(), done ? 3U : 1U) << "room for " << room;
    EXPECT_EQ((*journal->get(*large))->digest_state, done ? "new" : "");
    ASSERT_EQ(test::integrity(dir.path()), "ok");
    if (done) break;
    (called ? at_the_end : within) = true;
  }
  EXPECT_TRUE(within);
  EXPECT_TRUE(at_the_end);
}

TEST_P(JournalCrash, OpensAfterAFullDiskPreventedCreation) {
  const test::TempDir dir(test::memory_directory());
  FullDisk disk;
  int room = 0;
  for (bool done = false; !done; ++room) {
    disk.room_for(room);
    const auto made = open_journal_file(dir.path(), GetParam());
    disk.room_for(std::nullopt);
    done = made.has_value();
    if (made) continue;
    EXPECT_EQ(made.error().kind, ErrorKind::failed);
    EXPECT_NE(made.error().message.find(journal_path(dir.path())), std::string::npos)
        << made.error().message;
  }
  EXPECT_GT(room, 3);
  EXPECT_TRUE(test::open_journal(dir.path())->begin(sample_entry()));
  EXPECT_EQ(test::integrity(dir.path()), "ok");
}

/// The same from the kernel: a process with a limit on the size of files.
TEST_P(JournalCrash, ReportsAFileSizeLimit) {
  const test::TempDir dir(test::memory_directory());
  const pid_t child = in_child([&] {
    const auto journal = test::open_journal(dir.path(), GetParam());
    JournalEntry sample = sample_entry();
    sample.block_bytes = 4096;
    const auto id = journal->begin(sample);
    if (!id) return 1;
    ::signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit {};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = 200'000;
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
    const std::vector<std::uint64_t> many = checksums_of(0, 24'000);
    const auto recorded =
        journal->record(*id, {.hashed = Journal::Step::Hashed{.checksums = many}});
    if (recorded) return 3;
    if (recorded.error().message.find("disk I/O error") == std::string::npos) {
      std::fprintf(stderr, "%s\n", recorded.error().message.c_str());
      return 4;
    }
    limit.rlim_cur = before;
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 5;
    if (!journal->record(*id, {.hashed = Journal::Step::Hashed{.checksums = many}})) return 6;
    const auto there = journal->checksums(*id, 0, 24'000);
    return there && *there == many ? 0 : 7;
  });
  EXPECT_EQ(wait_for(child), 0);
  EXPECT_EQ(test::integrity(dir.path()), "ok");
}

}  // namespace
}  // namespace sluice::journal_crash_test
