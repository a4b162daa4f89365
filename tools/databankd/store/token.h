#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "io/sync.h"

namespace sluice::databankd {

/// A token and its expiry. Never printed.
class Token {
 public:
  using Clock = std::chrono::steady_clock;

  Token(std::string value, Clock::time_point expires)
      : value_(std::move(value)), expires_(expires) {}

  /// Returns whether `presented` is this token, expired or not. Takes the same time for all wrong
  /// tokens of the right length.
  bool is(std::string_view presented) const;

  /// Returns whether `presented` is this token and has not expired at `now`.
  bool accepts(std::string_view presented, Clock::time_point now) const {
    return now < expires_ && is(presented);
  }

  void expire() { expires_ = Clock::time_point::min(); }

 private:
  std::string value_;
  Clock::time_point expires_;
};

/// The token of a dataset. It expires, and can be replaced in the file that it came from. Any
/// thread.
class DatasetToken {
 public:
  struct Options {
    std::string value;
    std::chrono::seconds lifetime = std::chrono::hours(72);  ///< of this token, and of each new one
    std::filesystem::path file;  ///< checked for new tokens; empty: none
  };

  /// The lifetime begins at `now`.
  DatasetToken(Options options, Token::Clock::time_point now);

  /// Returns whether `presented` is the dataset's token and has not expired at `now`. If not, reads
  /// the file again: a different token in it replaces the old one, with a lifetime from `now`.
  bool accepts(std::string_view presented, Token::Clock::time_point now);

  /// Makes the token expire at once.
  void expire();

 private:
  const Options options_;
  Mutex mutex_;
  Token token_ SLUICE_GUARDED_BY(mutex_);
};

/// Returns the first line of `file`, without trailing blanks; empty if it cannot be read.
std::optional<std::string> read_token(const std::filesystem::path& file);

/// Returns the token in the value of an Authorization header, `Token token=T` or `Token token="T"`;
/// empty if the header has another form. Points into `authorization`.
std::optional<std::string_view> presented_token(std::string_view authorization);

}  // namespace sluice::databankd
