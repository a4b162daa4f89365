// simulate: uploads in simulated worlds, one for each seed; see tests/README.md.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/simulation/world.h"

namespace sluice::sim {
namespace {

struct Options {
  std::uint64_t runs = 1;
  std::uint64_t seed = 1;
  bool verbose = false;
  bool keep_going = false;  ///< behind a violation
  unsigned threads = std::max(1U, std::thread::hardware_concurrency());
};

constexpr const char* generations[] = {"phased", "tus", "binary"};

/// The outcomes of many worlds.
class Totals {
 public:
  void add(const Outcome& outcome) {
    const std::lock_guard lock(mutex_);
    ++worlds_;
    ++endings_[static_cast<std::size_t>(outcome.generation)]
              [static_cast<std::size_t>(outcome.ending)];
    events_ += outcome.events;
    runs_ += outcome.runs;
    virtual_s_ += outcome.virtual_s;
    crashes_ += outcome.crashes;
    resumed_ += outcome.resumed ? 1 : 0;
    crashed_and_registered_ += outcome.crashes > 0 && outcome.ending == Ending::registered ? 1 : 0;
    in_parts_ += outcome.in_parts ? 1 : 0;
    ahead_ += outcome.ahead ? 1 : 0;
    for (std::size_t i = 0; i < fault_kinds; ++i) faults_[i] += outcome.faults[i];
    if (outcome.ending == Ending::failed || outcome.ending == Ending::interrupted)
      ++errors_[shape(outcome.error)];
    if (!outcome.violation.empty()) violations_.push_back(outcome);
  }

  void print() const {
    fmt::print("{} worlds, {} processes, {} events, {:.1f} virtual days\n", worlds_, runs_, events_,
               virtual_s_ / 86400);
    for (std::size_t g = 0; g < 3; ++g) {
      fmt::print("{:8}", generations[g]);
      for (std::size_t e = 0; e < endings; ++e)
        fmt::print("  {} {}", to_string(static_cast<Ending>(e)), endings_[g][e]);
      fmt::print("\n");
    }
    fmt::print(
        "crashes {}, registered after a crash {}, resumed {}, chunks ahead {}, in parts {}\n",
        crashes_, crashed_and_registered_, resumed_, ahead_, in_parts_);
    fmt::print("faults:");
    for (std::size_t i = 0; i < fault_kinds; ++i)
      fmt::print(" {} {}", to_string(static_cast<Fault>(i)), faults_[i]);
    fmt::print("\n");
    std::vector<std::pair<std::uint64_t, std::string>> errors;
    for (const auto& [text, count] : errors_) errors.emplace_back(count, text);
    std::sort(errors.rbegin(), errors.rend());
    for (std::size_t i = 0; i < errors.size() && i < 25; ++i)
      fmt::print("  {:6} {}\n", errors[i].first, errors[i].second);
    for (const Outcome& outcome : violations_)
      fmt::print("FAILED: seed {}: {}\n  repeat: build/release/bin/simulate --seed {} --verbose\n",
                 outcome.seed, outcome.violation, outcome.seed);
  }
  bool failed() const {
    const std::lock_guard lock(mutex_);
    return !violations_.empty();
  }

 private:
  /// An error's text without its numbers.
  static std::string shape(const std::string& text) {
    std::string result;
    for (const char c : text.substr(0, 300)) {
      const bool digit = c >= '0' && c <= '9';
      if (!digit)
        result += c;
      else if (result.empty() || result.back() != '#')
        result += '#';
    }
    return result.substr(0, 170);
  }

  mutable std::mutex mutex_;
  std::uint64_t worlds_ = 0;
  std::uint64_t endings_[3][endings] = {};
  std::uint64_t events_ = 0;
  std::uint64_t runs_ = 0;
  double virtual_s_ = 0;
  std::uint64_t crashes_ = 0;
  std::uint64_t resumed_ = 0;
  std::uint64_t crashed_and_registered_ = 0;
  std::uint64_t in_parts_ = 0;
  std::uint64_t ahead_ = 0;
  std::array<std::uint64_t, fault_kinds> faults_{};
  std::map<std::string, std::uint64_t> errors_;
  std::vector<Outcome> violations_;
};

int simulate(const Options& options) {
  Totals totals;
  std::atomic<std::uint64_t> next{0};
  const auto work = [&] {
    while (options.keep_going || !totals.failed()) {
      const std::uint64_t index = next++;
      if (index >= options.runs) return;
      totals.add(run_world(options.seed + index, options.verbose));
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < options.threads && i < options.runs; ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  totals.print();
  return totals.failed() ? 1 : 0;
}

int usage() {
  fmt::print(stderr,
             "usage: simulate [--runs N] [--seed S] [--threads N] [--verbose] [--keep-going]\n");
  return 2;
}

int run(const std::vector<std::string_view>& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto number = [&]() -> std::uint64_t {
      return i + 1 < arguments.size() ? std::strtoull(arguments[++i].data(), nullptr, 10) : 0;
    };
    if (arguments[i] == "--runs")
      options.runs = number();
    else if (arguments[i] == "--seed")
      options.seed = number();
    else if (arguments[i] == "--threads")
      options.threads = std::max(1U, static_cast<unsigned>(number()));
    else if (arguments[i] == "--verbose")
      options.verbose = true;
    else if (arguments[i] == "--keep-going")
      options.keep_going = true;
    else
      return usage();
  }
  if (options.verbose) options.threads = 1;
  return simulate(options);
}

}  // namespace
}  // namespace sluice::sim

int main(int argc, char** argv) {
  return sluice::sim::run({argv + 1, argv + argc});
}
