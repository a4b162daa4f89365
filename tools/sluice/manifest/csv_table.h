#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct csv_parser;

namespace sluice::cli {

/// A parser of CSV (RFC 4180) and of tables with another delimiter, based on libcsv in strict mode.
/// Accepts the text in pieces of any size and returns whole rows with line numbers.
///
/// A row ends at LF, CR LF or CR; the last row may lack the line end. A quoted field may contain
/// delimiters, line ends and doubled quotes. White space is part of a field. Blank lines are
/// ignored. One thread at a time.
class CsvTable {
 public:
  /// The maximum size of a row in bytes, with line ends. Without a limit, an unterminated quote
  /// makes the rest of the file one field.
  static constexpr std::size_t longest_row = std::size_t{1} << 20;

  /// Called for each row. `fields` is valid during the call only. `line`: the line where the row
  /// begins, from 1.
  using OnRow = std::function<void(const std::vector<std::string_view>& fields, std::size_t line)>;

  CsvTable(char delimiter, OnRow on_row);
  ~CsvTable();
  CsvTable(const CsvTable&) = delete;
  CsvTable& operator=(const CsvTable&) = delete;

  struct SyntaxError {
    std::size_t line = 0;
    std::string why;  ///< the cause and what to do: the part of the message after the line number
  };
  /// Parses the next piece. An error is final: the parser cannot find the next row.
  std::optional<SyntaxError> feed(std::string_view text);
  /// Ends the last row. Call after the last feed(), unless it returned an error.
  std::optional<SyntaxError> finish();

 private:
  struct Free {
    void operator()(csv_parser* parser) const;
  };
  static void on_field(void* text, std::size_t length, void* self);
  static void on_end_of_row(int terminator, void* self);
  std::optional<SyntaxError> feed_part_of_line(std::string_view part);
  /// Calls on_row_ if a row has ended.
  void emit_row();
  SyntaxError syntax_error(int code) const;

  const OnRow on_row_;
  const std::unique_ptr<csv_parser, Free> parser_;
  std::size_t line_ = 1;
  bool after_cr_ = false;     ///< the last byte was a CR: a following LF ends no line
  std::size_t row_line_ = 0;  ///< 0: between rows
  std::size_t row_bytes_ = 0;
  bool row_ended_ = false;
  bool out_of_memory_ = false;
  std::string row_;                ///< the fields of the row, concatenated
  std::vector<std::size_t> ends_;  ///< the end of each field in row_
};

}  // namespace sluice::cli
