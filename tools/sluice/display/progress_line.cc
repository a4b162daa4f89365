#include "tools/sluice/display/progress_line.h"

#include <algorithm>

namespace sluice::cli {

void ProgressLine::show(const ProgressText& text, Clock::time_point now) {
  switch (console_.progress()) {
    case Console::Progress::live:
      console_.live_line(text);
      break;
    case Console::Progress::lines:
      if (now < next_) break;
      console_.plain_line(text);
      interval_ = std::min<std::chrono::seconds>(interval_ * 2, std::chrono::minutes(5));
      next_ = now + interval_;
      break;
    case Console::Progress::none:
      break;
  }
}

}  // namespace sluice::cli
