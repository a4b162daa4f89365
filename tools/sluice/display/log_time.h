#pragma once

#include <ctime>
#include <string>

namespace sluice::cli {

/// Returns the local time with its offset from UTC, as RFC 3339 has it: 2026-11-28T14:03:05-06:00.
/// `offset_s`: seconds east of UTC, as tm_gmtoff has them.
std::string log_time(const std::tm& local, long offset_s);

/// The same for a time in seconds since 1970, in the time zone of the environment. Any thread.
std::string log_time(std::time_t time);

}  // namespace sluice::cli
