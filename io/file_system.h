#pragma once

#include <cstddef>
#include <string>

#include "io/open_source.h"
#include "io/result.h"
#include "io/source.h"

namespace sluice {

/// Files other than this machine's, for tests and simulations: what open_source() and identity_at()
/// ask instead, on the thread that a ScopedFileSystem is made on. One thread.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  /// As open_source() (io/open_source.h).
  virtual Result<OpenedSource> open(const std::string& path, std::size_t block_size) = 0;
  /// As identity_at() (io/local_file.h).
  virtual Result<FileIdentity> identity_at(const std::string& path) = 0;
};

/// Makes `files` the files of the calling thread for as long as it lives. Not owned; outlives this.
class ScopedFileSystem {
 public:
  explicit ScopedFileSystem(FileSystem& files) : before_(current_) { current_ = &files; }
  ~ScopedFileSystem() { current_ = before_; }
  ScopedFileSystem(const ScopedFileSystem&) = delete;
  ScopedFileSystem& operator=(const ScopedFileSystem&) = delete;

  /// Null: this machine's files.
  static FileSystem* current() { return current_; }

 private:
  inline static thread_local FileSystem* current_ = nullptr;
  FileSystem* const before_;
};

}  // namespace sluice
