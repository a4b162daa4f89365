#include "engine/upload/servers.h"

#include <gtest/gtest.h>

#include "engine/base/unix_time.h"

namespace sluice::servers_test {
namespace {

using Rule = RequestGate::Rule;

constexpr const char* one = "https://one.example";
constexpr const char* other = "https://other.example";

ServerFacts remembers(unsigned requests) {
  ServerFacts facts;
  facts.requests = requests;
  facts.requests_s = unix_s();
  return facts;
}

TEST(Servers, HaveOneGatePerServer) {
  Servers servers({});
  RequestGate& gate = servers.gate(one, {}, Rule::queues);
  EXPECT_EQ(&servers.gate(one, remembers(1), Rule::queues), &gate);
  EXPECT_NE(&servers.gate(other, {}, Rule::queues), &gate);
}

TEST(Servers, StartWithLimitOfOptions) {
  Servers automatic({});
  EXPECT_EQ(automatic.gate(one, {}, Rule::queues).limit(), RequestLimit::automatic);
  Servers asked({.requests_at_a_time = 9, .post_at = {}, .journal = nullptr});
  EXPECT_EQ(asked.gate(one, {}, Rule::queues).limit(), 9U);
}

TEST(Servers, StartWithLimitOfJournal) {
  Servers servers({});
  EXPECT_EQ(servers.gate(one, remembers(2), Rule::queues).limit(), 2U);
  EXPECT_EQ(servers.request_limit(one), 2U);
}

TEST(Servers, CountAllUploadsIfNoneWaits) {
  Servers servers({.requests_at_a_time = 9, .post_at = {}, .journal = nullptr});
  EXPECT_EQ(servers.gate(one, {}, Rule::never_waits).limit(), RequestLimit::most);
}

TEST(Servers, HaveNoKnownLimitBeforeOverload) {
  Servers servers({});
  EXPECT_FALSE(servers.request_limit(one)) << "no upload was started";
  servers.gate(one, {}, Rule::queues);
  EXPECT_FALSE(servers.request_limit(one));
}

TEST(Servers, KeepCreationStatePerServer) {
  Servers servers({});
  servers.creation(one).ignored_bytes();
  EXPECT_FALSE(servers.creation(one).allows(1));
  EXPECT_TRUE(servers.creation(other).allows(1));
}

}  // namespace
}  // namespace sluice::servers_test
