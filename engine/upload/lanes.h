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

/// A part of a file: an upload of its own of a piece of the file, over a connection of its own. It
/// may run on another network thread than the upload that joins the parts. All members may be
/// called from any thread.
class Lane {
 public:
  virtual ~Lane() = default;
  /// `call` is called on the part's network thread once it is over. Before start().
  virtual void on_over(std::function<void()> call) = 0;
  virtual void start() = 0;
  /// So many lanes share the pool of buffers from now on, this one included. Also before start().
  virtual void one_of(unsigned lanes) = 0;
  virtual void cancel() = 0;
  /// Which bytes of the file.
  virtual ByteRange range() const = 0;
  virtual Progress progress() const = 0;
  /// Bytes that went over the network in this run; only grows.
  virtual std::uint64_t handed() const = 0;
  /// Of the connection that it has now.
  virtual std::optional<Answer::Network> network() const = 0;
  /// Once it is over.
  virtual Report report_now() const = 0;
  /// Where its bytes are; once it is over and on_over() was called.
  virtual std::string upload_url() const = 0;
  /// Checksums of its blocks as they were sent; the first one is block 0 of the part.
  virtual FileDigest::Snapshot sent_checksums() const = 0;
  /// Waits until nothing of it is under way on other threads; once it is over, on no network
  /// thread.
  virtual void settle() = 0;
};

/// The parts of one file that travel side by side, each an upload of its own over a connection of
/// its own, in order within itself (tus's concatenation extension): what fills a link that one
/// connection does not fill, being long or losing packets.
///
/// Of `most` at a time. Where the number was not asked for, `first` begin, and it is measured
/// whether more pay: from the first byte that goes out, the connections have ten round trips (half
/// a second at least, 2 s at most) to open their windows, and as long again is measured. Lanes
/// whose packets wait in queues for less than a quarter of the way's own round trip do not fill the
/// link; each is held up by something of its own (losses, its window, what the server spends on one
/// connection), and twice as many go on. If they wait longer, three times in a row, the link is
/// full, and so it stays. Packets that get lost, one in a hundred at most, while none waits say the
/// same as early as they are seen. A doubling that did not make all of them together a tenth faster
/// was the last one: what holds them up is then the disk, the server, or a line without a queue. A
/// part that is through makes room for the next one, and those under way share the pool.
///
/// The network thread's of the upload that joins the parts.
class Lanes {
 public:
  using Clock = LaneCount::Clock;

  struct Setting {
    std::vector<std::shared_ptr<Lane>> parts;  ///< in the file's order, not started
    unsigned first = 1;                        ///< that begin, at least 1
    unsigned most = 1;                         ///< at a time, at least `first`
  };

  /// `on_over`: called once all are through, or one has failed and no other is under way any more.
  /// Whoever owns this outlives both, as long as any part is under way.
  Lanes(Setting setting, std::function<void()> on_over);

  void start(Clock::time_point now);
  /// Part `index` is over.
  void part_over(std::size_t index);
  /// No more are started; it is over once those under way are.
  void cancel();
  /// Measures, and lets more go if it pays; to be called some times a second.
  void look(Clock::time_point now);

  bool under_way() const { return running_ > 0; }
  /// Of the part that failed first; nothing if all are through.
  const std::optional<Report>& failure() const { return failure_; }
  /// The most that were under way at once.
  unsigned widest() const { return widest_; }

 private:
  void fill();
  void share_pool();
  LaneCount::Sample sample(Clock::time_point now) const;

  const Setting setting_;
  const std::function<void()> on_over_;
  std::vector<bool> through_;
  std::size_t next_ = 0;  ///< the first part that was not started
  unsigned running_ = 0;
  LaneCount count_;  ///< at a time, now
  unsigned widest_ = 0;
  bool over_ = false;
  bool cancelled_ = false;
  std::optional<Report> failure_;
};

}  // namespace sluice
