#include "tools/sluice/run/time_left.h"

namespace sluice::cli {

std::optional<double> TimeLeft::update(Clock::time_point now, std::uint64_t done,
                                       std::uint64_t total) {
  // `done` decreases if a file restarts from the beginning.
  if (!begin_ || done < done_at_begin_) {
    begin_ = now;
    due_ = now + interval;
    done_at_begin_ = done;
    return {};
  }
  if (now < due_) return {};
  due_ = now + interval;
  if (done == done_at_begin_ || done >= total) return {};
  return static_cast<double>(total - done) * std::chrono::duration<double>(now - *begin_).count() /
         static_cast<double>(done - done_at_begin_);
}

}  // namespace sluice::cli
