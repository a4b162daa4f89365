#include "engine/journal/server_facts.h"

#include <gtest/gtest.h>

namespace sluice::server_facts_test {
namespace {

constexpr std::int64_t day = 86400;
constexpr std::int64_t then = 1'700'000'000;

TEST(ServerFacts, LookaheadRefusalExpiresAfterAWeek) {
  constexpr std::int64_t week = 7 * day;
  EXPECT_FALSE(ServerFacts().refuses_lookahead(then));
  const ServerFacts facts{.lookahead_refused_s = then};
  EXPECT_TRUE(facts.refuses_lookahead(then));
  EXPECT_TRUE(facts.refuses_lookahead(then + week - 1));
  EXPECT_FALSE(facts.refuses_lookahead(then + week));
  EXPECT_FALSE(facts.refuses_lookahead(then - 1)) << "a time in the future is invalid";
}

TEST(ServerFacts, RequestLimitExpiresAfterAWeek) {
  EXPECT_EQ(ServerFacts().request_limit(then), std::nullopt);
  EXPECT_EQ(ServerFacts{.requests = 2}.request_limit(then), std::nullopt);
  const ServerFacts facts{.requests = 2, .requests_s = then};
  EXPECT_EQ(facts.request_limit(then), 2U);
  EXPECT_EQ(facts.request_limit(then + 7 * day - 1), 2U);
  EXPECT_EQ(facts.request_limit(then + 7 * day), std::nullopt);
  EXPECT_EQ(facts.request_limit(then - 1), std::nullopt) << "a time in the future is invalid";
}

TEST(ServerFacts, ProtocolExpiresAfterADay) {
  EXPECT_FALSE(ServerFacts().knows_protocol(then));
  EXPECT_FALSE(ServerFacts{.protocol = "tus"}.knows_protocol(then)) << "the time is missing";
  EXPECT_FALSE(ServerFacts{.protocol_s = then}.knows_protocol(then));
  const ServerFacts facts{.protocol = "tus", .protocol_s = then};
  EXPECT_TRUE(facts.knows_protocol(then));
  EXPECT_TRUE(facts.knows_protocol(then + day - 1));
  EXPECT_FALSE(facts.knows_protocol(then + day));
  EXPECT_FALSE(facts.knows_protocol(then - 1)) << "a time in the future is invalid";
  EXPECT_FALSE(facts.knows_protocol(INT64_MIN));
}

TEST(ServerFacts, ChecksProtocolAndTusFacts) {
  for (const char* known : {"phased", "tus", "binary"}) {
    EXPECT_TRUE(is_protocol_name(known));
    EXPECT_TRUE(check_protocol_facts(known, "creation 5 ~"));
  }
  for (const char* unknown : {"", "Tus", "tus ", "auto"}) {
    EXPECT_FALSE(is_protocol_name(unknown)) << unknown;
    EXPECT_FALSE(check_protocol_facts(unknown, "")) << unknown;
  }
  EXPECT_TRUE(check_protocol_facts("tus", std::string(max_tus_facts, ' ')));
  EXPECT_FALSE(check_protocol_facts("tus", std::string(max_tus_facts + 1, ' ')));
  for (const char* text : {"\t", "\x7F", "\x80", "a\x1B[2J"})
    EXPECT_FALSE(check_protocol_facts("tus", text)) << text;
}

}  // namespace
}  // namespace sluice::server_facts_test
