#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::cli {

/// Which upload starts next: in their order, but never two of the same key at a time.
class Schedule {
 public:
  /// A key for each upload; an empty one goes beside any other.
  explicit Schedule(std::vector<std::string> keys);

  /// The first that may start now; nothing where each has started, or waits for one of its key.
  std::optional<std::size_t> next();
  /// One that next() gave cannot start now: next() gives it again, before the later ones.
  void put_back(std::size_t index) { ready_.insert(index); }
  /// Uploads that next() would give now.
  std::size_t ready() const { return ready_.size(); }
  /// One that next() gave is over.
  void ended(std::size_t index);

 private:
  const std::vector<std::string> keys_;
  std::set<std::size_t> ready_;
  std::map<std::string, std::deque<std::size_t>> waiting_;  ///< behind another one of that key
};

}  // namespace sluice::cli
