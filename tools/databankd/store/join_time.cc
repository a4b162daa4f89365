#include "tools/databankd/store/join_time.h"

#include <algorithm>

#include "tools/databankd/base/byte_size.h"
#include "tools/databankd/base/duration.h"

namespace sluice::databankd {

std::chrono::microseconds JoinTime::of(std::uint64_t bytes) const {
  using Microseconds = std::chrono::duration<double, std::micro>;
  constexpr std::chrono::hours longest(24 * 30);
  const Microseconds taken =
      size == 0 ? Microseconds(time)
                : Microseconds(time) * (static_cast<double>(bytes) / static_cast<double>(size));
  return std::chrono::round<std::chrono::microseconds>(std::min(taken, Microseconds(longest)));
}

std::optional<JoinTime> parse_join_time(std::string_view text) {
  JoinTime join;
  if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
    const auto size = parse_byte_size(text.substr(slash + 1));
    if (!size || *size == 0) return std::nullopt;
    join.size = *size;
    text = text.substr(0, slash);
  }
  const auto time = parse_duration(text);
  if (!time) return std::nullopt;
  join.time = *time;
  return join;
}

}  // namespace sluice::databankd
