#pragma once

#include <functional>

namespace sluice {

/// Runs the engine's background work (reads, checks, writes to the journal) as events on one
/// thread, where it would otherwise have threads of its own. A simulation implements it and decides
/// when each event runs. Where a part of the engine has no executor, it starts threads.
///
/// One thread: whoever posts, and whatever is posted.
class Executor {
 public:
  /// What the event stands for, so that an implementation can choose how long it takes.
  enum class Work {
    read,       ///< a block is read from the file
    no_buffer,  ///< a reader found no free buffer, and looks again
    check,      ///< blocks of a second reading are compared
    write,      ///< a transaction goes to the journal's file
    written,    ///< those who wait for that transaction are told
  };

  virtual ~Executor() = default;
  /// Runs `event` later, not before this returns. Events that are posted may run in any order.
  virtual void post(Work work, std::function<void()> event) = 0;
};

}  // namespace sluice
