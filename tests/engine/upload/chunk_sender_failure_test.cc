// ChunkSender: failed requests, and when a failure counts against pipelining.
#include "engine/upload/chunk_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/upload/chunk_sender_fixture.h"

namespace sluice::chunk_sender_test {
namespace {

TEST_F(ChunkSenderTest, CancelsChunksBehindEarlyAnswer) {
  pipeline();
  transport_.read_all(1);
  transport_.answer(1, answer(400));
  transport_.run();
  EXPECT_TRUE(is_cancelled(2));
  EXPECT_THAT(owner_.reports, IsEmpty()) << "the front request continues";
  EXPECT_TRUE(sender_->front()->blamed);
  confirm(0);
  EXPECT_FALSE(sender_->advance());
}

TEST_F(ChunkSenderTest, KeepsChunksBeforeFailedPipelinedChunk) {
  pipeline();
  transport_.fail(2, closed());
  transport_.run();
  EXPECT_FALSE(is_cancelled(1));
  confirm(0);
  EXPECT_TRUE(sender_->advance());
}

TEST_F(ChunkSenderTest, DisablesPipeliningAfter408) {
  pipeline();
  transport_.read_all(1);
  transport_.answer(1, answer(408));
  EXPECT_THAT(owner_.reports, ElementsAre("pipelining refused"));
  ASSERT_EQ(log_.size(), 1U);
  EXPECT_THAT(log_[0], HasSubstr("chunks of scan.h5 without pipelining from now on"));
  EXPECT_THAT(log_[0], HasSubstr("(HTTP 408)"));
  EXPECT_EQ(planner_->depth(), 0U);
}

TEST_F(ChunkSenderTest, CountsOnePipeliningFailurePerFrontChunk) {
  pipeline();
  transport_.read_all(1);
  transport_.fail(2, closed());
  transport_.fail(1, closed());
  EXPECT_EQ(planner_->depth(), 2U) << "two consecutive failures disable pipelining";
  confirm(0);
  go_to(1);
  send(chunk(1));
  ASSERT_EQ(started(), 6U);
  transport_.answer(4, answer(500));
  EXPECT_EQ(planner_->depth(), 0U);
  ASSERT_EQ(log_.size(), 1U);
  EXPECT_THAT(log_[0], HasSubstr("without pipelining for a while"));
  EXPECT_THAT(owner_.reports, IsEmpty()) << "the journal records only refusals";
}

TEST_F(ChunkSenderTest, HalvesLengthWhenPipelinedChunkBreaks) {
  pipeline();
  transport_.read(1, 1000);
  transport_.read(2, 1000);
  transport_.fail(2, closed());
  EXPECT_EQ(planner_->length(0, 0, 1), chunk_bytes / 2);
  planner_->committed(chunk_bytes / 2, false, clock_.now, 0);
  ASSERT_EQ(planner_->length(0, 0, 1), chunk_bytes);
  transport_.fail(1, closed());
  EXPECT_EQ(planner_->length(0, 0, 1), chunk_bytes) << "at most once for each front chunk";
}

TEST_F(ChunkSenderTest, KeepsLengthWhenBrokenChunkSentNothingOrEverything) {
  pipeline();
  transport_.read(1, head.size());
  transport_.fail(1, closed());
  EXPECT_EQ(planner_->length(0, 0, 1), chunk_bytes);
  confirm(0);
  go_to(1);
  send(chunk(1));
  transport_.read_all(4);
  transport_.fail(4, closed());
  EXPECT_EQ(planner_->length(0, 0, 1), chunk_bytes);
}

TEST_F(ChunkSenderTest, ReportsTooLargePipelinedChunk) {
  pipeline();
  transport_.answer(1, answer(413));
  transport_.run();
  EXPECT_THAT(owner_.reports, ElementsAre("too large: 524288"));
  EXPECT_FALSE(sender_->front()->blamed);
  EXPECT_TRUE(is_cancelled(2));
  EXPECT_FALSE(is_cancelled(0));
}

/// The server has accepted a chunk of that length, so 413 has another cause.
TEST_F(ChunkSenderTest, CountsPipeliningFailureAfter413ToAcceptedLength) {
  pipeline();
  planner_->committed(chunk_bytes, false, clock_.now, 0);
  transport_.answer(1, answer(413));
  EXPECT_THAT(owner_.reports, IsEmpty());
  EXPECT_TRUE(sender_->front()->blamed);
}

TEST_F(ChunkSenderTest, ReportsUnreadableFileBehindFrontAndCancels) {
  make();
  source_.fails_at = chunk_bytes + 3 * block_bytes;
  hold_readers_at(source_.fails_at);
  send(chunk(0));
  ASSERT_EQ(started(), 2U);
  transport_.read_all(0);
  may_read_.release(1000);
  arrive(file_size);
  ASSERT_TRUE(payload_.error());
  transport_.read_all(1);
  EXPECT_THAT(owner_.reports, ElementsAre(HasSubstr("unreadable: cannot read test.bin at offset"),
                                          "error: cancelled"));
  EXPECT_TRUE(is_cancelled(0));
  EXPECT_FALSE(sender_->front()->blamed);
}

/// A server that closes the connection as soon as the held end arrives, twice, refuses pipelining.
TEST_F(ChunkSenderTest, DisablesPipeliningAfterTwoClosedHeldChunks) {
  pipeline();
  for (std::uint64_t number = 1; number <= 2; ++number) {
    const Transport::ExchangeId id = started() - 2;
    transport_.read_all(id);
    confirm(id - 1);
    ASSERT_TRUE(sender_->advance());
    transport_.read_all(id);
    clock_.now += 900ms;
    transport_.fail(id, closed());
    EXPECT_THAT(owner_.reports, ElementsAre("error: the server closed the connection"));
    owner_.reports.clear();
    EXPECT_TRUE(sender_->is_due_to_pipelining(closed())) << "the retry needs no wait";
    if (number == 2) break;
    EXPECT_EQ(planner_->depth(), 2U);
    sender_->cancel_pipelined();
    transport_.run();
    go_to(number);
    send(chunk(number));
  }
  EXPECT_THAT(owner_.reports, ElementsAre("pipelining refused"));
  EXPECT_EQ(planner_->depth(), 0U);
}

TEST_F(ChunkSenderTest, DisablesPipeliningAfter408ToHeldChunk) {
  pipeline();
  transport_.read_all(1);
  confirm(0);
  ASSERT_TRUE(sender_->advance());
  EXPECT_TRUE(sender_->is_due_to_pipelining({ErrorKind::unreachable, "HTTP 408", 408}));
  EXPECT_THAT(owner_.reports, ElementsAre("pipelining refused"));
}

/// More than a second after its end was sent, the failure does not come from the hold.
TEST_F(ChunkSenderTest, LateFailureOfHeldChunkCountsAsOrdinary) {
  pipeline();
  transport_.read_all(1);
  confirm(0);
  ASSERT_TRUE(sender_->advance());
  transport_.read_all(1);
  clock_.now += 1100ms;
  transport_.fail(1, closed());
  EXPECT_FALSE(sender_->is_due_to_pipelining(closed()));
  EXPECT_TRUE(sender_->front()->blamed);
  EXPECT_FALSE(planner_->pipelining_failed(closed(), true)) << "the first failure of a held chunk";
  EXPECT_EQ(planner_->depth(), 0U) << "the second failure of any kind";
}

TEST_F(ChunkSenderTest, CountsFailureOfFrontWithPipelinedChunks) {
  pipeline();
  transport_.fail(0, closed());
  EXPECT_FALSE(sender_->is_due_to_pipelining(closed())) << "its end was not held";
  EXPECT_TRUE(sender_->front()->blamed);
}

TEST_F(ChunkSenderTest, OtherErrorsAreNotDueToPipelining) {
  pipeline();
  transport_.read_all(1);
  confirm(0);
  ASSERT_TRUE(sender_->advance());
  EXPECT_FALSE(sender_->is_due_to_pipelining({ErrorKind::unreachable, "HTTP 502", 502}));
  EXPECT_FALSE(sender_->is_due_to_pipelining({ErrorKind::failed, "HTTP 200", 0}));
  EXPECT_FALSE(sender_->front()->blamed);
  sender_->cancel_pipelined();
  sender_->send(request(Step::ask_committed));
  EXPECT_FALSE(sender_->is_due_to_pipelining(closed())) << "the request is no chunk";
  go_to(2);
  sender_->send(chunk(2));
  EXPECT_FALSE(sender_->is_due_to_pipelining(closed())) << "no chunk was pipelined";
  EXPECT_FALSE(sender_->front()->blamed);
}

TEST_F(ChunkSenderTest, RewindOfHeldChunkCountsAsPipeliningFailure) {
  pipeline();
  transport_.read_all(1);
  confirm(0);
  ASSERT_TRUE(sender_->advance());
  ASSERT_TRUE(transport_.rewind(1));
  EXPECT_TRUE(sender_->front()->blamed);
  EXPECT_TRUE(planner_->pipelining_failed(closed(), true))
      << "the first failure of a held chunk was counted";
}

}  // namespace
}  // namespace sluice::chunk_sender_test
