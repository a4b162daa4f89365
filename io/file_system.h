#pragma once

#include <cstddef>
#include <string>

#include "io/open_source.h"
#include "io/result.h"
#include "io/source.h"

namespace sluice {

/// An interface that replaces this machine's files in tests and simulations: open_source() and
/// identity_at() call it on threads with a ScopedFileSystem. Used by one thread.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  /// See open_source() (io/open_source.h).
  virtual Result<OpenedSource> open(const std::string& path, std::size_t block_size) = 0;
  /// See identity_at() (io/local_file.h).
  virtual Result<FileIdentity> identity_at(const std::string& path) = 0;
};

/// Makes the calling thread use `files` until it is destroyed. Does not own `files`.
class ScopedFileSystem {
 public:
  explicit ScopedFileSystem(FileSystem& files) : before_(current_) { current_ = &files; }
  ~ScopedFileSystem() { current_ = before_; }
  ScopedFileSystem(const ScopedFileSystem&) = delete;
  ScopedFileSystem& operator=(const ScopedFileSystem&) = delete;

  /// Returns the calling thread's file system; null for the files of this machine.
  static FileSystem* current() { return current_; }

 private:
  inline static thread_local FileSystem* current_ = nullptr;
  FileSystem* const before_;
};

}  // namespace sluice
