#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "io/result.h"
#include "tools/sluice/shards/shard_directory.h"

/// The scripts that Slurm runs (sbatch(1)). Pure functions.
namespace sluice::cli {

struct JobScriptSetting {
  std::string sluice;             ///< the absolute path of this program
  std::string working_directory;  ///< absolute; relative paths in `arguments` start here
  /// Environment variables to set in the job.
  std::vector<std::pair<std::string, std::string>> environment = {};
  std::vector<std::string> arguments;  ///< of `sluice run`, without the manifest
  std::vector<std::string> sbatch;     ///< more options of sbatch: "--time=2:00:00"
  std::size_t memory_mib = 512;        ///< of a task
};

/// Returns `text` as one word for a POSIX shell, quoted if needed.
std::string shell_word(const std::string& text);

/// Returns error usage if the path has a line break, which a script cannot contain.
Result<void> check_script_path(const std::string& path);

/// Returns job.sh: a job array with a task for each shard. A task that reaches its time limit, or
/// whose sluice was killed, is requeued if the last attempt made progress.
std::string job_script(const ShardDirectory& directory, const JobScriptSetting& setting);

/// Returns report.sh: a job that runs after the array, writes the report, and fails if a file is
/// not registered.
std::string report_script(const ShardDirectory& directory, const JobScriptSetting& setting);

}  // namespace sluice::cli
