#include "tools/sluice/display/output_queue.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::cli::output_queue_test {
namespace {

using Kind = OutputQueue::Kind;
using Stream = OutputQueue::Stream;

constexpr auto terminal = LiveArea::Terminal::rewraps;

/// Returns all output; that for stdout in brackets.
std::string drain(OutputQueue& queue) {
  std::string all;
  while (const auto piece = queue.next(80))
    all += piece->stream == Stream::out ? '[' + piece->text + ']' : piece->text;
  EXPECT_TRUE(queue.empty());
  return all;
}

TEST(OutputQueueTest, KeepsTheOrderOfResultsAndMessages) {
  OutputQueue queue(1000, terminal);
  EXPECT_TRUE(queue.empty());
  queue.push(Kind::message, "1\n");
  queue.push(Kind::result, "2\n");
  queue.push(Kind::error, "3\n");
  queue.push(Kind::progress, "4\n");
  queue.push(Kind::message, "5\n");
  EXPECT_FALSE(queue.empty());
  EXPECT_TRUE(queue.has_results());
  EXPECT_EQ(drain(queue), "1\n[2\n]3\n4\n5\n");
}

TEST(OutputQueueTest, DropsProgressFirstThenMessagesThenErrorsAndCountsThem) {
  OutputQueue queue(12, terminal);
  queue.push(Kind::error, "e1 \n");
  queue.push(Kind::message, "m1 \n");
  queue.push(Kind::progress, "p1 \n");
  queue.push(Kind::message, "m2 \n");  // drops the progress line, uncounted
  queue.push(Kind::error, "e2 \n");    // drops m1
  const std::string note = "standard error was blocked\n";
  EXPECT_EQ(drain(queue), "sluice: 1 message was dropped: " + note + "e1 \nm2 \ne2 \n");

  for (int i = 0; i < 5; ++i) queue.push(Kind::error, std::to_string(i) + "  \n");
  EXPECT_EQ(drain(queue), "sluice: 2 messages were dropped: " + note + "2  \n3  \n4  \n");
}

TEST(OutputQueueTest, NeverDropsResults) {
  OutputQueue queue(4, terminal);
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    queue.push(Kind::result, "result\n");
    queue.push(Kind::message, "message\n");
    expected += "[result\n]";
  }
  EXPECT_EQ(drain(queue),
            expected + "sluice: 100 messages were dropped: standard error was blocked\n");
}

TEST(OutputQueueTest, DrawsLiveAreaOnlyAfterChange) {
  OutputQueue queue(100, terminal);
  queue.show_live({"10 %"});
  queue.show_live({"20 %"});
  EXPECT_EQ(drain(queue), "\r20 %\033[K") << "only the newest";
  queue.show_live({"20 %"});
  EXPECT_TRUE(queue.empty());
  queue.show_live({"30 %", "total"});
  EXPECT_EQ(drain(queue), "\r30 %\033[K\r\ntotal\033[K");
  queue.show_live({});
  EXPECT_EQ(drain(queue), "\r\033[1A\033[K\033[B\033[K\r\033[1A");
  queue.show_live({});
  EXPECT_TRUE(queue.empty());
}

TEST(OutputQueueTest, ErasesLiveAreaBeforeOtherOutput) {
  OutputQueue queue(100, terminal);
  queue.show_live({"10 %", "total"});
  drain(queue);
  queue.push(Kind::result, "result\n");
  queue.push(Kind::message, "message\n");
  EXPECT_EQ(drain(queue),
            "\r\033[1A\033[K\033[B\033[K\r\033[1A[result\n]message\n\r10 %\033[K\r\ntotal\033[K")
      << "and shows it again behind them";
}

TEST(OutputQueueTest, DoesNotEraseUndrawnLiveArea) {
  OutputQueue queue(100, terminal);
  queue.show_live({"10 %"});
  queue.show_live({});
  EXPECT_TRUE(queue.empty());
}

TEST(OutputQueueTest, LeavesForgottenLiveArea) {
  OutputQueue queue(100, terminal);
  queue.show_live({"10 %"});
  drain(queue);
  queue.forget_live();
  queue.push(Kind::message, "message\n");
  EXPECT_EQ(drain(queue), "message\n");
}

TEST(OutputQueueTest, RedrawsLiveAreaBelowOtherOutput) {
  OutputQueue queue(100, terminal);
  queue.show_live({"10 %", "20 %"});
  const std::string drawn = drain(queue);
  queue.redraw_live();
  EXPECT_EQ(drain(queue), drawn) << "nothing is erased";
}

}  // namespace
}  // namespace sluice::cli::output_queue_test
