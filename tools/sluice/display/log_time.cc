#include "tools/sluice/display/log_time.h"

#include <fmt/format.h>

#include <cstdlib>

namespace sluice::cli {

std::string log_time(const std::tm& local, long offset_s) {
  const long minutes = std::labs(offset_s) / 60;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}{:02}:{:02}", local.tm_year + 1900,
                     local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec,
                     offset_s < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

std::string log_time(std::time_t time) {
  std::tm local{};
  ::localtime_r(&time, &local);
  return log_time(local, local.tm_gmtoff);
}

}  // namespace sluice::cli
