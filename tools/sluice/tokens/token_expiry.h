#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>

/// How long tokens are valid. Pure functions, any thread.
namespace sluice::cli {

using WallTime = std::chrono::system_clock::time_point;

/// A Data Bank's token is valid for three days after it was issued. When that was, only the Data
/// Bank knows: nobody adds a token before.
inline constexpr std::chrono::hours token_lifetime{72};

/// The latest time at which a token expires that was stored at `added`. A time in the future, which
/// a file may have, gives the token no more than its three days.
inline WallTime token_expires(WallTime added, WallTime now) {
  return std::min(added, now) + token_lifetime;
}

/// "in 2 d 19 h", or "5 h ago".
std::string when(WallTime time, WallTime now);

/// A sentence that warns of a token that has expired, or expires before a run that takes another
/// `left` seconds is over; nothing for a token that lasts, or where `left` is not known and the
/// token has not expired. `command`: stores another token ("sluice token add IDB-1234567").
std::optional<std::string> expiry_warning(const std::string& dataset, WallTime added, WallTime now,
                                          std::optional<double> left, const std::string& command);

}  // namespace sluice::cli
