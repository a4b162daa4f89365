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

/// Running `sluice` and `databankd`.
namespace sluice::e2e {

extern const bool sanitized;  ///< the binaries are, and slow
extern const std::string sluice_binary;

inline constexpr const char* dataset = "TESTIDB-1234567";
inline constexpr const char* token = "7f3e9a-the-token-c2b1d8";

using Arguments = std::vector<std::string>;
using Environment = std::map<std::string, std::string>;

/// A databankd of its own, with one dataset, as long as this lives.
class Bank {
 public:
  explicit Bank(const Arguments& more = {});

  const std::string& url() const { return url_; }
  /// Where a deposited file lies.
  std::filesystem::path deposited(const std::string& name) const {
    return store_.path() / dataset / name;
  }
  /// registered.jsonl
  std::vector<nlohmann::json> registered() const;
  /// Its log has a line for each request, and it is on its stdout here, where it can be waited for.
  test::Process& process() { return *process_; }

 private:
  test::TempDir store_;
  std::string url_;
  std::unique_ptr<test::Process> process_;  // last: it goes first
};

/// Where the journal is unless `environment` or the arguments say otherwise: a directory of the
/// test that runs, gone at its end; never the person's own.
std::string state_home();
/// The same for the stored tokens; not there before a test stores one.
std::string config_home();

/// How to start `sluice put --url URL --retries 0 [more]`, with the token in the environment.
test::Process::Options put_options(const std::string& url, const Arguments& more,
                                   const Environment& environment = {{"SLUICE_TOKEN", token}});
/// The same, where the shell's `redirection` applies ("2>&1").
test::Process::Options redirected(const test::Process::Options& options,
                                  const std::string& redirection);

/// Runs it to its end. Whatever it is, no output may hold the token.
test::Finished put(const std::string& url, const Arguments& more,
                   const Environment& environment = {{"SLUICE_TOKEN", token}});
test::Finished run_sluice(const test::Process::Options& options);

/// Blocks until the process has a handler for that signal, or is gone (a failed test).
void wait_until_caught(const test::Process& process, int signal);

/// The report on stdout, which must be one JSON object and nothing else, with every field of the
/// documented type. Null, and a failed test, if it is not.
nlohmann::json report_of(const test::Finished& finished);

/// What xxh128sum prints.
std::string xxh128_of_file(const std::filesystem::path& path);

}  // namespace sluice::e2e
