#include "tools/sluice/display/live_area.h"

#include <fmt/format.h>

#include "tools/sluice/display/text_width.h"

namespace sluice::cli {
namespace {

constexpr std::string_view erase_rest_of_line = "\033[K";

}  // namespace

std::size_t LiveArea::rows(std::size_t columns) const {
  std::size_t rows = 0;
  for (const std::string& line : shown_)
    rows += terminal_ == Terminal::rewraps ? wrapped_rows(line, columns) : 1;
  return rows;
}

std::string LiveArea::blank(std::size_t rows) {
  // Not with ED (erase below): tmux first copies the whole screen into its history.
  std::string text(erase_rest_of_line);
  for (std::size_t row = 1; row < rows; ++row) text += std::string("\033[B") += erase_rest_of_line;
  return text + up(rows - 1);
}

std::string LiveArea::up(std::size_t rows) {
  return rows > 0 ? fmt::format("\r\033[{}A", rows) : "\r";
}

std::string LiveArea::draw(const Lines& lines, std::size_t columns) {
  if (lines.empty()) return erase(columns);
  if (terminal_ == Terminal::no_sequences) {
    const std::string text = is_shown() ? erase(columns) : "\r";
    shown_ = {lines.back()};
    return text + lines.back();
  }
  std::string text = "\r";
  if (is_shown()) {
    const std::size_t old_rows = rows(columns);
    text = up(old_rows - 1);
    // Rewrapped old rows do not line up with the new lines.
    if (columns != columns_ || lines.size() < shown_.size()) text += blank(old_rows);
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) text += "\r\n";
    text += lines[i];
    // Erase after writing the line: erasing first would make the terminal flicker. The first row
    // may also contain text that the user typed.
    text += erase_rest_of_line;
  }
  shown_ = lines;
  columns_ = columns;
  return text;
}

std::string LiveArea::erase(std::size_t columns) {
  if (!is_shown()) return {};
  std::string text;
  if (terminal_ == Terminal::no_sequences) {
    text = '\r' + std::string(text_width(shown_.front()), ' ') + '\r';
  } else {
    const std::size_t old_rows = rows(columns);
    text = up(old_rows - 1) + blank(old_rows);
  }
  shown_.clear();
  return text;
}

LiveArea::Terminal terminal_kind(std::string_view term, std::string_view no_color,
                                 std::string_view xterm_version) {
  using Terminal = LiveArea::Terminal;
  if (term.empty() || term == "dumb" || !no_color.empty()) return Terminal::no_sequences;
  // tmux, which rewraps lines, sets TERM to "screen", too. With "screen.*", GNU screen names its
  // outer terminal.
  if (term.starts_with("linux") || term.starts_with("screen.")) return Terminal::cuts;
  if (term.starts_with("xterm") && !xterm_version.empty()) return Terminal::cuts;
  return Terminal::rewraps;
}

}  // namespace sluice::cli
