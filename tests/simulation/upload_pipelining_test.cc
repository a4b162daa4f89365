// What is sent while the answer to the request before is still to come, in virtual time.
#include <string>

#include "tests/simulation/timed_upload.h"

namespace sluice::sim::upload_pipelining_test {
namespace {

using namespace std::chrono_literals;

class Pipelining : public TimedUpload {
 protected:
  Pipelining() { request().lookahead = 1; }
  /// Runs the upload until `time` after the request number `number` of `step` has arrived.
  void run_beyond(Step step, std::size_t number, Duration time) {
    run_until([&] { return count(step) > number; });
    pass(time);
  }
};

TEST_F(Pipelining, SendsFirstChunkBehindSetup) {
  strike({.step = Step::setup, .takes = 10s});
  start();
  run_beyond(Step::setup, 0, 9s);
  EXPECT_EQ(count(Step::chunk), 1U);
  const Report report = finish();
  expect_registered(report);
  EXPECT_EQ(report.retries, 0U);
  EXPECT_EQ(count(Step::chunk), chunks);
}

/// What breaks a setup also breaks a chunk behind it, which would count against pipelining.
TEST_F(Pipelining, SendsNothingBehindRetriedSetup) {
  strike({.step = Step::setup, .fault = Fault::swallowed_request});
  strike({.step = Step::setup, .occurrence = 1, .takes = 10s});
  start();
  run_beyond(Step::setup, 1, 9s);
  EXPECT_EQ(count(Step::chunk), 1U) << "the one behind the first setup";
  const Report report = finish();
  expect_registered(report);
  EXPECT_EQ(report.retries, 1U);
  EXPECT_EQ(count(Step::chunk), 1 + chunks);
}

/// The server is likely to refuse the setup, so that the chunk would be sent for nothing.
TEST_F(Pipelining, SendsNothingBehindSetupOfRegisteredFile) {
  expect_registered(upload());
  strike({.step = Step::setup, .occurrence = 1, .takes = 10s});
  const Report report = upload();
  expect_registered(report);
  EXPECT_FALSE(report.registered_before.empty());
  EXPECT_GT(took(), 10);
  EXPECT_EQ(count(Step::chunk), chunks);
}

/// If the whole pool is sent within seconds, a body does not wait for the end of the one before.
TEST_F(Pipelining, SendsBodiesConcurrently) {
  content_ = content(7, 1 << 20);
  options().pool_bytes = 1 << 20;
  request().chunk_bytes = 512 << 10;
  network_.link.rate = 1e6;
  network_.max_in_flight_bytes = 64 << 10;  // the first body does not fit into the kernel's buffers
  // The rate is known by then.
  strike({.step = Step::chunk, .fault = Fault::stalled_body, .at = 400 << 10});
  start();
  run_until([&] { return count(Step::chunk) == 2; });
  EXPECT_LT(between(Step::chunk, 0, 1), 2) << "the first body stalls";
  expect_registered(finish());
}

TEST_F(Pipelining, SendsOneBodyAtATimeOverSlowLink) {
  content_ = content(7, 1 << 20);
  options().pool_bytes = 1 << 20;
  request().chunk_bytes = 512 << 10;
  network_.link.rate = 2e4;
  start();
  run_until([&] { return count(Step::chunk) == 2; });
  EXPECT_GT(between(Step::chunk, 0, 1), 20);
  expect_registered(finish());
}

}  // namespace
}  // namespace sluice::sim::upload_pipelining_test
