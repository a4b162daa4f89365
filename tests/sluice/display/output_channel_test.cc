#include "tools/sluice/display/output_channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <semaphore>
#include <string>
#include <thread>

#include "io/unique_fd.h"

namespace sluice::cli::output_channel_test {
namespace {

using namespace std::chrono_literals;
using Kind = OutputQueue::Kind;

bool never() {
  return false;
}

/// A pipe that can be filled.
class Pipe {
 public:
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    reader_ = UniqueFd(ends[0]);
    writer_ = UniqueFd(ends[1]);
  }
  int writer() const { return writer_.get(); }
  /// Fills the pipe completely.
  void fill() {
    const std::string page(4096, '#');
    ::fcntl(writer_.get(), F_SETFL, O_NONBLOCK);
    while (::write(writer_.get(), page.data(), page.size()) > 0) filled_ += page.size();
    ::fcntl(writer_.get(), F_SETFL, 0);
  }
  /// Reads until `text` arrived, or for 30 s.
  std::string read_until(const std::string& text) {
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (read_.find(text) == std::string::npos && std::chrono::steady_clock::now() < deadline) {
      pollfd entry{reader_.get(), POLLIN, 0};
      std::array<char, 4096> buffer{};
      if (::poll(&entry, 1, 100) <= 0) continue;
      const ssize_t got = ::read(reader_.get(), buffer.data(), buffer.size());
      if (got <= 0) break;
      read_.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return read_.substr(filled_);
  }
  void close_reader() { reader_.reset(); }

 private:
  UniqueFd reader_, writer_;
  std::string read_;
  std::size_t filled_ = 0;
};

TEST(OutputChannelTest, WritesEverythingInOrder) {
  Pipe both;
  OutputChannel channel({.out = both.writer(), .err = both.writer()});
  channel.push(Kind::message, "message\n");
  channel.push(Kind::result, "result\n");
  channel.drain(30s, 30s, never);
  EXPECT_TRUE(channel.results_written());
  EXPECT_EQ(both.read_until("result\n"), "message\nresult\n");
}

TEST(OutputChannelTest, DoesNotBlockOnFullPipe) {
  Pipe err;
  err.fill();
  OutputChannel channel({.err = err.writer(), .most_bytes = 1000});
  for (int i = 0; i < 1000; ++i) channel.push(Kind::message, "message " + std::to_string(i) + "\n");
  channel.push(Kind::error, "the last one\n");
  channel.drain(1ms, 1ms, never);  // returns although no output was accepted
  const std::string written = err.read_until("the last one\n");
  EXPECT_NE(written.find("messages were dropped"), std::string::npos) << written;
  EXPECT_NE(written.find("message 999\nthe last one\n"), std::string::npos) << written;
}

TEST(OutputChannelTest, DrainWaitsForSlowReaderOfResults) {
  Pipe out;
  out.fill();
  OutputChannel channel({.out = out.writer()});
  channel.push(Kind::result, "result\n");
  std::string read;
  std::binary_semaphore begin(0);
  std::thread reader([&] {
    begin.acquire();
    read = out.read_until("result\n");
  });
  EXPECT_FALSE(channel.results_written());
  // At the third call of `stop`, many times the timeout of 1 ms has passed.
  int asked = 0;
  channel.drain(1ms, 1ms, [&] {
    if (++asked == 3) begin.release();
    return false;
  });
  EXPECT_TRUE(channel.results_written());
  EXPECT_GE(asked, 3);
  if (asked < 3) begin.release();
  reader.join();
  EXPECT_EQ(read, "result\n");
}

TEST(OutputChannelTest, StopEndsWaitForResults) {
  Pipe out;
  out.fill();
  OutputChannel channel({.out = out.writer()});
  channel.push(Kind::result, "result\n");
  channel.drain(1h, 1ms, [] { return true; });
  EXPECT_FALSE(channel.results_written());
  EXPECT_EQ(out.read_until("result\n"), "result\n");
  // The bytes may arrive before the writing thread records it; drain() does not wait again after a
  // timeout.
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (!channel.results_written() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_TRUE(channel.results_written());
}

TEST(OutputChannelTest, ReportsLostResult) {
  Pipe out;
  out.close_reader();
  OutputChannel channel({.out = out.writer()});
  channel.push(Kind::result, "result\n");
  channel.drain(30s, 30s, never);  // and SIGPIPE does not end the test
  EXPECT_FALSE(channel.results_written());
}

TEST(OutputChannelTest, KeepsBlockingMode) {
  Pipe err;
  OutputChannel channel({.err = err.writer()});
  channel.push(Kind::message, "message\n");
  channel.drain(30s, 30s, never);
  EXPECT_EQ(::fcntl(err.writer(), F_GETFL) & O_NONBLOCK, 0);
}

/// Another process may have set O_NONBLOCK.
TEST(OutputChannelTest, WaitsForSpaceInNonBlockingPipe) {
  Pipe out;
  out.fill();
  ::fcntl(out.writer(), F_SETFL, O_NONBLOCK);
  OutputChannel channel({.out = out.writer()});
  const std::string result(200'000, 'r');
  channel.push(Kind::result, result + '\n');
  std::string read;
  std::thread reader([&] { read = out.read_until("\n"); });
  channel.drain(30s, 30s, never);
  reader.join();
  EXPECT_TRUE(channel.results_written());
  EXPECT_EQ(read, result + '\n');
}

TEST(OutputChannelTest, ClosedDescriptorFailsOnlyResults) {
  Pipe err;
  OutputChannel channel({.out = -1, .err = err.writer()});
  channel.push(Kind::result, "result\n");
  channel.push(Kind::message, "message\n");
  channel.drain(30s, 30s, never);
  EXPECT_FALSE(channel.results_written());
  EXPECT_EQ(err.read_until("message\n"), "message\n");
}

}  // namespace
}  // namespace sluice::cli::output_channel_test
