#pragma once

#include <string>

namespace sluice::cli {

struct StatusOptions {
  std::string state_dir;  ///< empty: the usual place
  bool all = false;       ///< what is finished too
  bool json = false;
  bool watch = false;    ///< again and again
  std::string batch;     ///< the directory of a batch: its files only; empty: none
  unsigned shard = 0;    ///< of the batch, from 1; 0: all
  std::string interval;  ///< between two lists; empty: 2 s
};

/// `sluice status`: what the journal knows, newest first, on stdout. Returns the exit code.
int status(const StatusOptions& options);

}  // namespace sluice::cli
