#include "engine/pipeline/checksum_workers.h"

#include <algorithm>
#include <latch>
#include <system_error>
#include <thread>
#include <vector>

#include "io/signals_blocked.h"

namespace sluice {
namespace {

/// The threads that an engine starts later: 8 readers, 8 readers of a second reading, and their
/// order threads.
constexpr int others = 20;

/// Returns how many of `wanted` threads can exist at the same time. Costs 16 us for each thread.
int threads_to_be_had(int wanted) {
  std::latch done(1);
  std::vector<std::thread> threads;
  try {
    const SignalsBlocked blocked;
    while (static_cast<int>(threads.size()) < wanted)
      threads.emplace_back([&done] { done.wait(); });
  } catch (const std::system_error&) {
  }
  done.count_down();
  for (std::thread& thread : threads) thread.join();
  return static_cast<int>(threads.size());
}

}  // namespace

ChecksumWorkers::ChecksumWorkers(int threads) {
  const int wanted = std::min(threads, most);
  if (wanted <= 0) return;
  const int left = threads_to_be_had(wanted + others) - others;
  if (left <= 0) return;
  limit_ = std::make_unique<oneapi::tbb::global_control>(
      oneapi::tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(left) + 1);
  arena_ = std::make_unique<oneapi::tbb::task_arena>(left, /*reserved_for_masters=*/0);
}

}  // namespace sluice
