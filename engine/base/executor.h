#pragma once

#include <functional>

namespace sluice {

/// An interface that runs the engine's background work (reads, file checks, journal writes) as
/// events on one thread. A simulation implements it and decides when each event runs. Without an
/// executor, each part of the engine starts threads of its own.
///
/// Thread: post() is called, and every event runs, on the same thread.
class Executor {
 public:
  /// The kind of work, from which an implementation can choose the duration.
  enum class Work {
    read,       ///< a reader reads a block of the file
    no_buffer,  ///< a reader found no free buffer and looks again
    check,      ///< a second pass over the file compares blocks
    write,      ///< the journal writes a transaction to the journal file
    written,    ///< the journal calls the callbacks of that transaction
  };

  virtual ~Executor() = default;
  /// Runs `event` after this call has returned. Posted events may run in any order.
  virtual void post(Work work, std::function<void()> event) = 0;
};

}  // namespace sluice
