// Several works in one transaction of the journal, and the thread that combines them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "engine/journal/journal_thread.h"
#include "tests/engine/journal/journal_sample.h"
#include "tests/support/temp_dir.h"

namespace sluice::journal_group_test {
namespace {

using test::sample_entry;
using testing::ElementsAre;
using testing::HasSubstr;

class JournalGroup : public testing::TestWithParam<JournalMode> {
 protected:
  static Journal::Work begins(const std::string& name) {
    return [name](JournalTables& tables) -> Result<void> {
      TRY(tables.begin(sample_entry(name)));
      return {};
    };
  }
  /// Returns work that writes and then fails.
  static Journal::Work fails_after(const std::string& name) {
    return [name](JournalTables& tables) -> Result<void> {
      TRY(tables.begin(sample_entry(name)));
      return Error{ErrorKind::failed, "no " + name};
    };
  }
  /// Returns work that rolls back the transaction, as SQLite does on a full disk.
  static Journal::Work loses_the_transaction(bool and_says_so) {
    return [=](JournalTables& tables) -> Result<void> {
      TRY(tables.begin(sample_entry("lost")));
      TRY(tables.database().run("ROLLBACK"));
      if (and_says_so) return Error{ErrorKind::failed, "the disk is full"};
      return {};
    };
  }
  static std::vector<std::string> names(Journal& journal) {
    const auto listing = journal.list(true);
    EXPECT_TRUE(listing) << listing.error().message;
    std::vector<std::string> names;
    for (const JournalEntry& entry : listing->entries) names.push_back(entry.name);
    return names;
  }

  const test::TempDir dir_{test::memory_directory()};
  std::unique_ptr<Journal> journal_ = test::open_journal(dir_.path(), GetParam());
};

INSTANTIATE_TEST_SUITE_P(Modes, JournalGroup,
                         testing::Values(JournalMode::wal, JournalMode::truncate),
                         [](const auto& mode) {
                           return mode.param == JournalMode::wal ? "wal" : "truncate";
                         });

TEST_P(JournalGroup, FailedWorkLeavesNothingAndTheRestStays) {
  const std::vector<Journal::Work> works = {fails_after("a"), begins("b"), fails_after("c"),
                                            begins("d"), fails_after("e")};
  const auto outcomes = journal_->together(works);
  ASSERT_EQ(outcomes.size(), 5U);
  for (const std::size_t failed : {0U, 2U, 4U}) ASSERT_FALSE(outcomes[failed]) << failed;
  EXPECT_EQ(outcomes[2].error().message, "no c");
  EXPECT_TRUE(outcomes[1]);
  EXPECT_TRUE(outcomes[3]);
  EXPECT_THAT(names(*journal_), ElementsAre("d", "b"));
  EXPECT_THAT(names(*test::open_journal(dir_.path())), ElementsAre("d", "b"));
  EXPECT_TRUE(journal_->together({}).empty());
  EXPECT_TRUE(journal_->begin(sample_entry("f")));
}

TEST_P(JournalGroup, LaterWorkSeesChangesOfEarlierWork) {
  std::int64_t id = 0;
  const std::vector<Journal::Work> works = {
      [&](JournalTables& tables) -> Result<void> {
        TRY_ASSIGN(id, tables.begin(sample_entry()));
        return {};
      },
      [&](JournalTables& tables) { return tables.record(id, {.committed = 5}); },
      [&](JournalTables& tables) -> Result<void> {
        TRY_ASSIGN(const auto found, tables.get(id));
        return found && found->committed == 5 ? Result<void>() : Error{};
      }};
  for (const auto& outcome : journal_->together(works)) EXPECT_TRUE(outcome);
  EXPECT_EQ((*journal_->get(id))->committed, 5U);
}

TEST_P(JournalGroup, FailedTransactionFailsAllWork) {
  for (const bool said : {false, true}) {
    const std::vector<Journal::Work> works = {begins("a"), fails_after("b"),
                                              loses_the_transaction(said), begins("c")};
    const auto outcomes = journal_->together(works);
    ASSERT_EQ(outcomes.size(), 4U);
    for (const auto& outcome : outcomes) ASSERT_FALSE(outcome) << said;
    EXPECT_EQ(outcomes[1].error().message, "no b") << "that work had an error of its own";
    EXPECT_EQ(outcomes[0].error().message, outcomes[3].error().message);
    EXPECT_THAT(outcomes[0].error().message,
                HasSubstr(said ? "the disk is full" : journal_->path()));
    EXPECT_TRUE(names(*journal_).empty());
  }
  EXPECT_TRUE(journal_->together(std::vector<Journal::Work>{begins("a")}).front());
  EXPECT_THAT(names(*journal_), ElementsAre("a"));
}

/// Blocks the journal's thread until open(), so that work posted in the meantime is pending.
class Gate {
 public:
  explicit Gate(JournalThread& thread) {
    thread.post(
        [this, opened = open_.get_future().share()](JournalTables&) -> Result<void> {
          reached_.set_value();
          opened.wait();
          return {};
        },
        [](const Result<void>&) {});
    reached_.get_future().wait();
  }
  void open() { open_.set_value(); }

 private:
  std::promise<void> reached_;
  std::promise<void> open_;
};

TEST_P(JournalGroup, PendingWorkIsOneTransactionReportedAfterCommit) {
  const auto witness = test::open_journal(dir_.path());
  const bool counted = GetParam() == JournalMode::truncate;
  const std::uint32_t before = counted ? test::transactions(dir_.path()) : 0;
  std::vector<std::string> told;
  {
    JournalThread thread(std::move(journal_));
    Gate gate(thread);
    for (const char* name : {"a", "b", "c", "d"})
      thread.post(name == std::string("b") ? fails_after(name) : begins(name),
                  [&, name](const Result<void>& written) {
                    EXPECT_EQ(written.has_value(), name != std::string("b"));
                    EXPECT_THAT(names(*witness), ElementsAre("d", "c", "a")) << name;
                    told.push_back(name);
                  });
    EXPECT_TRUE(told.empty());
    gate.open();
  }  // the destructor runs the pending work
  EXPECT_THAT(told, ElementsAre("a", "b", "c", "d"));
  if (!counted) return;
  EXPECT_EQ(test::transactions(dir_.path()) - before, 1U);
}

TEST_P(JournalGroup, LaterWorkIsAnotherTransaction) {
  std::promise<void> told;
  JournalThread thread(std::move(journal_));
  thread.post(begins("a"), [&](const Result<void>& written) {
    EXPECT_TRUE(written);
    // post() may be called on the journal's thread.
    thread.post(begins("b"), [&](const Result<void>&) { told.set_value(); });
  });
  told.get_future().wait();
  EXPECT_THAT(names(thread.journal()), ElementsAre("b", "a"));
}

/// Longer than any test runs.
constexpr auto for_ever = std::chrono::hours(1);

TEST_P(JournalGroup, HalfOfTheWritersShareATransaction) {
  const bool counted = GetParam() == JournalMode::truncate;
  const std::uint32_t before = counted ? test::transactions(dir_.path()) : 0;
  JournalThread thread(std::move(journal_), for_ever);
  const std::vector<std::shared_ptr<const void>> eight(8, thread.writer());
  std::vector<std::string> done;
  std::promise<void> told;
  for (const char* name : {"a", "b", "c", "d"})
    thread.post(
        [&, name](JournalTables& tables) {
          done.emplace_back(name);
          return begins(name)(tables);
        },
        [&, name](const Result<void>&) {
          EXPECT_THAT(done, ElementsAre("a", "b", "c", "d"));
          if (name == std::string("d")) told.set_value();
        });
  told.get_future().wait();
  if (!counted) return;
  EXPECT_EQ(test::transactions(dir_.path()) - before, 1U);
}

TEST_P(JournalGroup, FewWritersDoNotWait) {
  JournalThread thread(std::move(journal_), for_ever);
  std::vector<std::shared_ptr<const void>> writers;
  for (int count = 0; count <= 3; ++count) {
    std::promise<void> told;
    thread.post(begins("a"), [&](const Result<void>&) { told.set_value(); });
    told.get_future().wait();
    writers.push_back(thread.writer());
  }
  // Eight writers that have been released do not count.
  writers.assign(8, thread.writer());
  writers.clear();
  std::promise<void> told;
  thread.post(begins("a"), [&](const Result<void>&) { told.set_value(); });
  told.get_future().wait();
}

TEST_P(JournalGroup, WaitForOtherWritersTimesOut) {
  std::promise<void> told;
  JournalThread thread(std::move(journal_));
  const std::vector<std::shared_ptr<const void>> eight(8, thread.writer());
  thread.post(begins("a"), [&](const Result<void>&) { told.set_value(); });
  told.get_future().wait();
}

TEST_P(JournalGroup, DestructorDoesNotWaitForOtherWriters) {
  std::shared_ptr<const void> outlives;
  bool told = false;
  {
    JournalThread thread(std::move(journal_), for_ever);
    outlives = thread.writer();
    const std::vector<std::shared_ptr<const void>> eight(8, outlives);
    thread.post(begins("a"), [&](const Result<void>&) { told = true; });
  }
  EXPECT_TRUE(told);
}

}  // namespace
}  // namespace sluice::journal_group_test
