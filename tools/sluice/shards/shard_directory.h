#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/result.h"
#include "tools/sluice/manifest/manifest.h"

namespace sluice::cli {

/// The directory of a batch: the manifests of its shards (shard-1.jsonl and so on), their common
/// settings (batch.json), scripts, logs and report. One thread at a time.
///
/// The manifests are written once. Writing the same batch again changes nothing; writing another
/// one is an error, because tasks of the first may be running.
class ShardDirectory {
 public:
  /// The common settings of the shards.
  struct Facts {
    std::string manifest;   ///< absolute path, for messages
    std::string url;        ///< base URL
    std::string state_dir;  ///< absolute
    std::size_t shards = 0;
  };

  /// Creates the directory, whose parent must exist, and writes the manifests and batch.json.
  /// `path`: absolute. Rows must have absolute paths. Errors: usage if the directory has another
  /// batch; local_file if it cannot be written.
  static Result<ShardDirectory> write(const std::string& path, const Facts& facts,
                                      const std::vector<std::vector<ManifestRow>>& shards);

  /// Reads batch.json. Errors, usage: it does not exist or is invalid.
  static Result<ShardDirectory> read(const std::string& path);

  const std::string& path() const { return path_; }
  const Facts& facts() const { return facts_; }
  /// Returns "DIR/shard-3.jsonl"; `shard`: from 1.
  std::string manifest_of(std::size_t shard) const;
  std::string log_of(std::size_t shard) const;
  std::string file(std::string_view name) const { return path_ + '/' + std::string(name); }
  /// Returns the rows of a shard. Errors, usage: the manifest cannot be read or is invalid.
  Result<std::vector<ManifestRow>> rows(std::size_t shard) const;

 private:
  ShardDirectory(std::string path, Facts facts)
      : path_(std::move(path)), facts_(std::move(facts)) {}

  std::string path_;  ///< absolute
  Facts facts_;
};

}  // namespace sluice::cli
