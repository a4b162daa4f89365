#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "tools/sluice/display/output_queue.h"

namespace sluice::cli {

/// Writes an OutputQueue to file descriptors on a thread of its own, so that no other thread blocks
/// on a suspended terminal (Ctrl-S) or a full pipe. Does not set O_NONBLOCK, because that would
/// affect the shell and all other processes that share the descriptors. Blocks SIGTTOU and SIGPIPE
/// in that thread: a background process can write to a terminal with `stty tostop`, and a closed
/// pipe is an error (EPIPE). Any thread.
class OutputChannel {
 public:
  struct Setting {
    int out = 1;                                                ///< receives results
    int err = 2;                                                ///< receives everything else
    LiveArea::Terminal terminal = LiveArea::Terminal::rewraps;  ///< the kind of `err`, if it is a
                                                                ///< terminal
    /// The maximum bytes of queued messages, errors and progress lines: about 600 lines of 100
    /// bytes.
    std::size_t most_bytes = 64 * 1024;
    OutputQueue::DroppedLine dropped = OutputQueue::dropped_messages;
  };
  explicit OutputChannel(const Setting& setting);
  /// Does not block: queued output is lost. A thread that is blocked in a write is detached, and
  /// ends with the process.
  ~OutputChannel();
  OutputChannel(const OutputChannel&) = delete;
  OutputChannel& operator=(const OutputChannel&) = delete;

  /// See OutputQueue. These never block.
  void push(OutputQueue::Kind kind, std::string text);
  void show_live(LiveArea::Lines lines);
  void forget_live();

  /// Blocks until everything is written. Waits for results without a time limit, for other output
  /// until none was accepted for `timeout`. Calls `stop` 20 times a second: once it returns true,
  /// waits at most `timeout_after_stop`, also for results. If a call timed out and no output was
  /// accepted since, later calls do not wait.
  void drain(std::chrono::milliseconds timeout, std::chrono::milliseconds timeout_after_stop,
             const std::function<bool()>& stop);

  /// Returns whether every result is written. Always false after a failed write to `out`.
  bool results_written() const;
  /// Returns whether the queue is empty and no write is in progress; writes may have failed.
  bool all_written() const;
  /// Returns the errno of the first failed write to `err`; 0 for none.
  int first_error() const;

 private:
  struct State;
  const std::shared_ptr<State> state_;  ///< shared with the thread, which may outlive this object
  std::thread thread_;
};

}  // namespace sluice::cli
