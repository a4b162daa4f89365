#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace sluice::cli {

/// How many uploads may run at a time (--transfers auto): as many as make the run faster. A pure
/// policy: no clock and no I/O of its own.
///
/// The policy measures files/s and bytes/s with the present number, tries twice as many, and keeps
/// what was faster. The growth of a trial is the mean of the growth of files/s and that of bytes/s
/// (each at most twofold, as twice as many uploads give no more; what is beyond comes from larger
/// or smaller files). Bytes/s alone count while fewer files end than uploads run.
///
///     event                                        number of uploads
///     -------------------------------------------  -------------------------------------------
///     start                                        4, or the ceiling if that is lower
///     a measurement, and no hold                   doubled for a trial, if enough files wait
///     a trial of more: faster by 15 % or more      kept; the next trial begins at once
///     a trial of more: not faster                  as before the trial; hold
///     the hold has passed: every second time,      halved for a trial, 4 at least
///       and always where no more are allowed
///     a trial of fewer: slower by 7 % or less      kept; hold
///     a trial of fewer: slower                     as before the trial; hold
///     a hold, and two measurements in a row with   a new measurement, then a trial of more
///       half or double the rates
///     the ceiling falls below the number           the ceiling
///       (the server was overloaded)
///
/// The ceiling is the number of requests that the server is known to take: see
/// Engine::request_limit(). A hold is 10 s, twice as long after each trial that changed nothing, 5
/// minutes at most. 15 % and 7 % apply to doubling and halving; other steps in proportion.
///
/// A measurement begins once the uploads that are allowed run, and as many files have ended as run,
/// or 1 s has passed. The measurement ends after 0.5 s (with more than 4 uploads: 1 s) and
/// four times as many files as run; where no file ends, after 3 s; and always after 10 s. Nothing
/// is measured while no file waits to start.
///
/// One thread at a time.
class TransferCount {
 public:
  using Clock = std::chrono::steady_clock;

  static constexpr unsigned fewest = 4;  ///< without a ceiling
  static constexpr unsigned most = 64;

  /// What the run has come to.
  struct Sample {
    Clock::time_point now;    ///< not before the last one's
    std::uint64_t bytes = 0;  ///< sent since the run began; may fall when bytes are sent again
    std::uint64_t files = 0;  ///< registered since the run began, of those that had to be sent
    std::size_t running = 0;  ///< uploads
    std::size_t waiting = 0;  ///< files that could start now
    std::optional<unsigned> ceiling = {};  ///< at least 1; nothing: none is known
  };

  /// Why the number has changed.
  enum class Reason {
    trial_of_more,
    trial_of_fewer,
    not_faster,  ///< the end of a trial of more
    slower,      ///< the end of a trial of fewer
    ceiling,
  };
  struct Rates {
    double files = 0;  ///< a second
    double bytes = 0;  ///< a second
  };
  struct Change {
    unsigned from = 0;
    unsigned to = 0;
    Reason reason = Reason::trial_of_more;
    Rates before;  ///< without the trial
    Rates trial;   ///< in it, once it is over
  };

  /// `most`: uploads that the process can run at a time, at least 1.
  explicit TransferCount(unsigned most_allowed = most);

  /// To be called several times a second, and whenever an upload ends. Returns the change, if any.
  std::optional<Change> look(const Sample& sample);

  /// Uploads that may run at a time, at least 1.
  unsigned count() const { return count_; }

 private:
  enum class State {
    measuring,     ///< the present number; a trial of more follows
    trying_more,   ///< measures twice as many
    trying_fewer,  ///< measures half as many
    holding,       ///< measures again and again, to notice changes
  };
  enum class Step {
    filling,   ///< fewer or more uploads run than are allowed
    settling,  ///< the first files with this number are being sent
    counting,
  };
  struct Measurement {
    Rates rates;
    bool files_tell = false;  ///< as many files have ended as ran
  };

  unsigned highest() const;
  unsigned lowest() const;
  /// By how much `many` is faster than `few`, with that many uploads; 1: not at all.
  static double growth(const Measurement& few, const Measurement& many, double times_as_many);
  /// Whether a file that is sent is another kind of work than before, or the way to the server.
  static bool differs(const Measurement& one, const Measurement& other);

  void begin(Step step, const Sample& sample);
  std::optional<Measurement> measured(const Sample& sample);
  std::optional<Change> judge(const Sample& sample, const Measurement& now);
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
  Clock::time_point since_{};     ///< when step_ began
  std::uint64_t files_then_ = 0;  ///< at since_
  std::uint64_t bytes_then_ = 0;  ///< at since_

  unsigned before_;         ///< the number before the trial
  Measurement kept_;        ///< with that number; the mean of the last ones while holding
  unsigned kept_mean_ = 1;  ///< measurements that kept_ is the mean of
  Clock::duration hold_;
  Clock::time_point held_since_{};
  bool fewer_is_next_ = true;
  unsigned different_ = 0;  ///< measurements in a row that differ from kept_
};

}  // namespace sluice::cli
