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

/// A reader of CSV (RFC 4180) and of tables with another delimiter, on top of libcsv in its strict
/// mode. Takes the text in pieces of any size and gives out whole rows with their line numbers.
///
/// A row ends at LF, CR LF or CR; the last row may lack its end. A field in quotes may contain
/// delimiters, ends of lines, and quotes, which are doubled. White space belongs to the fields.
/// Blank lines are no rows. One thread at a time.
class CsvTable {
 public:
  /// A row that is longer than this (bytes, ends of lines included) is an error: without a limit, a
  /// quote that is never closed takes the whole file as one field.
  static constexpr std::size_t longest_row = std::size_t{1} << 20;

  /// Called for each row. `fields`: valid during the call only. `line`: the line on which the row
  /// begins, from 1.
  using OnRow = std::function<void(const std::vector<std::string_view>& fields, std::size_t line)>;

  CsvTable(char delimiter, OnRow on_row);
  ~CsvTable();
  CsvTable(const CsvTable&) = delete;
  CsvTable& operator=(const CsvTable&) = delete;

  struct SyntaxError {
    std::size_t line = 0;
    std::string why;  ///< and what to do: the part of a sentence behind the place
  };
  /// Reads the next piece. Of an error, which is final: the rest cannot be told into rows.
  std::optional<SyntaxError> feed(std::string_view text);
  /// Ends the last row. Behind the last feed(), if that had no error.
  std::optional<SyntaxError> finish();

 private:
  struct Free {
    void operator()(csv_parser* parser) const;
  };
  static void on_field(void* text, std::size_t length, void* self);
  static void on_end_of_row(int terminator, void* self);
  std::optional<SyntaxError> feed_part_of_line(std::string_view part);
  /// Calls on_row_ if a row has ended.
  void give_out_row();
  SyntaxError syntax_error(int code) const;

  const OnRow on_row_;
  const std::unique_ptr<csv_parser, Free> parser_;
  std::size_t line_ = 1;
  bool after_cr_ = false;     ///< the last byte was a CR: an LF ends no other line
  std::size_t row_line_ = 0;  ///< 0: between rows
  std::size_t row_bytes_ = 0;
  bool row_ended_ = false;
  bool out_of_memory_ = false;
  std::string row_;                ///< the fields of the row, one behind the other
  std::vector<std::size_t> ends_;  ///< where in row_ each field ends
};

}  // namespace sluice::cli
