#include "tools/databankd/store/thinking.h"

namespace sluice::databankd {

void Thinking::think(std::chrono::microseconds duration) {
  const auto deadline = std::chrono::steady_clock::now() + duration;
  const MutexLock lock(mutex_);
  while (!ended_ && std::chrono::steady_clock::now() < deadline)
    (void)changed_.wait_until(mutex_, deadline);
}

void Thinking::end() {
  const MutexLock lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

}  // namespace sluice::databankd
