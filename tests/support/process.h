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

/// A child process with captured output. It never outlives the test.
class Process {
 public:
  struct Options {
    std::vector<std::string> argv;           ///< argv[0] is the path of the program
    std::map<std::string, std::string> env;  ///< the whole environment: only PATH, HOME, TMPDIR and
                                             ///< the sanitizers' options are inherited
    std::string stdin_text;                  ///< its standard input, followed by end of file
    std::filesystem::path directory;         ///< working directory; empty: that of the test
  };

  explicit Process(const Options& options);
  /// Kills the process with SIGKILL if it still runs, and reaps it.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int signal_number);
  /// Sends SIGSTOP and blocks until the process has stopped.
  void stop();

  /// Blocks until stdout has a line with this text, and returns the line. Returns an empty text if
  /// the process ended first or after `limit`.
  std::string wait_for_line(const std::string& text,
                            std::chrono::seconds limit = std::chrono::seconds(60));

  /// Blocks until `holds` returns true for the whole stdout. Returns false if the process ended
  /// first or after `limit`. `holds` must not call this object.
  bool wait_for_out(const std::function<bool(const std::string&)>& holds,
                    std::chrono::seconds limit = std::chrono::seconds(60));

  /// Blocks until the end of the process. Returns the exit status, or 128 + the signal that ended
  /// it. After `limit`, kills the process and fails the test.
  int wait(std::chrono::seconds limit = std::chrono::seconds(300));

  /// Returns the maximum resident set in bytes. Call after wait().
  std::size_t peak_memory() const { return peak_memory_; }

  /// Return the output so far; all of it after wait().
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

/// Runs a process to its end and returns its results.
struct Finished {
  int status = -1;
  std::string out;
  std::string err;
  std::size_t peak_memory = 0;  ///< bytes
};
Finished run(const Process::Options& options,
             std::chrono::seconds limit = std::chrono::seconds(300));

}  // namespace sluice::test
