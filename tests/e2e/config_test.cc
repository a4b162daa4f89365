// Uploads with options from the environment and from configuration files.
#include <filesystem>

#include "tests/e2e/e2e.h"
#include "tests/support/scripted_server.h"

namespace sluice::e2e::config_test {
namespace {

using nlohmann::json;
using test::ScriptedServer;
using testing::HasSubstr;

class Config : public testing::Test {
 protected:
  Config() {
    std::filesystem::create_directories(config_home() + "/sluice");
    test::write_file(system_, "");
    test::write_file(file_, "content");
  }

  void user(const std::string& text) const {
    test::write_file(config_home() + "/sluice/config.toml", text);
  }
  void system(const std::string& text) const { test::write_file(system_, text); }

  test::Finished sluice(const Arguments& words, Environment environment = {}) const {
    test::Process::Options options;
    options.argv = {sluice_binary};
    options.argv.insert(options.argv.end(), words.begin(), words.end());
    environment.emplace("SLUICE_SYSTEM_CONFIG", system_);
    environment.emplace("SLUICE_TOKEN", token);
    options.env = environment;
    return run_sluice(options);
  }

  test::TempDir directory_;
  const std::string system_ = directory_ / "system.toml";
  const std::string file_ = directory_ / "scan.h5";
};

TEST_F(Config, ShowPrintsOriginOfEachValue) {
  system("limit-rate = '1G'\ntransfers = 4\npool = '1G'\nblock = '1M'\nchunk = '8M'\n");
  user(
      "transfers = 5\npool = '2G'\nblock = '2M'\nchunk = '9M'\n"
      "[profile.night.put]\npool = '3G'\nblock = '3M'\nchunk = '10M'\n");
  const test::Finished finished = sluice(
      {"config", "show", "--json", "--profile", "night", "put", "--chunk", "11M", dataset, "[x]"},
      {{"SLUICE_BLOCK", "4M"}, {"SLUICE_CHUNK", "12M"}});
  ASSERT_EQ(finished.status, 0) << finished.err;
  const json shown = json::parse(finished.out);
  EXPECT_EQ(shown["profile"], "night");
  EXPECT_EQ(shown["files"][0]["exists"], true);
  EXPECT_EQ(shown["files"][1]["path"], system_);
  const json& options = shown["commands"]["put"];
  const auto is = [&](const char* option, const char* value, const char* place, const json& line) {
    EXPECT_EQ(options[option]["value"], value) << option;
    EXPECT_EQ(options[option]["place"], place) << option;
    EXPECT_EQ(options[option]["line"], line) << option;
  };
  is("chunk", "11M", "command line", nullptr);
  is("block", "4M", "environment", nullptr);
  is("pool", "3G", "profile", 6);
  is("transfers", "5", "user file", 1);
  is("limit-rate", "1G", "system file", 1);
  is("retries", "10", "default", nullptr);

  const test::Finished words = sluice({"config", "show"});
  EXPECT_EQ(words.status, 0) << words.err;
  EXPECT_THAT(words.out, HasSubstr("sluice put\n"));
  EXPECT_THAT(words.out, HasSubstr("sluice verify\n"));
  EXPECT_THAT(words.out, HasSubstr("(system file " + system_ + ", line 1)"));
}

TEST_F(Config, UploadsWithConfiguredOptions) {
  const Bank bank;
  system("url = '" + bank.url() + "'\nretries = 0\n");
  user("[put]\nname = 'renamed.h5'\nsums = '" + (directory_ / "SUMS").string() + "'\n");
  const test::Finished finished = sluice({"put", dataset, file_});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("'renamed.h5'"));
  EXPECT_TRUE(std::filesystem::exists(bank.deposited("renamed.h5")));
  EXPECT_TRUE(std::filesystem::exists(directory_ / "SUMS"));
}

/// A server on the command line must not be overridden.
TEST_F(Config, PrefersServerOfCommandLine) {
  const Bank bank;
  ScriptedServer other;
  user("url = '" + other.url() + "'\n");
  EXPECT_EQ(
      sluice({"put", "--url", bank.url(), dataset, file_}, {{"SLUICE_SYSTEM", "demo"}}).status, 0);
  EXPECT_EQ(other.connections(), 0);
  EXPECT_EQ(bank.registered().size(), 1U);
}

TEST_F(Config, SendsNothingWithInvalidConfiguration) {
  ScriptedServer server;
  for (const char* const text :
       {"limit-rat = '1M'", "retries = 'x'", "a = [", "[putt]", "limit-rate = 1.5"}) {
    SCOPED_TRACE(text);
    user("# one\n" + std::string(text) + "\n");
    const test::Finished finished =
        sluice({"put", "--json", "--url", server.url(), dataset, file_});
    EXPECT_EQ(finished.status, 2);
    EXPECT_THAT(finished.err, HasSubstr("config.toml, line 2"));
    EXPECT_EQ(json::parse(finished.out)["error"]["kind"], "usage");
  }
  EXPECT_EQ(server.connections(), 0);
}

/// A shell may run it at each start.
TEST_F(Config, PrintsCompletionWithInvalidConfiguration) {
  user("[putt]\n");
  for (const char* const shell : {"bash", "zsh", "fish"}) {
    const test::Finished finished = sluice({"completion", shell});
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_THAT(finished.out, HasSubstr("limit-rate"));
  }
}

/// The journal has the servers of uploads; the configured server is for new uploads only.
TEST_F(Config, NamesServerInAdviceIfAnotherIsConfigured) {
  const auto advice = [&](const Environment& environment) {
    test::Process::Options options;
    options.argv = {sluice_binary, "put", "--system", "production", dataset, file_};
    options.env = environment;
    return run_sluice(options).err;
  };
  EXPECT_THAT(advice({}), HasSubstr("sluice token add " + std::string(dataset)));
  EXPECT_THAT(advice({{"SLUICE_URL", "http://localhost:1"}}),
              HasSubstr("sluice token add --system production " + std::string(dataset)));
}

/// For example in a service or a container.
TEST_F(Config, WorksWithoutAHomeDirectory) {
  const Bank bank;
  const Environment none{{"HOME", ""}, {"XDG_CONFIG_HOME", ""}, {"XDG_STATE_HOME", ""}};
  EXPECT_EQ(
      sluice({"put", "--url", bank.url(), "--state-dir", directory_ / "state", dataset, file_},
             none)
          .status,
      0);
  EXPECT_EQ(sluice({"config", "show", "put"}, none).status, 0);
}

}  // namespace
}  // namespace sluice::e2e::config_test
