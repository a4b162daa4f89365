#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

/// Runs `sluice` and `databankd`.
namespace sluice::e2e {

extern const bool sanitized;  ///< the binaries have sanitizers, and are slow
extern const std::string sluice_binary;

inline constexpr const char* dataset = "TESTIDB-1234567";
inline constexpr const char* token = "7f3e9a-the-token-c2b1d8";

using Arguments = std::vector<std::string>;
using Environment = std::map<std::string, std::string>;

/// Runs a databankd with one dataset while it exists.
class Bank {
 public:
  explicit Bank(const Arguments& more = {});

  const std::string& url() const { return url_; }
  /// Returns the path of a registered file.
  std::filesystem::path deposited(const std::string& name) const {
    return store_.path() / dataset / name;
  }
  /// Returns the entries of registered.jsonl.
  std::vector<nlohmann::json> registered() const;
  /// Returns the process. Its log, with a line for each request, goes to its stdout, where tests
  /// can wait for it.
  test::Process& process() { return *process_; }

 private:
  test::TempDir store_;
  std::string url_;
  std::unique_ptr<test::Process> process_;  // last: destroyed first
};

/// Returns the default directory of the journal: one for the running test, deleted at its end;
/// never the user's own.
std::string state_home();
/// Returns the same for stored tokens; does not exist before a test stores one.
std::string config_home();

/// Returns how to start `sluice put --url URL --retries 0 [more]`, with the token in the
/// environment.
test::Process::Options put_options(const std::string& url, const Arguments& more,
                                   const Environment& environment = {{"SLUICE_TOKEN", token}});
/// Adds a redirection of the shell ("2>&1").
test::Process::Options redirected(const test::Process::Options& options,
                                  const std::string& redirection);

/// Runs the command to its end. Fails the test if the token is in its output.
test::Finished put(const std::string& url, const Arguments& more,
                   const Environment& environment = {{"SLUICE_TOKEN", token}});
test::Finished run_sluice(const test::Process::Options& options);

/// Blocks until the process has a handler for that signal, or has ended (a failed test).
void wait_until_caught(const test::Process& process, int signal);

/// Returns the report on stdout, which must be one JSON object with every field of the documented
/// type. Otherwise returns null and fails the test.
nlohmann::json report_of(const test::Finished& finished);

/// Returns the output of xxh128sum.
std::string xxh128_of_file(const std::filesystem::path& path);

}  // namespace sluice::e2e
