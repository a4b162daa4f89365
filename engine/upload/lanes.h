#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/digest/file_digest.h"
#include "engine/policy/lane_count.h"
#include "engine/protocol/protocol.h"
#include "engine/report/report.h"
#include "engine/upload/upload_request.h"

namespace sluice {

/// A part of a file: a separate upload of one range of the file over its own connection. A part may
/// run on another network thread than the upload that joins the parts. Every member may be called
/// from any thread.
class Lane {
 public:
  virtual ~Lane() = default;
  /// Sets a callback for the end of the part; `call` runs on the part's network thread. Call before
  /// start().
  virtual void on_over(std::function<void()> call) = 0;
  virtual void start() = 0;
  /// Sets how many lanes, including this one, share the buffer pool from now on. May be called
  /// before start().
  virtual void set_lane_count(unsigned lanes) = 0;
  virtual void cancel() = 0;
  /// Returns the range of the file.
  virtual ByteRange range() const = 0;
  virtual Progress progress() const = 0;
  /// Returns the bytes handed to the network in this run, including bytes sent again. Never
  /// decreases.
  virtual std::uint64_t transmitted() const = 0;
  /// Returns the measurements of the current connection, if there are any.
  virtual std::optional<Answer::Network> network() const = 0;
  /// Returns the report. Call only after the part has ended.
  virtual Report report_now() const = 0;
  /// Returns the part's upload URL. Call only after the callback of on_over() has run.
  virtual std::string upload_url() const = 0;
  /// Returns the checksums of the blocks sent. Block 0 is the first block of the part.
  virtual FileDigest::Snapshot sent_checksums() const = 0;
  /// Blocks until no other thread works for the part. Call only after the part has ended, and never
  /// on a network thread.
  virtual void wait_for_threads() = 0;
};

/// The parallel parts (lanes) of one file. Each lane is an upload over its own connection (tus's
/// concatenation extension); within a part, bytes are sent in order. Several connections fill a
/// link that one connection cannot fill because of its round trip or of packet loss.
///
/// At most `most` lanes run concurrently. Without a number from the user, `first` lanes start, and
/// LaneCount measures whether more lanes are faster:
///
///  - After the first byte is sent, the connections have ten round trips (at least half a second,
///    at most 2 s) to open their windows. The measurement then takes the same time again.
///  - If packets wait in queues for less than a quarter of the path's minimum round trip, the lanes
///    do not fill the link: each lane has a limit of its own (packet loss, its window, the server's
///    rate for one connection). The number of lanes doubles.
///  - If packets wait longer in three measurements in a row, the link is full, and the number
///    stays.
///  - Packet loss of at most 1 % without queueing also means that the link is not full, and doubles
///    the lanes as soon as it is seen.
///  - If a doubling increased the total rate by less than a tenth, it was the last one: the
///    bottleneck is then the disk, the server, or a link without a queue.
///
/// When a part ends, the next one starts. Running lanes share the buffer pool.
///
/// Used only on the network thread of the upload that joins the parts.
class Lanes {
 public:
  using Clock = LaneCount::Clock;

  struct Setting {
    std::vector<std::shared_ptr<Lane>> parts;  ///< ordered by offset, not started
    unsigned first = 1;                        ///< initial number of lanes, at least 1
    unsigned most = 1;                         ///< maximum number of lanes, at least `first`
  };

  /// `on_over`: called once, after all parts succeeded, or after one part failed and no other part
  /// is running. The owner keeps this object and `on_over` alive while any part is running.
  Lanes(Setting setting, std::function<void()> on_over);

  /// Starts the first lanes.
  void start(Clock::time_point now);
  /// Records that part `index` has ended, and starts the next ones. Call for every part.
  void part_over(std::size_t index);
  /// Starts no more parts and cancels the running ones. on_over follows after their end.
  void cancel();
  /// Measures, and starts more lanes if they increase the rate. Call several times a second.
  void look(Clock::time_point now);

  bool under_way() const { return running_ > 0; }
  /// Report of the part that failed first. Empty if no part failed.
  const std::optional<Report>& failure() const { return failure_; }
  /// Highest number of lanes that ran concurrently.
  unsigned widest() const { return widest_; }

 private:
  void fill();
  void share_pool();
  LaneCount::Sample sample(Clock::time_point now) const;

  const Setting setting_;
  const std::function<void()> on_over_;
  std::vector<bool> has_ended_;  ///< which parts have ended
  std::size_t next_ = 0;         ///< index of the first part that was not started
  unsigned running_ = 0;
  LaneCount count_;  ///< current number of lanes
  unsigned widest_ = 0;
  bool over_ = false;
  bool cancelled_ = false;
  std::optional<Report> failure_;
};

}  // namespace sluice
