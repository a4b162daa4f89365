#include "tools/sluice/display/progress_line.h"

#include <algorithm>

namespace sluice::cli {

void ProgressLine::show(const ProgressView& view, Clock::time_point now) {
  switch (console_.progress()) {
    case Console::Progress::live:
      console_.show_live(view);
      break;
    case Console::Progress::lines:
      if (now < next_) break;
      console_.plain_line(view.total);
      interval_ = std::min<std::chrono::seconds>(interval_ * 2, std::chrono::minutes(5));
      next_ = now + interval_;
      break;
    case Console::Progress::none:
      break;
  }
}

}  // namespace sluice::cli
