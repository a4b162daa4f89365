#pragma once

#include <sys/stat.h>

#include <string>

/// System calls for paths of any length. The kernel accepts at most PATH_MAX (4096) bytes per call;
/// these functions open the directories of a longer path step by step. Any thread. Errors: -1, with
/// the errno of the step that failed.
namespace sluice {

/// open(2) for an existing file or directory. The caller owns the descriptor.
int open_long_path(const std::string& path, int flags);

/// stat(2); follows symbolic links.
int stat_long_path(const std::string& path, struct stat& facts);

}  // namespace sluice
