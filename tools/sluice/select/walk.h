#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "tools/sluice/select/filter.h"
#include "tools/sluice/select/left_out.h"
#include "tools/sluice/select/own_files.h"

namespace sluice::cli {

/// Options of a walk. The pointers must stay valid during the walk.
struct WalkOptions {
  bool follow_links = false;
  const Filter* filter = nullptr;  ///< null: all files
  const OwnFiles* own = nullptr;   ///< null: none
  /// Called at each directory and every 1000 files; returns true to end the walk. May be empty.
  std::function<bool()> stop;
};

/// The callbacks of a walk.
struct WalkVisitor {
  /// Called for a file to upload. `relative_at`: where in `path` the part below the walk's
  /// directory begins.
  std::function<void(std::string path, std::size_t relative_at, std::uint64_t bytes)> file;
  std::function<void(LeftOut)> left_out;
};

/// Walks the tree below the directory `root`, which may be a symbolic link. In each directory,
/// visits the files first, then the directories, both sorted by bytes.
///
/// Opens directories by path, and reads each to its end before opening the next: one descriptor at
/// a time, no recursion, paths of any length. The depth of a tree and the limit on open files
/// therefore do not matter. Skips a directory that is the same as one above it (through a symbolic
/// link or a bind mount). Memory: the names of the directories that are still to be read, and of
/// the entries of one directory.
void walk(const std::string& root, const WalkOptions& options, const WalkVisitor& visitor);

}  // namespace sluice::cli
