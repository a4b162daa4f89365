// Errors that are found before any request to a server.
#include <fmt/format.h>

#include <algorithm>

#include "tests/e2e/e2e.h"
#include "tests/support/scripted_server.h"

namespace sluice::e2e::usage_test {
namespace {

using nlohmann::json;
using test::ScriptedServer;
using testing::HasSubstr;
using testing::Not;

class Usage : public testing::Test {
 protected:
  Usage() { test::write_file(path_, "content"); }

  void expect_usage_error(const Arguments& arguments, const std::string& says = {}) {
    SCOPED_TRACE(testing::PrintToString(arguments));
    const test::Finished finished = put(server_.url(), arguments);
    EXPECT_EQ(finished.status, 2) << finished.err;
    EXPECT_THAT(finished.err, HasSubstr(says));
    EXPECT_EQ(finished.out, "");
    EXPECT_EQ(server_.connections(), 0);
  }

  test::TempDir directory_;
  const std::string path_ = directory_ / "scan.h5";
  ScriptedServer server_;
};

TEST_F(Usage, RejectsMissingAndUnknownArguments) {
  expect_usage_error({});
  expect_usage_error({dataset});
  expect_usage_error({"--no-such-option", dataset, path_}, "--no-such-option is not an option");
  expect_usage_error({"--unknown=value", dataset, path_}, "sluice: --unknown is not an option");
  expect_usage_error({"--name", "a", "--name", "b", dataset, path_},
                     "--name can be given only once");
  expect_usage_error({dataset, path_, "--name"}, "--name needs a value");
  expect_usage_error({"--read", "telepathy", dataset, path_});
  expect_usage_error({"--progress", "sometimes", dataset, path_});
  expect_usage_error({"--protocol", "ftp", dataset, path_});
  for (const char* number : {"0", "65", "-1", "x", "", "4x"})
    expect_usage_error({"--transfers", number, dataset, path_}, "--transfers");
  expect_usage_error({"--verify-chunks", "maybe", dataset, path_});
  for (const char* number : {"17", "-1", "x", ""})
    expect_usage_error({"--lanes", number, dataset, path_}, "--lanes");
  for (const char* number : {"0", "17", "-1", "x", ""})
    expect_usage_error({"--network-threads", number, dataset, path_}, "--network-threads");
  expect_usage_error({"--system", "demo", dataset, path_});  // conflicts with --url
  const auto mistyped = run_sluice(
      {.argv = {sluice_binary, "putt", dataset}, .env = {}, .stdin_text = {}, .directory = {}});
  EXPECT_EQ(mistyped.status, 2);
  EXPECT_THAT(mistyped.err, HasSubstr("'putt' is not a command"));
  const auto one_too_many = run_sluice({.argv = {sluice_binary, "check", dataset, "[b]"},
                                        .env = {},
                                        .stdin_text = {},
                                        .directory = {}});
  EXPECT_EQ(one_too_many.status, 2);
  EXPECT_THAT(one_too_many.err, HasSubstr("unexpected argument '[b]'"));
  expect_usage_error({"--quiet", "--verbose", dataset, path_});
}

// An unset variable of a script leaves an empty value, which must not select the default, least of
// all the production system.
TEST_F(Usage, RejectsEmptyValues) {
  expect_usage_error({"--name", "", dataset, path_}, "--name");
  expect_usage_error({"--token-file", "", dataset, path_}, "--token-file");
  expect_usage_error({"--limit-rate", "", dataset, path_}, "--limit-rate");
  const test::Finished finished =
      run_sluice({.argv = {sluice_binary, "put", "--url", "", dataset, path_},
                  .env = {{"SLUICE_TOKEN", token}, {"SLUICE_URL", server_.url()}},
                  .stdin_text = {},
                  .directory = {}});
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.err, HasSubstr("--url"));
  EXPECT_EQ(server_.connections(), 0);
}

TEST_F(Usage, ReportsInvalidCommandLineAsJson) {
  const test::Finished finished =
      put(server_.url(), {"--json", "--no-such-option", dataset, path_});
  EXPECT_EQ(finished.status, 2);
  const json report = json::parse(finished.out);
  EXPECT_EQ(report.at("uploads"), json::array());
  EXPECT_EQ(report.at("error").at("kind"), "usage");
  EXPECT_THAT(report.at("error").at("message").get<std::string>(), HasSubstr("--no-such-option"));
}

TEST_F(Usage, RejectsInvalidDatasetKeys) {
  expect_usage_error({"", path_}, "key is empty");
  for (const char* key :
       {"IDB-1/../2", "IDB-1?a=b", "IDB-1#x", "IDB%2f1", "IDB 1", "IDB-1\n", "ÏDB-1", ".."})
    expect_usage_error({key, path_}, "is not a dataset key");
}

TEST_F(Usage, RejectsInvalidSizes) {
  for (const char* size : {"", "x", "-1", "0", "1.5", "4K4", "4 Q", "99999999999G"}) {
    expect_usage_error({"--block", size, dataset, path_});
    expect_usage_error({"--chunk", size, dataset, path_});
    expect_usage_error({"--limit-rate", size == std::string("") ? "x" : size, dataset, path_});
  }
  expect_usage_error({"--chunk", "automatic", dataset, path_}, "'automatic'");
  expect_usage_error({"--pool", "x", dataset, path_}, "--pool: 'x'");
  expect_usage_error({"--limit-rate", "fast", dataset, path_}, "--limit-rate: 'fast'");
  expect_usage_error({"--block", "5000", dataset, path_}, "multiple of 4096");
  expect_usage_error({"--block", "2G", dataset, path_}, "to 1 GiB");
  expect_usage_error({"--pool", "4M", dataset, path_}, "at least two blocks");
}

TEST_F(Usage, RejectsInvalidLookahead) {
  for (const char* chunks : {"x", "-1", "+1", "1.5", "17", "4294967296", "1 ", "1M", "Auto"})
    expect_usage_error(
        {"--lookahead", chunks, dataset, path_},
        fmt::format("--lookahead must be auto or a number of chunks from 0 to 16, not "
                    "'{}'",
                    chunks));
  expect_usage_error({"--lookahead", "", dataset, path_}, "--lookahead");
}

/// The next word must not become the value.
TEST_F(Usage, RejectsEmptyValueAfterEqualsSign) {
  for (const char* option : {"--name", "--url", "--exclude", "--token-file", "--transfers",
                             "--retries", "--separator", "--json"})
    expect_usage_error({std::string(option) + '=', dataset, path_},
                       std::string(option) + ": the value is empty");
  const std::string odd = "--odd=";
  test::write_file(directory_ / odd, "x");
  test::Process::Options options = put_options(server_.url(), {"--dry-run", dataset, "--", odd});
  options.directory = directory_.path();
  EXPECT_EQ(run_sluice(options).status, 0);
}

TEST_F(Usage, AcceptsChunksAndLookahead) {
  for (const Arguments& good :
       {Arguments{"--chunk", "auto"}, Arguments{"--chunk", "4K"}, Arguments{"--lookahead", "auto"},
        Arguments{"--lookahead", "0"}, Arguments{"--lookahead", "16"}, Arguments{"--lanes", "auto"},
        Arguments{"--lanes", "0"}, Arguments{"--lanes", "16"}, Arguments{"--verify-chunks", "off"},
        Arguments{"--network-threads", "auto"}, Arguments{"--network-threads", "16"},
        Arguments{"--transfers", "64"}, Arguments{"--transfers", "auto"},
        Arguments{"--protocol", "phased"}}) {
    Arguments arguments = good;
    arguments.insert(arguments.end(), {"--dry-run", dataset, path_});
    EXPECT_EQ(put(server_.url(), arguments).status, 0) << testing::PrintToString(good);
  }
}

TEST_F(Usage, RejectsInvalidNames) {
  for (const char* name : {"a/b", "/", ".", "..", "a\nb", "\x1b[2J", "\xff"})
    expect_usage_error({"--name", name, dataset, path_}, "as the name in the dataset");
  expect_usage_error({"--name", std::string(256, 'x'), dataset, path_}, "longer than 255");
}

TEST_F(Usage, RejectsOneNameForTwoFiles) {
  test::write_file(directory_ / "other", "");
  expect_usage_error({"--name", "x", dataset, path_, directory_ / "other"}, "--name");
}

TEST_F(Usage, RejectsTwoFilesOfSameName) {
  std::filesystem::create_directory(directory_ / "deeper");
  test::write_file(directory_ / "deeper" / "scan.h5", "");
  expect_usage_error({dataset, path_, directory_ / "deeper" / "scan.h5"},
                     "both would have the name 'scan.h5'");
}

TEST_F(Usage, RejectsInvalidUrls) {
  for (const char* url :
       {"databank", "ftp://127.0.0.1/", "http://127.0.0.1:99999/", "https://host/?a=b",
        "https://host/#x", "file:///etc/passwd", "http://"}) {
    const test::Finished finished = put(url, {dataset, path_});
    EXPECT_EQ(finished.status, 2) << url << finished.err;
  }
}

TEST_F(Usage, RejectsCaFileWithoutCertificates) {
  for (const std::string& bad : {path_, (directory_ / "none.pem").string()})
    expect_usage_error({"--ca-file", bad, dataset, path_}, bad);
  expect_usage_error({"--ca-file", "", dataset, path_}, "--ca-file");
  for (const Arguments& command : {Arguments{"check"}, Arguments{"forget", dataset, "scan.h5"},
                                   Arguments{"resume", "--all"}}) {
    Arguments argv{sluice_binary};
    argv.insert(argv.end(), command.begin(), command.end());
    argv.insert(argv.end(), {"--state-dir", directory_.path(), "--ca-file", path_});
    const test::Finished finished = run_sluice(
        {.argv = argv, .env = {{"SLUICE_URL", server_.url()}}, .stdin_text = {}, .directory = {}});
    EXPECT_EQ(finished.status, 2) << finished.err;
    EXPECT_THAT(finished.err, HasSubstr("contains no certificate"));
  }
  EXPECT_EQ(server_.connections(), 0);
}

TEST_F(Usage, HidesPasswordOfInvalidProxy) {
  for (const char* proxy : {"http://me:s3cret@127.0.0.1:99999", "htttp://me:s3cret@127.0.0.1:8080",
                            "http://me:s3cret", "me:s3cret@", "me:s3cret@a b"})
    for (const char* variable : {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) {
      const test::Finished finished =
          put("https://databank.example", {"--json", "--verbose", "--retries", "9", dataset, path_},
              {{"SLUICE_TOKEN", token}, {variable, proxy}});
      EXPECT_EQ(finished.status, 2) << finished.err;
      EXPECT_THAT(finished.err, HasSubstr(variable));
      EXPECT_THAT(finished.out + finished.err, Not(HasSubstr("s3cret")));
      // No proxy is used for this machine.
      EXPECT_EQ(put(server_.url(), {"--dry-run", dataset, path_},
                    {{"SLUICE_TOKEN", token}, {variable, proxy}})
                    .status,
                0);
    }
}

/// Names must not control the terminal.
TEST_F(Usage, PrintsNoControlCharacters) {
  const test::Finished finished =
      put(server_.url(), {dataset, directory_ / "\x1b]0;owned\x07\n\xff"});
  EXPECT_EQ(finished.status, 6);
  EXPECT_THAT(finished.err, Not(HasSubstr("\x1b")));
  EXPECT_THAT(finished.err, Not(HasSubstr("\x07")));
  EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1);
}

TEST_F(Usage, JsonReportHasReason) {
  const test::Finished finished = put(server_.url(), {"--json", "IDB?", path_});
  EXPECT_EQ(finished.status, 2);
  const json upload = report_of(finished).at("uploads").at(0);
  EXPECT_EQ(upload.at("status"), "failed");
  EXPECT_EQ(upload.at("error").at("kind"), "usage");
}

/// A path need not be UTF-8, but the report must be.
TEST_F(Usage, ReportIsValidJsonForAnyPath) {
  const test::Finished finished =
      put(server_.url(), {"--json", dataset, directory_ / "\xff\"\\\n"});
  EXPECT_EQ(finished.status, 6);
  EXPECT_EQ(report_of(finished).at("uploads").size(), 1U);
}

TEST_F(Usage, PrintsHelpAndVersion) {
  for (const Arguments& arguments :
       {Arguments{"--help"}, Arguments{"--version"}, Arguments{"put", "--help"}}) {
    test::Process::Options options;
    options.argv = {sluice_binary};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    const test::Finished finished = run_sluice(options);
    EXPECT_EQ(finished.status, 0);
    EXPECT_FALSE(finished.out.empty());
    EXPECT_EQ(finished.err, "");
  }
  test::Process::Options none;
  none.argv = {sluice_binary};
  EXPECT_EQ(run_sluice(none).status, 2);
}

}  // namespace
}  // namespace sluice::e2e::usage_test
