#include "io/file_time.h"

#include <fmt/format.h>

#include <cstdlib>
#include <ctime>

namespace sluice {

FileTime modified_at(const struct stat& facts) {
  return {facts.st_mtim.tv_sec, static_cast<std::uint32_t>(facts.st_mtim.tv_nsec)};
}

std::string utc_time(FileTime time) {
  const std::string fraction =
      time.nanoseconds != 0 ? fmt::format(".{:09}", time.nanoseconds) : std::string();
  const std::time_t seconds = time.seconds;
  std::tm parts{};
  if (::gmtime_r(&seconds, &parts) == nullptr) return fmt::format("@{}{}", seconds, fraction);
  const std::int64_t year = std::int64_t{parts.tm_year} + 1900;
  const char* const sign = year < 0 ? "-" : year > 9999 ? "+" : "";
  return fmt::format("{}{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}Z", sign, std::abs(year),
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     fraction);
}

}  // namespace sluice
