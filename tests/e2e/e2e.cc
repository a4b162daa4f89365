#include "tests/e2e/e2e.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <thread>

namespace sluice::e2e {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

const bool sanitized = SLUICE_SANITIZED;
const std::string sluice_binary = SLUICE_BINARY;

Bank::Bank(const Arguments& more) {
  test::Process::Options options;
  options.argv = {DATABANKD_BINARY,
                  "--listen",
                  "127.0.0.1:0",
                  "--store",
                  store_.path(),
                  "--dataset",
                  fmt::format("{}={}", dataset, token),
                  "--verbose"};
  // Most tests count the requests of the phased protocol; others request other protocols.
  if (std::find(more.begin(), more.end(), "--protocols") == more.end())
    options.argv.insert(options.argv.end(), {"--protocols", "phased"});
  options.argv.insert(options.argv.end(), more.begin(), more.end());
  process_ = std::make_unique<test::Process>(redirected(options, "2>&1"));
  const std::string line = process_->wait_for_line("listening on ");
  EXPECT_THAT(line, HasSubstr("http://127.0.0.1:")) << process_->out();
  url_ = line.substr(line.find("http"));
}

std::vector<json> Bank::registered() const {
  std::vector<json> lines;
  std::ifstream file(store_.path() / "registered.jsonl");
  for (std::string line; std::getline(file, line);) lines.push_back(json::parse(line));
  return lines;
}

namespace {

/// Creates a directory for the journals and tokens of each test. Not shared between tests: the
/// server of an earlier test may have had the same port, and the journal remembers the protocol of
/// an address for a day.
class StateHome : public testing::EmptyTestEventListener {
 public:
  std::string path() {
    if (!directory_) directory_.emplace();
    return directory_->path();
  }
  void OnTestEnd(const testing::TestInfo&) override { directory_.reset(); }

 private:
  std::optional<test::TempDir> directory_;
};

}  // namespace

std::string state_home() {
  static StateHome* const home = [] {
    auto* const listener = new StateHome;  // deleted by gtest
    testing::UnitTest::GetInstance()->listeners().Append(listener);
    return listener;
  }();
  return home->path();
}

std::string config_home() {
  return state_home() + "/config";
}

test::Process::Options put_options(const std::string& url, const Arguments& more,
                                   const Environment& environment) {
  test::Process::Options options;
  options.argv = {sluice_binary, "put", "--url", url};
  // Without retries by default; retries have tests of their own.
  if (std::find(more.begin(), more.end(), "--retries") == more.end())
    options.argv.insert(options.argv.end(), {"--retries", "0"});
  if (std::find(more.begin(), more.end(), "--register-wait") == more.end())
    options.argv.insert(options.argv.end(), {"--register-wait", "0"});
  options.argv.insert(options.argv.end(), more.begin(), more.end());
  options.env = environment;
  options.env.emplace("XDG_STATE_HOME", state_home());
  options.env.emplace("XDG_CONFIG_HOME", config_home());
  return options;
}

test::Process::Options redirected(const test::Process::Options& options,
                                  const std::string& redirection) {
  test::Process::Options result = options;
  result.argv = {"/bin/sh", "-c", "exec \"$0\" \"$@\" " + redirection};
  result.argv.insert(result.argv.end(), options.argv.begin(), options.argv.end());
  return result;
}

void wait_until_caught(const test::Process& process, int signal) {
  while (true) {
    std::ifstream status(fmt::format("/proc/{}/status", process.pid()));
    std::string line;
    while (std::getline(status, line) && !line.starts_with("SigCgt:")) {
    }
    ASSERT_TRUE(status) << "the process is gone";
    if ((std::stoull(line.substr(7), nullptr, 16) >> (signal - 1) & 1) != 0) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

test::Finished run_sluice(const test::Process::Options& options) {
  test::Process::Options own = options;
  own.env.emplace("XDG_STATE_HOME", state_home());
  own.env.emplace("XDG_CONFIG_HOME", config_home());
  const test::Finished finished = test::run(own);
  EXPECT_THAT(finished.out, Not(HasSubstr(token)));
  EXPECT_THAT(finished.err, Not(HasSubstr(token)));
  EXPECT_THAT(finished.err, Not(HasSubstr("Sanitizer")));
  EXPECT_THAT(finished.err, Not(HasSubstr("internal error")));
  return finished;
}

test::Finished put(const std::string& url, const Arguments& more, const Environment& environment) {
  return run_sluice(put_options(url, more, environment));
}

namespace {

std::set<std::string> keys_of(const json& object) {
  std::set<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.insert(key);
  return keys;
}

void check_upload(const json& upload) {
  std::set<std::string> expected{"dataset",          "file",         "name",      "bytes",
                                 "status",           "protocol",     "seconds",   "xxh128",
                                 "bytes_per_second", "chunks",       "retries",   "stages",
                                 "bottleneck",       "resumed_from", "resumable", "lanes"};
  const std::string status = upload.at("status");
  EXPECT_THAT(status,
              testing::AnyOf("registered", "failed", "interrupted", "skipped", "unconfirmed"));
  if (upload.contains("error") && !upload["error"].is_null()) {
    EXPECT_EQ(keys_of(upload["error"]), (std::set<std::string>{"kind", "message"}));
    EXPECT_TRUE(upload["error"]["kind"].is_string());
    EXPECT_TRUE(upload["error"]["message"].is_string());
  }
  const bool has_error = upload.contains("error") && !upload["error"].is_null();
  EXPECT_EQ(has_error, status != "registered" && status != "skipped");
  EXPECT_TRUE(upload.at("resumable").is_boolean());
  std::set<std::string> keys = keys_of(upload);
  for (const char* optional :
       {"error", "md5", "sha256", "registered_as", "registered_before", "plan"})
    keys.erase(optional);
  EXPECT_EQ(keys, expected);
  for (const char* text : {"dataset", "file", "name", "protocol", "xxh128", "bottleneck"})
    EXPECT_TRUE(upload.at(text).is_string()) << text;
  for (const char* number : {"bytes", "chunks", "retries", "resumed_from", "lanes"})
    EXPECT_TRUE(upload.at(number).is_number_unsigned()) << number;
  for (const char* number : {"seconds", "bytes_per_second"}) {
    ASSERT_TRUE(upload.at(number).is_number()) << number;
    EXPECT_GE(upload.at(number).get<double>(), 0) << number;
  }
  EXPECT_THAT(upload.at("protocol").get<std::string>(),
              testing::AnyOf("phased", "tus", "binary", "auto"));
  EXPECT_THAT(upload.at("bottleneck").get<std::string>(),
              testing::AnyOf("disk", "checksum", "journal", "network", "server"));
  EXPECT_EQ(keys_of(upload.at("stages")),
            (std::set<std::string>{"read", "checksum", "send", "server"}));
  for (const auto& [name, stage] : upload.at("stages").items()) {
    EXPECT_EQ(keys_of(stage), (std::set<std::string>{"busy_s", "wait_s"})) << name;
    for (const auto& [key, seconds] : stage.items()) {
      ASSERT_TRUE(seconds.is_number()) << name << key;
      EXPECT_GE(seconds.get<double>(), 0) << name << key;
    }
  }
  if (status == "registered") {
    EXPECT_NE(upload.at("protocol"), "auto");
    EXPECT_EQ(upload.at("xxh128").get<std::string>().size(), 32U);
    if (upload.contains("registered_before"))
      EXPECT_TRUE(upload["registered_before"].is_string());
    else
      EXPECT_GT(upload.at("seconds").get<double>(), 0);
  }
}

}  // namespace

json report_of(const test::Finished& finished) {
  const json report = json::parse(finished.out, nullptr, /*allow_exceptions=*/false);
  if (!report.is_object()) {
    ADD_FAILURE() << "not one JSON object on stdout:\n" << finished.out << finished.err;
    return {};
  }
  std::set<std::string> keys = keys_of(report);
  for (const char* optional : {"plan", "left_out"}) keys.erase(optional);
  EXPECT_EQ(keys, (std::set<std::string>{"version", "uploads"}));
  EXPECT_TRUE(report.at("version").is_string());
  for (const json& upload : report.at("uploads")) check_upload(upload);
  return report;
}

std::string xxh128_of_file(const std::filesystem::path& path) {
  const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state(XXH3_createState(),
                                                                              XXH3_freeState);
  XXH3_128bits_reset(state.get());
  std::ifstream file(path, std::ios::binary);
  std::string buffer(std::size_t{1} << 20, '\0');
  while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())), file.gcount() > 0)
    XXH3_128bits_update(state.get(), buffer.data(), static_cast<std::size_t>(file.gcount()));
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state.get()));
  return fmt::format("{:02x}", fmt::join(canonical.digest, ""));
}

}  // namespace sluice::e2e
