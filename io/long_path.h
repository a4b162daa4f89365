#pragma once

#include <sys/stat.h>

#include <string>

/// System calls for paths of any length. The kernel takes at most PATH_MAX (4096) bytes of path in
/// one call; here a longer path is followed in pieces, from directory to directory. Any thread.
/// Errors: -1, and errno of the piece that failed.
namespace sluice {

/// open(2) of a file or directory that exists. The caller owns the descriptor.
int open_long_path(const std::string& path, int flags);

/// stat(2): symbolic links are followed.
int stat_long_path(const std::string& path, struct stat& facts);

}  // namespace sluice
