#include "tools/sluice/display/progress_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "engine/text.h"
#include "engine/units.h"
#include "tools/sluice/display/text_width.h"

namespace sluice::cli {
namespace {

constexpr std::string_view gap = "  ";
/// Enough to tell one name from another.
constexpr std::size_t least_name_columns = 8;

ProgressText progress_text(std::string what, const Progress& progress, const ProgressMeter& meter) {
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
  text.amount = fmt::format("{} of {}", format_size(progress.sent), format_size(progress.total));
  if (const auto left = meter.seconds_left(progress.total)) {
    text.rate = format_rate(meter.rate());
    text.left = fmt::format("{} left", format_duration(*left));
  }
  return text;
}

}  // namespace

std::string ProgressText::line() const {
  std::string text = what;
  for (const std::string* part : {&state, &amount, &rate, &left})
    if (!part->empty()) (text += gap) += *part;
  return text;
}

std::string ProgressText::line(std::size_t columns) const {
  const std::size_t name = text_width(what);
  const std::size_t least = std::min(name, least_name_columns);
  ProgressText shown = *this;
  const auto rest = [&] {
    std::size_t width = 0;
    for (const std::string* part : {&shown.state, &shown.amount, &shown.rate, &shown.left})
      if (!part->empty()) width += gap.size() + text_width(*part);
    return width;
  };
  for (std::string* part : {&shown.amount, &shown.rate, &shown.left})
    if (least + rest() > columns) part->clear();
  if (least + rest() > columns) shown.state = short_state;
  const std::size_t others = rest();
  if (others < columns) {
    shown.what = shorten(what, columns - others);
    return shown.line();
  }
  return shorten(shown.state, columns);
}

ProgressText progress_of_file(const std::string& name, const Progress& progress,
                              const ProgressMeter& meter) {
  return progress_text(printable(name), progress, meter);
}

ProgressText progress_of_all(std::size_t over, std::size_t files, const Progress& progress,
                             const ProgressMeter& meter) {
  return progress_text(fmt::format("{} of {} files", over, files), progress, meter);
}

}  // namespace sluice::cli
