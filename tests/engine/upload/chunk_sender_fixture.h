#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <utility>
#include <vector>

#include "engine/upload/chunk_sender.h"
#include "tests/engine/test_source.h"
#include "tests/engine/upload/fake_protocol.h"
#include "tests/engine/upload/fake_transport.h"
#include "tests/engine/upload/manual_clock.h"
#include "tests/support/temp_dir.h"

/// What the tests of ChunkSender share: a file of six chunks, a fake protocol, transport and owner.
namespace sluice::chunk_sender_test {

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
inline const std::string head = "head:";
inline const std::string tail = ":tail";

inline Request request(Step step, ByteRange payload = {}) {
  Request request;
  request.step = step;
  request.path = "/upload";
  request.head = head;
  request.payload = payload;
  request.tail = tail;
  return request;
}
inline ByteRange range(std::uint64_t number) {
  return {number * chunk_bytes, (number + 1) * chunk_bytes};
}
inline Request chunk(std::uint64_t number) {
  return request(Step::chunk, range(number));
}
inline Answer answer(int status = 200) {
  Answer answer;
  answer.status = status;
  return answer;
}
inline Error closed() {
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

}  // namespace sluice::chunk_sender_test
