#include "engine/upload/chunk_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/upload/chunk_sender_fixture.h"

namespace sluice::chunk_sender_test {
namespace {

TEST_F(ChunkSenderTest, SendsRequestAndReportsAnswer) {
  make({.asked = 0});
  EXPECT_EQ(sender_->front(), nullptr);
  EXPECT_FALSE(sender_->is_busy());
  sender_->send(chunk(0));
  EXPECT_TRUE(sender_->is_busy());
  ASSERT_EQ(started(), 1U);
  EXPECT_EQ(transport_.started[0].exchange.url, "https://bank.example/upload");
  EXPECT_EQ(transport_.started[0].exchange.body_size, chunk_bytes + 10);
  EXPECT_TRUE(transport_.read_all(0) == head + text(range(0)) + tail);
  EXPECT_GT(owner_.progress, 0);
  EXPECT_THAT(owner_.reports, IsEmpty());
  transport_.answer(0, answer(503));
  EXPECT_THAT(owner_.reports, ElementsAre("answer 503"));
  EXPECT_FALSE(sender_->is_busy());
  ASSERT_NE(sender_->front(), nullptr) << "the last front request is kept";
  EXPECT_EQ(sender_->front()->request.payload, range(0));
  EXPECT_FALSE(sender_->front()->out);
  transport_.run();
  EXPECT_EQ(started(), 1U);
  EXPECT_FALSE(sender_->has_pipelined());
}

TEST_F(ChunkSenderTest, RequestWithoutBytesHasNoBody) {
  make();
  Request ask = request(Step::ask_committed);
  ask.head = ask.tail = "";
  sender_->send(ask);
  EXPECT_EQ(transport_.started[0].exchange.body, nullptr);
  EXPECT_EQ(transport_.started[0].exchange.body_size, 0U);
}

TEST_F(ChunkSenderTest, CancelsFrontRequest) {
  make({.asked = 0});
  sender_->send(chunk(0));
  sender_->cancel();
  EXPECT_THAT(owner_.reports, ElementsAre("error: cancelled"));
  EXPECT_FALSE(sender_->is_busy());
  sender_->cancel();
  EXPECT_EQ(owner_.reports.size(), 1U);
}

TEST_F(ChunkSenderTest, KeepsOwnerAliveWhileInFlight) {
  make();
  EXPECT_EQ(owner_.alive.use_count(), 1);
  sender_->send(chunk(0));
  EXPECT_EQ(owner_.alive.use_count(), 2);
  transport_.read(0, 10);
  EXPECT_EQ(owner_.alive.use_count(), 3) << "posted work keeps the owner alive";
  transport_.run();
  EXPECT_EQ(owner_.alive.use_count(), 4) << "one reference for each of three exchanges";
  sender_->cancel_pipelined();
  transport_.run();
  EXPECT_EQ(owner_.alive.use_count(), 2);
  sender_->cancel();
  EXPECT_EQ(owner_.alive.use_count(), 1);
}

TEST_F(ChunkSenderTest, HoldsEndOfFrontUntilOwnerAllows) {
  make({.asked = 0});
  owner_.ends = false;
  sender_->send(chunk(0));
  EXPECT_TRUE(transport_.read_all(0) == head + text(range(0)));
  owner_.ends = true;
  sender_->resume_front();
  EXPECT_EQ(transport_.started[0].resumed, 1);
  EXPECT_EQ(transport_.read_all(0), tail);
}

TEST_F(ChunkSenderTest, SendsOnlyClearedBytes) {
  make({.asked = 0});
  owner_.cleared_up_to = 1000;
  sender_->send(chunk(0));
  EXPECT_TRUE(transport_.read_all(0) == head + text({0, 1000}));
}

TEST_F(ChunkSenderTest, SendsFileInOrder) {
  make();
  send(chunk(0));
  std::string all;
  for (Transport::ExchangeId id = 0; id < chunks; ++id) {
    ASSERT_LT(id, started());
    transport_.read_all(id);
    EXPECT_EQ(sender_->front()->request.payload, range(id));
    EXPECT_TRUE(sender_->front()->body->is_all_read());
    confirm(id);
    EXPECT_EQ(sender_->advance(), id + 1 < chunks);
    transport_.run();
  }
  EXPECT_EQ(started(), chunks);
  EXPECT_EQ(payload_.passed(), file_size);
  EXPECT_EQ(owner_.alive.use_count(), 1);
}

TEST_F(ChunkSenderTest, ResumesAllBodiesOrFront) {
  pipeline();
  sender_->resume_all();
  for (const auto& exchange : transport_.started) EXPECT_EQ(exchange.resumed, 1);
  sender_->resume_front();
  EXPECT_EQ(transport_.started[0].resumed, 2);
  EXPECT_EQ(transport_.started[1].resumed, 1);
}

TEST_F(ChunkSenderTest, ReportsConnectionOnlyWhileFrontIsInFlight) {
  make({.asked = 0});
  EXPECT_FALSE(sender_->network());
  sender_->send(chunk(0));
  transport_.started[0].network = Answer::Network{.round_trip = 7ms};
  ASSERT_TRUE(sender_->network());
  EXPECT_EQ(sender_->network()->round_trip, 7ms);
  transport_.answer(0, answer());
  EXPECT_FALSE(sender_->network());
}

TEST_F(ChunkSenderTest, KeepsReadErrorOfFront) {
  make({.asked = 0});
  source_.fails_at = block_bytes;
  payload_.seek(0);
  arrive(file_size);
  sender_->send(chunk(0));
  transport_.read_all(0);
  EXPECT_THAT(owner_.reports, ElementsAre("error: the body failed"));
  ASSERT_TRUE(sender_->front()->body->error());
  EXPECT_EQ(sender_->front()->body->error()->kind, ErrorKind::local_file);
}

TEST_F(ChunkSenderTest, RewindsFrontChunk) {
  pipeline();
  transport_.read(0, 200'000);
  transport_.read(1, 200'000);
  ASSERT_TRUE(transport_.rewind(0));
  transport_.run();
  EXPECT_TRUE(is_cancelled(1)) << "the stream went back before its bytes";
  EXPECT_TRUE(is_cancelled(2));
  EXPECT_THAT(owner_.reports, IsEmpty());
  EXPECT_FALSE(sender_->front()->blamed);
  arrive(file_size);
  EXPECT_TRUE(transport_.read_all(0) == head + text(range(0)) + tail);
}

TEST_F(ChunkSenderTest, RefusesRewindWhenServerKeepsPartsOfChunks) {
  protocol_.keeps_parts = true;
  make({.asked = 0});
  sender_->send(chunk(0));
  transport_.read(0, 1000);
  EXPECT_FALSE(transport_.rewind(0));
  transport_.answer(0, answer());
  go_to(0);
  sender_->send(request(Step::begin, range(0)));
  transport_.read(1, 1000);
  EXPECT_TRUE(transport_.rewind(1)) << "bytes of a creation without an answer are not used";
}

TEST_F(ChunkSenderTest, CountsTimesOfRequestByStage) {
  make({.asked = 0});
  owner_.cleared_up_to = 0;
  sender_->send(chunk(0));
  clock_.now += 1s;  // sending
  transport_.read(0, 10);
  clock_.now += 2s;  // waiting for cleared bytes
  owner_.cleared_up_to = ~std::uint64_t{0};
  owner_.ends = false;
  transport_.read(0, chunk_bytes - 100);
  clock_.now += 4s;  // sending
  transport_.started[0].exchange.body->throttled();
  clock_.now += 8s;  // sending, slowly
  transport_.read_all(0);
  clock_.now += 16s;  // the end is held for the journal
  owner_.ends = true;
  transport_.read_all(0);
  clock_.now += 32s;  // waiting for the answer
  Answer late = answer();
  late.network = {.since_sent = 30s, .round_trip = 1s};
  transport_.answer(0, late);
  clock_.now += 64s;  // no request in flight
  EXPECT_EQ(times_.answer_s(), 32);
  EXPECT_EQ(times_.idle_s(), 30);
  EXPECT_EQ(stages().wait_for_journal_s, 18);
  EXPECT_EQ(stages().wait_for_read_s, 0);
  EXPECT_EQ(stages().send.busy_s, 13 + 2 + 1)
      << "includes the kernel's sending and the answer's way back";
  EXPECT_EQ(stages().server.busy_s, 29);
  sender_->send(request(Step::ask_committed));
  transport_.read_all(1);
  clock_.now += 3s;
  late.network = {.since_sent = 2s, .round_trip = 1s};
  transport_.answer(1, late);
  EXPECT_EQ(times_.idle_s(), 32) << "the wait for the first answer counts once";
}

TEST_F(ChunkSenderTest, CountsWaitForFile) {
  make({.asked = 0});
  hold_readers_at(block_bytes);
  sender_->send(chunk(0));
  transport_.read_all(0);
  clock_.now += 2s;
  may_read_.release(1000);
  arrive(file_size);
  transport_.read_all(0);
  clock_.now += 4s;
  EXPECT_EQ(stages().wait_for_read_s, 2);
  EXPECT_EQ(times_.answer_s(), 4);
}

TEST_F(ChunkSenderTest, CountsHeldChunkAsWaitForAnswer) {
  pipeline();
  transport_.read_all(0);
  transport_.read_all(1);
  clock_.now += 1s;  // the third chunk is still sending
  EXPECT_EQ(times_.answer_s(), 0);
  transport_.read_all(2);
  clock_.now += 2s;
  EXPECT_EQ(times_.answer_s(), 2);
  EXPECT_EQ(stages().wait_for_journal_s, 0);
}

TEST_F(ChunkSenderTest, CountsNoTimeOfCancelledChunk) {
  pipeline();
  transport_.read_all(0);
  sender_->cancel_pipelined();
  clock_.now += 1s;
  transport_.run();
  clock_.now += 2s;
  EXPECT_EQ(times_.answer_s(), 3);
  confirm(0);
  clock_.now += 4s;
  EXPECT_EQ(times_.answer_s(), 3);
  EXPECT_EQ(stages().send.busy_s, 0);
}

}  // namespace
}  // namespace sluice::chunk_sender_test
