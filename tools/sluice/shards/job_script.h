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
  std::string sluice;             ///< absolute path of this program
  std::string working_directory;  ///< absolute: relative paths in `arguments` begin there
  /// Variables that are set for the job.
  std::vector<std::pair<std::string, std::string>> environment = {};
  std::vector<std::string> arguments;  ///< of `sluice run`, without the manifest
  std::vector<std::string> sbatch;     ///< further options of sbatch: "--time=2:00:00"
  std::size_t memory_mib = 512;        ///< of a task
};

/// `text` as one word of a POSIX shell, in quotes where it needs them.
std::string shell_word(const std::string& text);

/// Whether a script can be written into that directory, or begin in it: error usage for one with a
/// line break.
Result<void> check_script_path(const std::string& path);

/// job.sh: an array with a task for each shard. A task whose time is over, or whose sluice was
/// killed, goes back into the queue as long as the last try has brought bytes to the server.
std::string job_script(const ShardDirectory& directory, const JobScriptSetting& setting);

/// report.sh: the job behind the array, which writes the report and fails where a file is not
/// registered.
std::string report_script(const ShardDirectory& directory, const JobScriptSetting& setting);

}  // namespace sluice::cli
