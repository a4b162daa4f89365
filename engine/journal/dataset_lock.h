#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "io/result.h"
#include "io/unique_fd.h"

namespace sluice {

/// A lock that lets only one uploader at a time upload into a dataset. The phased protocol needs
/// the whole dataset: its setup deletes everything that is staged for the dataset, whatever file it
/// belongs to (protocol section 1.4), so two uploads of different names would destroy each other as
/// well. The other protocols lock a single name, and no name can be locked while a phased upload
/// holds the dataset.
///
/// The lock is a locked file in DIR/locks/. The lock ends with the object, and with the process
/// however the process ends. The lock excludes other processes, other objects in this process, and
/// other machines as far as the file system carries locks between them. The file stays: if a
/// process deleted the file just after another process opened it, two processes would hold the
/// lock.
///
/// Static members: any thread. An object: one thread at a time.
class DatasetLock {
 public:
  /// The holder of a lock, as the holder describes itself: fit to show in messages, but not to act
  /// upon.
  struct Holder {
    std::int64_t pid = 0;  ///< 0 if unknown
    std::string host;      ///< empty if unknown
    std::string what;      ///< the name being uploaded; empty if unknown
    bool whole = false;    ///< the holder has locked the whole dataset

    /// Returns "process 12 on node3", or "another sluice process" if the process is unknown.
    std::string process() const;
  };

  /// What a lock covers.
  enum class Scope {
    dataset,
    /// one name: a byte of the lock file, by the name's hash; two names share a byte in 1 of 2^62
    /// cases
    name,
  };

  /// Acquires the lock without blocking. `directory`: the state directory, created if missing
  /// (engine/journal/state_dir.h). `system`: the base URL. `what`: the name being uploaded, for the
  /// messages of other processes.
  ///
  /// Errors, all of kind failed: another process or object holds the lock (retryable; the message
  /// names the holder if known); too many open files (retryable); locks do not work in this
  /// directory, which is read-only, for example (not retryable).
  static Result<DatasetLock> acquire(const std::string& directory, const std::string& system,
                                     const std::string& dataset, const std::string& what,
                                     Scope scope = Scope::dataset);

  /// Returns the current holder of a lock for the name `what`; nullopt if there is none. Acquires
  /// no lock, so that neither the holder nor a process that is about to acquire the lock is
  /// disturbed. Creates no file. Error failed: the lock cannot be queried.
  static Result<std::optional<Holder>> holder(const std::string& directory,
                                              const std::string& system, const std::string& dataset,
                                              const std::string& what);
  /// The same for any lock in the dataset. Returns one of several holders.
  static Result<std::optional<Holder>> holder(const std::string& directory,
                                              const std::string& system,
                                              const std::string& dataset);
  /// Returns the error of acquire() for a lock that `holder` holds.
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

/// Returns the advice, for the end of an error message, for a state directory in which fcntl()
/// cannot lock and failed with `code`.
std::string lock_advice(int code);

}  // namespace sluice
