#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/upload/registration.h"

namespace sluice {

/// When the parts of a file may be joined once more, after the answer to a join was lost. The
/// server goes on with the join and deletes the parts at its end: another join in that time would
/// find some of them gone, and all of the file would have to be sent again. Pure. One thread at a
/// time.
class JoinWait {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// `wait`: how long the server may be at a join.
  explicit JoinWait(std::chrono::seconds wait) : wait_(wait) {}

  /// A request to join goes out.
  void sent(Time now) { sent_at_ = now; }
  /// Whether a join may still be going on. `may_be_joining`: Protocol::may_be_joining().
  bool is_open(bool may_be_joining, Time now) const {
    return may_be_joining && now < sent_at_ + wait_;
  }
  /// When to ask the server for the parts again.
  Time ask_at(Time now) const {
    return std::min(sent_at_ + wait_, now + pause_between_questions(wait_));
  }
  /// True the first time only: when the user is to be told.
  bool is_first_wait() { return !std::exchange(was_told_, true); }
  std::chrono::seconds wait() const { return wait_; }

 private:
  std::chrono::seconds wait_;
  Time sent_at_{};
  bool was_told_ = false;
};

}  // namespace sluice
