#include "tools/sluice/display/progress_display.h"

namespace sluice::cli {

void ProgressDisplay::show(const ProgressView& view, Clock::time_point now) {
  switch (console_.progress()) {
    case Console::Progress::live:
      console_.show_live(view);
      break;
    case Console::Progress::lines:
      if (next_line_.begin_if_due(now)) console_.plain_line(view.total);
      break;
    case Console::Progress::none:
      break;
  }
}

}  // namespace sluice::cli
