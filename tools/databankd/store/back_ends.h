#pragma once

#include <map>
#include <string>
#include <string_view>

#include "io/sync.h"

namespace sluice::databankd {

/// The back ends behind a load balancer, numbered from 1. They share datasets and registered files,
/// but not unfinished uploads. A cookie binds a client to a back end; requests without the cookie
/// are distributed round robin. Any thread.
class BackEnds {
 public:
  /// The back end of a request.
  struct Place {
    unsigned number = 1;
    bool is_new = false;  ///< the response sets the cookie
  };

  /// `count`: at least 1; with one there are no cookies.
  explicit BackEnds(unsigned count) : count_(count) {}

  static constexpr const char* cookie = "BACKEND";

  /// Returns the back end for a request. `value`: of the request's cookie; empty without.
  Place place(std::string_view value);

  /// Records that `upload` (any unique name) is at this back end.
  void put(const std::string& upload, unsigned number);

  /// Returns whether the upload is at that back end. True for uploads without a record.
  bool has(const std::string& upload, unsigned number) const;

 private:
  const unsigned count_;
  mutable Mutex mutex_;
  unsigned turns_ SLUICE_GUARDED_BY(mutex_) = 0;
  std::map<std::string, unsigned> uploads_ SLUICE_GUARDED_BY(mutex_);  ///< empty with one back end
};

}  // namespace sluice::databankd
