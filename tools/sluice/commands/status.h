#pragma once

#include <string>

namespace sluice::cli {

struct StatusOptions {
  std::string state_dir;  ///< empty: the default directory
  bool all = false;       ///< list finished uploads, too
  bool json = false;
  bool watch = false;    ///< repeat the list until interrupted
  std::string batch;     ///< the directory of a batch whose files to list; empty: the journal
  unsigned shard = 0;    ///< of the batch, from 1; 0: all
  std::string interval;  ///< the time between two lists; empty: 2 s
};

/// `sluice status`: prints the uploads in the journal, newest first, to stdout. Returns the exit
/// code.
int status(const StatusOptions& options);

}  // namespace sluice::cli
