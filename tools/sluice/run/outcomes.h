#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/report/report.h"

namespace sluice::cli {

/// The results of the files of a run: counts, the names for the summary line, the worst exit code,
/// and the JSON report. Does not keep Reports, because a run may have 100,000 files. One thread at
/// a time.
class Outcomes {
 public:
  /// `json`: keeps the JSON text of each report for write_json().
  explicit Outcomes(bool json) : json_(json) {}

  /// Adds the result of the file with that `number`, its position in the report; each number once.
  /// `more`: more fields of its JSON object, as text.
  void add(std::size_t number, const Report& report, const std::string& more = {});

  /// Adds a file that was skipped as requested. `json`: its object in "left_out".
  void add_left_out(std::string json);
  /// Adds to the number of skipped files and directories without an object of their own.
  void count_left_out(std::size_t count) { left_out_ += count; }
  std::size_t left_out() const { return left_out_; }

  /// Adds fields to the report, as JSON text.
  void add_field(const std::string& json);

  /// Sets the exit code to `code` if that is worse (worse_code()).
  void note_code(int code);

  std::size_t count() const { return count_; }
  /// Returns the worst exit code (sluice-put(1), EXIT STATUS); 0 without errors.
  int code() const { return code_; }

  /// Whether a file was interrupted or not started.
  bool is_incomplete() const;

  /// Returns the summary line: "98 registered, 1 unconfirmed (f039), 1 failed (f058)", with the
  /// first five names of each kind that is not registered, ordered by number, and ", 3 left out".
  /// `dry_run`: files that were not started would be uploaded.
  std::string summary_line(bool dry_run) const;

  /// Passes the report of the run to `write` in pieces, as one JSON object (sluice-json(5)) without
  /// a newline. Uploads are ordered by number; each is released after it is written. `error`: why
  /// there are no uploads.
  void write_json(const std::function<void(std::string)>& write,
                  const std::optional<Error>& error = {});

 private:
  enum class Kind { registered, registered_before, unconfirmed, failed, interrupted, not_started };
  static constexpr std::size_t kinds = 6;
  static Kind kind_of(const Report& report);
  struct Group {
    std::size_t count = 0;
    std::map<std::size_t, std::string> first;  ///< names, by number
  };

  const bool json_;
  std::size_t count_ = 0;
  int code_ = 0;
  std::array<Group, kinds> groups_;
  std::map<std::size_t, std::string> texts_;  ///< JSON, by number
  std::size_t left_out_ = 0;
  std::vector<std::string> left_out_texts_;  ///< JSON
  std::string fields_;                       ///< JSON, each preceded by a comma
};

}  // namespace sluice::cli
