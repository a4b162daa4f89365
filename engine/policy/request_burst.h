#pragma once

namespace sluice {

/// When the uploads to one server should send their next requests at the same moment, to find out
/// whether the server has threads for all of them. A pure policy: no clock and no I/O of its own.
///
/// Reason: each tus request to today's Data Bank needs a second thread of the server
/// (engine/policy/request_limit.h). Requests that are shorter than the round trip seldom meet, so a
/// server of 5 threads takes 8 or 16 uploads at a time for a while. Once 5 requests do meet, the
/// server answers 401 to 5 of those in flight each 120 s: with 8 in flight it stands still for 2
/// minutes, with 29 it did for 6. So each new number is tested a few times, before many more run.
///
/// One thread at a time.
class RequestBurst {
 public:
  /// How often a number is tested: requests that a server is quick with may pass one another even
  /// so.
  static constexpr unsigned times = 4;

  /// `shown`: requests at a time that need no test.
  explicit RequestBurst(unsigned shown) : shown_(shown) {}

  /// A request was answered while `uploads` may have one in flight. True if they should all send
  /// their next one at the same moment: more than were shown, and each was answered twice, so that
  /// the connections are open.
  bool answered(unsigned uploads) {
    if (uploads <= shown_) {
      answers_ = 0;
      bursts_ = 0;
      return false;
    }
    return ++answers_ >= 2 * uploads;
  }
  /// They did, or could not.
  void done(unsigned uploads) {
    answers_ = 0;
    if (++bursts_ < times) return;
    bursts_ = 0;
    shown_ = uploads;
  }
  /// The server was overloaded, and takes `limit` requests from now on.
  void lowered(unsigned limit) {
    if (limit < shown_) shown_ = limit;
    answers_ = 0;
    bursts_ = 0;
  }

 private:
  unsigned shown_;
  unsigned answers_ = 0;  ///< since more than that run, or since the last burst
  unsigned bursts_ = 0;   ///< since more than that run
};

}  // namespace sluice
