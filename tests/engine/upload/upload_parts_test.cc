#include "engine/upload/upload_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/engine/journal/journal_sample.h"
#include "tests/engine/test_source.h"
#include "tests/support/temp_dir.h"

namespace sluice::upload_parts_test {
namespace {

using testing::ElementsAre;

constexpr std::size_t block_bytes = 4096;

class UploadPartsTest : public testing::Test {
 protected:
  UploadPartsTest() {
    request_.base_url = "https://bank.example";
    request_.dataset = "IDB-1";
    request_.path = "/data/scan.h5";
    request_.name = "scan.h5";
  }

  const test::TempDir directory_{test::memory_directory()};
  const std::unique_ptr<Journal> journal_ = test::open_journal(directory_.path());
  const std::string content_ = test::random_bytes(3 * block_bytes + 17, 8);
  const test::StringSource source_{content_};
  const std::vector<ByteRange> ranges_{{0, 2 * block_bytes}, {2 * block_bytes, content_.size()}};
  UploadRequest request_;
};

TEST_F(UploadPartsTest, AddsWholeUploadAndParts) {
  std::optional<EarlierRun> whole;
  const auto parts = begin_parts(*journal_, request_, source_, block_bytes, ranges_, whole);
  ASSERT_TRUE(parts) << parts.error().message;
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->entry.protocol, "tus");
  EXPECT_EQ(whole->entry.file.size, content_.size());
  ASSERT_EQ(parts->size(), 2U);
  const auto stored = journal_->parts(whole->entry.id);
  ASSERT_TRUE(stored && stored->size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    const JournalEntry& entry = (*stored)[i];
    EXPECT_EQ(entry.id, (*parts)[i].entry.id);
    EXPECT_EQ(entry.part_of, whole->entry.id);
    EXPECT_EQ(entry.part_begin, ranges_[i].begin);
    EXPECT_EQ(entry.file.size, ranges_[i].size());
  }
}

/// Some of the parts without the others could not be joined.
TEST_F(UploadPartsTest, InvalidPartLeavesNothingInJournal) {
  std::optional<EarlierRun> whole;
  const std::vector<ByteRange> beyond{{0, 2 * block_bytes},
                                      {2 * block_bytes, std::uint64_t{1} << 60}};
  EXPECT_FALSE(begin_parts(*journal_, request_, source_, block_bytes, beyond, whole));
  EXPECT_FALSE(whole);
  const auto found = journal_->find(request_.base_url, request_.dataset, request_.name);
  ASSERT_TRUE(found);
  EXPECT_FALSE(*found);
}

TEST_F(UploadPartsTest, ResumesSameRangesWithoutDoubt) {
  std::optional<EarlierRun> whole;
  auto entries = begin_parts(*journal_, request_, source_, block_bytes, ranges_, whole);
  ASSERT_TRUE(entries);
  (*entries)[1].doubtful = true;
  PartPlanSetting setting;
  setting.size = content_.size();
  setting.block_bytes = block_bytes;
  setting.pool_blocks = 8;
  const UploadParts parts = resume_parts(*std::move(entries), setting);
  EXPECT_EQ(parts.plan.parts, ranges_);
  ASSERT_EQ(parts.entries.size(), 2U);
  for (const EarlierRun& entry : parts.entries) EXPECT_FALSE(entry.doubtful);
}

TEST_F(UploadPartsTest, ConcatenatesChecksumsInOrder) {
  std::vector<EarlierRun> parts(2);
  parts[0].checksums = {1, 2};
  parts[1].checksums = {3};
  EXPECT_THAT(checksums_of(parts), ElementsAre(1, 2, 3));
}

}  // namespace
}  // namespace sluice::upload_parts_test
