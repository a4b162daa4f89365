#include "tools/databankd/base/byte_size.h"

#include <charconv>
#include <limits>

namespace sluice::databankd {

std::optional<std::uint64_t> parse_byte_size(std::string_view text) {
  unsigned shift = 0;
  if (!text.empty()) {
    constexpr std::string_view units = "KMGT";
    const std::size_t unit = units.find(text.back());
    if (unit != std::string_view::npos) {
      shift = 10 * (static_cast<unsigned>(unit) + 1);
      text.remove_suffix(1);
    }
  }
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() ||
      number > (std::numeric_limits<std::uint64_t>::max() >> shift))
    return std::nullopt;
  return number << shift;
}

}  // namespace sluice::databankd
