#pragma once

#include <string>
#include <vector>

#include "tools/sluice/commands/run.h"

namespace sluice::cli {

/// `sluice batch`, as the command line gave it.
struct BatchOptions {
  RunOptions run;         ///< the manifest, and what each shard's `sluice run` is to do
  unsigned shards = 0;    ///< 0: not given
  std::string directory;  ///< empty: beside the manifest
  bool local = false;
  bool submit = false;
  std::vector<std::string> sbatch;  ///< options of sbatch, as they are
  std::string report;               ///< a batch's directory; empty: this makes one
  /// The options for `sluice run` that were given or configured, as its arguments.
  std::vector<std::string> arguments;
};

/// Divides a manifest into shards, writes a job script, and submits it or runs the shards here; or
/// writes the report of a batch. Returns the exit code. Before anything is written, it checks the
/// options, the files, the tokens and the datasets. Main thread.
int batch(const BatchOptions& options);

}  // namespace sluice::cli
