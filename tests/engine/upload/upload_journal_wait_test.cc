// Time in which an upload waits for its journal counts as wait_for_journal.
#include "tests/engine/journal/journal_sample.h"
#include "tests/engine/upload/upload_tus_fixture.h"

namespace sluice::upload_journal_wait_test {
namespace {

class UploadJournalWait : public TusTest {
 protected:
  /// Uploads while another process locks the journal, which the first chunk waits for. `before`:
  /// the request before the request `first` of the chunk.
  void expect_time_of_journal(const UploadRequest& request, Phase before, Phase first) {
    server_.set_faults({{.phase = before, .occurrence = 0, .then = Then::hold}});
    auto upload = start(request);
    ASSERT_TRUE(server_.wait_for(before));
    SqlDatabase other = test::raw_journal(state_.path());
    ASSERT_TRUE(other.run("BEGIN IMMEDIATE"));
    server_.release();
    ASSERT_TRUE(server_.wait_for(first));
    double seen = 0;
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (seen == 0 && !upload->wait_until(std::chrono::steady_clock::now() + 20ms)) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      seen = upload->progress().stages.wait_for_journal_s;
    }
    EXPECT_GT(seen, 0.0) << "progress() shows the wait";
    ASSERT_TRUE(other.run("ROLLBACK"));
    const Report report = upload->wait();
    expect_registered(report);
    EXPECT_GE(report.stages.wait_for_journal_s, seen) << to_json(report);
    EXPECT_GE(report.stages.send.wait_s, report.stages.wait_for_journal_s);
  }
};

TEST_F(UploadJournalWait, CountsEndOfPhasedChunk) {
  UploadRequest phased = request();
  phased.chunk_bytes = part;
  expect_time_of_journal(phased, Phase::setup, Phase::transfer);
}

TEST_F(UploadJournalWait, CountsBlocksOfTusChunk) {
  expect_time_of_journal(tus(), Phase::create, Phase::patch);
}

}  // namespace
}  // namespace sluice::upload_journal_wait_test
