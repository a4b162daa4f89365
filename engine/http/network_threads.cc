#include "engine/http/network_threads.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "engine/base/clock.h"

namespace sluice {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto measure_every = std::chrono::seconds(1);

/// The least number of idle connections that a thread keeps, if the user requested no number of
/// threads. With a low limit on open files, the engine therefore has one thread, because each
/// thread has descriptors of its own.
constexpr unsigned least_kept = 16;

/// Returns the most threads, which the limit on open files restricts.
unsigned number_of_threads(unsigned asked, unsigned cores) {
  const auto kept = static_cast<unsigned>(connections_kept_by_process());
  // A kept connection of one thread occupies a descriptor that another thread may need.
  return asked != 0 ? std::clamp(kept - 1, 1U, asked)
                    : std::clamp(kept / least_kept, 1U, NetworkThreads::automatic_number(cores));
}

}  // namespace

unsigned NetworkThreads::automatic_number(unsigned cores) {
  return std::clamp(cores / 4, 1U, 4U);
}

NetworkThreads::NetworkThreads(Setting setting)
    : number_(number_of_threads(setting.asked, setting.cores)),
      measures_(number_ > 1 && setting.asked == 0),
      make_(std::move(setting.make)),
      limits_(std::make_shared<NetworkLimits>(setting.bytes_per_second, number_)),
      choice_(number_, setting.asked != 0) {
  const MutexLock lock(mutex_);
  threads_.push_back({make_(0, limits_), {}});
  first_ = threads_.front().http.get();
}

NetworkThreads::~NetworkThreads() {
  std::vector<Transport*> all;
  {
    const MutexLock lock(mutex_);
    ending_ = true;
    for (const Thread& thread : threads_) all.push_back(thread.http.get());
  }
  for (Transport* const http : all) http->stop();
  // The threads may have posted work to each other, and work may post more work.
  bool did_any = true;
  while (did_any) {
    did_any = false;
    for (Transport* const http : all)
      if (http->drain()) did_any = true;
  }
}

NetworkThreads::Place NetworkThreads::place(std::uint64_t bytes) {
  const MutexLock lock(mutex_);
  unsigned chosen = choice_.place(bytes);
  // A chosen thread that does not exist yet is always the next one to start: threads are chosen in
  // order.
  if (chosen >= threads_.size()) {
    try {
      threads_.push_back({make_(static_cast<unsigned>(threads_.size()), limits_), {}});
    } catch (const std::exception&) {  // out of memory or threads
      choice_.leave(chosen);
      choice_.limit(static_cast<unsigned>(threads_.size()));
      chosen = choice_.place(bytes);
    }
  }
  ++placed_;
  measure_later();
  return {*this, chosen, *threads_[chosen].http};
}

unsigned NetworkThreads::started() const {
  const MutexLock lock(mutex_);
  return static_cast<unsigned>(threads_.size());
}

void NetworkThreads::measure_later() {
  if (!measures_ || ending_) return;
  for (Thread& thread : threads_)
    if (thread.last.at == Clock::time_point{})
      thread.last = {steady_now(), thread.http->cpu_time()};
  if (!std::exchange(measuring_, true))
    first_->post_at(steady_now() + measure_every, [this] { measure(); });
}

void NetworkThreads::measure() {
  const MutexLock lock(mutex_);
  measuring_ = false;
  if (ending_) return;
  for (unsigned i = 0; i < threads_.size(); ++i) {
    Measured& last = threads_[i].last;
    const Measured now{steady_now(), threads_[i].http->cpu_time()};
    const std::chrono::duration<double> used = now.cpu - last.cpu;
    const std::chrono::duration<double> passed = now.at - last.at;
    choice_.measured(i, used / passed);
    last = now;
  }
  if (placed_ > 0) {
    measure_later();
    return;
  }
  choice_.idle();
  for (Thread& thread : threads_) thread.last = {};
}

NetworkThreads::Place& NetworkThreads::Place::operator=(Place&& other) noexcept {
  if (this == &other) return *this;
  leave();
  http_ = other.http_;
  owner_ = std::exchange(other.owner_, nullptr);
  thread_ = other.thread_;
  return *this;
}

void NetworkThreads::Place::leave() {
  NetworkThreads* const owner = std::exchange(owner_, nullptr);
  if (owner == nullptr) return;
  const MutexLock lock(owner->mutex_);
  owner->choice_.leave(thread_);
  --owner->placed_;
}

}  // namespace sluice
