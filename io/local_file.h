#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "io/result.h"
#include "io/source.h"
#include "io/unique_fd.h"

namespace sluice {

/// A regular file that is open for reading, before anybody decided how to read it.
struct LocalFile {
  std::string path;
  UniqueFd fd;
  FileIdentity identity;
};

/// Opens `path` without ever blocking: a FIFO without a writer or a device is refused, not waited
/// for. Errors, local_file: no such file, not readable, not a regular file, one that
/// holds more than its size of 0, or cannot be read although that is its size (as those of /proc).
Result<LocalFile> open_local_file(const std::string& path);

/// `path` from the root on, without "." and "..": to be found again from any working directory.
/// Symbolic links in front of a ".." are followed, as what lies above their target is meant, and no
/// others. Error local_file: it is relative, and the working directory was deleted or cannot be
/// reached.
Result<std::string> absolute_path(const std::string& path);

/// What the file system says now about an open file. Error local_file; `path` is for its message.
Result<FileIdentity> identity_of(int fd, const std::string& path);

/// What the file system says now about the file at `path`, symbolic links followed: which file the
/// name stands for, whatever is open. Error local_file, with the errno.
Result<FileIdentity> identity_at(const std::string& path);

/// What a file of that mode is, for messages about one that is no regular file: "a directory", "a
/// FIFO", "a socket", "a device".
const char* kind_of_file(mode_t mode);

/// A read at `offset` failed with the errno `code`.
Error read_error(const std::string& path, std::uint64_t offset, int code);

/// A read at `offset` found the file shorter than it was when it was opened: `size` bytes.
Error shrank_error(const std::string& path, std::uint64_t offset, std::uint64_t size);

/// Reading ended at `offset`, though the file reaches farther now: somebody truncates and writes.
Error ended_early_error(const std::string& path, std::uint64_t offset);

}  // namespace sluice
