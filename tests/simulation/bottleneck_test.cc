// The report names the slow stage of an upload, in virtual time. Checksums need real workers: their
// wait is counted in tests/engine/upload/transfer_times_test.cc, and find_bottleneck() judges it in
// tests/engine/report/report_test.cc.
#include <gtest/gtest.h>

#include "tests/simulation/timed_upload.h"

namespace sluice::sim::bottleneck_test {
namespace {

using namespace std::chrono_literals;

class BottleneckOfUpload : public TimedUpload {
 protected:
  BottleneckOfUpload() {
    network_.link.rate = 1e9;
    client_.executor.busy = 0;
  }

  void expect(Bottleneck bottleneck) {
    const Report report = upload();
    EXPECT_EQ(report.status, Status::registered);
    EXPECT_STREQ(to_string(report.bottleneck()), to_string(bottleneck)) << to_json(report);
  }
};

TEST_F(BottleneckOfUpload, IsSlowDisk) {
  client_.executor.read = 1s;  // for each of ten blocks
  expect(Bottleneck::disk);
}

TEST_F(BottleneckOfUpload, IsSlowLink) {
  network_.link.rate = 1000;
  expect(Bottleneck::network);
}

/// With and without pipelined chunks: the server appends each chunk only after the one before it.
TEST_F(BottleneckOfUpload, IsSlowServer) {
  client_.transport.kernel_tells = false;  // without TCP_INFO, the whole wait is the server's
  network_.thinks = 2s;
  expect(Bottleneck::server);
  request().name = "second.h5";
  request().lookahead = 2;
  expect(Bottleneck::server);
}

TEST_F(BottleneckOfUpload, IsSlowJournal) {
  speak(Generation::tus);
  client_.executor.write = 3s;
  expect(Bottleneck::journal);
}

}  // namespace
}  // namespace sluice::sim::bottleneck_test
