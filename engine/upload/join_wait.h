#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/upload/registration.h"

namespace sluice {

/// The rule when a join of a file's parts may be retried after the answer to a join was lost. The
/// server continues the join and deletes the parts at its end: a second join in that time would
/// find some parts missing, and the whole file would have to be sent again. Performs no I/O and
/// reads no clock. One thread at a time.
class JoinWait {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// `wait`: how long the server may take for a join.
  explicit JoinWait(std::chrono::seconds wait) : wait_(wait) {}

  /// Records that a join request is sent at `now`.
  void sent(Time now) { sent_at_ = now; }
  /// Whether the server may still be joining the parts. `may_be_joining`:
  /// Protocol::may_be_joining().
  bool is_open(bool may_be_joining, Time now) const {
    return may_be_joining && now < sent_at_ + wait_;
  }
  /// Returns when to ask the server for the parts again.
  Time ask_at(Time now) const {
    return std::min(sent_at_ + wait_, now + pause_between_questions(wait_));
  }
  /// Returns true on the first call only: the caller then logs a warning.
  bool is_first_wait() { return !std::exchange(was_told_, true); }
  std::chrono::seconds wait() const { return wait_; }

 private:
  std::chrono::seconds wait_;
  Time sent_at_{};
  bool was_told_ = false;
};

}  // namespace sluice
