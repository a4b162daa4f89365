#pragma once

#include <utility>

#include "io/result.h"

namespace sluice {

/// How long an error lasts, as far as can be told from it.
enum class Persistence {
  permanent,  ///< the same request fails again: one try
  few_tries,  ///< it probably does, but a front server or a name server can recover: few_tries
  transient,  ///< as many tries as the RetryPolicy allows
};
/// Within 7 to 14 s, with the usual RetryPolicy.
inline constexpr unsigned few_tries = 4;

/// Returns `error` with what `persistence` means for its `retryable` and `most_tries`.
inline Error with(Error error, Persistence persistence) {
  error.retryable = persistence != Persistence::permanent;
  error.most_tries = persistence == Persistence::few_tries ? few_tries : 0;
  return error;
}

}  // namespace sluice
