#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/result.h"
#include "tools/sluice/manifest/manifest.h"

namespace sluice::cli {

/// The directory of a batch: the manifests of its shards (shard-1.jsonl and so on), what they have
/// in common (batch.json), its scripts, logs and report. One thread at a time.
///
/// Written once. Whoever writes the same batch into it again changes nothing, and another one is
/// refused, as tasks of the first may be running.
class ShardDirectory {
 public:
  /// What the shards have in common.
  struct Facts {
    std::string manifest;   ///< absolute path, for messages
    std::string url;        ///< base URL
    std::string state_dir;  ///< absolute
    std::size_t shards = 0;
  };

  /// Makes the directory (its parent exists) and writes the manifests and batch.json. `path`:
  /// absolute. Rows: with absolute paths. Errors: usage where there is another batch; local_file
  /// where it cannot be written.
  static Result<ShardDirectory> write(const std::string& path, const Facts& facts,
                                      const std::vector<std::vector<ManifestRow>>& shards);

  /// Reads batch.json. Errors, usage: there is none, or one that cannot be understood.
  static Result<ShardDirectory> read(const std::string& path);

  const std::string& path() const { return path_; }
  const Facts& facts() const { return facts_; }
  /// "DIR/shard-3.jsonl"; `shard`: from 1.
  std::string manifest_of(std::size_t shard) const;
  std::string log_of(std::size_t shard) const;
  std::string file(std::string_view name) const { return path_ + '/' + std::string(name); }
  /// The rows of a shard. Errors, usage: the manifest cannot be read or used.
  Result<std::vector<ManifestRow>> rows(std::size_t shard) const;

 private:
  ShardDirectory(std::string path, Facts facts)
      : path_(std::move(path)), facts_(std::move(facts)) {}

  std::string path_;  ///< absolute
  Facts facts_;
};

}  // namespace sluice::cli
