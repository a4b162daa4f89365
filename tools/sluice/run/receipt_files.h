#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "engine/report/report.h"
#include "io/result.h"

namespace sluice::cli {

/// Receipts are named NAME.sluice.json.
inline constexpr std::string_view receipt_suffix = ".sluice.json";

/// Writes the files of --receipt and --sums for registered files. One thread at a time.
class ReceiptFiles {
 public:
  /// A directory, and a file for lists of checksums; empty for none.
  ReceiptFiles(std::string directory, std::string sums)
      : directory_(std::move(directory)), sums_(std::move(sums)) {}

  bool wanted() const { return !directory_.empty() || !sums_.empty(); }
  /// Checks that the files can be written, so that a long upload does not fail at the end. Error
  /// usage, which names the option.
  Result<void> check() const;
  /// Returns whether the receipt of that file exists and no list is wanted, so that nothing is
  /// missing.
  bool exists(const std::string& name) const;
  /// Writes the receipt of `report`, which must have one, and appends its checksums to the list.
  /// Checksums of a file that an earlier run registered are appended only if the list lacks them.
  /// Errors: those of write_whole_file() and append_to_file() (io/replace_file.h).
  Result<void> write(const Report& report);

 private:
  std::string path_of(const std::string& name) const;
  bool has_lines(const std::string& lines);

  const std::string directory_;
  const std::string sums_;
  /// The lines of the list at the first use.
  std::optional<std::unordered_set<std::string>> lines_;
};

}  // namespace sluice::cli
