#pragma once

#include <utility>

#include "io/result.h"

namespace sluice {

/// How long an error is expected to last, and so how often a retry makes sense.
enum class Persistence {
  permanent,  ///< a retry fails in the same way: one try
  few_tries,  ///< probably permanent, but a reverse proxy or a DNS server can recover: `few_tries`
              ///< tries
  transient,  ///< retry as often as the RetryPolicy allows
};
/// The most tries for Persistence::few_tries. With the default RetryPolicy they span 7 s.
inline constexpr unsigned few_tries = 4;

/// Returns `error` with `retryable` and `most_tries` set as `persistence` says.
inline Error with(Error error, Persistence persistence) {
  error.retryable = persistence != Persistence::permanent;
  error.most_tries = persistence == Persistence::few_tries ? few_tries : 0;
  return error;
}

}  // namespace sluice
