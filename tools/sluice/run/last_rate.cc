#include "tools/sluice/run/last_rate.h"

#include <algorithm>

namespace sluice::cli {

std::optional<LastRate> last_rate(std::vector<Journal::Timing> uploads) {
  std::sort(uploads.begin(), uploads.end(),
            [](const Journal::Timing& one, const Journal::Timing& other) {
              return one.registered_s > other.registered_s;
            });
  constexpr std::int64_t longest_pause_s = 60;
  constexpr std::uint64_t least_bytes = 1 << 20;
  LastRate rate;
  std::int64_t begin = 0;
  std::uint64_t bytes = 0;
  for (const Journal::Timing& upload : uploads) {
    if (rate.files > 0 && upload.registered_s + longest_pause_s < begin) break;
    begin = rate.files == 0 ? upload.started_s : std::min(begin, upload.started_s);
    bytes += upload.bytes;
    ++rate.files;
  }
  if (rate.files == 0 || bytes < least_bytes) return {};
  const std::int64_t seconds = uploads.front().registered_s - begin;
  if (seconds < 1) return {};
  rate.bytes_per_second = static_cast<double>(bytes) / static_cast<double>(seconds);
  return rate;
}

}  // namespace sluice::cli
