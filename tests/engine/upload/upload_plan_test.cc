#include "engine/upload/upload_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/journal/journal_sample.h"
#include "tests/support/temp_dir.h"

namespace sluice::upload_plan_test {
namespace {

using Action = UploadPlan::Action;
using test::sample_entry;
using testing::HasSubstr;

class PlanUpload : public testing::Test {
 protected:
  PlanUpload() {
    request_.base_url = entry_.system;
    request_.dataset = entry_.dataset;
    request_.name = entry_.name;
    request_.path = entry_.path;
    entry_.protocol = "tus";
    entry_.upload_url = "https://databank.example/files/1";
    entry_.started_s = 1;
  }

  Result<UploadPlan> plan(ProtocolKind kind = ProtocolKind::tus) {
    return plan_upload(*journal_, request_, kind, entry_.file, entry_.block_bytes);
  }
  void begin(Journal::Step step) {
    const auto id = journal_->begin(entry_);
    ASSERT_TRUE(id) << id.error().message;
    step.upload_url = entry_.upload_url;
    const auto done = journal_->record(*id, step);
    ASSERT_TRUE(done) << done.error().message;
  }

  test::TempDir dir_{test::memory_directory()};
  std::unique_ptr<Journal> journal_ = test::open_journal(dir_.path());
  JournalEntry entry_ = sample_entry();
  UploadRequest request_;
};

TEST_F(PlanUpload, UploadsUnknownFile) {
  const auto planned = plan();
  ASSERT_TRUE(planned) << planned.error().message;
  EXPECT_EQ(planned->action, Action::upload);
  EXPECT_EQ(planned->bytes_to_send(100), 100U);
}

TEST_F(PlanUpload, ResumesAtOffsetOfJournal) {
  begin({.committed = 4096});
  auto planned = plan();
  ASSERT_TRUE(planned) << planned.error().message;
  EXPECT_EQ(planned->action, Action::resume);
  EXPECT_EQ(planned->offset, 4096U);
  EXPECT_EQ(planned->bytes_to_send(5000), 904U);
  planned = plan(ProtocolKind::phased);  // begun over another protocol
  ASSERT_TRUE(planned);
  EXPECT_EQ(planned->action, Action::upload);
}

TEST_F(PlanUpload, ReportsErrorOfUpload) {
  begin({.committed = 4096});
  ++entry_.file.size;
  const auto planned = plan();
  ASSERT_FALSE(planned);
  EXPECT_EQ(planned.error().kind, ErrorKind::local_file);
  EXPECT_THAT(planned.error().message, HasSubstr("at offset 4096"));
}

TEST_F(PlanUpload, DoesNothingForRegisteredFile) {
  begin({.committed = entry_.file.size, .state = JournalEntry::State::registered});
  auto planned = plan();
  ASSERT_TRUE(planned) << planned.error().message;
  EXPECT_EQ(planned->action, Action::none);
  EXPECT_EQ(planned->registered_before.size(), 20U);
  EXPECT_EQ(planned->bytes_to_send(100), 0U);
  ++entry_.file.inode;
  planned = plan();
  ASSERT_FALSE(planned);
  EXPECT_EQ(planned.error().kind, ErrorKind::name_taken);
}

TEST_F(PlanUpload, FindsTimesOfLastUploads) {
  begin({.committed = entry_.file.size, .state = JournalEntry::State::registered});
  entry_.name = "unfinished";
  begin({.committed = 1});
  const auto times = journal_->last_registered(entry_.system, 10);
  ASSERT_TRUE(times) << times.error().message;
  ASSERT_EQ(times->size(), 1U);
  EXPECT_EQ(times->front().bytes, entry_.file.size);
  EXPECT_GT(times->front().started_s, 1'700'000'000);
  EXPECT_GE(times->front().registered_s, times->front().started_s);
  EXPECT_TRUE(journal_->last_registered(entry_.system, 0)->empty());
  EXPECT_TRUE(journal_->last_registered("https://other.example", 10)->empty());
}

}  // namespace
}  // namespace sluice::upload_plan_test
