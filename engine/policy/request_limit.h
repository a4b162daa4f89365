#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace sluice {

/// The number of requests that may be in flight to one server at a time, where nobody knows how
/// many the server has threads for. A pure policy: no clock and no I/O of its own.
///
/// Reason: each tus request to today's Data Bank occupies two threads of the server, because the
/// server checks the token by an HTTP request to itself. With 5 threads, 4 requests at a time pass;
/// 6 or more block each other, and after up to 120 s each of them is answered 401.
///
///     event                                       limit
///     ------------------------------------------  ------------------------------------------------
///     start                                       Setting::first, or the remembered one if lower
///     `limit` good answers in a row while the     doubled, until the first overload or where a
///       limit was reached                           limit was remembered; after that one more, and
///                                                   not within the hold time
///     overload with n > 1 requests in flight      half of n; or the last limit that went well, if
///                                                   that is less than n and more than half of it
///     no response in time, with n > 1 requests    1, until one is answered: all that is sent now
///       in flight                                   waits behind the requests that the server has;
///                                                   then half of n, 4 at most
///     overload with one request in flight         stays: concurrency is not the reason
///     overload of a request that was sent         stays: the limit was lowered for those already
///       before the limit was lowered
///
/// The hold time is 5 minutes after the first overload, and twice as long after each further one,
/// 24 hours at most: one overload costs all requests in flight up to 120 s.
///
/// One thread at a time.
class RequestLimit {
 public:
  using Clock = std::chrono::steady_clock;

  /// To begin with, where nobody has asked for a number.
  static constexpr unsigned automatic = 4;
  static constexpr unsigned most = 256;

  struct Setting {
    unsigned first = automatic;  ///< at least 1
    /// What an earlier run had to go down to; at least 1.
    std::optional<unsigned> remembered = {};
    Clock::time_point now = {};
  };

  explicit RequestLimit(const Setting& setting);

  unsigned limit() const { return limit_; }

  /// The limit, if it comes from an overload that was seen in this run or remembered; nothing while
  /// nobody knows what the server can take.
  std::optional<unsigned> known_limit() const {
    return careful_ ? std::optional(recovers_to_.value_or(limit_)) : std::nullopt;
  }

  /// Counts how often the limit was lowered. A request is sent under the current value, and its
  /// overload counts only as long as that is still the current one.
  std::uint64_t round() const { return round_; }

  /// A request was answered, and not with an overload. `in_flight`: requests, this one included.
  void succeeded(unsigned in_flight, Clock::time_point now);

  enum class Overload {
    refused,     ///< 401 for a token that is good, 429, or 503 with Retry-After
    unanswered,  ///< no response in time
  };
  /// A request met an overloaded server. `round`: when it was sent. True if the limit was lowered.
  bool overloaded(std::uint64_t round, unsigned in_flight, Clock::time_point now,
                  Overload overload = Overload::refused);

  /// What the next run should begin with; nothing where no overload was seen, or where as many
  /// requests as met one have gone well since.
  std::optional<unsigned> worth_remembering() const;

 private:
  unsigned limit_;
  bool careful_;                         ///< an overload was seen, in this run or an earlier one
  unsigned proven_ = 0;                  ///< the highest limit that went well; 0: none yet
  unsigned failed_at_ = 0;               ///< requests in flight at the last overload; 0: none
  std::optional<unsigned> recovers_to_;  ///< the limit once a request is answered
  unsigned successes_ = 0;               ///< in a row, at this limit
  std::uint64_t round_ = 0;
  Clock::duration hold_;
  Clock::time_point held_until_{};
};

}  // namespace sluice
