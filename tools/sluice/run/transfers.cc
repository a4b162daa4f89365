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
  cancel();  // cancel all before waiting for the first
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

std::vector<std::pair<std::size_t, Progress>> Transfers::progress() const {
  std::vector<std::pair<std::size_t, Progress>> each;
  for (const auto& [number, upload] : uploads_) each.emplace_back(number, upload->progress());
  return each;
}

std::uint64_t Transfers::transmitted() const {
  std::uint64_t sum = taken_transmitted_;
  for (const auto& [number, upload] : uploads_) sum += upload->progress().transmitted;
  return sum;
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
  taken_transmitted_ += found->second->progress().transmitted;
  uploads_.erase(found);
  return report;
}

}  // namespace sluice::cli
