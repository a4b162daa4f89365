#include "tools/sluice/manifest/csv_table.h"

#include <csv.h>
#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <utility>

namespace sluice::cli {
namespace {

/// libcsv strips white space around fields by default; in RFC 4180 it is part of the field.
int is_never_space(unsigned char) {
  return 0;
}

}  // namespace

void CsvTable::Free::operator()(csv_parser* parser) const {
  csv_free(parser);
  delete parser;
}

CsvTable::CsvTable(char delimiter, OnRow on_row)
    : on_row_(std::move(on_row)), parser_(new csv_parser{}) {
  csv_init(parser_.get(), CSV_STRICT | CSV_STRICT_FINI);
  csv_set_delim(parser_.get(), static_cast<unsigned char>(delimiter));
  csv_set_space_func(parser_.get(), is_never_space);
}

CsvTable::~CsvTable() = default;

void CsvTable::on_field(void* text, std::size_t length, void* self) {
  auto& table = *static_cast<CsvTable*>(self);
  try {
    if (length > 0) table.row_.append(static_cast<const char*>(text), length);
    table.ends_.push_back(table.row_.size());
  } catch (const std::bad_alloc&) {
    table.out_of_memory_ = true;  // exceptions must not cross libcsv
  }
}

void CsvTable::on_end_of_row(int, void* self) {
  static_cast<CsvTable*>(self)->row_ended_ = true;
}

void CsvTable::emit_row() {
  if (out_of_memory_) throw std::bad_alloc();
  if (!std::exchange(row_ended_, false)) return;
  std::vector<std::string_view> fields;
  fields.reserve(ends_.size());
  std::size_t begin = 0;
  for (const std::size_t end : ends_) {
    fields.push_back(std::string_view(row_).substr(begin, end - begin));
    begin = end;
  }
  on_row_(fields, row_line_);
  row_.clear();
  ends_.clear();
  row_line_ = 0;
  row_bytes_ = 0;
}

std::optional<CsvTable::SyntaxError> CsvTable::feed(std::string_view text) {
  // libcsv does not report line numbers: pass one line at a time.
  while (!text.empty()) {
    if (std::exchange(after_cr_, false) && text.front() == '\n') {
      if (auto error = feed_part_of_line(text.substr(0, 1))) return error;
      text.remove_prefix(1);
      continue;
    }
    const std::size_t end = text.find_first_of("\r\n");
    const std::string_view part = text.substr(0, end == text.npos ? end : end + 1);
    if (auto error = feed_part_of_line(part)) return error;
    if (end != text.npos) {
      ++line_;
      after_cr_ = part.back() == '\r';
    }
    text.remove_prefix(part.size());
  }
  return {};
}

std::optional<CsvTable::SyntaxError> CsvTable::feed_part_of_line(std::string_view part) {
  const bool blank = part.find_first_not_of("\r\n") == part.npos;
  if (row_line_ == 0 && !blank) row_line_ = line_;
  if (row_line_ != 0) row_bytes_ += part.size();
  if (row_bytes_ > longest_row)
    return SyntaxError{row_line_,
                       fmt::format("the row is longer than {} bytes: a field that begins with a "
                                   "quote may lack its closing quote",
                                   longest_row)};
  const std::size_t taken =
      csv_parse(parser_.get(), part.data(), part.size(), on_field, on_end_of_row, this);
  if (taken != part.size()) return syntax_error(csv_error(parser_.get()));
  // A row ends at a line end only, so a line or a part of it ends at most one row.
  emit_row();
  return {};
}

std::optional<CsvTable::SyntaxError> CsvTable::finish() {
  if (csv_fini(parser_.get(), on_field, on_end_of_row, this) == 0) {
    emit_row();
    return {};
  }
  if (csv_error(parser_.get()) == CSV_EPARSE)
    return SyntaxError{row_line_,
                       "a field of the row begins with a quote and has no closing quote: close "
                       "the field with a quote"};
  return syntax_error(csv_error(parser_.get()));
}

CsvTable::SyntaxError CsvTable::syntax_error(int code) const {
  if (code == CSV_ENOMEM) throw std::bad_alloc();
  return {line_,
          "a quote stands inside a field without quotes, or text follows a closing quote: put the "
          "whole field in quotes, and double the quotes inside (\"\")"};
}

}  // namespace sluice::cli
