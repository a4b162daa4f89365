#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "io/result.h"
#include "io/source.h"
#include "io/unique_fd.h"

namespace sluice {

/// A regular file, open for reading, before a ReadMode is chosen.
struct LocalFile {
  std::string path;
  UniqueFd fd;
  FileIdentity identity;
};

/// Opens a regular file. Does not block, not even on a FIFO without a writer. Errors, all
/// local_file: no such file, not readable, not a regular file, or a file of size 0 that has content
/// or cannot be read (files of /proc).
Result<LocalFile> open_local_file(const std::string& path);

/// Returns `path` as an absolute path without "." and "..", which is valid in any working
/// directory. Resolves symbolic links only before a "..", where they change the meaning. Error
/// local_file: the path is relative, and the working directory was deleted or is not accessible.
Result<std::string> absolute_path(const std::string& path);

/// Returns the current identity of an open file. Error local_file; `path` is for its message.
Result<FileIdentity> identity_of(int fd, const std::string& path);

/// Returns the current identity of the file at `path`; follows symbolic links. Error local_file,
/// with the errno.
Result<FileIdentity> identity_at(const std::string& path);

/// Returns the file type of a mode for error messages: "a directory", "a FIFO", "a socket", "a
/// device".
const char* kind_of_file(mode_t mode);

/// Returns the error for a read at `offset` that failed with the errno `code`.
Error read_error(const std::string& path, std::uint64_t offset, int code);

/// Returns the error for a read at `offset` of a file that was truncated to `size` bytes.
Error shrank_error(const std::string& path, std::uint64_t offset, std::uint64_t size);

/// Returns the error for an end of file at `offset` although the file is larger: another program
/// truncated and rewrote the file during the read.
Error ended_early_error(const std::string& path, std::uint64_t offset);

}  // namespace sluice
