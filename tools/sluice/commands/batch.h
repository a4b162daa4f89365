#pragma once

#include <string>
#include <vector>

#include "tools/sluice/commands/run.h"

namespace sluice::cli {

/// The options of `sluice batch`.
struct BatchOptions {
  RunOptions run;         ///< the manifest, and the options for each shard's `sluice run`
  unsigned shards = 0;    ///< 0: not given
  std::string directory;  ///< empty: next to the manifest
  bool local = false;
  bool submit = false;
  std::vector<std::string> sbatch;  ///< options passed to sbatch unchanged
  std::string report;               ///< the directory of an existing batch; empty: create a batch
  /// The options of `sluice run` that were given or configured, as arguments.
  std::vector<std::string> arguments;
};

/// Splits a manifest into shards, writes a job script, and submits it or runs the shards on this
/// machine; or writes the report of a batch. Checks the options, files, tokens and datasets before
/// it writes anything. Main thread. Returns the exit code.
int batch(const BatchOptions& options);

}  // namespace sluice::cli
