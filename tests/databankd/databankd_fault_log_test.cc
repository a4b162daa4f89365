// Output of databankd about faults: errors of the command line, seeds, and the summary at the end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/databankd/databankd_fixture.h"

namespace sluice::fault_log_test {
namespace {

using test::binary;
using test::Finished;
using test::Process;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::StartsWith;

class FaultLog : public test::Curl {};

TEST_F(FaultLog, CountsWithoutSetting) {
  start({"--fault", "lose-response,on=setup", "--fault", "stall,on=verify"});
  setup("a");
  stop();
  EXPECT_EQ(server_->out(),
            "listening on " + root_ + "\nfaults struck: lose-response 1, stall 0\n");
  EXPECT_EQ(server_->err(), "");
}

TEST_F(FaultLog, PrintsNothingWithQuiet) {
  start({"--quiet", "--fault", "garbage-body"});
  setup("a");
  stop();
  EXPECT_EQ(server_->out(), "listening on " + root_ + "\n");
  EXPECT_EQ(server_->err(), "");
}

TEST_F(FaultLog, PrintsChosenSeed) {
  start({"--fault", "stall,probability=0.5", "--fault", "garbage-body,seed=7", "--fault",
         "status:503,at=3"});
  stop();
  EXPECT_THAT(server_->out(), ContainsRegex("^fault stall seed [0-9]+\nlistening on "));
  const std::string first = server_->out();
  start({"--fault", "stall,probability=0.5"});
  stop();
  EXPECT_NE(server_->out().substr(0, server_->out().find('\n')), first.substr(0, first.find('\n')));
}

TEST_F(FaultLog, RejectsInvalidFaults) {
  for (const std::string wrong : {"lose", "stall,at=0", "status:99", "slow", "stall,on=put"}) {
    Process::Options options;
    options.argv = databankd_argv({"--fault", wrong});
    options.argv[0] = binary;
    const Finished finished = test::run(options);
    EXPECT_EQ(finished.status, 2) << wrong;
    EXPECT_EQ(finished.out, "");
    EXPECT_THAT(finished.err, StartsWith("databankd: --fault '" + wrong + "': "));
    EXPECT_EQ(finished.err.find('\n'), finished.err.size() - 1) << finished.err;
  }
}

TEST_F(FaultLog, IsDocumentedInTheHelp) {
  Process::Options options;
  options.argv = {binary, "--help"};
  const std::string help = test::run(options).out;
  for (const char* kind : {"lose-request", "lose-response", "reset-mid-body", "reset-mid-response",
                           "status:CODE", "stall", "slow:RATE", "partial-append", "forget-staging",
                           "expire-token", "garbage-body", "huge-body", "tail-timeout[:TIME]"})
    EXPECT_THAT(help, HasSubstr(std::string("\n  ") + kind)) << kind;
}

}  // namespace
}  // namespace sluice::fault_log_test
