// The parts of a tus upload in the journal.
#include <gtest/gtest.h>

#include "engine/journal/journal.h"
#include "tests/engine/journal/journal_sample.h"
#include "tests/support/temp_dir.h"

namespace sluice::journal_parts_test {
namespace {

using State = JournalEntry::State;
using test::checksums_of;
using test::sample_entry;

class JournalParts : public testing::Test {
 protected:
  JournalParts() {
    sample_.protocol = "tus";
    whole_ = begin(sample_);
  }

  std::int64_t begin(const JournalEntry& entry) {
    const auto id = journal_->begin(entry);
    EXPECT_TRUE(id) << id.error().message;
    return id.value_or(0);
  }
  JournalEntry part_from(std::uint64_t begin, std::uint64_t size = 25'000'000) const {
    JournalEntry part = sample_;
    part.part_of = whole_;
    part.part_begin = begin;
    part.file.size = size;
    part.upload_url = "https://databank.example/files/" + std::to_string(begin);
    return part;
  }
  void hash(std::int64_t id, std::uint64_t count) {
    const std::vector<std::uint64_t> checksums = checksums_of(0, count);
    ASSERT_TRUE(journal_->record(id, {.hashed = JournalStep::Hashed{0, checksums, "state"}}));
  }
  JournalEntry get(std::int64_t id) {
    const auto entry = journal_->get(id);
    EXPECT_TRUE(entry && *entry);
    return entry && *entry ? **entry : JournalEntry{};
  }
  std::vector<std::int64_t> parts(std::int64_t id) {
    const auto parts = journal_->parts(id);
    EXPECT_TRUE(parts) << parts.error().message;
    std::vector<std::int64_t> ids;
    for (const JournalEntry& part : parts.value_or(std::vector<JournalEntry>()))
      ids.push_back(part.id);
    return ids;
  }
  std::int64_t found() {
    const auto found = journal_->find(sample_.system, sample_.dataset, sample_.name);
    EXPECT_TRUE(found) << found.error().message;
    return found && *found ? (*found)->id : 0;
  }
  std::int64_t segments() {
    return test::raw_journal(dir_.path()).integer("SELECT count(*) FROM checksums").value_or(-1);
  }

  const test::TempDir dir_{test::memory_directory()};
  const std::unique_ptr<Journal> journal_ = test::open_journal(dir_.path());
  JournalEntry sample_ = sample_entry();
  std::int64_t whole_ = 0;
};

TEST_F(JournalParts, AreReturnedOnlyForTheirWholeUpload) {
  const std::int64_t last = begin(part_from(75'000'000));
  const std::int64_t first = begin(part_from(0));
  const std::int64_t middle = begin(part_from(25'000'000, 50'000'000));
  JournalEntry other = sample_entry("other");
  other.protocol = "tus";
  EXPECT_EQ(parts(begin(other)), std::vector<std::int64_t>{});
  EXPECT_EQ(parts(whole_), (std::vector<std::int64_t>{first, middle, last}));
  EXPECT_EQ(found(), whole_) << "a part replaces no upload, and find() does not return parts";
  for (const bool finished_too : {false, true}) {
    const auto listing = journal_->list(finished_too);
    ASSERT_TRUE(listing);
    EXPECT_EQ(listing->entries.size(), 2U);
    EXPECT_TRUE(listing->unreadable.empty());
  }
  const JournalEntry part = get(middle);
  EXPECT_EQ(part.part_of, whole_);
  EXPECT_EQ(part.part_begin, 25'000'000U);
  EXPECT_EQ(part.file.size, 50'000'000U);
  EXPECT_EQ(part.upload_url, "https://databank.example/files/25000000");
}

TEST_F(JournalParts, HaveTheirOwnProgressAndCanBeAbandonedAlone) {
  const std::int64_t one = begin(part_from(0));
  const std::int64_t two = begin(part_from(25'000'000));
  hash(one, 2);
  hash(two, 3);
  ASSERT_TRUE(journal_->record(two, {.committed = 5}));
  EXPECT_EQ(*journal_->checksums(two, 0, 3), checksums_of(0, 3));
  EXPECT_EQ(get(one).committed, 0U);
  ASSERT_TRUE(journal_->record(one, {.state = State::abandoned}));
  EXPECT_EQ(parts(whole_), std::vector<std::int64_t>{two});
  EXPECT_EQ(get(whole_).state, State::unfinished);
  EXPECT_EQ(get(two).committed, 5U);
  ASSERT_TRUE(journal_->start_over(two));
  EXPECT_EQ(get(two).upload_url, "");
  EXPECT_EQ(get(two).hashed_blocks, 0U);
  EXPECT_EQ(parts(whole_), std::vector<std::int64_t>{two});
}

TEST_F(JournalParts, EndWithTheirWholeUpload) {
  const std::int64_t given_up = begin(part_from(0));
  const std::int64_t part = begin(part_from(0));
  ASSERT_TRUE(journal_->record(given_up, {.state = State::abandoned}));
  hash(part, 3);
  ASSERT_TRUE(journal_->record(part, {.error = Error{ErrorKind::unreachable, "gone"}}));
  ASSERT_TRUE(journal_->record(whole_, {.state = State::verifying}));
  EXPECT_EQ(get(part).state, State::unfinished) << "not before";
  EXPECT_EQ(segments(), 1);
  ASSERT_TRUE(journal_->record(whole_, {.state = State::registered, .receipt = "{}"}));
  EXPECT_EQ(get(part).state, State::registered);
  EXPECT_EQ(get(part).hashed_blocks, 0U);
  EXPECT_FALSE(get(part).error);
  EXPECT_EQ(get(given_up).state, State::abandoned);
  EXPECT_EQ(segments(), 0);
  EXPECT_FALSE(journal_->record(part, {.committed = 1}));
  EXPECT_FALSE(journal_->begin(part_from(25'000'000)));
}

TEST_F(JournalParts, AreAbandonedWithTheirWholeUpload) {
  JournalEntry other = sample_entry("other");
  const std::int64_t neighbour = begin(other);
  hash(neighbour, 1);
  for (const char* how : {"record", "begin", "start_over"}) {
    SCOPED_TRACE(how);
    const std::int64_t part = begin(part_from(0));
    hash(part, 3);
    const std::int64_t before = whole_;
    if (how == std::string("record")) {
      ASSERT_TRUE(journal_->record(whole_, {.state = State::abandoned}));
      whole_ = begin(sample_);
    } else if (how == std::string("begin")) {
      whole_ = begin(sample_);
    } else {
      ASSERT_TRUE(journal_->start_over(whole_));
    }
    EXPECT_EQ(get(part).state, State::abandoned);
    EXPECT_EQ(get(part).hashed_blocks, 0U);
    EXPECT_EQ(parts(before), std::vector<std::int64_t>{});
    EXPECT_EQ(segments(), 1) << "the neighbour's";
    EXPECT_EQ(found(), whole_);
  }
}

TEST_F(JournalParts, BeginRejectsAPartWithoutAWholeUpload) {
  const auto refuses = [&](const JournalEntry& part) {
    const auto id = journal_->begin(part);
    return !id && id.error().kind == ErrorKind::failed;
  };
  JournalEntry part = part_from(0);
  part.part_of = whole_ + 1;
  EXPECT_TRUE(refuses(part)) << "there is no such upload";
  part = part_from(0);
  part.name = "other";
  EXPECT_TRUE(refuses(part)) << "of another file";
  EXPECT_TRUE(refuses(part_from(75'000'001))) << "one byte too long";
  EXPECT_TRUE(refuses(part_from(100'000'001, 0)));
  part = part_from(0);
  part.protocol = "phased";
  EXPECT_TRUE(refuses(part));
  part = part_from(0);
  part.part_of = begin(part_from(0));
  EXPECT_TRUE(refuses(part)) << "of a part";
  EXPECT_FALSE(refuses(part_from(75'000'000)));
}

TEST_F(JournalParts, InvalidPartIsAnError) {
  const std::int64_t part = begin(part_from(0));
  test::spoil(dir_.path(), "UPDATE uploads SET part_begin = -1 WHERE part_of != 0");
  const auto parts = journal_->parts(whole_);
  ASSERT_FALSE(parts);
  EXPECT_NE(parts.error().message.find("upload " + std::to_string(part)), std::string::npos);
  EXPECT_EQ(found(), whole_);
  whole_ = begin(sample_);  // as the message advises: --restart
  EXPECT_EQ(this->parts(whole_), std::vector<std::int64_t>{});
}

/// An entry whose part_of is no upload's number is listed.
TEST_F(JournalParts, ListsAnUploadWithInvalidPartOf) {
  test::spoil(dir_.path(), "UPDATE uploads SET part_of = -1");
  const auto listing = journal_->list(false);
  ASSERT_TRUE(listing);
  EXPECT_EQ(listing->unreadable.size(), 1U);
}

}  // namespace
}  // namespace sluice::journal_parts_test
