#include "tests/support/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>

namespace sluice::test::process_test {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

Process::Options shell(const std::string& script) {
  Process::Options options;
  options.argv = {"/bin/sh", "-c", script};
  return options;
}

TEST(Process, ReturnsExitStatus) {
  EXPECT_EQ(run(shell("exit 7")).status, 7);
  EXPECT_EQ(run(shell("kill -TERM $$")).status, 128 + SIGTERM);
}

TEST(Process, SeparatesStreams) {
  const Finished finished = run(shell("echo one; echo two >&2"));
  EXPECT_EQ(finished.out, "one\n");
  EXPECT_EQ(finished.err, "two\n");
}

TEST(Process, CapturesMoreThanPipeHolds) {
  const Finished finished = run(shell("head -c 3000000 /dev/zero; head -c 2000000 /dev/zero >&2"));
  EXPECT_EQ(finished.out.size(), 3000000U);
  EXPECT_EQ(finished.err.size(), 2000000U);
}

TEST(Process, ReadsInputAndEndOfFile) {
  Process::Options options = shell("cat");
  options.stdin_text = std::string(1000000, 'x');
  EXPECT_EQ(run(options).out, options.stdin_text);
}

TEST(Process, InheritsMinimalEnvironment) {
  ::setenv("PROCESS_TEST_SECRET", "secret", 1);
  Process::Options options = shell("env");
  options.env = {{"GIVEN", "yes"}};
  const std::string environment = run(options).out;
  EXPECT_THAT(environment, HasSubstr("GIVEN=yes\n"));
  EXPECT_THAT(environment, HasSubstr("PATH="));
  EXPECT_THAT(environment, Not(HasSubstr("secret")));
}

TEST(Process, StartsInDirectory) {
  Process::Options options = shell("pwd");
  options.directory = "/";
  EXPECT_EQ(run(options).out, "/\n");
}

TEST(Process, WaitsForLine) {
  Process process(shell("echo first; echo the second line; cat /dev/zero >/dev/null"));
  EXPECT_EQ(process.wait_for_line("second"), "the second line");
  EXPECT_EQ(process.wait_for_line("first"), "first");
  process.signal(SIGKILL);
  EXPECT_EQ(process.wait(), 128 + SIGKILL);
  EXPECT_EQ(process.wait_for_line("third"), "");
}

TEST(Process, StopsAfterSigstop) {
  Process process(shell("echo started; exec cat /dev/zero >/dev/null"));
  EXPECT_EQ(process.wait_for_line("started"), "started");
  process.stop();
  std::ifstream stat("/proc/" + std::to_string(process.pid()) + "/stat");
  std::string number, name, state;
  EXPECT_TRUE(stat >> number >> name >> state);
  EXPECT_EQ(state, "T");
}

TEST(Process, FindsLastLineWithoutNewline) {
  Process process(shell("printf half"));
  EXPECT_EQ(process.wait_for_line("half"), "half");
}

TEST(Process, DiesWithOwner) {
  pid_t pid = 0;
  {
    const Process process(shell("cat /dev/zero >/dev/null"));
    pid = process.pid();
  }
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST(Process, DiesWithKilledTest) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pid_t test = ::fork();
  if (test == 0) {
    // The child keeps the pipe open while it runs.
    const Process process(shell("exec cat /dev/zero >/dev/null"));
    ::raise(SIGKILL);
  }
  ::close(ends[1]);
  ::waitpid(test, nullptr, 0);
  char byte = 0;
  EXPECT_EQ(::read(ends[0], &byte, 1), 0);  // end of file, because no process has the pipe open
  ::close(ends[0]);
}

TEST(Process, DoesNotWaitForGrandchildren) {
  EXPECT_EQ(run(shell("cat /dev/zero >/dev/null & echo done")).out, "done\n");
}

TEST(Process, IsKilledAfterTimeout) {
  Process process(shell("cat /dev/zero >/dev/null"));
  EXPECT_NONFATAL_FAILURE(process.wait(seconds(0)), "still ran");
  EXPECT_EQ(process.wait(), 128 + SIGKILL);
}

TEST(Process, MeasuresMemory) {
  // the buffer of dd
  const Finished finished =
      run(shell("exec dd if=/dev/zero of=/dev/null bs=100M count=1 2>/dev/null"));
  EXPECT_EQ(finished.status, 0);
  EXPECT_GT(finished.peak_memory, std::size_t{100} << 20);
}

TEST(Process, ReportsMissingProgram) {
  Process::Options options;
  options.argv = {"/no/such/program"};
  EXPECT_THROW(Process process(options), std::system_error);
}

}  // namespace
}  // namespace sluice::test::process_test
