#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "io/result.h"
#include "io/unique_fd.h"

namespace sluice {

/// One uploader at a time into one dataset where the phased protocol is spoken: its setup deletes
/// everything that is staged for the dataset, whatever file it belongs to (protocol section 1.4),
/// so two uploads of different names would destroy each other as well. Of other protocols one at a
/// time for each name, and none beside a phased one.
///
/// A locked file in DIR/locks/. The lock goes with the object, and with the process however that
/// ends. It excludes other processes, other objects in this one, and other machines as far as the
/// file system carries locks between them. The file stays: whoever deleted it could take it from
/// under one who has just opened it, and two would hold the lock.
///
/// Static members: any thread. An object: one thread at a time.
class DatasetLock {
 public:
  /// Who holds a lock, as they said themselves: for messages, fit to show, never to act upon.
  struct Holder {
    std::int64_t pid = 0;  ///< 0 if unknown
    std::string host;      ///< empty if unknown
    std::string what;      ///< the name being uploaded; empty if unknown
    bool whole = false;    ///< the dataset: nobody else may upload into it

    /// "process 12 on node3", or "another sluice process" where that is unknown.
    std::string process() const;
  };

  enum class Scope {
    dataset,
    name,  ///< a byte of the file, by the name's hash: two names share one in 1 of 2^62 cases
  };

  /// Takes the lock, or says at once why not. `directory` is the state directory, made if it is
  /// missing (engine/journal/state_dir.h); `system` the base URL; `what` the name being uploaded,
  /// for the messages of others.
  ///
  /// Errors, all of kind failed: another holds it (retryable; the sentence names the holder where
  /// that is known), there are too many open files (retryable too), or locks cannot be had here at
  /// all, a read-only directory, say (not retryable).
  static Result<DatasetLock> acquire(const std::string& directory, const std::string& system,
                                     const std::string& dataset, const std::string& what,
                                     Scope scope = Scope::dataset);

  /// Who holds one now that is for `what`, if anyone does. Takes no lock itself, so that it
  /// disturbs neither the holder nor whoever is about to become it; makes no file. Error failed: it
  /// cannot be told.
  static Result<std::optional<Holder>> holder(const std::string& directory,
                                              const std::string& system, const std::string& dataset,
                                              const std::string& what);
  /// The same of any lock in that dataset; of several holders one.
  static Result<std::optional<Holder>> holder(const std::string& directory,
                                              const std::string& system,
                                              const std::string& dataset);
  /// What acquire() says where that one is in the way.
  static Error held_by(const Holder& holder, const std::string& dataset);

  DatasetLock(DatasetLock&&) noexcept = default;
  DatasetLock& operator=(DatasetLock&& other) noexcept;
  ~DatasetLock();

 private:
  DatasetLock(UniqueFd fd, Scope scope) : fd_(std::move(fd)), scope_(scope) {}
  void release();

  UniqueFd fd_;
  Scope scope_;
};

/// What to do where no lock can be had in a state directory: fcntl() has failed with `code`.
std::string lock_advice(int code);

}  // namespace sluice
