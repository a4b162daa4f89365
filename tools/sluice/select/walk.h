#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "tools/sluice/select/filter.h"
#include "tools/sluice/select/left_out.h"
#include "tools/sluice/select/own_files.h"

namespace sluice::cli {

/// How to walk directory trees. What the pointers point to outlives the walk.
struct WalkOptions {
  bool follow_links = false;
  const Filter* filter = nullptr;  ///< null: everything is wanted
  const OwnFiles* own = nullptr;   ///< null: none
  /// Asked at each directory and each 1000 files: whether to end the walk. May be empty.
  std::function<bool()> stop;
};

/// Gets what a walk finds.
struct WalkVisitor {
  /// A file to upload. `path` from `relative_at` on is the path below the directory of the walk.
  std::function<void(std::string path, std::size_t relative_at, std::uint64_t bytes)> file;
  std::function<void(LeftOut)> left_out;
};

/// Walks the tree below the directory `root`, which may be a symbolic link itself. In each
/// directory the files come first, then the directories, both in the order of their bytes.
///
/// Directories are opened by their path and read to their end before the next one is opened: one
/// descriptor at a time, no recursion, paths of any length. So neither the depth of a tree nor the
/// limit on open files ends a walk. A directory that is one of those above it (through a symbolic
/// link or a bind mount) is left out. Memory: the names of the directories still to be read, and
/// those of one directory.
void walk(const std::string& root, const WalkOptions& options, const WalkVisitor& visitor);

}  // namespace sluice::cli
