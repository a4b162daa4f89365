#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "io/file_time.h"
#include "io/result.h"

namespace sluice {

/// What makes a file the same file as before: an upload goes on only while none of this changes.
struct FileIdentity {
  std::uint64_t size = 0;    ///< bytes
  FileTime modified = {};    ///< st_mtim
  std::uint64_t device = 0;  ///< st_dev
  std::uint64_t inode = 0;   ///< st_ino

  bool operator==(const FileIdentity&) const = default;
};

/// How the bytes come off the disk.
enum class ReadMode { automatic, direct, mmap, buffered };

/// As the command line and the reports write it: "auto", "direct", "mmap", "buffered".
const char* to_string(ReadMode mode);

/// An open regular file from which ranges are read.
///
/// read() may be called from any number of threads at once: one read in flight does not saturate a
/// disk. The other members may be called from any thread too.
class Source {
 public:
  virtual ~Source() = default;

  /// Reads the bytes [offset, offset + length) and says where in `memory` they lie.
  ///
  /// The range must lie inside the file as it was when it was opened. `memory` starts at a multiple
  /// of BufferPool::alignment and holds at least memory_for(offset, length) bytes; the result is a
  /// part of it, of exactly `length` bytes, not always at its beginning (O_DIRECT reads whole
  /// sectors). Errors, all local_file, with the file's name and the offset: the file has shrunk, or
  /// the disk failed. `memory` then holds nothing of use.
  virtual Result<std::span<const std::byte>> read(std::uint64_t offset, std::size_t length,
                                                  std::span<std::byte> memory) const = 0;

  /// Bytes of memory that such a read needs: `length` for most, more where it must be widened to
  /// sectors.
  virtual std::size_t memory_for(std::uint64_t offset, std::size_t length) const = 0;

  /// Never `automatic`.
  virtual ReadMode mode() const = 0;

  /// Asks the file system again. Error local_file where it does not answer.
  virtual Result<FileIdentity> identity_now() const = 0;

  /// The path it was opened with.
  const std::string& path() const { return path_; }
  /// As it was when it was opened.
  const FileIdentity& identity() const { return identity_; }

 protected:
  Source(std::string path, const FileIdentity& identity)
      : path_(std::move(path)), identity_(identity) {}

 private:
  const std::string path_;
  const FileIdentity identity_;
};

}  // namespace sluice
