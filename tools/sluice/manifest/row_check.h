#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tools/sluice/manifest/columns.h"
#include "tools/sluice/manifest/manifest.h"

namespace sluice::cli {

/// Turns the rows of a manifest into ManifestRows, and says what is wrong with the others. Knows
/// nothing of the format. One thread at a time.
class RowCheck {
 public:
  /// `name` and `directory` as parse_manifest() has them.
  RowCheck(std::string name, std::string directory);
  RowCheck(const RowCheck&) = delete;
  RowCheck& operator=(const RowCheck&) = delete;

  /// Adds a row to the manifest, or a problem for each thing that is wrong with it.
  void add(std::size_t line, const Cells& cells);
  /// Adds a problem: the part of the sentence behind the line.
  void problem(std::size_t line, std::string_view what);
  /// Adds a warning: the part of the sentence behind the manifest's name.
  void warn(std::string_view what);
  /// Looks for names that are used twice, and returns the manifest. Nothing may be called
  /// afterwards.
  Manifest finish();

 private:
  struct Problem {
    std::size_t line;
    std::string sentence;
  };
  std::string at_line(std::size_t line, std::string_view what) const;
  /// Adds a problem for each row whose name is that of an earlier row.
  void find_names_used_twice();
  std::string path_of(std::string_view text) const;
  /// Each sets its part of `row`; false, with a problem added, where that is not possible.
  bool set_path(ManifestRow& row, const Cells& cells);
  bool set_dataset(ManifestRow& row, const Cells& cells);
  bool set_name(ManifestRow& row, const Cells& cells);
  bool set_bytes(ManifestRow& row, const Cells& cells);
  bool set_digest(ManifestRow& row, std::string& digest, const Cells& cells, Column column,
                  std::size_t digits);

  const std::string name_;
  const std::string directory_;
  Manifest manifest_;
  std::vector<Problem> problems_;  ///< the first Manifest::most_problems ones, by line
};

}  // namespace sluice::cli
