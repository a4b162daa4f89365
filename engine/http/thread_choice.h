#pragma once

#include <cstdint>
#include <vector>

namespace sluice {

/// On which network thread an upload (or a part of a file) runs. It stays there for its life. A
/// pure policy: no clock and no threads of its own.
///
/// Where a number of threads was asked for, always the thread with the fewest uploads. Otherwise
/// the first thread with less than 60 % of a core in use, and the one with the fewest uploads where
/// there is none, so that one thread is all there is where one is enough. In use counts what was
/// measured over the last second, and what each upload placed since will need: TLS costs a CPU
/// second a GiB, so the parts of a large file, which begin at the same moment, go to several
/// threads, and thousands of small files do not.
///
/// One thread at a time.
class ThreadChoice {
 public:
  static constexpr double full = 0.6;  ///< of a core

  /// `threads`: at most, 1 or more. `asked`: that number was asked for.
  ThreadChoice(unsigned threads, bool asked) : asked_(asked), threads_(threads) {}

  /// Returns the thread, from 0 on, of an upload that has `bytes` to send.
  unsigned place(std::uint64_t bytes);
  /// An upload on `thread` is over.
  void leave(unsigned thread) { --threads_[thread].uploads; }
  /// `thread` has used that share of a core since this was called last; to be called for all
  /// threads once a second while uploads are placed.
  void measured(unsigned thread, double share);
  /// No upload is placed, and nothing is measured until the next one is.
  void idle();
  /// No more than `threads`, at least 1, can be had; of the others none has an upload.
  void limit(unsigned threads) { threads_.resize(threads); }

  unsigned uploads(unsigned thread) const { return threads_[thread].uploads; }

 private:
  struct Thread {
    unsigned uploads = 0;
    double measured = 0;  ///< share of a core
    /// The share that is expected of uploads placed since the last measurement, and between the two
    /// before, which measured them for a part of the time.
    double expected = 0;
    double expected_before = 0;
  };

  const bool asked_;
  std::vector<Thread> threads_;
};

}  // namespace sluice
