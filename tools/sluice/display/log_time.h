#pragma once

#include <ctime>
#include <string>

namespace sluice::cli {

/// Returns a local time with its UTC offset in the format of RFC 3339: 2026-11-28T14:03:05-06:00.
/// `offset_s`: seconds east of UTC, as in tm_gmtoff.
std::string log_time(const std::tm& local, long offset_s);

/// Returns a time in seconds since 1970 in that format, in the local time zone. Any thread.
std::string log_time(std::time_t time);

}  // namespace sluice::cli
