#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace sluice::cli {

/// Decides how many uploads may run at a time (--transfers auto): as many as make the run faster. A
/// pure policy, without a clock or I/O of its own. One thread at a time.
///
/// The policy measures files/s and bytes/s with the current number, tries twice as many, and keeps
/// the faster number. The growth of a trial is the mean of the growth of files/s and of bytes/s,
/// each capped at a factor of 2: twice as many uploads cannot give more, the rest comes from larger
/// or smaller files. While fewer files end than uploads run, only bytes/s count.
///
///     event                                        number of uploads
///     -------------------------------------------  -------------------------------------------
///     start                                        4, or the ceiling if that is lower
///     a measurement, without a hold                doubled for a trial, if enough files wait
///     trial of more: faster by 15 % or more        kept; the next trial begins at once
///     trial of more: not faster                    the number before the trial; hold
///     end of a hold: every second time, and        halved for a trial, at least 4
///       always if no more are allowed
///     trial of fewer: slower by 7 % or less        kept; hold
///     trial of fewer: slower                       the number before the trial; hold
///     during a hold: two consecutive measurements  a new measurement, then a trial of more
///       with half or double the rates
///     the ceiling falls below the number           the ceiling
///       (the server was overloaded)
///
/// The ceiling is the number of concurrent requests that the server accepts without overload, see
/// Engine::request_limit(). A hold lasts 10 s, and twice as long after each trial that changed
/// nothing, up to 5 minutes. 15 % and 7 % apply to doubling and halving, and in proportion to
/// smaller steps.
///
/// A measurement begins when the allowed number of uploads runs, and as many files have ended as
/// run, or 1 s has passed. It ends after 0.5 s (with more than 4 uploads: 1 s) and four times as
/// many files as run; without an ended file after 3 s; and at the latest after 10 s. Nothing is
/// measured while no file waits to start.
///
/// Has more fields than other classes: the state of a measurement, of a trial and of a hold.
class TransferCount {
 public:
  using Clock = std::chrono::steady_clock;

  static constexpr unsigned fewest = 4;  ///< without a ceiling
  static constexpr unsigned most = 64;

  /// The state of the run.
  struct Sample {
    Clock::time_point now;    ///< not before the previous sample
    std::uint64_t bytes = 0;  ///< sent since the run began; may decrease when bytes are sent again
    std::uint64_t files = 0;  ///< registered since the run began, not counting files that were
                              ///< already registered
    std::size_t running = 0;  ///< uploads in progress
    std::size_t waiting = 0;  ///< files that could start now
    std::optional<unsigned> ceiling = {};  ///< at least 1; nullopt: none is known
  };

  /// Why the number changed.
  enum class Reason {
    trial_of_more,
    trial_of_fewer,
    not_faster,  ///< the end of a trial of more
    slower,      ///< the end of a trial of fewer
    ceiling,
  };
  struct Rates {
    double files = 0;  ///< per second
    double bytes = 0;  ///< per second
  };
  struct Change {
    unsigned from = 0;
    unsigned to = 0;
    Reason reason = Reason::trial_of_more;
    Rates before;  ///< without the trial
    Rates trial;   ///< during the trial, at its end
  };

  /// `most_allowed`: the number of uploads that the process can run at a time, at least 1.
  explicit TransferCount(unsigned most_allowed = most);

  /// Call several times a second, and when an upload ends. Returns the change, if any.
  std::optional<Change> update(const Sample& sample);

  /// Returns the number of uploads that may run at a time, at least 1.
  unsigned count() const { return count_; }

 private:
  enum class State {
    measuring,     ///< the current number; a trial of more follows
    trying_more,   ///< measures twice as many
    trying_fewer,  ///< measures half as many
    holding,       ///< measures repeatedly, to notice changes
  };
  enum class Step {
    filling,   ///< fewer or more uploads run than allowed
    settling,  ///< the first files with this number are being sent
    counting,
  };
  struct Measurement {
    Rates rates;
    bool files_rate_is_valid =
        false;  ///< whether files/s is meaningful: as many files have ended as ran
  };

  unsigned highest() const;
  unsigned lowest() const;
  /// Returns the factor by which `many` is faster than `few`, at most `ratio_of_counts`; 1: not
  /// faster.
  static double growth(const Measurement& few, const Measurement& many, double ratio_of_counts);
  /// Returns whether the rates differ so much that the files or the network have changed.
  static bool differs(const Measurement& one, const Measurement& other);

  void begin(Step step, const Sample& sample);
  std::optional<Measurement> measured(const Sample& sample);
  std::optional<Change> evaluate(const Sample& sample, const Measurement& now);
  std::optional<Change> end_trial(const Sample& sample, const Measurement& now);
  std::optional<Change> next_trial(const Sample& sample);
  std::optional<Change> try_more(const Sample& sample);
  std::optional<Change> try_fewer(const Sample& sample);
  Change change_to(unsigned count, Reason reason, const Measurement& trial);
  /// `useful`: the last trial has changed the number.
  void hold(const Sample& sample, bool useful);

  unsigned most_;
  std::optional<unsigned> ceiling_;
  unsigned count_;
  State state_ = State::measuring;

  Step step_ = Step::filling;
  Clock::time_point since_{};         ///< when step_ began
  std::uint64_t files_at_since_ = 0;  ///< at since_
  std::uint64_t bytes_at_since_ = 0;  ///< at since_

  unsigned count_before_trial_;  ///< the number before the trial
  Measurement baseline_;  ///< with that number; while holding, the mean of the last measurements
  unsigned baseline_measurements_ = 1;  ///< the number of measurements in baseline_
  Clock::duration hold_;
  Clock::time_point held_since_{};
  bool fewer_is_next_ = true;
  unsigned differing_ = 0;  ///< consecutive measurements that differ from baseline_
};

}  // namespace sluice::cli
