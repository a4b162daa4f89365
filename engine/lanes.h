#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/report.h"
#include "engine/upload.h"

namespace sluice {

class UploadRun;

/// The parts of one file that travel side by side, each an upload of its own over a connection of
/// its own, in order within itself (tus's concatenation extension): what fills a link that one
/// connection does not fill, being long or losing packets.
///
/// Of `most` at a time; where the number was not asked for, `first` begin, and twice as many go on
/// whenever the last doubling made all of them together at least 10 % faster, measured over 2 s. A
/// part that is through makes room for the next one.
///
/// The network thread's.
class Lanes {
 public:
  struct Setting {
    std::vector<std::shared_ptr<UploadRun>> parts;  ///< in the file's order, not started
    unsigned first = 1;                             ///< that begin, at least 1
    unsigned most = 1;                              ///< at a time, at least `first`
  };

  /// `on_over`: called once all are through, or one has failed and no other is under way any more.
  /// Whoever owns this outlives both, as long as any part is under way.
  Lanes(Setting setting, std::function<void()> on_over);

  void start();
  /// Part `index` is over.
  void part_over(std::size_t index);
  void cancel();
  /// Measures, and lets more go if it pays; to be called every half second or so.
  void look();

  bool under_way() const { return running_ > 0; }
  /// Of the part that failed first; nothing if all are through.
  const std::optional<Report>& failure() const { return failure_; }
  /// The most that were under way at once.
  unsigned widest() const { return widest_; }

 private:
  using Clock = std::chrono::steady_clock;
  void fill();
  std::uint64_t sent() const;

  const Setting setting_;
  const std::function<void()> on_over_;
  std::vector<bool> through_;
  std::size_t next_ = 0;  ///< the first part that was not started
  unsigned running_ = 0;
  unsigned wanted_;  ///< at a time, now
  unsigned widest_ = 0;
  bool over_ = false;
  std::optional<Report> failure_;

  Clock::time_point since_{};  ///< of the measurement
  std::uint64_t sent_then_ = 0;
  double rate_before_ = 0;  ///< bytes a second with half as many
  bool decided_;
};

}  // namespace sluice
