#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::cli {

/// Decides which upload starts next: in order, but never two with the same key at a time.
class Schedule {
 public:
  /// `keys`: a key for each upload; uploads with an empty key run concurrently with any other.
  explicit Schedule(std::vector<std::string> keys);

  /// Returns the first upload that may start now; nullopt if all have started or wait for another
  /// one with the same key.
  std::optional<std::size_t> next();
  /// Puts back an upload that cannot start now. next() returns it again, before later ones.
  void put_back(std::size_t index) { ready_.insert(index); }
  /// Returns the number of uploads that could start now.
  std::size_t ready() const { return ready_.size(); }
  /// Records the end of an upload.
  void ended(std::size_t index);

 private:
  const std::vector<std::string> keys_;
  std::set<std::size_t> ready_;
  std::map<std::string, std::deque<std::size_t>> waiting_;  ///< behind another one with the same
                                                            ///< key
};

}  // namespace sluice::cli
