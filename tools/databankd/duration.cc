#include "tools/databankd/duration.h"

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
  if (!(number >= 0 && number * unit <= longest)) return std::nullopt;  // not a number is neither
  return std::chrono::round<std::chrono::microseconds>(
      std::chrono::duration<double>(number * unit));
}

}  // namespace sluice::databankd
