#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "io/file_time.h"
#include "io/result.h"

namespace sluice {

/// The properties that identify a file version: an upload fails if any of them changes.
struct FileIdentity {
  std::uint64_t size = 0;    ///< bytes
  FileTime modified = {};    ///< st_mtim
  std::uint64_t device = 0;  ///< st_dev
  std::uint64_t inode = 0;   ///< st_ino

  bool operator==(const FileIdentity&) const = default;
};

/// How a file is read; open_source() describes the modes.
enum class ReadMode { automatic, direct, mmap, buffered };

/// Returns the name in the command line and reports: "auto", "direct", "mmap", "buffered".
const char* to_string(ReadMode mode);

/// An open regular file for reading at any offset.
///
/// All members may be called from any thread. read() may be called by several threads at once: a
/// single read in flight does not saturate a disk.
class Source {
 public:
  virtual ~Source() = default;

  /// Reads the bytes [offset, offset + length) into `memory`, and returns where in `memory` they
  /// are.
  ///
  /// The range must lie inside the file size at open. `memory` must be aligned to
  /// BufferPool::alignment and have at least memory_for(offset, length) bytes. The result has
  /// exactly `length` bytes; it need not start at the beginning of `memory`, because O_DIRECT reads
  /// whole sectors. Errors, all local_file, with the file name and the offset: the file was
  /// truncated, or the disk failed. After an error the content of `memory` is undefined.
  virtual Result<std::span<const std::byte>> read(std::uint64_t offset, std::size_t length,
                                                  std::span<std::byte> memory) const = 0;

  /// Returns the number of bytes of memory that read() needs: `length`, or more if the range must
  /// be extended to whole sectors.
  virtual std::size_t memory_for(std::uint64_t offset, std::size_t length) const = 0;

  /// Returns the mode in use; never `automatic`.
  virtual ReadMode mode() const = 0;

  /// Returns the current identity of the file. Error local_file if the file system does not
  /// respond.
  virtual Result<FileIdentity> identity_now() const = 0;

  /// The path that the file was opened with.
  const std::string& path() const { return path_; }
  /// The identity of the file at open.
  const FileIdentity& identity() const { return identity_; }

 protected:
  Source(std::string path, const FileIdentity& identity)
      : path_(std::move(path)), identity_(identity) {}

 private:
  const std::string path_;
  const FileIdentity identity_;
};

}  // namespace sluice
