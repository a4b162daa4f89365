// --transfers auto with databankd: more concurrent uploads if that is faster, fewer if the server
// is overloaded.
#include <fmt/format.h>

#include <filesystem>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "tests/e2e/e2e.h"

namespace sluice::e2e::transfers_test {
namespace {

using testing::HasSubstr;
using testing::Not;

class AutomaticTransfers : public testing::Test {
 protected:
  /// Creates `count` files of up to 5 KB, one of them empty.
  Arguments files(std::size_t count, const std::string& prefix = "file") {
    Arguments paths;
    for (std::size_t i = 0; i < count; ++i) {
      paths.push_back(directory_ / fmt::format("{}-{}", prefix, i));
      test::write_file(paths.back(), test::random_bytes(i * 50, i));
    }
    return paths;
  }
  test::Finished upload(const Bank& bank, const Arguments& paths, Arguments options = {}) {
    options.insert(options.end(), {"--verbose", "--retries", "10", "--block", "64K", "--pool", "1M",
                                   "--state-dir", state_.path(), dataset});
    options.insert(options.end(), paths.begin(), paths.end());
    return put(bank.url(), options);
  }
  /// Expects that each file is registered once, with its bytes.
  static void expect_registered(const Bank& bank, const Arguments& paths) {
    std::multiset<std::string> names;
    for (const auto& registered : bank.registered()) names.insert(registered.at("name"));
    for (const std::string& path : paths) {
      const std::string name = std::filesystem::path(path).filename();
      EXPECT_EQ(names.count(name), 1U) << name;
      EXPECT_TRUE(test::same_content(path, bank.deposited(name))) << name;
    }
  }
  /// Returns the numbers that match (N) in `pattern`.
  static std::vector<unsigned> numbers(const std::string& text, const std::string& pattern) {
    std::vector<unsigned> found;
    const std::regex regex(pattern);
    for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it)
      found.push_back(static_cast<unsigned>(std::stoul((*it)[1])));
    return found;
  }
  static std::vector<unsigned> numbers_run(const test::Finished& finished) {
    return numbers(finished.err, "running ([0-9]+) transfers? at a time");
  }

  test::TempDir directory_;
  test::TempDir state_;
};

TEST_F(AutomaticTransfers, RunsMoreIfFaster) {
  // The first measurement ends after half a second, or after 20 files if these take longer.
  Bank bank({"--protocols", "tus", "--think", "50ms"});
  const Arguments paths = files(80);
  const test::Finished finished = upload(bank, paths);
  ASSERT_EQ(finished.status, 0) << finished.err;
  expect_registered(bank, paths);
  EXPECT_THAT(finished.err, HasSubstr("running 8 transfers at a time instead of 4, to measure"));
}

TEST_F(AutomaticTransfers, KeepsRequestedNumber) {
  Bank bank({"--protocols", "tus", "--think", "50ms"});
  const Arguments paths = files(80);
  const test::Finished finished = upload(bank, paths, {"--transfers", "8"});
  ASSERT_EQ(finished.status, 0) << finished.err;
  expect_registered(bank, paths);
  EXPECT_THAT(numbers_run(finished), testing::IsEmpty());
}

TEST_F(AutomaticTransfers, RunsFewerAfterTooManyRequests) {
  // Each request takes a second, so that others are in flight when one of them is refused: the
  // refusal of a single request does not lower the limit.
  Bank bank({"--protocols", "tus", "--think", "1s", "--fault", "status:429,at=8,on=patch"});
  const Arguments paths = files(16);
  const test::Finished finished = upload(bank, paths);
  ASSERT_EQ(finished.status, 0) << finished.err;
  expect_registered(bank, paths);
  const auto limits = numbers(finished.err, "\\(HTTP 429\\); sending at most ([0-9]+) at a time");
  ASSERT_EQ(limits.size(), 1U) << finished.err;
  EXPECT_THAT(finished.err,
              testing::ContainsRegex(fmt::format(
                  "running {} transfers? at a time instead of [0-9]+: the server was overloaded",
                  limits[0])));
  EXPECT_LE(numbers_run(finished).back(), limits[0]);

  // The next run starts with that number.
  const Arguments more = files(10, "more");
  const test::Finished next = upload(bank, more);
  ASSERT_EQ(next.status, 0) << next.err;
  expect_registered(bank, more);
  if (limits[0] < 4) {
    EXPECT_THAT(numbers_run(next), testing::ElementsAre(limits[0]));
  }
}

/// Like today's Data Bank: too many requests block each other's token check and get 401.
TEST_F(AutomaticTransfers, UploadsAllFilesAtServerWithFiveThreads) {
  Bank bank({"--protocols", "tus", "--threads", "5", "--thread-wait", "50ms", "--think", "50ms"});
  const Arguments paths = files(80);
  const test::Finished finished = upload(bank, paths);
  ASSERT_EQ(finished.status, 0) << finished.err;
  expect_registered(bank, paths);
  const auto limits =
      numbers(finished.err, "\\(HTTP 401\\); sending at most ([0-9]+) at a time from now on");
  if (bank.process().out().find(" 401 ") == std::string::npos)
    return;  // the requests never
             // overlapped
  ASSERT_FALSE(limits.empty()) << finished.err;
  if (limits.back() < 4) {
    EXPECT_EQ(numbers_run(finished).back(), limits.back());
  }
}

}  // namespace
}  // namespace sluice::e2e::transfers_test
