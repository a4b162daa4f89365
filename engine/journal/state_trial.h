#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/journal/journal.h"
#include "io/result.h"

namespace sluice {

/// The result of try_state_dir(): whether a state directory can do what uploads need, tested before
/// an engine is created.
struct StateTrial {
  std::unique_ptr<Journal> journal;  ///< the existing journal; null if there is none
  /// Set if the existing journal cannot be used, so that Engine::create() would fail.
  std::optional<Error> error;
  /// Set if files cannot be created, written or locked in the directory: uploads run, but cannot be
  /// resumed, and two uploads into the same dataset are not prevented.
  std::optional<Error> trouble;
};

/// Tests `directory` and its locks by creating and removing an entry with a random name. Other
/// processes see no change, and no missing directory is created. Any thread; may block on the disk
/// and on other processes that use the journal.
StateTrial try_state_dir(const std::string& directory);

/// Returns the error of Engine::create() for an existing journal that cannot be used; `error` is
/// the reason.
Error journal_in_the_way(Error error);

}  // namespace sluice
