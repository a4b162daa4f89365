#pragma once

namespace sluice {

/// The rule for bursts: when the uploads to one server should send their next requests at the same
/// moment, to find out whether the server has threads for all of them. A pure policy: no clock and
/// no I/O of its own.
///
/// Reason: each tus request to today's Data Bank needs a second thread of the server
/// (engine/policy/request_limit.h). Requests that are shorter than the round trip seldom overlap,
/// so a server of 5 threads accepts 8 or 16 concurrent uploads for a while. Once 5 requests
/// overlap, the server answers 401 to 5 of those in flight each 120 s: with 8 in flight the server
/// stalls for 2 minutes, with 29 the server stalled for 6. So each new number of uploads is tested
/// a few times before many more run.
///
/// One thread at a time.
class RequestBurst {
 public:
  /// The number of bursts that test a number of uploads. Several are needed, because requests that
  /// the server answers quickly may not overlap even in a burst.
  static constexpr unsigned times = 4;

  /// `shown`: the number of concurrent requests that needs no test.
  explicit RequestBurst(unsigned shown) : shown_(shown) {}

  /// Records an answer while `uploads` uploads may have a request in flight. Returns true if they
  /// should all send their next request at the same moment: there are more uploads than shown to
  /// work, and each was answered twice on average, so that the connections are open.
  bool answered(unsigned uploads) {
    if (uploads <= shown_) {
      answers_ = 0;
      bursts_ = 0;
      return false;
    }
    return ++answers_ >= 2 * uploads;
  }
  /// Records that the burst of `uploads` uploads took place, or could not.
  void done(unsigned uploads) {
    answers_ = 0;
    if (++bursts_ < times) return;
    bursts_ = 0;
    shown_ = uploads;
  }
  /// Records that the server was overloaded, and that `limit` requests are allowed from now on.
  void lowered(unsigned limit) {
    if (limit < shown_) shown_ = limit;
    answers_ = 0;
    bursts_ = 0;
  }

 private:
  unsigned shown_;
  unsigned answers_ = 0;  ///< since more uploads than shown_ run, or since the last burst
  unsigned bursts_ = 0;   ///< since more uploads than shown_ run
};

}  // namespace sluice
