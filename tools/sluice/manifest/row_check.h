#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tools/sluice/manifest/columns.h"
#include "tools/sluice/manifest/manifest.h"

namespace sluice::cli {

/// Converts the cells of rows to ManifestRows, and records problems. Independent of the format. One
/// thread at a time.
class RowCheck {
 public:
  /// `name` and `directory` as for parse_manifest().
  RowCheck(std::string name, std::string directory);
  RowCheck(const RowCheck&) = delete;
  RowCheck& operator=(const RowCheck&) = delete;

  /// Adds a row, or one problem for each of its errors.
  void add(std::size_t line, const Cells& cells);
  /// Adds a problem. `what`: the part of the sentence after the line number.
  void problem(std::size_t line, std::string_view what);
  /// Adds a warning. `what`: the part of the sentence after the manifest's name.
  void warn(std::string_view what);
  /// Adds problems for duplicate names, and returns the manifest. No other call is allowed after
  /// that.
  Manifest finish();

 private:
  struct Problem {
    std::size_t line;
    std::string sentence;
  };
  std::string at_line(std::size_t line, std::string_view what) const;
  /// Adds a problem for each row whose name is that of an earlier row.
  void find_duplicate_names();
  std::string path_of(std::string_view text) const;
  /// Each sets a part of `row`, or adds a problem and returns false.
  bool set_path(ManifestRow& row, const Cells& cells);
  bool set_dataset(ManifestRow& row, const Cells& cells);
  bool set_name(ManifestRow& row, const Cells& cells);
  bool set_bytes(ManifestRow& row, const Cells& cells);
  bool set_digest(ManifestRow& row, std::string& digest, const Cells& cells, Column column,
                  std::size_t digits);

  const std::string name_;
  const std::string directory_;
  Manifest manifest_;
  std::vector<Problem> problems_;  ///< the first Manifest::most_problems, sorted by line
};

}  // namespace sluice::cli
