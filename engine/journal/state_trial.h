#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/journal/journal.h"
#include "io/result.h"

namespace sluice {

/// Whether a state directory can do what uploads need it for, found out before there is one.
struct StateTrial {
  std::unique_ptr<Journal> journal;  ///< the one that is there; null where there is none
  /// The journal that is there cannot be used, so that Engine::create() would refuse to start.
  std::optional<Error> error;
  /// Nothing can be made, written or locked there: uploads go on, but cannot be resumed, and
  /// nothing keeps two from the same dataset.
  std::optional<Error> trouble;
};

/// Tries `directory` and its locks, with a file or directory of a random name that is gone
/// afterwards: whoever comes meanwhile finds what was there, and nothing is left. What is missing
/// is not made. Any thread; may wait for the disk, and for other processes at the journal.
StateTrial try_state_dir(const std::string& directory);

/// What Engine::create() says of a journal that is there and cannot be used, `error` being why.
Error journal_in_the_way(Error error);

}  // namespace sluice
