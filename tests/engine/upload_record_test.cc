#include "engine/upload_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"

namespace sluice {
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
  /// What the network does: asks, and asks again when it is told.
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

TEST_F(UploadRecordTest, NothingIsWrittenBeforeItBegins) {
  EXPECT_TRUE(record().durable(block_bytes)) << "nothing to wait for";
  record().committed(5);
  record().end(JournalEntry::State::unfinished, Error{ErrorKind::failed, "x"}, "");
  EXPECT_EQ(in_journal().id, 0);
  EXPECT_FALSE(record().resumable());
}

TEST_F(UploadRecordTest, AnOffsetIsDurableOnceItsLastBlockIsInTheJournal) {
  record().begin();
  pass(3);
  EXPECT_FALSE(record().durable(2 * block_bytes + 1));
  wait_until_durable(2 * block_bytes + 1);
  EXPECT_GE(told_, 2) << "whoever waits is told";
  EXPECT_TRUE(record().durable(3 * block_bytes));
  EXPECT_EQ(in_journal().hashed_blocks, 3U);
  EXPECT_TRUE(record().resumable());
}

TEST_F(UploadRecordTest, WritesAheadOnceHalfAPoolHasPassed) {
  record().begin();
  record().wait();
  pass(3);
  record().blocks_passed();
  EXPECT_EQ(in_journal().hashed_blocks, 0U) << "not for every block";
  pass(1);
  record().blocks_passed();
  EXPECT_EQ(in_journal().hashed_blocks, 4U);
}

TEST_F(UploadRecordTest, StartingOverForgetsWhatWasSent) {
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

TEST_F(UploadRecordTest, TheLastWordIsWritten) {
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

TEST_F(UploadRecordTest, WhatIsFoundOutOfAServerIsKeptForTheNextUpload) {
  record().chunk_limit(3);
  record().chunk_bytes(5);
  record().lookahead_refused();
  record().wait();
  const auto facts = thread_->journal().facts(entry_.system);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->chunk_limit, 3U);
  EXPECT_EQ(facts->chunk_bytes, 5U);
  EXPECT_TRUE(facts->lookahead_refused_s);
  EXPECT_EQ(in_journal().id, 0) << "though there is no upload to resume";
}

/// The journal is lost under the upload, as on a full disk: it is said, once, and nobody waits.
TEST_F(UploadRecordTest, AJournalThatCannotBeWrittenKeepsNobodyWaiting) {
  record().begin();
  record().wait();
  auto other = Journal::open(directory_.path());
  ASSERT_TRUE(other);
  // What it writes to is not there any more: every record() is an error.
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

}  // namespace
}  // namespace sluice
