#include "tools/sluice/display/progress_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/sluice/display/text_width.h"

namespace sluice::cli {
namespace {

/// Below this width the total always takes two lines: otherwise the number of lines would change
/// with the length of the numbers.
constexpr std::size_t min_one_line_columns = 95;

/// Leaves the last column free: some terminals wrap after a full line.
std::size_t usable_columns(std::size_t columns) {
  return std::max<std::size_t>(columns, 2) - 1;
}

std::vector<std::string> total_lines(const ProgressText& total, std::size_t columns,
                                     std::size_t most) {
  const std::string whole = total.line(columns);
  const bool complete = whole.find(total.rate) != std::string::npos &&
                        whole.find(total.left) != std::string::npos &&
                        (total.bottleneck.empty() || whole.ends_with(": " + total.bottleneck));
  if (most < 2 || total.rate.empty() || (complete && columns >= min_one_line_columns))
    return {whole};
  ProgressText first = total;
  first.rate.clear();
  first.left.clear();
  first.bottleneck.clear();
  // The rate takes the place of the name.
  ProgressText second;
  second.what = total.rate;
  second.state = second.short_state = total.left;
  second.bottleneck = total.bottleneck;
  return {first.line(columns), second.line(columns)};
}

}  // namespace

std::vector<std::string> live_lines(const ProgressView& view, std::size_t columns,
                                    std::size_t rows) {
  columns = usable_columns(columns);
  const std::size_t most = std::max<std::size_t>(rows / 3, 1);
  // A single file's progress stays in one line: its name can be shortened.
  const std::size_t most_total = view.transfers.empty() ? 1 : std::min<std::size_t>(most, 2);
  const std::vector<std::string> total = total_lines(view.total, columns, most_total);
  const std::size_t room = most - total.size();
  const std::size_t count = view.transfers.size();
  // One line is needed for the number of transfers that do not fit.
  const std::size_t shown = count <= room ? count : room > 0 ? room - 1 : 0;
  std::vector<std::string> lines = aligned_lines(
      {view.transfers.begin(), view.transfers.begin() + static_cast<long>(shown)}, columns);
  if (shown < count && room > 0)
    lines.push_back(
        shorten(fmt::format("and {} more transfer{}", count - shown, count - shown == 1 ? "" : "s"),
                columns));
  lines.insert(lines.end(), total.begin(), total.end());
  return lines;
}

}  // namespace sluice::cli
