#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace sluice {

/// The limit on the requests in flight to one server, where the server's number of threads is
/// unknown. A pure policy: no clock and no I/O of its own.
///
/// Reason: each tus request to today's Data Bank occupies two threads of the server, because the
/// server checks the token by an HTTP request to itself. With 5 threads, 4 concurrent requests
/// pass; 6 or more block each other, and after up to 120 s each of them is answered 401.
///
///     event                                       limit
///     ------------------------------------------  ------------------------------------------------
///     start                                       Setting::first, or the remembered one if lower
///     `limit` good answers in a row while the     doubled; one more, and only after the hold
///       limit was reached                           time, once there was an overload or if a
///                                                   limit was remembered
///     overload with n > 1 requests in flight      half of n; or the last limit that worked, if
///                                                   that is less than n and more than half of n
///     no response in time, with n > 1 requests    1, until one is answered: every new request
///       in flight                                   waits behind those that the server has; then
///                                                   half of n, 4 at most
///     overload with one request in flight         unchanged: concurrency is not the reason
///     overload of a request that was sent         unchanged: the limit was lowered for the earlier
///       before the limit was lowered                overload
///
/// The hold time is 5 minutes after the first overload, and twice as long after each further one,
/// 24 hours at most: one overload costs all requests in flight up to 120 s.
///
/// One thread at a time.
class RequestLimit {
 public:
  using Clock = std::chrono::steady_clock;

  /// The initial limit, where the user did not request one.
  static constexpr unsigned automatic = 4;
  static constexpr unsigned most = 256;

  struct Setting {
    unsigned first = automatic;  ///< at least 1
    /// The limit to which an earlier run was reduced; at least 1.
    std::optional<unsigned> remembered = {};
    Clock::time_point now = {};
  };

  explicit RequestLimit(const Setting& setting);

  unsigned limit() const { return limit_; }

  /// Returns the limit if it comes from an overload, in this run or a remembered one; nullopt while
  /// the server's capacity is unknown. While the limit is 1 until an answer comes, returns the
  /// limit after that answer.
  std::optional<unsigned> known_limit() const {
    return careful_ ? std::optional(recovers_to_.value_or(limit_)) : std::nullopt;
  }

  /// Returns how often the limit was lowered. The caller reads this value when it sends a request;
  /// an overload of that request counts only if the value is still the same.
  std::uint64_t round() const { return round_; }

  /// Records an answer that is not an overload. `in_flight`: requests in flight, this one included.
  void succeeded(unsigned in_flight, Clock::time_point now);

  enum class Overload {
    refused,     ///< 401 for a token that is good, 429, or 503 with Retry-After
    unanswered,  ///< no response in time
  };
  /// Records a request that met an overloaded server. `round`: round() when the request was sent.
  /// `in_flight`: requests in flight, this one included. Returns true if the limit was lowered.
  bool overloaded(std::uint64_t round, unsigned in_flight, Clock::time_point now,
                  Overload overload = Overload::refused);

  /// Returns the limit with which the next run should begin; nullopt without an overload, or
  /// once as many requests at a time as met it have succeeded.
  std::optional<unsigned> worth_remembering() const;

 private:
  unsigned limit_;
  bool careful_;                         ///< there was an overload, in this run or an earlier one
  unsigned proven_ = 0;                  ///< the highest limit that worked; 0: none yet
  unsigned failed_at_ = 0;               ///< requests in flight at the last overload; 0: none
  std::optional<unsigned> recovers_to_;  ///< the limit once a request is answered
  unsigned successes_ = 0;               ///< in a row, at this limit
  std::uint64_t round_ = 0;
  Clock::duration hold_;
  Clock::time_point held_until_{};
};

}  // namespace sluice
