#include "engine/upload/upload_outcome.h"

#include <utility>

namespace sluice {

void UploadOutcome::publish(const Stages& stages, const std::optional<Answer::Network>& network) {
  const MutexLock lock(mutex_);
  stages_ = stages;
  network_ = network;
}

void UploadOutcome::publish_no_network() {
  const MutexLock lock(mutex_);
  network_.reset();
}

void UploadOutcome::end(Report report) {
  const MutexLock lock(mutex_);
  report_ = std::move(report);
  network_.reset();
  is_over_ = true;
  ended_.notify_all();
}

Stages UploadOutcome::stages() const {
  const MutexLock lock(mutex_);
  return stages_;
}

std::optional<Answer::Network> UploadOutcome::network() const {
  const MutexLock lock(mutex_);
  return network_;
}

bool UploadOutcome::wait_until(Time deadline) {
  MutexLock lock(mutex_);
  while (!is_over_)
    if (!ended_.wait_until(mutex_, deadline)) return is_over_;
  return true;
}

Report UploadOutcome::wait() {
  MutexLock lock(mutex_);
  while (!is_over_) ended_.wait(mutex_);
  return report_;
}

Report UploadOutcome::report() const {
  const MutexLock lock(mutex_);
  return report_;
}

}  // namespace sluice
