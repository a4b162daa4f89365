#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>

/// The lifetime of tokens. Pure functions, any thread.
namespace sluice::cli {

using WallTime = std::chrono::system_clock::time_point;

/// A Data Bank's token is valid for three days after it was issued. The time of issue is known to
/// the Data Bank only; it is not after the time when the token was stored.
inline constexpr std::chrono::hours token_lifetime{72};

/// Returns the latest time at which a token stored at `added` expires. A time in the future, which
/// a file may have, counts as now.
inline WallTime token_expires(WallTime added, WallTime now) {
  return std::min(added, now) + token_lifetime;
}

/// Returns "in 2 d 19 h", or "5 h ago".
std::string when(WallTime time, WallTime now);

/// Returns a sentence that warns of a token that has expired, or will expire within `left` seconds,
/// the time until the uploads end; nullopt if the token is valid that long, or if it has not
/// expired and `left` is unknown. `command`: the command that stores another token ("sluice token
/// add IDB-1234567").
std::optional<std::string> expiry_warning(const std::string& dataset, WallTime added, WallTime now,
                                          std::optional<double> left, const std::string& command);

}  // namespace sluice::cli
