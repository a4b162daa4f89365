#include "tools/sluice/display/progress_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "engine/base/text.h"
#include "engine/base/units.h"
#include "tools/sluice/display/text_width.h"

namespace sluice::cli {
namespace {

constexpr std::string_view gap = "  ";
/// Enough to tell names apart.
constexpr std::size_t min_name_columns = 8;
/// A longer estimate is not shown: the transfer has just begun, or waits for a server that is down.
constexpr double longest_left_s = 99 * 86400.0;
/// Names are not shortened below this while other parts can be shortened.
constexpr std::size_t preferred_name_columns = 16;

ProgressText progress_text(std::string what, const Progress& progress, const ProgressMeter& meter,
                           std::optional<Bottleneck> bottleneck) {
  ProgressText text;
  text.what = std::move(what);
  if (progress.total == 0 || progress.sent >= progress.total) {
    text.state = "waiting for the server";
    text.short_state = progress.total == 0 ? "waiting" : "100 %";
    return text;
  }
  const double percent =
      100.0 * static_cast<double>(progress.sent) / static_cast<double>(progress.total);
  text.state = text.short_state = fmt::format("{} %", static_cast<int>(percent));
  const std::string sent = format_size(progress.sent);
  const std::string total = format_size(progress.total);
  text.amount = fmt::format("{} of {}", sent, total);
  const std::size_t unit = total.find(' ');
  text.short_amount = unit != std::string::npos && sent.ends_with(total.substr(unit))
                          ? fmt::format("{}/{}", sent.substr(0, sent.find(' ')), total)
                          : fmt::format("{}/{}", sent, total);
  if (const auto left = meter.seconds_for(progress.total - progress.sent)) {
    text.rate = format_rate(meter.rate());
    if (*left <= longest_left_s) text.left = fmt::format("{} left", format_duration(*left));
    if (bottleneck) text.bottleneck = to_string(*bottleneck);
  }
  return text;
}

/// The parts of a line after the name, and their forms.
struct Shape {
  std::size_t min_name = min_name_columns;
  bool short_state = false;
  enum class Amount { full, brief, none } amount = Amount::none;
  bool rate = false;
  bool left = false;
  enum class Cause { labelled, bare, none } bottleneck = Cause::none;
};

/// In the order in which they are tried.
constexpr std::array shapes{
    Shape{preferred_name_columns, false, Shape::Amount::full, true, true, Shape::Cause::labelled},
    Shape{preferred_name_columns, false, Shape::Amount::brief, true, true, Shape::Cause::labelled},
    Shape{preferred_name_columns, false, Shape::Amount::brief, true, true, Shape::Cause::bare},
    Shape{min_name_columns, false, Shape::Amount::full, true, true, Shape::Cause::bare},
    Shape{min_name_columns, false, Shape::Amount::brief, true, true, Shape::Cause::bare},
    Shape{min_name_columns, false, Shape::Amount::none, true, true, Shape::Cause::bare},
    Shape{min_name_columns, false, Shape::Amount::none, true, true, Shape::Cause::none},
    Shape{min_name_columns, false, Shape::Amount::none, false, true, Shape::Cause::none},
    Shape{min_name_columns, false, Shape::Amount::none, false, false, Shape::Cause::none},
    Shape{min_name_columns, true, Shape::Amount::none, false, false, Shape::Cause::none},
};

constexpr std::size_t parts = 5;
using RowCells = std::array<std::string, parts>;
constexpr std::size_t state_cell = 0;

RowCells cells_of(const ProgressText& text, const Shape& shape) {
  RowCells cells;
  cells[state_cell] = shape.short_state ? text.short_state : text.state;
  if (shape.amount != Shape::Amount::none)
    cells[1] = shape.amount == Shape::Amount::full ? text.amount : text.short_amount;
  if (shape.rate) cells[2] = text.rate;
  if (shape.left) cells[3] = text.left;
  if (shape.bottleneck != Shape::Cause::none && !text.bottleneck.empty())
    cells[4] = (shape.bottleneck == Shape::Cause::labelled ? "bottleneck: " : "") + text.bottleneck;
  return cells;
}

/// Whether the row has a state in words ("waiting for the server") and no other parts. The state
/// may then use the space of all parts.
bool has_state_only(const RowCells& cells) {
  return std::all_of(cells.begin() + 1, cells.end(), [](const auto& cell) { return cell.empty(); });
}

std::string blanks(std::size_t count) {
  return std::string(count, ' ');
}

/// Lines of one shape.
struct Table {
  std::vector<RowCells> rows;
  std::array<std::size_t, parts> widths{};  ///< of the cells
  std::size_t rest = 0;                     ///< the width of all parts after the name

  Table(const std::vector<ProgressText>& texts, const Shape& shape) {
    for (const ProgressText& text : texts) rows.push_back(cells_of(text, shape));
    std::size_t words = 0;
    for (const RowCells& row : rows) {
      if (has_state_only(row)) words = std::max(words, gap.size() + text_width(row[state_cell]));
      if (has_state_only(row)) continue;
      for (std::size_t i = 0; i < parts; ++i) widths[i] = std::max(widths[i], text_width(row[i]));
    }
    for (const std::size_t width : widths)
      if (width > 0) rest += gap.size() + width;
    rest = std::max(rest, words);
  }

  /// Returns everything after the name.
  std::string line(std::size_t row) const {
    const RowCells& cells = rows[row];
    if (has_state_only(cells)) return std::string(gap) + cells[state_cell];
    std::string text;
    std::size_t pending_blanks = 0;  // pending blanks, written if a part follows
    for (std::size_t i = 0; i < parts; ++i) {
      if (widths[i] == 0) continue;
      const std::size_t fill = widths[i] - text_width(cells[i]);
      pending_blanks += gap.size();
      if (cells[i].empty()) {
        pending_blanks += fill;
        continue;
      }
      if (i == state_cell) pending_blanks += fill;  // percentages are right-aligned
      text += blanks(pending_blanks) + cells[i];
      pending_blanks = i == state_cell ? 0 : fill;
    }
    return text;
  }
};

}  // namespace

std::string ProgressText::line() const {
  const Table table({*this}, shapes.front());
  return what + table.line(0);
}

std::string ProgressText::line(std::size_t columns) const {
  return aligned_lines({*this}, columns).front();
}

std::vector<std::string> aligned_lines(const std::vector<ProgressText>& texts,
                                       std::size_t columns) {
  std::size_t name = 0;
  for (const ProgressText& text : texts) name = std::max(name, text_width(text.what));
  const auto fits = [&](const Shape& shape) {
    return std::min(name, shape.min_name) + Table(texts, shape).rest <= columns;
  };
  auto shape = std::find_if(shapes.begin(), shapes.end(), fits);
  if (shape == shapes.end()) shape = shapes.end() - 1;
  const Table table(texts, *shape);
  const std::size_t room = columns > table.rest ? std::min(name, columns - table.rest) : 0;
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (room == 0) {
      lines.push_back(shorten(table.rows[i][state_cell], columns));
      continue;
    }
    std::string line = shorten(texts[i].what, room);
    line += blanks(room - text_width(line));
    lines.push_back(line + table.line(i));
  }
  return lines;
}

ProgressText progress_of_file(const std::string& name, const Progress& progress,
                              const ProgressMeter& meter, std::optional<Bottleneck> bottleneck) {
  return progress_text(printable(name), progress, meter, bottleneck);
}

ProgressText progress_of_all(std::size_t finished, std::size_t files, const Progress& progress,
                             const ProgressMeter& meter, std::optional<Bottleneck> bottleneck) {
  return progress_text(fmt::format("{} of {} files", finished, files), progress, meter, bottleneck);
}

}  // namespace sluice::cli
