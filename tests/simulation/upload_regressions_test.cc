// Faults of the engine that simulated worlds have found, each as one upload.
#include <chrono>

#include "tests/simulation/timed_upload.h"

namespace sluice::sim::upload_regressions_test {
namespace {

using namespace std::chrono_literals;

class UploadRegression : public TimedUpload {};

/// The file is touched during its only request, so that the engine holds back the end of the
/// request while it reads the file again. Meanwhile the connection breaks. The end of the reading
/// and the end of the backoff each sent the request once more. Seed 55988.
TEST_F(UploadRegression, TouchedFileOverBinaryIsRegisteredOnceAfterBrokenConnection) {
  speak(Generation::binary);
  client_.executor.check = 100ms;  // for each block
  options().retry.first = 30s;     // the reading ends within the backoff
  strike({.step = Step::whole,
          .fault = Fault::cut_body,
          .at = file_size,  // all but the end, which waits
          .before = [this] { file().touch(); }});
  // Longer than the backoff, so that both requests would be in flight.
  strike({.step = Step::whole, .occurrence = 1, .takes = 60s});
  expect_registered(upload());
  EXPECT_EQ(count(Step::whole), 2U);
}

/// The server appends a chunk, but its answer is lost with the connection. A front server refuses
/// the repeated request as too large before its end. The next chunk follows, and the blocks that
/// nobody had read kept their buffers for ever. Seed 301797.
TEST_F(UploadRegression, PhasedUploadEndsAfterRepeatedChunkIsTooLarge) {
  content_ = content(7, 200'000);
  request().chunk_bytes = 60'000;  // more than a new connection sends at once
  strike({.step = Step::chunk, .occurrence = 1, .fault = Fault::lost_answer});
  strike({.step = Step::chunk, .occurrence = 2, .answer = reply(413), .at = 1000});
  expect_registered(upload());
}

}  // namespace
}  // namespace sluice::sim::upload_regressions_test
