#pragma once

#include <sys/stat.h>

#include <compare>
#include <cstdint>
#include <string>

namespace sluice {

/// A modification time: whole seconds since 1970 (negative before) and the nanoseconds after them.
/// A single 64-bit count of nanoseconds would overflow in 2262; file systems support later times.
struct FileTime {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;  ///< 0 to 999'999'999, also before 1970

  auto operator<=>(const FileTime&) const = default;
};

/// Returns st_mtim.
FileTime modified_at(const struct stat& facts);

/// Returns `time` as ISO 8601 in UTC: "2026-02-03T04:05:06Z", with nine fractional digits unless
/// they are all 0: "2026-02-03T04:05:06.000000007Z". Years outside 0000 to 9999 have a sign, as ISO
/// 8601 requires: "+12026-02-03T04:05:06Z". If the year does not fit into 31 bits, returns seconds
/// since 1970 in the format of `date -d`: "@9223372036854775807". Any thread.
std::string utc_time(FileTime time);

}  // namespace sluice
