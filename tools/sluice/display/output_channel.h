#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "tools/sluice/display/output_queue.h"

namespace sluice::cli {

/// Writes an OutputQueue to its file descriptors on a thread of its own, so that nobody else ever
/// waits for a terminal that was stopped (Ctrl-S) or a pipe that is full. The descriptors stay in
/// blocking mode: O_NONBLOCK would change them for the shell and everybody else who shares them.
/// SIGTTOU and SIGPIPE are blocked in that thread: a background process writes even to a terminal
/// with `stty tostop`, and a reader that went away is an error (EPIPE) like any other. Thread safe.
class OutputChannel {
 public:
  struct Setting {
    int out = 1;                                                ///< where results go
    int err = 2;                                                ///< where everything else goes
    LiveArea::Terminal terminal = LiveArea::Terminal::rewraps;  ///< what `err` is, if one
    /// Messages, errors and progress lines that are kept while nothing takes them. With lines of
    /// 100 bytes these are some 600.
    std::size_t most_bytes = 64 * 1024;
    OutputQueue::DroppedLine dropped = OutputQueue::dropped_messages;
  };
  explicit OutputChannel(const Setting& setting);
  /// Does not wait for anything: what is still queued is lost. A thread that waits for a terminal
  /// is left behind; it ends with the process.
  ~OutputChannel();
  OutputChannel(const OutputChannel&) = delete;
  OutputChannel& operator=(const OutputChannel&) = delete;

  /// OutputQueue has what these do. They never block.
  void push(OutputQueue::Kind kind, std::string text);
  void show_live(LiveArea::Lines lines);
  void forget_live();

  /// Blocks until everything is written, for results as long as it takes; for the rest it is enough
  /// that nothing was taken for `patience`. `stop` is asked 20 times a second: once it is true,
  /// nothing is waited for longer than `after_stop`, results included. Who has taken nothing since
  /// a call that ended so is not waited for again.
  void drain(std::chrono::milliseconds patience, std::chrono::milliseconds after_stop,
             const std::function<bool()>& stop);

  /// Whether every result was written, as of now; false for ever after a failed write to `out`.
  bool results_written() const;
  /// Whether everything was taken, as of now, whether or not that failed.
  bool all_written() const;
  /// errno of the first failed write to `err`; 0 for none.
  int first_error() const;

 private:
  struct State;
  const std::shared_ptr<State> state_;  ///< shared with the thread, which may outlive this
  std::thread thread_;
};

}  // namespace sluice::cli
