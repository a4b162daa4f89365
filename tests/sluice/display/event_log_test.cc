#include "tools/sluice/display/event_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "io/unique_fd.h"
#include "tests/support/temp_dir.h"

namespace sluice::cli::event_log_test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

std::vector<json> events_of(const std::string& text) {
  std::vector<json> events;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) events.push_back(json::parse(line));
  return events;
}

TEST(EventLogTest, WritesJsonLine) {
  const std::chrono::system_clock::time_point time{1'764'327'115'007ms};
  EXPECT_EQ(event_line(time, "r1", "left_out", {{"file", "a\nb\xFF"}, {"size", 7}}),
            "{\"version\":1,\"time\":\"2025-11-28T10:51:55.007Z\",\"run\":\"r1\",\"event\":"
            "\"left_out\",\"file\":\"a\\nb\xEF\xBF\xBD\",\"size\":7}\n");
}

TEST(EventLogTest, AppendsToFileWithMode0644) {
  const test::TempDir directory;
  const std::string path = directory / "log";
  const mode_t mask = ::umask(0);
  for (int i = 0; i < 2; ++i) {
    auto log = EventLog::open(path);
    ASSERT_TRUE(log);
    (*log)->run_start("put");
    (*log)->message(EventLog::Level::warning, "careful");
    (*log)->run_end(3);
    EXPECT_FALSE((*log)->finish());
  }
  ::umask(mask);
  const std::vector<json> events = events_of(test::read_file(path));
  ASSERT_EQ(events.size(), 6U);
  EXPECT_EQ(events[0]["event"], "run_start");
  EXPECT_EQ(events[0]["command"], "put");
  EXPECT_EQ(events[1]["level"], "warning");
  EXPECT_EQ(events[1]["text"], "careful");
  EXPECT_EQ(events[2]["exit_code"], 3);
  EXPECT_EQ(events[0]["run"], events[2]["run"]);
  EXPECT_NE(events[0]["run"], events[3]["run"]) << "each process has its own";
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0644U);
}

TEST(EventLogTest, WritesNullForUnknownValues) {
  const test::TempDir directory;
  auto log = EventLog::open(directory / "log");
  ASSERT_TRUE(log);
  (*log)->progress({.files = 3, .finished = 1});
  (*log)->progress({.seconds_left = 2.5, .bottleneck = Bottleneck::disk});
  EXPECT_FALSE((*log)->finish());
  const std::vector<json> events = events_of(test::read_file(directory / "log"));
  EXPECT_TRUE(events.at(0)["seconds_left"].is_null());
  EXPECT_TRUE(events.at(0)["bottleneck"].is_null());
  EXPECT_EQ(events.at(1)["seconds_left"], 2.5);
  EXPECT_EQ(events.at(1)["bottleneck"], "disk");
}

TEST(EventLogTest, ReportsUnopenableFile) {
  const test::TempDir directory;
  for (const std::string& path :
       std::vector<std::string>{directory / "none/log", directory.path().string()}) {
    const auto log = EventLog::open(path);
    ASSERT_FALSE(log) << path;
    EXPECT_EQ(log.error().kind, ErrorKind::usage);
    EXPECT_NE(log.error().message.find(path), std::string::npos) << log.error().message;
  }
}

TEST(EventLogTest, ReportsFullDiskAtEnd) {
  auto log = EventLog::open("/dev/full");
  ASSERT_TRUE(log);
  (*log)->run_start("put");
  const auto missing = (*log)->finish();
  ASSERT_TRUE(missing);
  EXPECT_NE(missing->find("No space left on device"), std::string::npos) << *missing;
}

/// The FIFO is read only after all events.
TEST(EventLogTest, DropsProgressFirstIfFifoIsNotRead) {
  const test::TempDir directory;
  const std::string path = directory / "fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  auto log = EventLog::open(path);
  ASSERT_TRUE(log);
  (*log)->run_start("put");
  const std::string text(1000, 'x');
  for (int i = 0; i < 6000; ++i) {
    (*log)->message(EventLog::Level::warning, text);
    (*log)->progress({});
  }
  (*log)->run_end(0);
  const UniqueFd reader(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  std::string read;
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (read.find("run_end") == std::string::npos && std::chrono::steady_clock::now() < deadline) {
    std::array<char, 65536> buffer{};
    const ssize_t got = ::read(reader.get(), buffer.data(), buffer.size());
    if (got > 0)
      read.append(buffer.data(), static_cast<std::size_t>(got));
    else
      ::usleep(1000);
  }
  EXPECT_FALSE((*log)->finish());
  std::size_t messages = 0, dropped = 0, progress = 0;
  for (const json& event : events_of(read)) {
    messages += event["event"] == "message";
    // The events that fit into the pipe arrived; later progress events were dropped first.
    progress += event["event"] == "progress";
    if (event["event"] == "dropped") dropped += event["count"].get<std::size_t>();
  }
  EXPECT_GT(dropped, 0U);
  EXPECT_EQ(messages + dropped, 6000U);
  EXPECT_LT(progress, 200U);
}

}  // namespace
}  // namespace sluice::cli::event_log_test
