#include "tools/sluice/display/output_queue.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::cli {
namespace {

using Kind = OutputQueue::Kind;
using Stream = OutputQueue::Stream;

constexpr std::string_view erase = "\r\033[K";

/// All that comes out; what is for stdout stands in brackets.
std::string drain(OutputQueue& queue) {
  std::string all;
  while (const auto piece = queue.next())
    all += piece->stream == Stream::out ? '[' + piece->text + ']' : piece->text;
  EXPECT_TRUE(queue.empty());
  return all;
}

TEST(OutputQueueTest, KeepsTheOrderOfResultsAndMessages) {
  OutputQueue queue(1000, erase);
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
  OutputQueue queue(12, erase);
  queue.push(Kind::error, "e1 \n");
  queue.push(Kind::message, "m1 \n");
  queue.push(Kind::progress, "p1 \n");
  queue.push(Kind::message, "m2 \n");  // progress goes, uncounted
  queue.push(Kind::error, "e2 \n");    // m1 goes
  const std::string note = "standard error was blocked\n";
  EXPECT_EQ(drain(queue), "sluice: 1 message was dropped: " + note + "e1 \nm2 \ne2 \n");

  for (int i = 0; i < 5; ++i) queue.push(Kind::error, std::to_string(i) + "  \n");
  EXPECT_EQ(drain(queue), "sluice: 2 messages were dropped: " + note + "2  \n3  \n4  \n");
}

TEST(OutputQueueTest, NeverDropsResults) {
  OutputQueue queue(4, erase);
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    queue.push(Kind::result, "result\n");
    queue.push(Kind::message, "message\n");
    expected += "[result\n]";
  }
  EXPECT_EQ(drain(queue),
            expected + "sluice: 100 messages were dropped: standard error was blocked\n");
}

TEST(OutputQueueTest, WritesTheLiveLineOnlyWhereItChanged) {
  OutputQueue queue(100, erase);
  queue.show_live("10 %");
  queue.show_live("20 %");
  EXPECT_EQ(drain(queue), "\r\033[K20 %");
  queue.show_live("20 %");
  EXPECT_TRUE(queue.empty());
  queue.show_live("30 %");
  EXPECT_EQ(drain(queue), "\r\033[K30 %");
  queue.hide_live();
  EXPECT_EQ(drain(queue), "\r\033[K");
  queue.hide_live();
  EXPECT_TRUE(queue.empty());
}

TEST(OutputQueueTest, TakesTheLiveLineAwayBeforeAnythingElse) {
  OutputQueue queue(100, erase);
  queue.show_live("10 %");
  EXPECT_EQ(drain(queue), "\r\033[K10 %");
  queue.push(Kind::result, "result\n");
  queue.push(Kind::message, "message\n");
  EXPECT_EQ(drain(queue), "\r\033[K[result\n]message\n\r\033[K10 %")
      << "and shows it again behind them";
}

TEST(OutputQueueTest, ErasesWithBlanksWhereTheTerminalKnowsNoEscapeSequences) {
  OutputQueue queue(100, "");
  queue.show_live("\u6570 10 %");
  queue.hide_live();
  EXPECT_TRUE(queue.empty()) << "it was never shown";
  queue.show_live("\u6570 10 %");
  EXPECT_EQ(drain(queue), "\r\u6570 10 %");
  queue.hide_live();
  EXPECT_EQ(drain(queue), "\r       \r");
}

TEST(OutputQueueTest, AForgottenLiveLineIsLeftWhereItIs) {
  OutputQueue queue(100, erase);
  queue.show_live("10 %");
  EXPECT_EQ(drain(queue), "\r\033[K10 %");
  queue.forget_live();
  queue.push(Kind::message, "message\n");
  EXPECT_EQ(drain(queue), "message\n");
}

}  // namespace
}  // namespace sluice::cli
