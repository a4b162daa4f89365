#include "tools/sluice/tokens/token_expiry.h"

#include <fmt/format.h>

#include "engine/base/units.h"

namespace sluice::cli {
namespace {

double seconds(WallTime::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

std::string when(WallTime time, WallTime now) {
  return time > now ? "in " + format_duration(seconds(time - now))
                    : format_duration(seconds(now - time)) + " ago";
}

std::optional<std::string> expiry_warning(const std::string& dataset, WallTime added, WallTime now,
                                          std::optional<double> left, const std::string& command) {
  const WallTime expires = token_expires(added, now);
  if (expires <= now)
    return fmt::format(
        "the stored token for dataset {} has expired ({}; tokens expire after 3 days): if the "
        "server refuses the token, get a new one from the dataset's edit page and store it with: "
        "{}",
        dataset, when(expires, now), command);
  if (!left || *left <= seconds(expires - now)) return {};
  return fmt::format(
      "the stored token for dataset {} expires {}, and the uploads take about another {}: "
      "store a new token while they run with: {}",
      dataset, when(expires, now), format_duration(*left), command);
}

}  // namespace sluice::cli
