// A Data Bank with too few threads, or one that restarts: it responds 401 to a valid token. With
// databankd.
#include <fmt/format.h>

#include "tests/e2e/e2e.h"

namespace sluice::e2e::overload_test {
namespace {

using testing::HasSubstr;

class Overload : public testing::Test {
 protected:
  /// Like today's Data Bank. A request that gets no thread for its token check is refused long
  /// before another one is answered.
  static Arguments five_threads() {
    return {"--protocols", "tus", "--threads", "5", "--thread-wait", "50ms", "--think", "500ms"};
  }

  test::Finished upload(const Bank& bank, Arguments more) {
    more.insert(more.begin(), {"--json", "--retries", "10", "--block", "64K", "--pool", "8M",
                               "--state-dir", state_.path()});
    return put(bank.url(), more);
  }
  std::string file(const std::string& name, std::size_t size) {
    const std::string path = directory_ / name;
    test::write_file(path, test::random_bytes(size, size));
    return path;
  }
  test::Finished upload_eight(const Bank& bank, const char* name) {
    Arguments arguments{"--transfers", "8", "--lanes", "0", dataset};
    for (std::size_t i = 0; i < 8; ++i)
      arguments.push_back(file(fmt::format("{}-{}", name, i), 10'000 + i));
    return upload(bank, arguments);
  }
  /// Returns whether databankd's log has a 401 after that offset.
  static bool has_refused(Bank& bank, std::size_t from = 0) {
    return bank.process().out().find(" 401 ", from) != std::string::npos;
  }

  test::TempDir directory_;
  test::TempDir state_;
};

TEST_F(Overload, EightLanesAtServerWithFiveThreads) {
  Bank bank(five_threads());
  const std::string path = file("scan.h5", 42'000'001);
  const auto finished = upload(bank, {"--lanes", "8", dataset, path});
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_TRUE(test::same_content(path, bank.deposited("scan.h5")));
  EXPECT_EQ(bank.registered().size(), 1U);
  if (has_refused(bank)) {
    EXPECT_THAT(finished.err, HasSubstr("is overloaded by"));
  }
}

TEST_F(Overload, NextRunRemembersLimitOfFiveThreads) {
  Bank bank(five_threads());
  const auto finished = upload_eight(bank, "first");
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_EQ(bank.registered().size(), 8U);
  if (!has_refused(bank)) return;  // the requests never overlapped
  EXPECT_THAT(finished.err, HasSubstr("at a time from now on"));

  const std::size_t before = bank.process().out().size();
  const auto next = upload_eight(bank, "next");
  ASSERT_EQ(next.status, 0) << next.err;
  EXPECT_EQ(bank.registered().size(), 16U);
  EXPECT_FALSE(has_refused(bank, before));
}

TEST_F(Overload, RetriesRefusalWhileTokenIsAcceptedElsewhere) {
  for (const char* on : {"create", "patch", "head", "register"}) {
    SCOPED_TRACE(on);
    Bank bank({"--protocols", "tus", "--fault",
               fmt::format("status:401:HTTP Token: Access denied.,at=1,on={}", on), "--fault",
               "reset-mid-body,at=2,on=patch"});
    const std::string path = file("scan.h5", 12'000'001);
    const auto finished = upload(bank, {"--chunk", "5M", "--lanes", "0", dataset, path});
    ASSERT_EQ(finished.status, 0) << finished.err;
    EXPECT_TRUE(test::same_content(path, bank.deposited("scan.h5")));
    EXPECT_EQ(bank.registered().size(), 1U);
    EXPECT_THAT(finished.err, HasSubstr("but accepts the token"));
  }
}

}  // namespace
}  // namespace sluice::e2e::overload_test
