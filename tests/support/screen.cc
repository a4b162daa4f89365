#include "tests/support/screen.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <tuple>
#include <utility>

namespace sluice::test {
namespace {

std::size_t sequence_length(unsigned char first) {
  return first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
}

std::uint32_t code_point(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first;
  std::uint32_t code = first & (0xFFU >> (character.size() + 1));
  for (const char byte : character.substr(1)) code = code << 6 | (byte & 0x3F);
  return code;
}

bool is_in(std::uint32_t code, const auto& ranges) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const auto& range) {
    return code >= range.first && code <= range.second;
  });
}

/// A table independent of text_width(), so that errors there are detected.
std::size_t width_of(std::uint32_t code) {
  using Range = std::pair<std::uint32_t, std::uint32_t>;
  static constexpr std::array<Range, 4> combining{
      {{0x300, 0x36F}, {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}}};
  static constexpr std::array<Range, 6> wide{{{0x1100, 0x115F},
                                              {0x2E80, 0xA4CF},
                                              {0xAC00, 0xD7A3},
                                              {0xF900, 0xFAFF},
                                              {0xFF01, 0xFF60},
                                              {0x1F300, 0x1FAFF}}};
  return is_in(code, combining) ? 0 : is_in(code, wide) ? 2 : 1;
}

}  // namespace

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const std::size_t size =
        std::min(text.size(), sequence_length(static_cast<unsigned char>(text[0])));
    columns += width_of(code_point(text.substr(0, size)));
    text.remove_prefix(size);
  }
  return columns;
}

Screen::Screen(std::size_t columns, std::size_t rows, OnResize on_resize)
    : columns_(columns), height_(rows), on_resize_(on_resize) {}

void Screen::write(std::string_view text) {
  pending_ += text;
  while (!pending_.empty() && take_one()) {
  }
}

bool Screen::take_one() {
  const char first = pending_[0];
  std::size_t size = sequence_length(static_cast<unsigned char>(first));
  if (first == '\033') {
    if (pending_.size() < 2) return false;
    if (pending_[1] != '[') {
      unknown_ += pending_.substr(0, 2);
      pending_.erase(0, 2);
      return true;
    }
    const auto end = std::find_if(pending_.begin() + 2, pending_.end(),
                                  [](char byte) { return byte >= 0x40 && byte <= 0x7E; });
    if (end == pending_.end()) return false;
    size = static_cast<std::size_t>(end - pending_.begin()) + 1;
    control(*end, pending_.substr(2, size - 3));
  } else if (pending_.size() < size) {
    return false;
  } else if (first == '\r') {
    column_ = 0;
  } else if (first == '\n') {
    line_feed();
  } else if (static_cast<unsigned char>(first) < 0x20) {
    unknown_ += first;
  } else {
    const std::string character = pending_.substr(0, size);
    put(character, width_of(code_point(character)));
  }
  pending_.erase(0, size);
  return true;
}

void Screen::put(const std::string& character, std::size_t width) {
  if (width == 0) {
    auto& cells = rows_[row_].cells;
    std::size_t before = std::min(column_, cells.size());
    while (before > 0 && cells[before - 1].width == 0) --before;
    if (before > 0) cells[before - 1].text += character;
    return;
  }
  if (column_ + width > columns_) {
    rows_[row_].wrapped = true;
    ++wraps_;
    line_feed();
    column_ = 0;
  }
  auto& cells = rows_[row_].cells;
  if (cells.size() < column_ + width) cells.resize(column_ + width, Cell{" "});
  cells[column_] = {character, width};
  if (width == 2) cells[column_ + 1] = {"", 0};
  column_ += width;
}

void Screen::line_feed() {
  if (++row_ == rows_.size()) rows_.emplace_back();
}

void Screen::control(char final_byte, const std::string& parameters) {
  Row& row = rows_[row_];
  if (final_byte == 'A') {
    const std::size_t up = parameters.empty() ? 1 : std::stoul(parameters);
    row_ = row_ - top() > up ? row_ - up : top();
    column_ = std::min(column_, columns_ - 1);
  } else if (final_byte == 'B') {
    const std::size_t down = parameters.empty() ? 1 : std::stoul(parameters);
    row_ = std::min(row_ + down, top() + height_ - 1);
    if (row_ >= rows_.size()) rows_.resize(row_ + 1);
    column_ = std::min(column_, columns_ - 1);
  } else if (final_byte == 'J' && parameters.empty() && row_ == top() && column_ == 0) {
    row_ = rows_.size();
    rows_.resize(row_ + height_);
  } else if ((final_byte == 'K' || final_byte == 'J') && parameters.empty()) {
    row.cells.resize(std::min(row.cells.size(), column_));
    row.wrapped = false;
    if (final_byte == 'J')
      for (std::size_t below = row_ + 1; below < rows_.size(); ++below) rows_[below] = {};
  } else {
    unknown_ += "\033[" + parameters + final_byte;
  }
}

void Screen::resize(std::size_t columns, std::size_t rows) {
  columns_ = columns;
  height_ = rows;
  if (on_resize_ == OnResize::rewrap) {
    rewrap();
    return;
  }
  for (Row& row : rows_) row.cells.resize(std::min(row.cells.size(), columns));
  column_ = std::min(column_, columns - 1);
}

void Screen::rewrap() {
  std::vector<Row> before{{}};
  std::swap(before, rows_);
  const std::size_t cursor_row = std::exchange(row_, 0);
  const std::size_t cursor_column = std::exchange(column_, 0);
  std::pair<std::size_t, std::size_t> cursor{0, 0};
  const std::size_t wraps = wraps_;
  for (std::size_t i = 0; i < before.size(); ++i) {
    for (std::size_t at = 0; at < before[i].cells.size(); ++at) {
      if (before[i].cells[at].width == 0) continue;
      put(before[i].cells[at].text, before[i].cells[at].width);
      if (i == cursor_row && at < cursor_column) cursor = {row_, column_};
    }
    if (i == cursor_row && cursor_column == 0) cursor = {row_, column_};
    if (before[i].wrapped || i + 1 == before.size()) continue;
    line_feed();
    column_ = 0;
    if (i + 1 == cursor_row && cursor_column == 0) cursor = {row_, 0};
  }
  wraps_ = wraps;
  std::tie(row_, column_) = cursor;
}

std::vector<std::string> Screen::rows() const {
  std::vector<std::string> result;
  for (const Row& row : rows_) {
    std::string text;
    for (const Cell& cell : row.cells) text += cell.text;
    text.erase(text.find_last_not_of(' ') + 1);
    result.push_back(std::move(text));
  }
  while (!result.empty() && result.back().empty()) result.pop_back();
  return result;
}

std::string Screen::text() const {
  std::string all;
  for (const std::string& row : rows()) all += row + '\n';
  return all;
}

}  // namespace sluice::test
