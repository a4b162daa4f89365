#include "engine/upload/rate_meter.h"

#include <algorithm>

#include "engine/base/seconds.h"

namespace sluice {
namespace {

/// Before that time, the bytes only fill the buffers of curl and the kernel.
constexpr double least_measured = 0.25;  // s
constexpr double most_measured = 2;      // s

}  // namespace

double RateMeter::look(std::uint64_t passed, Time now) {
  if (since_ == Time{} || passed < from_) {  // or bytes are sent again
    since_ = now;
    from_ = passed;
    return rate_;
  }
  const double elapsed = in_seconds(now - since_);
  if (elapsed < least_measured) return rate_;
  rate_ = std::max(1.0, static_cast<double>(passed - from_) / elapsed);
  if (elapsed > most_measured) {
    since_ = now;
    from_ = passed;
  }
  return rate_;
}

void RateMeter::restart() {
  since_ = {};
  rate_ = 0;
}

}  // namespace sluice
