#include "tools/databankd/store/back_ends.h"

#include <charconv>

namespace sluice::databankd {

BackEnds::Place BackEnds::place(std::string_view value) {
  if (count_ == 1) return {};
  unsigned number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error == std::errc() && end == value.data() + value.size() && number >= 1 && number <= count_)
    return {.number = number};
  const MutexLock lock(mutex_);
  number = turns_ + 1;
  turns_ = number % count_;
  return {.number = number, .is_new = true};
}

void BackEnds::put(const std::string& upload, unsigned number) {
  if (count_ == 1) return;
  const MutexLock lock(mutex_);
  uploads_[upload] = number;
}

bool BackEnds::has(const std::string& upload, unsigned number) const {
  const MutexLock lock(mutex_);
  const auto found = uploads_.find(upload);
  return found == uploads_.end() || found->second == number;
}

}  // namespace sluice::databankd
