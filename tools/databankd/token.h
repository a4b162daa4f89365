#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::databankd {

/// A dataset's token: whoever knows it may upload, until it expires.
/// Immutable, so any thread may ask. It is never printed.
class Token {
 public:
  using Clock = std::chrono::steady_clock;

  Token(std::string value, Clock::time_point expires)
      : value_(std::move(value)), expires_(expires) {}

  /// Whether `presented` is this token and has not expired at `now`. Takes the same time for every
  /// wrong token of the right length.
  bool accepts(std::string_view presented, Clock::time_point now) const;

 private:
  std::string value_;
  Clock::time_point expires_;
};

/// The token in the value of an Authorization header, `Token token=T` or `Token token="T"`; empty
/// where the header has any other form. The result points into `authorization`.
std::optional<std::string_view> presented_token(std::string_view authorization);

}  // namespace sluice::databankd
