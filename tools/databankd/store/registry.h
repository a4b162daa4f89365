#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "io/result.h"
#include "io/sync.h"
#include "io/unique_fd.h"

namespace sluice::databankd {

/// A registered file.
struct Registration {
  std::string dataset;
  std::string name;
  std::uint64_t size = 0;  ///< bytes
  std::string xxh128;      ///< of those bytes, in the format of xxh128sum; empty: unknown
};

/// registered.jsonl: the registered files, one JSON object per line, in the order of registration.
/// Any thread.
class Registry {
 public:
  /// Reads the entries of earlier runs and locks the file, so that two servers cannot share a
  /// store. Error if it cannot be written, or is locked by another server. Ignores an incomplete
  /// last line, left by a crash.
  static Result<std::unique_ptr<Registry>> open(const std::filesystem::path& file);

  bool has(const std::string& dataset, const std::string& name) const;

  /// Appends a line in one write, and syncs it. Registering a file twice gives two lines, as at the
  /// Data Bank.
  Result<void> add(const Registration& registration);

 private:
  Registry(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  const std::string path_;
  mutable Mutex mutex_;
  UniqueFd fd_ SLUICE_GUARDED_BY(mutex_);
  std::set<std::pair<std::string, std::string>> names_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice::databankd
