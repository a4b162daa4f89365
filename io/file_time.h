#pragma once

#include <sys/stat.h>

#include <compare>
#include <cstdint>
#include <string>

namespace sluice {

/// A time of modification as file systems keep it: whole seconds since 1970 (negative before) and
/// the nanoseconds after them. One 64-bit count of nanoseconds would end in 2262, where file
/// systems go on for billions of years.
struct FileTime {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;  ///< 0 to 999'999'999, also before 1970

  auto operator<=>(const FileTime&) const = default;
};

/// The time of modification in what stat() reports.
FileTime modified_at(const struct stat& facts);

/// Returns ISO 8601 in UTC: "2026-02-03T04:05:06Z", with nine digits of fraction where it is not 0:
/// "2026-02-03T04:05:06.000000007Z". Years outside of 0000 to 9999 have a sign, as ISO 8601 asks
/// for: "+12026-02-03T04:05:06Z". A year that 31 bits do not hold is written as seconds since 1970,
/// the way `date -d` reads them: "@9223372036854775807". Any thread.
std::string utc_time(FileTime time);

}  // namespace sluice
