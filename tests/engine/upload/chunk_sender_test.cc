#include "engine/upload/chunk_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <utility>
#include <vector>

#include "tests/engine/test_source.h"
#include "tests/engine/upload/fake_protocol.h"
#include "tests/engine/upload/fake_transport.h"
#include "tests/engine/upload/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace sluice::chunk_sender_test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using At = TransferTimes::At;
using Step = Request::Step;

constexpr std::size_t block_bytes = 64 * 1024;
constexpr std::uint64_t chunk_bytes = 8 * block_bytes;
constexpr std::uint64_t chunks = 6;
constexpr std::uint64_t file_size = chunks * chunk_bytes;
const std::string head = "head:";
const std::string tail = ":tail";

Request request(Step step, ByteRange payload = {}) {
  Request request;
  request.step = step;
  request.path = "/upload";
  request.head = head;
  request.payload = payload;
  request.tail = tail;
  return request;
}
ByteRange range(std::uint64_t number) {
  return {number * chunk_bytes, (number + 1) * chunk_bytes};
}
Request chunk(std::uint64_t number) {
  return request(Step::chunk, range(number));
}
Answer answer(int status = 200) {
  Answer answer;
  answer.status = status;
  return answer;
}
Error closed() {
  return {ErrorKind::unreachable, "the server closed the connection", 56};
}

/// A protocol whose chunks follow one another without a request between them.
class ChunkProtocol final : public test::FakeProtocol {
 public:
  std::optional<Request> after(const Request& last, std::uint64_t bytes) const override {
    const std::uint64_t begin = last.payload.end;
    if (begin == file_size) return {};
    return request(Step::chunk, {begin, std::min(begin + bytes, file_size)});
  }
  void follows(const Request& request) override { followed.push_back(request.payload); }
  bool keeps_parts_of_chunks() const override { return keeps_parts; }

  bool keeps_parts = false;
  std::vector<ByteRange> followed;
};

class FakeOwner final : public ChunkSender::Owner {
 public:
  explicit FakeOwner(test::FakeTransport& transport) : transport_(transport) {}

  std::shared_ptr<void> keep_alive() override { return alive; }
  Transport& transport() const override { return transport_; }
  Exchange make_exchange(const Request& request) override {
    Exchange exchange;
    exchange.url = "https://bank.example" + request.path;
    return exchange;
  }
  std::uint64_t cleared(std::uint64_t) override { return cleared_up_to; }
  bool may_end(const Flight&) override { return ends; }
  At held_for(const Flight&) const override { return At::journal; }
  void on_progress() override { ++progress; }
  void on_body_read() override {}
  void on_answer(Result<Answer> result) override {
    reports.push_back(result ? "answer " + std::to_string(result->status)
                             : "error: " + result.error().message);
  }
  void on_unreadable(const Error& error) override {
    reports.push_back("unreadable: " + error.message);
  }
  void on_too_large(std::uint64_t payload) override {
    reports.push_back("too large: " + std::to_string(payload));
  }
  void on_pipelining_refused() override { reports.push_back("pipelining refused"); }

  std::shared_ptr<int> alive = std::make_shared<int>();
  std::uint64_t cleared_up_to = ~std::uint64_t{0};
  bool ends = true;
  int progress = 0;
  std::vector<std::string> reports;

 private:
  test::FakeTransport& transport_;
};

class ChunkSenderTest : public testing::Test {
 protected:
  /// At most two pipelined chunks, which send while the front chunk sends.
  static Lookahead::Setting concurrent() { return {.asked = 2, .pool_bytes = 4 * chunk_bytes}; }
  ~ChunkSenderTest() override { may_read_.release(1000); }

  void make(const Lookahead::Setting& lookahead = concurrent(), bool begins_alone = false) {
    planner_.emplace(ChunkPlanner::Setting{
        .sizer = {.asked = chunk_bytes}, .lookahead = lookahead, .size = file_size});
    sender_.emplace(ChunkSender::Setting{
        .owner = owner_,
        .protocol = protocol_,
        .payload = payload_,
        .planner = *planner_,
        .times = times_,
        .file = "scan.h5",
        .size = file_size,
        .begins_alone = begins_alone,
        .log = [this](LogLevel, const std::string& line) { log_.push_back(line); }});
    times_.begin();
    go_to(0);
  }
  /// Seeks to the chunk and reads the rest of the file into memory: no body waits for a reader.
  void go_to(std::uint64_t number) {
    payload_.seek(number * chunk_bytes);
    arrive(file_size);
  }
  /// Blocks until the readers have read up to offset `end`, or have failed.
  void arrive(std::uint64_t end) {
    while (payload_.arrived() < end && !payload_.error())
      ASSERT_TRUE(more_.try_acquire_for(60s)) << end;
  }
  /// Lets the readers stop at `offset` until may_read_ is released.
  void hold_readers_at(std::uint64_t offset) {
    payload_.stop();
    source_.before_read = [this, offset](std::uint64_t at) {
      if (at >= offset) may_read_.acquire();
    };
    payload_.seek(0);
    arrive(offset);
  }
  std::size_t started() const { return transport_.started.size(); }
  /// Sends a request and its first 10 bytes, and starts the chunks that are pipelined behind it.
  void send(const Request& what) {
    sender_->send(what);
    transport_.read(started() - 1, 10);
    transport_.run();
  }
  /// Sends chunk 0, with the pipelined chunks 1 and 2 behind it.
  void pipeline() {
    make();
    send(chunk(0));
    ASSERT_EQ(started(), 3U);
  }
  /// Sends all bytes of the front chunk, which is exchange `id`, and answers with success.
  void confirm(Transport::ExchangeId id) {
    transport_.read_all(id);
    transport_.answer(id, answer());
    ASSERT_EQ(owner_.reports.back(), "answer 200");
    owner_.reports.clear();
  }
  std::string text(ByteRange range) const { return content_.substr(range.begin, range.size()); }
  bool is_cancelled(Transport::ExchangeId id) const { return transport_.started[id].cancelled; }
  Stages stages() const { return times_.stages(clocks_); }

  test::ManualClock clock_;
  const std::string content_ = test::random_bytes(file_size, 6);
  test::StringSource source_{content_};
  std::unique_ptr<BufferPool> pool_ = *BufferPool::create(block_bytes, file_size / block_bytes);
  ChecksumWorkers workers_{0};
  FileDigest digest_{"test.bin", content_.size()};
  PipelineClocks clocks_;
  std::counting_semaphore<> may_read_{0};
  std::counting_semaphore<> more_{0};
  PayloadStream payload_{{source_, *pool_, workers_, digest_, clocks_, block_bytes, 1},
                         [this] { more_.release(); }};
  test::FakeTransport transport_;
  ChunkProtocol protocol_;
  FakeOwner owner_{transport_};
  TransferTimes times_;
  std::optional<ChunkPlanner> planner_;
  std::optional<ChunkSender> sender_;
  std::vector<std::string> log_;
};

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

TEST_F(ChunkSenderTest, RefusesRewindOfPipelinedChunk) {
  pipeline();
  transport_.read(1, head.size());
  EXPECT_TRUE(transport_.rewind(1)) << "no byte of the file was sent";
  transport_.read(1, 1000);
  EXPECT_FALSE(transport_.rewind(1));
  transport_.run();
  EXPECT_FALSE(is_cancelled(2));
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
