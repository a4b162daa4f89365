#include "engine/policy/lookahead.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

namespace sluice::lookahead_test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t pool = std::uint64_t{64} << 20;
constexpr std::uint64_t chunk = std::uint64_t{16} << 20;
const Error broken{ErrorKind::unreachable, "reset", 56, true};

Answer over(std::chrono::microseconds round_trip) {
  Answer answer;
  answer.status = 200;
  answer.network = Answer::Network{.round_trip = round_trip};
  return answer;
}

Answer status(int code) {
  Answer answer;
  answer.status = code;
  return answer;
}

TEST(Lookahead, DoesNotPipelineToANearbyServer) {
  Lookahead lookahead({.pool_bytes = pool});
  lookahead.answered(over(200us));
  lookahead.answered(status(200));  // the kernel reports no TCP_INFO
  lookahead.committed(chunk, 0.100, 0.003);
  lookahead.committed(chunk, 10, 0.05);
  EXPECT_EQ(lookahead.depth(), 0U);
}

TEST(Lookahead, PipelinesAfterFirstAnswerOfADistantServer) {
  Lookahead lookahead({.pool_bytes = pool});
  lookahead.answered(over(5ms));
  EXPECT_GE(lookahead.depth(), 1U);
}

TEST(Lookahead, UsesARoundTripMeasuredBefore) {
  const auto of = [](ConnectionLimits limits) {
    return Lookahead({.pool_bytes = pool, .limits = limits});
  };
  EXPECT_EQ(of({}).depth(), 0U);
  EXPECT_EQ(of({.bbr = true, .max_in_flight_bytes = 4 << 20, .round_trip = 200us}).depth(), 0U);
  EXPECT_EQ(of({.round_trip = 50ms}).depth(), 3U);
  // 80 MB/s per connection: two for 1 Gbit/s, and one that waits for its answer.
  EXPECT_EQ(of({.bbr = true, .max_in_flight_bytes = 4'000'000, .round_trip = 50ms}).depth(), 2U);
  EXPECT_EQ(of({.bbr = true, .max_in_flight_bytes = 256 << 20, .round_trip = 50ms}).depth(), 1U);
}

TEST(Lookahead, PipelinesAfterFirstSlowChunkAnswer) {
  Lookahead lookahead({.pool_bytes = pool});
  lookahead.answered(over(100us));
  lookahead.committed(chunk, 0.5, 0.2);
  EXPECT_GE(lookahead.depth(), 1U);
}

/// TCP_INFO is not used for round trips below 1 ms.
TEST(Lookahead, SendsInParallelToNearbySlowServer) {
  Lookahead lookahead({.pool_bytes = pool});
  lookahead.answered(over(100us));
  lookahead.committed(chunk, 0.5, 0.2);
  EXPECT_EQ(lookahead.depth(), 3U);
  lookahead.committed(chunk, 0.5, 0.2);
  EXPECT_EQ(lookahead.streams(100e6, chunk), 4U);
}

TEST(Lookahead, UsesTheRequestedDepth) {
  for (const unsigned asked : {0U, 1U, 16U}) {
    Lookahead lookahead({.asked = asked, .pool_bytes = pool});
    lookahead.answered(over(100ms));
    lookahead.committed(chunk, 0.5, 0.4);
    EXPECT_EQ(lookahead.depth(), asked);
  }
}

TEST(Lookahead, SendsInParallelOnlyIfAPoolIsSentInTenSeconds) {
  Lookahead lookahead({.pool_bytes = pool});
  lookahead.answered(over(100ms));
  EXPECT_EQ(lookahead.streams(6e6, chunk), 1U);
  EXPECT_GT(lookahead.streams(7e6, chunk), 1U);
  EXPECT_GT(lookahead.streams(0, chunk), 1U) << "rate unknown: the windows open in parallel";
  EXPECT_EQ(lookahead.streams(0, chunk + 1), 1U) << "too long for a link that may be slow";
}

TEST(Lookahead, KeepsFirstChunkShort) {
  const Lookahead lookahead({.pool_bytes = pool});
  EXPECT_EQ(lookahead.length_at_first(false), chunk / 4);
  EXPECT_EQ(lookahead.length_at_first(true), chunk);
}

// --- congestion control other than BBR

/// A link with one rate in parallel and another in turn, and chunks that grow at first.
TEST(Lookahead, MeasuresBothWaysAndKeepsTheFaster) {
  struct Link {
    double in_parallel;  // bytes per second
    double in_turn;
    bool in_turn_is_kept;
  };
  for (const Link& link :
       {Link{93e6, 32e6, false}, Link{101e6, 117e6, true}, Link{110e6, 110e6, true},
        Link{110e6, 109e6, true}, Link{30e6, 10e6, false}}) {
    SCOPED_TRACE(link.in_turn);
    Lookahead lookahead({.pool_bytes = pool});
    lookahead.answered(over(100ms));
    double rate = 0;
    double bytes = 0;
    double seconds = 0;
    for (int i = 0; i < 40; ++i) {
      const std::uint64_t size = chunk << std::min(i, 2);
      const bool in_parallel = lookahead.streams(rate, size) > 1;
      if (i == 0) {
        EXPECT_TRUE(in_parallel);
      }
      rate = in_parallel ? link.in_parallel : link.in_turn;
      const double took = static_cast<double>(size) / rate;
      lookahead.committed(size, took, 0);
      bytes += static_cast<double>(size);
      seconds += took;
    }
    EXPECT_EQ(lookahead.streams(rate, chunk), link.in_turn_is_kept ? 1U : 4U);
    EXPECT_EQ(lookahead.depth(), link.in_turn_is_kept ? 1U : 3U);
    EXPECT_GT(bytes / seconds, 0.6 * std::max(link.in_parallel, link.in_turn))
        << "the trials cost too much";
  }
}

/// 6 MiB in flight over 100 ms are 63 MB/s.
TEST(Lookahead, SkipsTrialInTurnIfOneConnectionCannotCarryTheRate) {
  for (const std::uint64_t mib : {std::uint64_t{6}, std::uint64_t{60}}) {
    Lookahead lookahead({.pool_bytes = pool});
    Answer answer = over(100ms);
    answer.network->max_in_flight_bytes = mib << 20;
    lookahead.answered(answer);
    bool tried = false;
    for (int i = 0; i < 40; ++i) {
      tried = tried || lookahead.streams(110e6, chunk) == 1;
      lookahead.committed(chunk, static_cast<double>(chunk) / 110e6, 0);
    }
    EXPECT_EQ(tried, mib == 60);
  }
}

TEST(Lookahead, KeepsTheRequestedDepthInTurn) {
  Lookahead lookahead({.asked = 5, .pool_bytes = pool});
  lookahead.answered(over(100ms));
  for (int i = 0; i < 40; ++i)
    lookahead.committed(chunk, lookahead.streams(1e8, chunk) > 1 ? 1.0 : 0.5, 0);
  EXPECT_EQ(lookahead.streams(1e8, chunk), 1U);
  EXPECT_EQ(lookahead.depth(), 5U);
}

// --- BBR

/// Returns the answer of a connection over 50 ms. `queue`: current round trip divided by the
/// shortest one.
Answer bbr(std::uint64_t max_in_flight_bytes, double bounded_by_buffer = 0, double queue = 1) {
  Answer answer = over(std::chrono::microseconds(static_cast<std::int64_t>(50'000 * queue)));
  answer.network->least_round_trip = 50ms;
  answer.network->max_in_flight_bytes = max_in_flight_bytes;
  answer.network->bounded_by_buffer = bounded_by_buffer;
  answer.network->bbr = true;
  return answer;
}

/// bytes in flight, for send buffers of 256 MiB
constexpr std::uint64_t large_buffers = 170'000'000;
/// bytes in flight, for send buffers of 4 MiB: 56 MB/s
constexpr std::uint64_t small_buffers = 2'800'000;

TEST(LookaheadBbr, AlternatesTwoConnectionsIfOneIsEnough) {
  Lookahead lookahead({.pool_bytes = pool});
  lookahead.answered(bbr(large_buffers));
  EXPECT_EQ(lookahead.streams(0, chunk), 2U);
  EXPECT_EQ(lookahead.depth(), 1U) << "no third connection, whose window would be closed";
  for (int i = 0; i < 10; ++i) {
    lookahead.committed(chunk, 0.15, 0);
    EXPECT_EQ(lookahead.streams(110e6, chunk), 1U);
    EXPECT_EQ(lookahead.depth(), 1U);
  }
}

TEST(LookaheadBbr, UsesThreeConnectionsForSmallBuffers) {
  Lookahead lookahead({.pool_bytes = pool});
  lookahead.answered(bbr(small_buffers));
  EXPECT_EQ(lookahead.streams(0, chunk), 3U) << "two carry 112 MB/s, and one waits for its answer";
  EXPECT_EQ(lookahead.depth(), 2U);
  for (int i = 0; i < 20; ++i) {
    lookahead.answered(bbr(small_buffers, 0.9, 1.5));
    lookahead.committed(4 * chunk, 0.6, 0);
  }
  EXPECT_EQ(lookahead.streams(110e6, chunk), 3U) << "a full queue means a full link";
}

TEST(LookaheadBbr, AddsConnectionWhileBuffersLimit) {
  for (const bool pays : {true, false}) {
    Lookahead lookahead({.pool_bytes = pool});
    lookahead.answered(bbr(small_buffers));
    for (int i = 0; i < 40; ++i) {
      lookahead.answered(bbr(small_buffers, 0.9));
      const double rate = pays ? 56e6 * lookahead.streams(110e6, chunk) : 110e6;
      lookahead.committed(4 * chunk, 4 * static_cast<double>(chunk) / rate, 0);
    }
    EXPECT_EQ(lookahead.streams(110e6, chunk), pays ? 4U : 3U);
  }
}

TEST(LookaheadBbr, AlternatesOnSlowLink) {
  Lookahead lookahead({.pool_bytes = pool});
  lookahead.answered(bbr(small_buffers));
  for (int i = 0; i < 6; ++i) lookahead.committed(chunk, 1.4, 0);
  EXPECT_EQ(lookahead.streams(12e6, chunk), 1U);
  EXPECT_EQ(lookahead.depth(), 1U);
}

/// One connection can carry 168 MB/s. The upload reaches 34 MB/s while the congestion windows open
/// and 120 MB/s afterwards, and chunks alternate only where one carries twice the measured rate.
TEST(LookaheadBbr, IgnoresRateWhileWindowsOpen) {
  Lookahead lookahead({.pool_bytes = pool});
  lookahead.answered(bbr(8'400'000));
  for (int i = 0; i < 3; ++i) lookahead.committed(chunk, 0.5, 0);
  for (int i = 0; i < 40; ++i) lookahead.committed(chunk, static_cast<double>(chunk) / 120e6, 0);
  EXPECT_EQ(lookahead.streams(120e6, chunk), 2U);
}

TEST(LookaheadBbr, IgnoresLosses) {
  Lookahead lookahead({.pool_bytes = pool});
  lookahead.answered(bbr(large_buffers));
  for (int i = 0; i < 40; ++i) {
    Answer answer = bbr(large_buffers);
    answer.network->sent_again = 1000;
    lookahead.answered(answer);
    lookahead.committed(chunk, 0.5, 0);
  }
  EXPECT_EQ(lookahead.streams(30e6, chunk), 1U);
}

TEST(Lookahead, StopsPipeliningAfter408) {
  Lookahead lookahead({.asked = 4, .pool_bytes = pool});
  EXPECT_TRUE(lookahead.failed_ahead(status(408), true));
  EXPECT_TRUE(lookahead.refused());
  EXPECT_EQ(lookahead.depth(), 0U);
  EXPECT_FALSE(lookahead.failed_ahead(status(408), true)) << "the refusal is reported once";
  lookahead.answered(over(100ms));
  for (int i = 0; i < 2000; ++i) lookahead.committed(chunk, 1, 0.5);
  EXPECT_EQ(lookahead.depth(), 0U);
}

TEST(Lookahead, StopsPipeliningAfterTwoClosesOnHeldChunks) {
  Lookahead lookahead({.asked = 4, .pool_bytes = pool});
  EXPECT_FALSE(lookahead.failed_ahead(broken, true));
  lookahead.confirmed_ahead();
  EXPECT_FALSE(lookahead.failed_ahead(broken, true)) << "a pipelined chunk succeeded in between";
  EXPECT_EQ(lookahead.depth(), 4U);
  lookahead.committed(chunk, 1, 0);  // the chunk in front, which is no evidence
  EXPECT_TRUE(lookahead.failed_ahead(broken, true));
  EXPECT_EQ(lookahead.depth(), 0U);
}

/// A limit on connections or an unstable link: not worth remembering for a week.
TEST(Lookahead, PausesPipeliningAfterOtherFailures) {
  Lookahead lookahead({.asked = 4, .pool_bytes = pool});
  int rest = 0;
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(lookahead.depth(), 4U);
    EXPECT_FALSE(lookahead.failed_ahead(i % 2 == 0 ? Result<Answer>(broken) : status(503), false));
    EXPECT_EQ(lookahead.depth(), 4U) << "a single failure has no effect";
    EXPECT_FALSE(lookahead.failed_ahead(status(408), false)) << "in the middle of its body";
    const int before = rest;
    for (rest = 0; lookahead.depth() == 0; ++rest) lookahead.committed(chunk, 1, 0.5);
    EXPECT_GE(rest, std::max(16, 2 * before)) << "longer each time";
  }
  EXPECT_FALSE(lookahead.refused());
}

TEST(Lookahead, RespectsARememberedRefusal) {
  Lookahead lookahead({.refused = true, .pool_bytes = pool});
  lookahead.answered(over(100ms));
  EXPECT_EQ(lookahead.depth(), 0U);
}

}  // namespace
}  // namespace sluice::lookahead_test
