#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/result.h"

/// Manifests: tables of the files to upload with dataset, name, size and digests. sluice-run(1)
/// describes the columns and formats.
namespace sluice::cli {

enum class ManifestFormat {
  automatic,  ///< by the extension of the manifest's name
  csv,        ///< RFC 4180, with a header line
  tsv,        ///< the same with tabs instead of commas
  jsonl,      ///< JSON Lines: one object per line
};

struct ManifestRow {
  std::string path;                    ///< may be opened as is; see read_manifest()
  std::string dataset;                 ///< valid by check_dataset_key()
  std::string name;                    ///< in the dataset; valid by check_deposit_name()
  std::optional<std::uint64_t> bytes;  ///< the file's size
  /// Lower-case hexadecimal digits of the right length, or empty.
  std::string xxh128, md5, sha256;
  std::size_t line = 0;  ///< the line where the row begins, from 1
};

struct Manifest {
  std::vector<ManifestRow> rows;  ///< in the order of the manifest; unusable if there are problems

  static constexpr std::size_t most_problems = 20;
  /// The errors, one sentence each with the manifest's name and the line, sorted by line; at most
  /// `most_problems`. Empty for a usable manifest.
  std::vector<std::string> problems;
  std::size_t problem_count = 0;  ///< the number of all problems, including those not listed
  /// One sentence for each ignored column.
  std::vector<std::string> warnings;

  /// Returns error usage if there are problems: "cannot use the manifest ...: 23 errors".
  Result<void> usable(const std::string& manifest) const;
};

/// Reads a manifest from the file `path`, or from standard input for "-". If a row has no name, the
/// name is the last component of its path. A relative path in a manifest is relative to the
/// manifest's directory, so that the working directory does not matter; in a manifest from standard
/// input or a pipe, it is relative to the working directory. Names in one dataset must be unique.
///
/// For invalid rows, returns a manifest with `problems`. Errors, usage: the file cannot be opened
/// or read; `format` is automatic, and the extension is not .csv, .tsv, .jsonl or .ndjson; the
/// manifest has no rows. Error interrupted: a stop signal arrived (process/stop.h).
Result<Manifest> read_manifest(const std::string& path, ManifestFormat format);

/// Parses the manifest in `text`. `name`: the manifest's, for messages. `directory`: a prefix with
/// a slash for relative paths, or empty. Pure.
Manifest parse_manifest(std::string_view text, ManifestFormat format, const std::string& name,
                        const std::string& directory);

/// Returns the format for the extension of `name`; `automatic` for an unknown extension. Pure.
ManifestFormat format_of_name(std::string_view name);

}  // namespace sluice::cli
