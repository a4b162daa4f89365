#include "tools/sluice/run/transfers.h"

#include <deque>
#include <utility>

#include "io/sync.h"

namespace sluice::cli {

struct Transfers::Ended {
  Mutex mutex;
  CondVar changed;
  std::deque<std::size_t> numbers SLUICE_GUARDED_BY(mutex);
};

Transfers::Transfers() : ended_(std::make_shared<Ended>()) {}

Transfers::~Transfers() {
  cancel();  // all of them before the first is waited for
}

std::function<void()> Transfers::on_over(std::size_t number) {
  return [ended = ended_, number] {
    const MutexLock lock(ended->mutex);
    ended->numbers.push_back(number);
    ended->changed.notify_one();
  };
}

void Transfers::add(std::size_t number, std::unique_ptr<Upload> upload) {
  uploads_[number] = std::move(upload);
}

Progress Transfers::progress() const {
  Progress sum;
  for (const auto& [number, upload] : uploads_) {
    const Progress one = upload->progress();
    sum.total += one.total;
    sum.sent += one.sent;
    sum.committed += one.committed;
    sum.handed += one.handed;
  }
  return sum;
}

std::uint64_t Transfers::handed() const {
  return taken_handed_ + progress().handed;
}

void Transfers::cancel() {
  for (const auto& [number, upload] : uploads_) upload->cancel();
}

std::optional<std::size_t> Transfers::wait_until(std::chrono::steady_clock::time_point deadline) {
  const MutexLock lock(ended_->mutex);
  while (ended_->numbers.empty())
    if (!ended_->changed.wait_until(ended_->mutex, deadline)) break;
  if (ended_->numbers.empty()) return {};
  const std::size_t number = ended_->numbers.front();
  ended_->numbers.pop_front();
  return number;
}

Report Transfers::take(std::size_t number) {
  const auto found = uploads_.find(number);
  Report report = found->second->wait();
  taken_handed_ += found->second->progress().handed;
  uploads_.erase(found);
  return report;
}

}  // namespace sluice::cli
