#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "io/result.h"
#include "tools/sluice/display/console.h"
#include "tools/sluice/shards/shard_directory.h"

namespace sluice::cli {

/// Runs `sluice run` on each shard at the same time, as processes on this machine with logs in the
/// directory, and blocks until all have ended. Says how each ended. A stop signal ends them so that
/// they can be resumed, and so does the end of this process. Returns the worst exit code (a process
/// that was killed: 128 + signal). `arguments`: of `sluice run`, without the manifest. Error
/// failed: a process cannot be started; the others have ended by then. Main thread.
Result<int> run_local_shards(const ShardDirectory& directory, const std::string& sluice,
                             const std::vector<std::string>& arguments, Console& console);

}  // namespace sluice::cli
