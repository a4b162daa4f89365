#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/result.h"

/// Manifests: tables that say which file goes into which dataset, under which name, and what its
/// size and digests should be. sluice-run(1) describes the columns and the formats.
namespace sluice::cli {

enum class ManifestFormat {
  automatic,  ///< by the end of the manifest's name
  csv,        ///< RFC 4180, with a header line
  tsv,        ///< the same with tabs instead of commas
  jsonl,      ///< JSON Lines: an object a line
};

struct ManifestRow {
  std::string path;                    ///< to be opened as it is; see read_manifest()
  std::string dataset;                 ///< passes check_dataset_key()
  std::string name;                    ///< in the dataset; passes check_deposit_name()
  std::optional<std::uint64_t> bytes;  ///< the file's size
  /// Lower-case hexadecimal digits of the right number, or empty.
  std::string xxh128, md5, sha256;
  std::size_t line = 0;  ///< on which the row begins, from 1
};

struct Manifest {
  std::vector<ManifestRow> rows;  ///< in the manifest's order; of use without problems only

  static constexpr std::size_t most_problems = 20;
  /// What makes the manifest unusable, a sentence each with the manifest's name and the line: the
  /// first `most_problems` ones, by line. Empty for a manifest that can be used.
  std::vector<std::string> problems;
  std::size_t problem_count = 0;  ///< of all, also those that are not listed
  /// A sentence each: columns that are ignored.
  std::vector<std::string> warnings;

  /// Usage: "cannot use the manifest ...: 23 errors"; nothing where there are no problems.
  Result<void> usable(const std::string& manifest) const;
};

/// Reads a manifest from the file `path`, or from standard input for "-". The name of a row is that
/// of its column, or the path's last part. A relative path in a manifest is relative to the
/// manifest's directory, so that a manifest means the same files from any working directory;
/// on standard input or a pipe, to the working directory. Rows of one dataset have different names.
///
/// A manifest with wrong rows is a result with `problems`. Errors, usage: the file cannot be opened
/// or read; `format` is automatic, and the name ends in none of .csv, .tsv, .jsonl and .ndjson; no
/// row at all. Interrupted: a stop signal came (process/stop.h) while reading.
Result<Manifest> read_manifest(const std::string& path, ManifestFormat format);

/// What read_manifest() finds in `text`. `name`: the manifest's, for the messages. `directory`: put
/// in front of relative paths, with a slash; empty for none. Pure.
Manifest parse_manifest(std::string_view text, ManifestFormat format, const std::string& name,
                        const std::string& directory);

/// The format for which a name ends; `automatic` where it ends in nothing known. Pure.
ManifestFormat format_of_name(std::string_view name);

}  // namespace sluice::cli
