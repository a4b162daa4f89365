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

/// How the files of a run ended: counts, the names that the closing line shows, the worst exit
/// code, and the JSON report. Keeps no Report: a run may have 100,000 files. One thread at a time.
class Outcomes {
 public:
  /// `json`: keeps the JSON text of each report, for write_json().
  explicit Outcomes(bool json) : json_(json) {}

  /// The end of the file with that `number`, which is its place in the report; each number once.
  /// `more`: further fields of its JSON object, as text.
  void add(std::size_t number, const Report& report, const std::string& more = {});

  /// A file that is not uploaded, as the user asked for. `json`: its object in "left_out".
  void add_left_out(std::string json);
  /// How many files and directories those are, if not all of them were added.
  void count_left_out(std::size_t count) { left_out_ += count; }
  std::size_t left_out() const { return left_out_; }

  /// Further fields of the report, as JSON text.
  void add_field(const std::string& json);

  /// `code` becomes the exit code where it is worse (worse_code()).
  void note_code(int code);

  std::size_t count() const { return count_; }
  /// The worst of all (sluice-put(1), EXIT STATUS); 0: no error was noted.
  int code() const { return code_; }

  /// Whether a file was interrupted or not started.
  bool was_cut_short() const;

  /// "98 registered, 1 unconfirmed (f039), 1 failed (f058)": with the names of those that are not
  /// registered, the first five of each kind in the order of their numbers, and ", 3 left out".
  /// `dry_run`: files that were not started would be uploaded.
  std::string closing_line(bool dry_run) const;

  /// Gives `write` the report of the run as one JSON object (sluice-json(5)), without a newline,
  /// piece by piece, its uploads in the order of their numbers; each is forgotten with that.
  /// `error`: why there were no uploads to report on.
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
  std::string fields_;                       ///< JSON, each behind a comma
};

}  // namespace sluice::cli
