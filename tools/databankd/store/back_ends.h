#pragma once

#include <map>
#include <string>
#include <string_view>

#include "io/sync.h"

namespace sluice::databankd {

/// The back ends behind a load balancer, numbered from 1, which share the datasets and what is
/// registered in them, but not what is still being uploaded. A cookie keeps a client at one of
/// them; requests without it go to all of them by turns. Thread safe.
class BackEnds {
 public:
  /// Where a request goes.
  struct Place {
    unsigned number = 1;
    bool is_new = false;  ///< the answer sets the cookie
  };

  /// `count`: 1 or more; with one there are no cookies.
  explicit BackEnds(unsigned count) : count_(count) {}

  static constexpr const char* cookie = "BACKEND";

  /// `value`: of the request's cookie, empty where it has none.
  Place place(std::string_view value);

  /// `upload` (of any name that means one upload) is at this back end from now on.
  void put(const std::string& upload, unsigned number);

  /// Whether it is there. An upload that no one has put anywhere is everywhere.
  bool has(const std::string& upload, unsigned number) const;

 private:
  const unsigned count_;
  mutable Mutex mutex_;
  unsigned turns_ SLUICE_GUARDED_BY(mutex_) = 0;
  std::map<std::string, unsigned> uploads_ SLUICE_GUARDED_BY(mutex_);  ///< empty with one back end
};

}  // namespace sluice::databankd
