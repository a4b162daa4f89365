// ChunkSender: which chunks are pipelined, and how they are held and cancelled.
#include "engine/upload/chunk_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/upload/chunk_sender_fixture.h"

namespace sluice::chunk_sender_test {
namespace {

TEST_F(ChunkSenderTest, PipelinesChunksBehindFront) {
  pipeline();
  EXPECT_TRUE(sender_->has_pipelined());
  EXPECT_EQ(sender_->front()->request.payload, range(0)) << "the front request does not change";
  EXPECT_EQ(transport_.read(1, 100'000).size(), 100'000U);
  EXPECT_EQ(transport_.read(0, 100'000).size(), 100'000U);
  transport_.run();
  EXPECT_EQ(started(), 3U) << "at most the planner's depth";
}

TEST_F(ChunkSenderTest, PipelinesBehindSetupWithoutPayload) {
  make();
  send(request(Step::begin));
  ASSERT_EQ(started(), 3U);
  EXPECT_TRUE(transport_.read_all(1) == head + text(range(0)));
}

TEST_F(ChunkSenderTest, PipelinesOnlyBehindSetupAndChunks) {
  make(concurrent(), /*begins_alone=*/true);
  send(request(Step::begin));
  EXPECT_EQ(started(), 1U) << "begins_alone";
  for (const Step step : {Step::finish, Step::whole, Step::ask_committed, Step::join}) {
    make();
    const std::size_t before = started();
    send(request(step));
    EXPECT_EQ(started(), before + 1) << static_cast<int>(step);
  }
  make();
  const std::size_t before = started();
  send(request(Step::begin, range(0)));
  EXPECT_EQ(started(), before + 1) << "the setup carries the first chunk";
  go_to(chunks - 1);
  send(chunk(chunks - 1));
  EXPECT_EQ(started(), before + 2) << "the last chunk of the file";
}

TEST_F(ChunkSenderTest, PipelinesNothingBehindRepeatedSetup) {
  make();
  sender_->begin_alone();
  send(request(Step::begin));
  EXPECT_EQ(started(), 1U);
}

TEST_F(ChunkSenderTest, PipelinesNothingAfterAnswer) {
  make();
  sender_->send(chunk(0));
  transport_.read(0, 10);
  transport_.answer(0, answer());
  transport_.run();
  EXPECT_EQ(started(), 1U);
}

/// After a rewind the next chunk does not begin at the position of the stream.
TEST_F(ChunkSenderTest, PipelinesOnlyFromStreamPosition) {
  make();
  sender_->send(chunk(0));
  transport_.read(0, 10);
  payload_.claim(chunk_bytes + 1);
  transport_.run();
  EXPECT_EQ(started(), 1U);
}

TEST_F(ChunkSenderTest, StartsPipelinedChunkWhenBytesArriveOrFrontIsSent) {
  make();
  hold_readers_at(chunk_bytes);
  send(chunk(0));
  EXPECT_EQ(started(), 1U) << "no byte of the next chunk has been read";
  transport_.read_all(0);
  transport_.run();
  EXPECT_EQ(started(), 2U);
  may_read_.release(1000);
  arrive(file_size);
  transport_.read(1, 10);
  transport_.run();
  EXPECT_EQ(started(), 3U);
}

TEST_F(ChunkSenderTest, PipelinesAfterPayloadWithoutConcurrency) {
  make({.asked = 2, .pool_bytes = 4 * chunk_bytes - 4});
  send(chunk(0));
  EXPECT_EQ(started(), 1U);
  transport_.read(0, chunk_bytes - 100);
  transport_.run();
  EXPECT_EQ(started(), 1U) << "the front chunk has bytes left to send";
  owner_.ends = false;  // the end of the payload starts the next chunk, not the end of the body
  transport_.read_all(0);
  transport_.run();
  EXPECT_EQ(started(), 2U);
}

TEST_F(ChunkSenderTest, HoldsEndOfPipelinedChunkUntilFrontIsConfirmed) {
  pipeline();
  EXPECT_TRUE(transport_.read_all(1) == head + text(range(1)));
  EXPECT_EQ(transport_.read_all(1), "");
  confirm(0);
  EXPECT_EQ(transport_.read_all(1), "") << "the answer may be an error: advance() releases the end";
  ASSERT_TRUE(sender_->advance());
  EXPECT_EQ(transport_.started[1].resumed, 1);
  EXPECT_EQ(transport_.read_all(1), tail);
  EXPECT_EQ(sender_->front()->request.payload, range(1));
  EXPECT_TRUE(sender_->front()->was_ahead);
  EXPECT_TRUE(sender_->front()->was_held);
  EXPECT_THAT(protocol_.followed, ElementsAre(range(1)));
  ASSERT_EQ(started(), 4U) << "the next chunk is pipelined";
  EXPECT_TRUE(transport_.read_all(3) == head + text(range(3)));
  confirm(1);
  ASSERT_TRUE(sender_->advance());
  EXPECT_FALSE(sender_->front()->was_held) << "the chunk had bytes left to send";
}

TEST_F(ChunkSenderTest, CancelsPipelinedChunksFromIndex) {
  pipeline();
  sender_->cancel_pipelined(1);
  EXPECT_FALSE(is_cancelled(2)) << "a callback of the transport must not cancel an exchange";
  EXPECT_EQ(transport_.started[2].exchange.body->rewind(), false);
  transport_.run();
  EXPECT_FALSE(is_cancelled(1));
  EXPECT_TRUE(is_cancelled(2));
  EXPECT_THAT(owner_.reports, IsEmpty()) << "a cancelled chunk has no result";
  sender_->cancel_pipelined(1);
  sender_->cancel_pipelined();
  transport_.run();
  EXPECT_TRUE(is_cancelled(1));
  EXPECT_FALSE(is_cancelled(0));
  confirm(0);
  EXPECT_FALSE(sender_->advance());
}

/// The answer may arrive between the cancellation and the posted work that carries it out.
TEST_F(ChunkSenderTest, IgnoresAnswerOfCancelledChunk) {
  pipeline();
  sender_->cancel_pipelined();
  transport_.answer(1, answer(413));
  transport_.fail(2, closed());
  transport_.run();
  EXPECT_THAT(owner_.reports, IsEmpty());
  EXPECT_FALSE(sender_->front()->blamed);
}

TEST_F(ChunkSenderTest, StopCancelsPipelinedChunks) {
  pipeline();
  sender_->stop();
  transport_.run();
  EXPECT_TRUE(is_cancelled(1));
  EXPECT_TRUE(is_cancelled(2));
  EXPECT_TRUE(sender_->is_busy()) << "the front request continues";
  payload_.seek(chunk_bytes);
  arrive(file_size);
  payload_.claim(chunk_bytes);
  sender_->fill();
  EXPECT_EQ(started(), 3U);
}

TEST_F(ChunkSenderTest, RefusesRewindOfPipelinedChunk) {
  pipeline();
  transport_.read(1, head.size());
  EXPECT_TRUE(transport_.rewind(1)) << "no byte of the file was sent";
  transport_.read(1, 1000);
  EXPECT_FALSE(transport_.rewind(1));
  transport_.run();
  EXPECT_FALSE(is_cancelled(2));
}

TEST_F(ChunkSenderTest, MeasuresRoundTripFromFrontAnswers) {
  make({.pool_bytes = 4 * chunk_bytes});
  ASSERT_EQ(planner_->depth(), 0U);
  Answer far = answer();
  far.network = {.round_trip = 50ms};
  sender_->send(request(Step::begin));
  transport_.answer(0, far);
  EXPECT_GT(planner_->depth(), 0U);
}

}  // namespace
}  // namespace sluice::chunk_sender_test
