#pragma once

#include <functional>
#include <string>
#include <vector>

#include "io/result.h"
#include "tools/sluice/shards/shard_directory.h"

namespace sluice::cli {

/// Called when a shard has ended. `text`: a sentence. `good`: all of its files are registered.
using OnShardEnd = std::function<void(const std::string& text, bool good)>;

/// Runs `sluice run` for all shards at the same time, as processes on this machine with logs in the
/// directory, and blocks until all have ended. Calls `say` for each. A stop signal, or the end of
/// this process, ends them so that they can be resumed. `arguments`: of `sluice run`, without the
/// manifest. Returns the worst exit code (128 + signal for a killed process). Error failed: a
/// process cannot be started; the others have ended then. Main thread.
Result<int> run_local_shards(const ShardDirectory& directory, const std::string& sluice,
                             const std::vector<std::string>& arguments, const OnShardEnd& on_end);

}  // namespace sluice::cli
