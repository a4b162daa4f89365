#include "engine/journal/upload_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <future>
#include <string>
#include <vector>

#include "tests/engine/journal/journal_sample.h"
#include "tests/support/temp_dir.h"

namespace sluice::upload_record_test {
namespace {

using testing::HasSubstr;

constexpr std::size_t block_bytes = 4096;

class UploadRecordTest : public testing::Test {
 protected:
  UploadRecordTest() {
    auto journal = Journal::open(directory_.path());
    EXPECT_TRUE(journal);
    thread_.emplace(*std::move(journal));
    entry_.system = "https://bank";
    entry_.dataset = "IDB-1";
    entry_.name = "f";
    entry_.path = "/f";
    entry_.file.size = content_.size();
    entry_.block_bytes = block_bytes;
  }
  ~UploadRecordTest() override {
    if (record_) record_->wait();
  }

  UploadRecord& record() {
    if (!record_)
      record_ = std::make_shared<UploadRecord>(
          UploadRecord::Setting{*thread_, digest_, entry_, 8,
                                [this](LogLevel, const std::string& text) {
                                  MutexLock lock(mutex_);
                                  said_.push_back(text);
                                }},
          [this] { ++told_; });
    return *record_;
  }
  void pass(std::uint64_t blocks) {
    for (std::uint64_t i = 0; i < blocks; ++i) {
      Block block;
      block.number = digest_.blocks();
      block.offset = block.number * block_bytes;
      block.bytes = std::as_bytes(std::span(content_)).subspan(block.offset, block_bytes);
      block.checksum = block_checksum(block.bytes);
      ASSERT_TRUE(digest_.add(block));
    }
  }
  /// Does as the network thread does: asks, and asks again after on_written.
  void wait_until_durable(std::uint64_t offset) {
    while (!record().durable(offset)) record().wait();
  }
  JournalEntry in_journal() {
    record().wait();
    const auto listing = thread_->journal().list(true);
    return listing && !listing->entries.empty() ? listing->entries.front() : JournalEntry();
  }
  std::vector<std::string> said() {
    MutexLock lock(mutex_);
    return said_;
  }

  test::TempDir directory_;
  const std::string content_ = test::random_bytes(64 * block_bytes, 1);
  FileDigest digest_{"f", content_.size()};
  JournalEntry entry_;
  std::atomic<int> told_ = 0;
  Mutex mutex_;
  std::vector<std::string> said_ SLUICE_GUARDED_BY(mutex_);
  std::optional<JournalThread> thread_;
  std::shared_ptr<UploadRecord> record_;
};

TEST_F(UploadRecordTest, WritesNothingBeforeBegin) {
  EXPECT_TRUE(record().durable(block_bytes)) << "nothing to wait for";
  record().committed(5);
  record().end(JournalEntry::State::unfinished, Error{ErrorKind::failed, "x"}, "");
  EXPECT_EQ(in_journal().id, 0);
  EXPECT_FALSE(record().resumable());
}

TEST_F(UploadRecordTest, OffsetIsDurableOnceItsLastBlockIsWritten) {
  record().begin();
  record().wait();
  pass(3);
  EXPECT_FALSE(record().durable(2 * block_bytes + 1));
  wait_until_durable(2 * block_bytes + 1);
  EXPECT_GE(told_, 2) << "on_written was not called";
  EXPECT_TRUE(record().durable(3 * block_bytes));
  EXPECT_EQ(in_journal().hashed_blocks, 3U);
  EXPECT_TRUE(record().resumable());
}

TEST_F(UploadRecordTest, WritesAheadOnceHalfAPoolHasPassed) {
  record().begin();
  record().wait();
  pass(3);
  record().blocks_passed();
  EXPECT_EQ(in_journal().hashed_blocks, 0U) << "a single block causes no write";
  pass(1);
  record().blocks_passed();
  EXPECT_EQ(in_journal().hashed_blocks, 4U);
}

TEST_F(UploadRecordTest, StartOverClearsTheProgress) {
  record().begin();
  pass(4);
  wait_until_durable(4 * block_bytes);
  record().committed(4 * block_bytes);
  EXPECT_EQ(in_journal().hashed_blocks, 4U);
  record().start_over();
  digest_.start_over();
  EXPECT_FALSE(record().durable(1));
  EXPECT_EQ(in_journal().hashed_blocks, 0U);
  EXPECT_EQ(in_journal().committed, 0U);
  pass(2);
  wait_until_durable(2 * block_bytes);
  EXPECT_EQ(in_journal().hashed_blocks, 2U);
}

TEST_F(UploadRecordTest, EndWritesTheProgressAndTheError) {
  record().begin();
  pass(2);
  record().committed(2 * block_bytes);
  record().end(JournalEntry::State::unfinished, Error{ErrorKind::unreachable, "gone"}, "");
  JournalEntry entry = in_journal();
  EXPECT_EQ(entry.committed, 2 * block_bytes);
  EXPECT_EQ(entry.hashed_blocks, 2U);
  ASSERT_TRUE(entry.error);
  EXPECT_EQ(entry.error->message, "gone");
}

TEST_F(UploadRecordTest, KeepsServerFactsForTheNextUpload) {
  record().chunk_limit(3);
  record().chunk_bytes(5);
  record().lookahead_refused();
  record().wait();
  const auto facts = thread_->journal().facts(entry_.system);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->chunk_limit, 3U);
  EXPECT_EQ(facts->chunk_bytes, 5U);
  EXPECT_TRUE(facts->lookahead_refused_s);
  EXPECT_EQ(in_journal().id, 0) << "no entry is created";
}

/// The journal fails during the upload, as on a full disk: the user is warned once, and the upload
/// continues.
TEST_F(UploadRecordTest, UnwritableJournalDoesNotStallTheUpload) {
  record().begin();
  record().wait();
  auto other = Journal::open(directory_.path());
  ASSERT_TRUE(other);
  // The upload's entry has ended, so every record() is an error.
  ASSERT_TRUE((*other)->record((*other)->list(true)->entries.front().id,
                               {.state = JournalEntry::State::abandoned}));
  pass(2);
  wait_until_durable(block_bytes);
  EXPECT_TRUE(record().durable(2 * block_bytes));
  record().wait();
  EXPECT_EQ(said().size(), 1U);
  EXPECT_THAT(said().front(), HasSubstr("cannot be resumed"));
  EXPECT_FALSE(record().resumable());
}

/// The journal fails before the upload is in it: another run would register the file again.
TEST_F(UploadRecordTest, RegistrationWaitsForTheJournalWithoutAnEntry) {
  entry_.dataset = "";  // an invalid entry, which fails as any write on a full disk
  record().verifying();
  record().wait();
  const auto knows = record().knows_of_verifying();
  ASSERT_TRUE(knows);
  EXPECT_FALSE(*knows);
  EXPECT_TRUE(knows->error().retryable);
}

TEST_F(UploadRecordTest, ReportsAnUnwritableJournalOnceForAllUploads) {
  EXPECT_FALSE(thread_->is_news(false));
  EXPECT_TRUE(thread_->is_news(true));
  EXPECT_FALSE(thread_->is_news(true));
  EXPECT_TRUE(thread_->is_news(false));
  EXPECT_FALSE(thread_->is_news(true)) << "within a minute";
}

/// Blocks the journal's thread within a transaction in which all earlier work is done.
class Holding {
 public:
  explicit Holding(JournalThread& thread, std::function<void(JournalTables&)> then = {}) {
    thread.post(
        [this, then = std::move(then),
         told = go_on_.get_future().share()](JournalTables& tables) -> Result<void> {
          reached_.set_value();
          told.wait();
          if (then) then(tables);
          return {};
        },
        [](const Result<void>&) {});
  }
  void wait() { reached_.get_future().wait(); }
  void go_on() { go_on_.set_value(); }

 private:
  std::promise<void> reached_;
  std::promise<void> go_on_;
};

TEST_F(UploadRecordTest, IsNotDurableBeforeTheCommit) {
  Holding first(*thread_);
  first.wait();
  pass(3);
  record().begin();
  Holding second(*thread_);
  first.go_on();
  second.wait();
  // The entry and the checksums are written, but not committed.
  EXPECT_FALSE(record().durable(block_bytes));
  EXPECT_FALSE(record().written());
  EXPECT_FALSE(record().resumable());
  EXPECT_EQ(told_, 0);
  second.go_on();
  record().wait();
  EXPECT_TRUE(record().durable(3 * block_bytes));
  EXPECT_TRUE(record().resumable());
  EXPECT_EQ(in_journal().hashed_blocks, 3U);
}

/// An upload whose first transaction failed has no entry.
TEST_F(UploadRecordTest, WritesAFailedTransactionAgain) {
  Holding first(*thread_);
  first.wait();
  pass(3);
  record().begin();
  record().verifying();
  Holding second(*thread_, [](JournalTables& tables) {
    EXPECT_TRUE(tables.database().run("ROLLBACK"));  // as SQLite does on a full disk
  });
  first.go_on();
  second.wait();
  second.go_on();
  record().wait();
  EXPECT_EQ(told_, 2);
  EXPECT_FALSE(record().resumable());
  EXPECT_EQ(said().size(), 1U);
  EXPECT_EQ(in_journal().id, 0);
  record().verifying();
  EXPECT_EQ(in_journal().state, JournalEntry::State::verifying);
  EXPECT_EQ(in_journal().hashed_blocks, 3U);
  EXPECT_TRUE(record().resumable());
  EXPECT_TRUE(record().durable(3 * block_bytes));
}

/// One wait for the disk each: the begin with all checksums; the record that the file is about to
/// be registered; the registration.
TEST(UploadRecord, SmallFileTakesThreeTransactions) {
  for (const std::size_t size : {std::size_t{10'240}, std::size_t{0}}) {
    const test::TempDir directory(test::memory_directory());
    JournalThread thread(test::open_journal(directory.path(), JournalMode::truncate));
    FileDigest digest("f", size);
    JournalEntry entry = test::sample_entry();
    entry.file.size = size;
    const auto record =
        std::make_shared<UploadRecord>(UploadRecord::Setting{thread, digest, entry, 8, {}}, [] {});
    const std::uint32_t before = test::transactions(directory.path());
    const std::string content(size, 'x');
    if (size != 0) {
      Block block;
      block.bytes = std::as_bytes(std::span(content));
      block.checksum = block_checksum(block.bytes);
      ASSERT_TRUE(digest.add(block));
      record->begin();
      record->wait();
      EXPECT_TRUE(record->durable(size));
      record->committed(size);
    }
    record->verifying();
    record->wait();
    record->end(JournalEntry::State::registered, {}, "{}");
    record->wait();
    EXPECT_EQ(test::transactions(directory.path()) - before, size != 0 ? 3U : 2U);
    const auto listing = thread.journal().list(true);
    ASSERT_TRUE(listing);
    ASSERT_EQ(listing->entries.size(), 1U);
    EXPECT_EQ(listing->entries[0].state, JournalEntry::State::registered);
    EXPECT_EQ(listing->entries[0].receipt, "{}");
    EXPECT_EQ(listing->entries[0].committed, size);
  }
}

}  // namespace
}  // namespace sluice::upload_record_test
