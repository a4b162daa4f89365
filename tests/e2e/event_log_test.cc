// --log-json: the documented schema, and files that accept no output.
#include <algorithm>
#include <chrono>
#include <csignal>

#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tests/e2e/e2e.h"
#include "tests/e2e/terminal.h"

namespace sluice::e2e::event_log_test {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

using Check = std::function<bool(const json&)>;
using Fields = std::map<std::string, Check>;

const Check text = [](const json& value) { return value.is_string(); };
const Check number = [](const json& value) { return value.is_number(); };
const Check integer = [](const json& value) { return value.is_number_unsigned(); };
const Check object = [](const json& value) { return value.is_object(); };
Check or_null(const Check& check) {
  return [check](const json& value) { return value.is_null() || check(value); };
}
const Check texts = [](const json& value) {
  return value.is_array() && std::all_of(value.begin(), value.end(), text);
};

/// sluice-json(5), EVENT LOG.
const std::map<std::string, Fields>& schema() {
  static const std::map<std::string, Fields> events{
      {"run_start", {{"sluice", text}, {"command", text}, {"host", text}, {"process", integer}}},
      {"upload_start", {{"datasets", texts}, {"files", integer}, {"bytes", integer}}},
      {"file_start",
       {{"file", text},
        {"name", text},
        {"dataset", text},
        {"protocol", text},
        {"bytes", integer},
        {"resumed_from", integer}}},
      {"progress",
       {{"files", integer},
        {"files_over", integer},
        {"transfers", integer},
        {"bytes", integer},
        {"sent", integer},
        {"committed", integer},
        {"bytes_per_second", number},
        {"seconds_left", or_null(number)},
        {"bottleneck", or_null(text)}}},
      {"file_end", {{"status", text}, {"report", object}}},
      {"left_out", {{"file", text}, {"reason", text}, {"text", text}}},
      {"message", {{"level", text}, {"text", text}}},
      {"dropped", {{"count", integer}}},
      {"run_end",
       {{"exit_code", integer},
        {"registered", integer},
        {"failed", integer},
        {"interrupted", integer},
        {"unconfirmed", integer},
        {"skipped", integer}}},
  };
  return events;
}

/// Returns the events of a log, and checks that each has exactly the documented fields, and no
/// token.
std::vector<json> events_in(const std::string& log) {
  EXPECT_THAT(log, Not(HasSubstr(token)));
  EXPECT_TRUE(log.empty() || log.back() == '\n');
  std::vector<json> events;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    const json event = json::parse(line, nullptr, /*allow_exceptions=*/false);
    EXPECT_TRUE(event.is_object()) << line;
    if (!event.is_object()) continue;
    EXPECT_EQ(event.value("version", 0), 1) << line;
    EXPECT_THAT(event.value("time", ""),
                testing::MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z"));
    EXPECT_THAT(event.value("run", ""), testing::MatchesRegex("[0-9a-f]{16}"));
    const auto fields = schema().find(event.value("event", ""));
    EXPECT_NE(fields, schema().end()) << line;
    if (fields == schema().end()) continue;
    EXPECT_EQ(event.size(), fields->second.size() + 4) << line;
    for (const auto& [name, check] : fields->second)
      EXPECT_TRUE(event.contains(name) && check(event[name])) << name << ": " << line;
    events.push_back(event);
  }
  return events;
}

std::vector<std::string> kinds(const std::vector<json>& events) {
  std::vector<std::string> names;
  for (const json& event : events) names.push_back(event["event"]);
  return names;
}

class LogJson : public testing::Test {
 protected:
  LogJson() { test::write_file(path_, test::random_bytes(100'000, 1)); }

  Bank bank_;
  test::TempDir directory_;
  const std::string path_ = directory_ / "a";
  const std::string log_ = directory_ / "log";
};

TEST_F(LogJson, LogsEachStepAndReport) {
  const test::Finished finished = put(bank_.url(), {"--json", "--log-json", log_, dataset, path_});
  EXPECT_EQ(finished.status, 0) << finished.err;
  const std::vector<json> events = events_in(test::read_file(log_));
  EXPECT_THAT(kinds(events), ElementsAre("run_start", "upload_start", "file_start", "file_end",
                                         "progress", "run_end"));
  EXPECT_EQ(events[0]["command"], "put");
  EXPECT_EQ(events[1]["datasets"], json{dataset});
  EXPECT_EQ(events[1]["files"], 1);
  EXPECT_EQ(events[1]["bytes"], 100'000);
  EXPECT_EQ(events[2]["file"], path_);
  EXPECT_EQ(events[3]["status"], "registered");
  EXPECT_EQ(events[3]["report"], report_of(finished)["uploads"][0]);
  EXPECT_EQ(events[4]["files_over"], 1);
  EXPECT_EQ(events[4]["committed"], 100'000);
  EXPECT_EQ(events[5]["exit_code"], 0);
  EXPECT_EQ(events[5]["registered"], 1);
}

TEST_F(LogJson, LogsSkippedFiles) {
  test::write_file(directory_ / "b.tmp", "scratch");
  test::write_file(log_, "");  // left by an earlier run
  const test::Finished finished = put(
      bank_.url(), {"--log-json", log_, "--exclude", "*.tmp", "-r", dataset, directory_.path()});
  EXPECT_EQ(finished.status, 0) << finished.err;
  std::vector<std::string> left_out;
  for (const json& event : events_in(test::read_file(log_)))
    if (event["event"] == "left_out" && event["reason"] == "filter")
      left_out.push_back(event["file"]);
  EXPECT_THAT(left_out, ElementsAre(directory_ / "b.tmp"));
  EXPECT_EQ(bank_.registered().size(), 1U) << "the log itself is left out too";
}

TEST_F(LogJson, AppendsErrorsAndExitCode) {
  for (int i = 0; i < 2; ++i) {
    const test::Finished finished =
        put(bank_.url(), {"--quiet", "--log-json", log_, dataset, path_},
            {{"SLUICE_TOKEN", "another-token"}});
    EXPECT_EQ(finished.status, 3);
  }
  EXPECT_THAT(test::read_file(log_), Not(HasSubstr("another-token")));
  const std::vector<json> events = events_in(test::read_file(log_));
  const auto names = kinds(events);
  EXPECT_EQ(std::count(names.begin(), names.end(), "run_end"), 2);
  EXPECT_EQ(events.back()["exit_code"], 3);
  const auto message = std::find(names.begin(), names.end(), "message");
  ASSERT_NE(message, names.end());
  const json& error = events[static_cast<std::size_t>(message - names.begin())];
  EXPECT_EQ(error["level"], "error");
  EXPECT_THAT(error["text"].get<std::string>(), HasSubstr("the server refused the token"));
  const auto end = std::find(names.begin(), names.end(), "file_end");
  ASSERT_NE(end, names.end());
  EXPECT_EQ(events[static_cast<std::size_t>(end - names.begin())]["status"], "failed");
}

TEST_F(LogJson, RejectsUnopenableLogBeforeSending) {
  const test::Finished finished =
      put(bank_.url(), {"--log-json", directory_ / "none/log", dataset, path_});
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.err, HasSubstr("No such file or directory"));
  EXPECT_THAT(finished.err, HasSubstr("none/log"));
  EXPECT_THAT(bank_.process().out(), Not(HasSubstr("databankd: \"")));
}

TEST_F(LogJson, FullDiskFailsRunButNotUpload) {
  const test::Finished finished = put(bank_.url(), {"--log-json", "/dev/full", dataset, path_});
  EXPECT_EQ(finished.status, 1);
  EXPECT_THAT(finished.err, HasSubstr("/dev/full: No space left on device"));
  EXPECT_EQ(bank_.registered().size(), 1U);
}

TEST_F(LogJson, UnreadFifoBlocksNeitherUploadNorSignal) {
  FullPipe fifo(directory_ / "fifo");
  const test::Finished finished = put(bank_.url(), {"--log-json", fifo.path(), dataset, path_});
  EXPECT_EQ(finished.status, 1) << "the events are missing";
  EXPECT_THAT(finished.err, HasSubstr("events are missing in the log"));
  EXPECT_EQ(bank_.registered().size(), 1U);

  test::Process process(put_options(bank_.url(), {"--log-json", fifo.path(), "--limit-rate", "1K",
                                                  "--name", "b", dataset, path_}));
  wait_until_caught(process, SIGTERM);
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(std::chrono::seconds(30)), 143);
}

}  // namespace
}  // namespace sluice::e2e::event_log_test
