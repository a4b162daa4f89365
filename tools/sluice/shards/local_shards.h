#pragma once

#include <functional>
#include <string>
#include <vector>

#include "io/result.h"
#include "tools/sluice/shards/shard_directory.h"

namespace sluice::cli {

/// Told how a shard ended, a sentence, and whether all of it is registered.
using SayShard = std::function<void(const std::string& text, bool good)>;

/// Runs `sluice run` on each shard at the same time, as processes on this machine with logs in the
/// directory, and blocks until all have ended. Says how each ended. A stop signal ends them so that
/// they can be resumed, and so does the end of this process. Returns the worst exit code (a process
/// that was killed: 128 + signal). `arguments`: of `sluice run`, without the manifest. Error
/// failed: a process cannot be started; the others have ended by then. Main thread.
Result<int> run_local_shards(const ShardDirectory& directory, const std::string& sluice,
                             const std::vector<std::string>& arguments, const SayShard& say);

}  // namespace sluice::cli
