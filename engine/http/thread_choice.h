#pragma once

#include <cstdint>
#include <vector>

namespace sluice {

/// The policy that assigns an upload (or a part of a file) to a network thread, for the lifetime of
/// the upload. Pure: no clock and no threads of its own.
///
/// If the user requested a number of threads: always the thread with the fewest uploads. Otherwise:
/// the first thread whose load is below 60 % of a core; if no thread is, the one with the fewest
/// uploads. One thread is therefore the only one as long as it suffices. The load is the CPU time
/// measured over the last second plus the expected load of the uploads placed since: TLS costs one
/// CPU second per GiB, so the parts of a large file, which start at the same moment, go to several
/// threads, and thousands of small files stay on one.
///
/// One thread at a time.
class ThreadChoice {
 public:
  static constexpr double full = 0.6;  ///< share of a core

  /// `threads`: the most threads, 1 or more. `asked`: the user requested that number.
  ThreadChoice(unsigned threads, bool asked) : asked_(asked), threads_(threads) {}

  /// Assigns an upload with `bytes` to send. Returns the number of its thread, from 0 on.
  unsigned place(std::uint64_t bytes);
  /// Removes an upload from `thread`.
  void leave(unsigned thread) { --threads_[thread].uploads; }
  /// Reports the share of a core that `thread` has used since the last call. Call it for all
  /// threads once per second while any of them has an upload.
  void measured(unsigned thread, double share);
  /// Resets all loads. Call it when no thread has an upload; no measurements follow until the next
  /// place().
  void idle();
  /// Reduces the number of threads to `threads`, at least 1. The removed threads must have no
  /// uploads.
  void limit(unsigned threads) { threads_.resize(threads); }

  /// Returns the number of uploads on `thread`.
  unsigned uploads(unsigned thread) const { return threads_[thread].uploads; }

 private:
  struct Thread {
    unsigned uploads = 0;
    double measured = 0;  ///< share of a core
    /// The expected load, as a share of a core: of the uploads placed since the last measurement,
    /// and of those placed in the interval before, which that measurement covers only in part.
    double expected = 0;
    double expected_before = 0;
  };

  const bool asked_;
  std::vector<Thread> threads_;
};

}  // namespace sluice
