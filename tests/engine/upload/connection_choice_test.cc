#include "engine/upload/connection_choice.h"

#include <gtest/gtest.h>

namespace sluice::connection_choice_test {
namespace {

using namespace std::chrono_literals;
using Connection = Request::Connection;

Request request(Connection connection = Connection::recent) {
  Request request;
  request.connection = connection;
  return request;
}
Answer measured(std::chrono::microseconds round_trip, std::chrono::microseconds least = 0us) {
  Answer answer;
  answer.network = {.round_trip = round_trip, .least_round_trip = least};
  return answer;
}
Connection chosen(const ConnectionChoice& choice, std::chrono::seconds elapsed,
                  Connection connection = Connection::recent) {
  Request one = request(connection);
  choice.choose(one, elapsed);
  return one.connection;
}

TEST(ConnectionChoice, KeepsConnectionWhileRoundTripIsUnknown) {
  const ConnectionChoice choice({}, false);
  EXPECT_EQ(chosen(choice, 24h), Connection::recent);
}

/// 0.3 % of 10 s are 30 ms: one round trip of 20 ms, and two with TLS.
TEST(ConnectionChoice, OpensNewConnectionIfHandshakeIsCheap) {
  EXPECT_EQ(chosen({20ms, false}, 1s), Connection::recent);
  EXPECT_EQ(chosen({20ms, false}, 10s), Connection::fresh);
  EXPECT_EQ(chosen({20ms, true}, 10s), Connection::recent);
  EXPECT_EQ(chosen({20ms, true}, 20s), Connection::fresh);
}

TEST(ConnectionChoice, ChangesOnlyRecentConnections) {
  for (const Connection connection : {Connection::any, Connection::fresh, Connection::own})
    EXPECT_EQ(chosen({1us, false}, 24h, connection), connection);
}

TEST(ConnectionChoice, LearnsShortestRoundTrip) {
  ConnectionChoice choice(200ms, false);
  choice.learn(measured(300ms));
  EXPECT_EQ(chosen(choice, 10s), Connection::recent);
  choice.learn(measured(150ms, 20ms));
  EXPECT_EQ(chosen(choice, 10s), Connection::fresh);
  choice.learn(measured(500ms));
  EXPECT_EQ(chosen(choice, 10s), Connection::fresh);
}

TEST(ConnectionChoice, IgnoresAnswersWithoutMeasurement) {
  ConnectionChoice choice({}, false);
  choice.learn(Answer());
  choice.learn(measured(0us));
  EXPECT_EQ(chosen(choice, 24h), Connection::recent);
}

}  // namespace
}  // namespace sluice::connection_choice_test
