#include "engine/pipeline/streamed_request.h"

#include <gtest/gtest.h>

#include <memory>
#include <semaphore>
#include <string>
#include <vector>

#include "tests/engine/test_source.h"
#include "tests/support/temp_dir.h"

namespace sluice::streamed_request_test {
namespace {

constexpr std::size_t block_bytes = 4096;

class StreamedRequestTest : public testing::Test {
 protected:
  StreamedRequestTest() {
    request_.head = "head-";
    request_.payload = {0, 30000};
    request_.tail = "-tail";
    payload_.seek(0);
  }
  /// Reads in pieces until `length` bytes were read or read() returns none.
  std::string read(StreamedRequest& body, std::size_t length, std::size_t piece_size) {
    std::string all;
    while (all.size() < length) {
      std::string piece(std::min(piece_size, length - all.size()), '\0');
      const RequestBody::Piece got = body.read(std::as_writable_bytes(std::span(piece)));
      if (got.next == RequestBody::Next::failed) break;
      if (got.next == RequestBody::Next::not_yet) {
        ready_.acquire();
        continue;
      }
      EXPECT_GT(got.size, 0U);
      all += piece.substr(0, got.size);
    }
    return all;
  }

  const std::string content_ = test::random_bytes(12 * block_bytes, 9);
  test::StringSource source_{content_};
  std::unique_ptr<BufferPool> pool_ = *BufferPool::create(block_bytes, 4);
  ChecksumWorkers workers_{1};
  FileDigest digest_{"test.bin", content_.size()};
  PipelineClocks clocks_;
  std::counting_semaphore<> ready_{0};
  PayloadStream payload_{{source_, *pool_, workers_, digest_, clocks_, block_bytes, 2},
                         [this] { ready_.release(); }};
  Request request_;
};

TEST_F(StreamedRequestTest, SendsHeadPayloadTailInPiecesOfAnySize) {
  const std::string expected = "head-" + content_.substr(0, 30000) + "-tail";
  ASSERT_EQ(request_.body_size(), expected.size());
  for (const std::size_t piece : {1U, 7U, 4096U, 100000U}) {
    payload_.seek(0);
    StreamedRequest body(request_, payload_, {});
    EXPECT_EQ(read(body, expected.size() - 1, piece), expected.substr(0, expected.size() - 1));
    EXPECT_FALSE(body.is_all_read());
    EXPECT_EQ(read(body, 1, piece), "l");
    EXPECT_TRUE(body.is_all_read());
  }
}

TEST_F(StreamedRequestTest, RewindRepeatsTheBody) {
  StreamedRequest body(request_, payload_, {});
  const std::string first = read(body, 20000, 5000);
  ASSERT_TRUE(body.rewind());
  EXPECT_EQ(read(body, 20000, 3000), first);
}

TEST_F(StreamedRequestTest, MayRewindHookPreventsRewind) {
  bool asked = false;
  StreamedRequest body(request_, payload_, {.may_rewind = [&] {
                         asked = true;
                         return false;
                       }});
  read(body, 3, 3);
  EXPECT_TRUE(body.rewind()) << "no payload byte was read yet";
  EXPECT_FALSE(asked);
  const std::string first = read(body, 20000, 5000);
  EXPECT_FALSE(body.rewind());
  EXPECT_TRUE(asked);
  EXPECT_EQ(first + read(body, 10010, 5000), "head-" + content_.substr(0, 30000) + "-tail")
      << "the request continues at the same byte";
}

TEST_F(StreamedRequestTest, HoldsBackTheTailUntilMayEnd) {
  bool may_end = false;
  std::vector<StreamedRequest::Gave> gave;
  StreamedRequest body(request_, payload_,
                       {.on_read = [&](StreamedRequest::Gave what) { gave.push_back(what); },
                        .may_end = [&] { return may_end; }});
  read(body, 30005, 40000);
  EXPECT_TRUE(body.is_payload_read());
  std::byte byte{};
  EXPECT_EQ(body.read({&byte, 1}).next, RequestBody::Next::not_yet);
  EXPECT_EQ(gave.back(), StreamedRequest::Gave::held);
  EXPECT_FALSE(body.is_all_read());
  may_end = true;
  EXPECT_EQ(read(body, 5, 40000), "-tail");
  EXPECT_EQ(gave.back(), StreamedRequest::Gave::all);
}

TEST_F(StreamedRequestTest, ReadFailsAfterAbandon) {
  StreamedRequest body(request_, payload_, {});
  read(body, 20000, 5000);
  body.abandon();
  payload_.seek(0);
  payload_.claim(30000);
  EXPECT_EQ(read(body, 1, 1), "");
  EXPECT_FALSE(body.error()) << "an abandoned request has no error";
  EXPECT_FALSE(body.rewind());
  StreamedRequest other(request_, payload_, {});
  EXPECT_EQ(read(other, 30010, 5000), "head-" + content_.substr(0, 30000) + "-tail");
}

TEST_F(StreamedRequestTest, ReportsThrottling) {
  int throttled = 0;
  StreamedRequest body(request_, payload_, {.on_read = [&](StreamedRequest::Gave gave) {
                         throttled += gave == StreamedRequest::Gave::throttled ? 1 : 0;
                       }});
  read(body, 10, 10);
  EXPECT_EQ(throttled, 0);
  body.throttled();
  EXPECT_EQ(throttled, 1);
  body.abandon();
  body.throttled();
  EXPECT_EQ(throttled, 1);
}

TEST_F(StreamedRequestTest, DoesNotRewindNonRepeatableRequest) {
  request_.repeatable = false;
  StreamedRequest body(request_, payload_, {});
  read(body, 3, 3);
  EXPECT_FALSE(body.rewind());
}

TEST_F(StreamedRequestTest, EmptyPayloadDoesNotTouchTheStream) {
  request_.payload = {};
  payload_.stop();
  StreamedRequest body(request_, payload_, {});
  EXPECT_EQ(read(body, 10, 4), "head--tail");
  EXPECT_TRUE(body.rewind());
  EXPECT_EQ(read(body, 10, 4), "head--tail");
}

TEST_F(StreamedRequestTest, KeepsTheReadError) {
  source_.fails_at = 20000;
  payload_.seek(0);
  StreamedRequest body(request_, payload_, {});
  EXPECT_LT(read(body, 40000, 5000).size(), 30000U);
  ASSERT_TRUE(body.error());
  EXPECT_EQ(body.error()->kind, ErrorKind::local_file);
}

}  // namespace
}  // namespace sluice::streamed_request_test
