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

/// One file that has become part of a dataset.
struct Registration {
  std::string dataset;
  std::string name;
  std::uint64_t size = 0;  ///< bytes
  std::string xxh128;      ///< of those bytes, as xxh128sum prints it; empty: nobody knows it
};

/// registered.jsonl: the files that datasets hold, one JSON object a line, in the order in which
/// they were registered. Thread safe.
class Registry {
 public:
  /// Reads what earlier runs left and locks the file, so that two servers cannot share a store.
  /// Error where it cannot be written, or another server has it. A last line that a crash cut short
  /// is skipped.
  static Result<std::unique_ptr<Registry>> open(const std::filesystem::path& file);

  bool has(const std::string& dataset, const std::string& name) const;

  /// Appends a line, in one write, and waits until it is on the disk. The same file twice gives two
  /// lines, as the Data Bank would hold it twice.
  Result<void> add(const Registration& registration);

 private:
  Registry(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  const std::string path_;
  mutable Mutex mutex_;
  UniqueFd fd_ SLUICE_GUARDED_BY(mutex_);
  std::set<std::pair<std::string, std::string>> names_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice::databankd
