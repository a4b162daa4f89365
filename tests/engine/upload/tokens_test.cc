#include "engine/upload/tokens.h"

#include <gtest/gtest.h>

namespace sluice::tokens_test {
namespace {

using namespace std::chrono_literals;
using Renewal = Tokens::Renewal;

constexpr auto now = Tokens::Time(1000s);

TEST(Tokens, FailWithoutRenewal) {
  Tokens tokens({.first = Secret("first token"), .wait = 60s});
  EXPECT_EQ(tokens.renew(now), Renewal::none);
}

TEST(Tokens, UseNewTokenAsNotAccepted) {
  Tokens tokens({.first = Secret("first token"), .is_accepted = true, .renew = [] {
                   return Secret("second token");
                 }});
  EXPECT_TRUE(tokens.is_accepted());
  EXPECT_EQ(tokens.renew(now), Renewal::renewed);
  EXPECT_EQ(tokens.current().reveal(), "second token");
  EXPECT_FALSE(tokens.is_accepted());
  tokens.accept();
  EXPECT_TRUE(tokens.is_accepted());
}

TEST(Tokens, DoNotReuseRefusedToken) {
  Tokens tokens({.first = Secret("first token"), .renew = [] { return Secret("first token"); }});
  EXPECT_EQ(tokens.renew(now), Renewal::none);
}

TEST(Tokens, WaitForNewTokenThenFail) {
  Tokens tokens({.first = Secret("first token"), .renew = [] { return std::nullopt; }, .wait = 5s});
  EXPECT_EQ(tokens.renew(now), Renewal::first_wait);
  EXPECT_EQ(tokens.look_at(now), now + 2s);
  EXPECT_EQ(tokens.renew(now + 4s), Renewal::wait);
  EXPECT_EQ(tokens.look_at(now + 4s), now + 5s);
  EXPECT_EQ(tokens.renew(now + 5s), Renewal::none);
}

TEST(Tokens, RestoreWaitAfterSuccess) {
  Tokens tokens({.first = Secret("first token"), .renew = [] { return std::nullopt; }, .wait = 5s});
  EXPECT_EQ(tokens.renew(now), Renewal::first_wait);
  tokens.succeed();
  EXPECT_EQ(tokens.renew(now + 100s), Renewal::first_wait);
}

TEST(Tokens, AreRedacted) {
  Tokens tokens({.first = Secret("first token"), .renew = [] { return Secret("second token"); }});
  tokens.renew(now);
  const std::string shown = tokens.redacted("quoted: first token, second token\x1b[2J");
  EXPECT_EQ(shown.find("first token"), std::string::npos);
  EXPECT_EQ(shown.find("second token"), std::string::npos);
  EXPECT_EQ(shown.find('\x1b'), std::string::npos);
  const Tokens of_a_short_one({.first = Secret("abc")});
  EXPECT_EQ(of_a_short_one.redacted("abc"), "abc");
}

}  // namespace
}  // namespace sluice::tokens_test
