#include "tools/databankd/base/duration.h"

#include <charconv>

namespace sluice::databankd {

std::optional<std::chrono::microseconds> parse_duration(std::string_view text) {
  constexpr double longest = 86400;  // seconds
  if (text == "0") return std::chrono::microseconds(0);
  if (!text.ends_with('s')) return std::nullopt;
  text.remove_suffix(1);
  const double unit = text.ends_with('m') ? 1e-3 : 1;
  if (text.ends_with('m')) text.remove_suffix(1);
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (!(number >= 0 && number * unit <= longest)) return std::nullopt;  // also rejects NaN
  return std::chrono::round<std::chrono::microseconds>(
      std::chrono::duration<double>(number * unit));
}

std::optional<std::chrono::microseconds> parse_lifetime(std::string_view text) {
  if (const auto duration = parse_duration(text)) return duration;
  const std::chrono::minutes unit = text.ends_with('m')   ? std::chrono::minutes(1)
                                    : text.ends_with('h') ? std::chrono::hours(1)
                                    : text.ends_with('d') ? std::chrono::hours(24)
                                                          : std::chrono::minutes(0);
  if (unit.count() == 0) return std::nullopt;
  text.remove_suffix(1);
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() ||
      number > std::chrono::hours(24 * 1000) / unit)
    return std::nullopt;
  return unit * number;
}

}  // namespace sluice::databankd
