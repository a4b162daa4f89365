// Transfers: what they append, and their responses (protocol section 1), without a socket; also
// concurrent ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "tests/databankd/protocol/phased_fixture.h"

namespace sluice::databankd::transfer_test {
namespace {

using testing::StartsWith;

// Instantiated in phased_test.cc.

TEST_P(Phased, TransferComparesPreviousSize) {
  setup("a");
  transfer("a", "0", "abc");
  expect_unexpected(transfer("a", "0", "abc"), 3, "0");
  expect_unexpected(transfer("a", "6", "abc"), 3, "6");
  expect_unexpected(transfer("a", "-1", "x"), 3, "-1");
  expect(transfer("a", "3", "def"), 200, "successfully added chunk to a");
  verify("a");
  EXPECT_EQ(registered().at(0)["xxh128"], xxh128("abcdef"));
}

TEST_P(Phased, TransferParsesNumbersLikeRuby) {
  setup("a");
  expect(transfer("a", "nonsense", "0123456789ab"), 200, "successfully added chunk to a");
  expect_unexpected(transfer("a", "nonsense", "x"), 12, "0");
  expect(transfer("a", " 12abc", "x"), 200, "successfully added chunk to a");
}

TEST_P(Phased, TransferAcceptsFieldsInAnyOrder) {
  setup("a");
  expect(call({{"bytechunk", "abc", true},
               {"previous_size", "0"},
               {"filename", "a"},
               {"phase", "transfer"}}),
         200, "successfully added chunk to a");
  expect(call({{"bytechunk", "def", true},
               {"previous_size", "3"},
               {"filename", "a"},
               {"phase", "transfer"}}),
         200, "successfully added chunk to a");
  verify("a");
  EXPECT_EQ(registered().at(0)["xxh128"], xxh128("abcdef"));
}

TEST_P(Phased, TransferRequiresFields) {
  setup("a");
  transfer("a", "0", "abc");
  expect(call({{"phase", "transfer"}, {"filename", "a"}, {"bytechunk", "x", true}}), 200,
         R"({"error":"missing paramater: previous_size","progress":3,"status":500})");
  expect(call({{"phase", "transfer"}, {"filename", "a"}, {"previous_size", "3"}}), 200,
         R"({"error":"missing bytechunk","progress":3,"status":500})");
}

TEST_P(Phased, TransferRejectsChunkWithoutFilename) {
  setup("a");
  const Answer answer = call({{"phase", "transfer"},
                              {"filename", "a"},
                              {"previous_size", "0"},
                              {"bytechunk", "abc", false}});
  EXPECT_EQ(answer.status, 200U);
  const json object = json::parse(answer.body);
  EXPECT_THAT(object["error"], StartsWith("undefined method `read'"));
  EXPECT_EQ(object["progress"], 0);
  EXPECT_EQ(object["status"], 500);
  expect_unexpected(call({{"phase", "transfer"},
                          {"filename", "a"},
                          {"previous_size", "-1"},
                          {"bytechunk", "abc", false}}),
                    0, "-1");
}

TEST_P(Phased, TransferRequiresSetup) {
  expect(transfer("a", "0", "abc"), 500,
         "No such file or directory @ rb_file_s_size - /datafiles/api/TESTIDB-1234567/a\n");
  expect(transfer("a", "-1", "x"), 500,
         "No such file or directory @ rb_file_s_size - /datafiles/api/TESTIDB-1234567/a\n");
}

TEST_P(Phased, TransferAcceptsEmptyChunk) {
  setup("a");
  expect(transfer("a", "0", ""), 200, "successfully added chunk to a");
  expect_unexpected(transfer("a", "-1", ""), 0, "-1");
}

TEST_P(Phased, UnfinishedTransferLeavesNothing) {
  setup("a");
  transfer("a", "0", "abc");
  {
    PhasedCall call(*bank_, key, authorization);
    add(call, {"phase", "transfer"});
    add(call, {"filename", "a"});
    add(call, {"previous_size", "3"});
    add(call, {"bytechunk", std::string(1 << 20, 'x'), true});
    // Destroyed without finish(): the connection broke.
  }
  expect_unexpected(transfer("a", "-1", "x"), 3, "-1");
  transfer("a", "3", "def");
  verify("a");
  EXPECT_EQ(registered().at(0)["xxh128"], xxh128("abcdef"));
}

// A client may send the next chunk while the previous one is being appended (protocol section 1.7).
TEST_P(Phased, ChunkMayArriveBeforePreviousOne) {
  setup("a");
  PhasedCall second(*bank_, key, authorization);
  add(second, {"phase", "transfer"});
  add(second, {"filename", "a"});
  add(second, {"previous_size", "3"});
  second.field("bytechunk", "d", 0, true);
  expect(transfer("a", "0", "abc"), 200, "successfully added chunk to a");
  second.field("bytechunk", "e", 1, true);
  second.field("bytechunk", "f", 2, true);
  expect(second.finish(""), 200, "successfully added chunk to a");

  PhasedCall fourth(*bank_, key, authorization);
  add(fourth, {"phase", "transfer"});
  add(fourth, {"filename", "a"});
  add(fourth, {"previous_size", "9"});
  add(fourth, {"bytechunk", "jkl", true});
  transfer("a", "6", "ghi");
  expect(fourth.finish(""), 200, "successfully added chunk to a");
  verify("a");
  EXPECT_EQ(registered().at(0)["size"], 12);
  EXPECT_EQ(registered().at(0)["xxh128"], xxh128("abcdefghijkl"));
  if (!GetParam()) {
    EXPECT_EQ(stored("a"), "abcdefghijkl");
  }
}

TEST_P(Phased, FirstOfTwoEqualChunksWins) {
  setup("a");
  PhasedCall slow(*bank_, key, authorization);
  add(slow, {"phase", "transfer"});
  add(slow, {"filename", "a"});
  add(slow, {"previous_size", "0"});
  add(slow, {"bytechunk", "slow", true});
  expect(transfer("a", "0", "fast!"), 200, "successfully added chunk to a");
  expect_unexpected(slow.finish(""), 5, "0");
  verify("a");
  EXPECT_EQ(registered().at(0)["xxh128"], xxh128("fast!"));
}

TEST_P(Phased, RepeatedSetupKeepsChunkInFlight) {
  setup("a");
  PhasedCall call(*bank_, key, authorization);
  add(call, {"phase", "transfer"});
  add(call, {"filename", "a"});
  add(call, {"previous_size", "0"});
  add(call, {"bytechunk", "abc", true});
  setup("a");
  expect(call.finish(""), 200, "successfully added chunk to a");
  verify("a");
  EXPECT_EQ(registered().at(0)["xxh128"], xxh128("abc"));
}

TEST_P(Phased, OneOfManyThreadsWins) {
  setup("a");
  std::uint64_t size = 0;
  for (int round = 0; round < 20; ++round) {
    std::vector<std::string> bodies(4);
    std::vector<std::thread> threads;
    for (std::string& body : bodies) {
      threads.emplace_back(
          [&, this] { body = transfer("a", std::to_string(size), std::string(1000, 'x')).body; });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(std::count(bodies.begin(), bodies.end(), "successfully added chunk to a"), 1);
    size += 1000;
  }
  verify("a");
  EXPECT_EQ(registered().at(0)["xxh128"], xxh128(std::string(20000, 'x')));
}

}  // namespace
}  // namespace sluice::databankd::transfer_test
