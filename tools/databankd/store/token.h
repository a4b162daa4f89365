#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "io/sync.h"

namespace sluice::databankd {

/// One token: whoever knows it may upload, until it expires. It is never printed.
class Token {
 public:
  using Clock = std::chrono::steady_clock;

  Token(std::string value, Clock::time_point expires)
      : value_(std::move(value)), expires_(expires) {}

  /// Whether `presented` is this token, expired or not. Takes the same time for every wrong token
  /// of the right length.
  bool is(std::string_view presented) const;

  /// Whether `presented` is this token and has not expired at `now`.
  bool accepts(std::string_view presented, Clock::time_point now) const {
    return now < expires_ && is(presented);
  }

  void expire() { expires_ = Clock::time_point::min(); }

 private:
  std::string value_;
  Clock::time_point expires_;
};

/// The token of a dataset as time goes on: it expires, and where it came from a file, another one
/// may take its place there. Thread safe.
class DatasetToken {
 public:
  struct Options {
    std::string value;
    std::chrono::seconds lifetime = std::chrono::hours(72);  ///< of this token, and of each new one
    std::filesystem::path file;  ///< where new tokens are looked for; empty: nowhere
  };

  /// The lifetime begins at `now`.
  DatasetToken(Options options, Token::Clock::time_point now);

  /// Whether `presented` is the dataset's token and has not expired at `now`. If not, the file is
  /// read again: a token there that is another one than before takes the place of the old one, with
  /// a lifetime from `now` on.
  bool accepts(std::string_view presented, Token::Clock::time_point now);

  /// Lets the token expire at once.
  void expire();

 private:
  const Options options_;
  Mutex mutex_;
  Token token_ SLUICE_GUARDED_BY(mutex_);
};

/// The first line of `file`, without blanks at its end; empty where it cannot be read.
std::optional<std::string> read_token(const std::filesystem::path& file);

/// The token in the value of an Authorization header, `Token token=T` or `Token token="T"`; empty
/// where the header has any other form. The result points into `authorization`.
std::optional<std::string_view> presented_token(std::string_view authorization);

}  // namespace sluice::databankd
