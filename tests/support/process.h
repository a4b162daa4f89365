#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::test {

/// A child process whose output is captured, and that never outlives the test.
class Process {
 public:
  struct Options {
    std::vector<std::string> argv;           ///< argv[0] is the path of the program
    std::map<std::string, std::string> env;  ///< the whole environment: nothing is inherited but
                                             ///< PATH, HOME, TMPDIR and the sanitizers' options
    std::string stdin_text;                  ///< what it reads; then end of file
    std::filesystem::path directory;         ///< working directory; empty: the test's own
  };

  explicit Process(const Options& options);
  /// Kills it with SIGKILL if it still runs, and reaps it.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int signal_number);
  /// Sends SIGSTOP and waits until it stands still, which can be a while after the signal was sent.
  void stop();

  /// Waits until stdout holds a line with this text and returns the line; empty when the process
  /// ended or the time was up first.
  std::string wait_for_line(const std::string& text,
                            std::chrono::seconds limit = std::chrono::seconds(60));

  /// Waits until `holds` of all that stdout has had; false when the process ended or the time was
  /// up first. `holds` must not call this process.
  bool wait_for_out(const std::function<bool(const std::string&)>& holds,
                    std::chrono::seconds limit = std::chrono::seconds(60));

  /// Waits for its end and returns the exit status, or 128 + the signal that ended it. A process
  /// that takes longer than `limit` is killed and fails the test.
  int wait(std::chrono::seconds limit = std::chrono::seconds(300));

  /// After wait(): the largest resident set it ever had, in bytes.
  std::size_t peak_memory() const { return peak_memory_; }

  /// What it has written up to now; all of it after wait().
  std::string out() const;
  std::string err() const;

 private:
  struct Capture;

  pid_t pid_ = -1;
  std::optional<int> status_;
  std::size_t peak_memory_ = 0;
  std::unique_ptr<Capture> out_;
  std::unique_ptr<Capture> err_;
};

/// Runs to the end: for programs of which only the result matters.
struct Finished {
  int status = -1;
  std::string out;
  std::string err;
  std::size_t peak_memory = 0;  ///< bytes
};
Finished run(const Process::Options& options,
             std::chrono::seconds limit = std::chrono::seconds(300));

}  // namespace sluice::test
