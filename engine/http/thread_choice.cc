#include "engine/http/thread_choice.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sluice {
namespace {

/// The bytes that one CPU second sends with TLS: 1 GiB (bench/README.md).
constexpr double bytes_of_a_second = 1 << 30;

}  // namespace

unsigned ThreadChoice::place(std::uint64_t bytes) {
  auto chosen = threads_.end();
  if (!asked_)
    chosen = std::find_if(threads_.begin(), threads_.end(), [](const Thread& thread) {
      return thread.measured + thread.expected + thread.expected_before < full;
    });
  if (chosen == threads_.end())
    chosen = std::min_element(
        threads_.begin(), threads_.end(),
        [](const Thread& one, const Thread& other) { return one.uploads < other.uploads; });
  ++chosen->uploads;
  chosen->expected += std::min(full, static_cast<double>(bytes) / bytes_of_a_second);
  return static_cast<unsigned>(std::distance(threads_.begin(), chosen));
}

void ThreadChoice::measured(unsigned thread, double share) {
  Thread& of = threads_[thread];
  of.measured = share;
  of.expected_before = std::exchange(of.expected, 0);
}

void ThreadChoice::idle() {
  for (Thread& thread : threads_) thread.measured = thread.expected = thread.expected_before = 0;
}

}  // namespace sluice
