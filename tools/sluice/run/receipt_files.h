#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "engine/report/report.h"
#include "io/result.h"

namespace sluice::cli {

/// Receipts are called NAME.sluice.json.
inline constexpr std::string_view receipt_suffix = ".sluice.json";

/// What --receipt and --sums write of each registered file. One thread at a time.
class ReceiptFiles {
 public:
  /// A directory, and a file for lists of checksums; empty for none.
  ReceiptFiles(std::string directory, std::string sums)
      : directory_(std::move(directory)), sums_(std::move(sums)) {}

  bool wanted() const { return !directory_.empty() || !sums_.empty(); }
  /// Whether they can be written, before anything is sent: after three days it is too late. Error
  /// usage, which names the option.
  Result<void> check() const;
  /// Whether the receipt of that file is there and no list is wanted, so that nothing is missing.
  bool exists(const std::string& name) const;
  /// Writes the receipt of `report`, which has one, and appends its checksums to the list; those of
  /// a file that an earlier run has registered only if the list does not have them. Errors: those
  /// of write_whole_file() and append_to_file() (io/replace_file.h).
  Result<void> write(const Report& report);

 private:
  std::string path_of(const std::string& name) const;
  bool has_lines(const std::string& lines);

  const std::string directory_;
  const std::string sums_;
  /// The lines of the list as it was when it was first looked at.
  std::optional<std::unordered_set<std::string>> lines_;
};

}  // namespace sluice::cli
