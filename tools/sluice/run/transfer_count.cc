#include "tools/sluice/run/transfer_count.h"

#include <algorithm>

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;

/// The required growth, as a fraction of the growth that twice as many uploads give at best.
constexpr double min_gain = 0.15;
constexpr double max_loss = 0.07;

constexpr auto max_settle_time = 1s;
constexpr auto min_count_time = 500ms;
/// The minimum with more than TransferCount::fewest uploads: meanwhile the engine tests whether the
/// server handles that many requests (engine/policy/request_burst.h).
constexpr auto min_count_time_of_more = 1s;
/// Files that start together end together, in groups of about the number of uploads: with 4 groups,
/// one group more or less changes the result by a quarter.
constexpr std::uint64_t generations = 4;
constexpr auto bytes_only_time = 3s;
constexpr auto max_count_time = 10s;

constexpr auto first_hold = 10s;
constexpr auto longest_hold = 5min;
/// A trial of fewer is skipped unless enough files end within this time: the surplus uploads have
/// to end first.
constexpr double drain_time_s = 5;
constexpr unsigned most_in_mean = 8;

double ratio(double over, double under, double most) {
  return under > 0 ? std::min(over / under, most) : over > 0 ? most : 1;
}

}  // namespace

TransferCount::TransferCount(unsigned most_allowed)
    : most_(std::clamp(most_allowed, 1U, most)),
      count_(std::min(fewest, most_)),
      count_before_trial_(count_),
      hold_(first_hold) {}

unsigned TransferCount::highest() const {
  return std::max(1U, std::min(most_, ceiling_.value_or(most_)));
}

unsigned TransferCount::lowest() const {
  return std::min(fewest, highest());
}

std::optional<TransferCount::Change> TransferCount::update(const Sample& sample) {
  ceiling_ = sample.ceiling;
  if (count_ > highest()) {
    const Change change = change_to(highest(), Reason::ceiling, {});
    state_ = State::measuring;
    begin(Step::filling, sample);
    return change;
  }
  const std::optional<Measurement> now = measured(sample);
  return now ? evaluate(sample, *now) : std::nullopt;
}

void TransferCount::begin(Step step, const Sample& sample) {
  step_ = step;
  since_ = sample.now;
  files_at_since_ = sample.files;
  bytes_at_since_ = sample.bytes;
}

std::optional<TransferCount::Measurement> TransferCount::measured(const Sample& sample) {
  const bool is_full = sample.waiting > 0 && sample.running == count_;
  // An upload that has just ended is replaced at once.
  const bool is_nearly_full =
      sample.waiting > 0 && sample.running <= count_ && sample.running + 1 >= count_;
  if (step_ == Step::filling ? !is_full : !is_nearly_full) {
    begin(Step::filling, sample);
    return {};
  }
  const auto elapsed = sample.now - since_;
  const std::uint64_t files = sample.files - files_at_since_;
  switch (step_) {
    case Step::filling:
      begin(Step::settling, sample);
      return {};
    case Step::settling:
      if (files >= count_ || elapsed >= max_settle_time) begin(Step::counting, sample);
      return {};
    case Step::counting:
      break;
  }
  const std::uint64_t bytes = sample.bytes - std::min(sample.bytes, bytes_at_since_);
  const auto least = count_ > fewest ? Clock::duration(min_count_time_of_more) : min_count_time;
  const bool enough_files = elapsed >= least && files >= generations * count_;
  const bool only_bytes = elapsed >= bytes_only_time && files == 0 && bytes > 0;
  if (!enough_files && !only_bytes && elapsed < max_count_time) return {};
  const double seconds = std::chrono::duration<double>(elapsed).count();
  begin(Step::counting, sample);
  return Measurement{
      .rates = {.files = static_cast<double>(files) / seconds,
                .bytes = static_cast<double>(bytes) / seconds},
      .files_rate_is_valid = files >= count_,
  };
}

double TransferCount::growth(const Measurement& few, const Measurement& many,
                             double ratio_of_counts) {
  const double files = ratio(many.rates.files, few.rates.files, ratio_of_counts);
  if (few.rates.bytes == 0 && many.rates.bytes == 0) return files;  // empty files
  const double bytes = ratio(many.rates.bytes, few.rates.bytes, ratio_of_counts);
  return few.files_rate_is_valid && many.files_rate_is_valid ? (files + bytes) / 2 : bytes;
}

bool TransferCount::differs(const Measurement& one, const Measurement& other) {
  const auto differ = [](double a, double b) { return a > 2 * b || b > 2 * a; };
  return differ(one.rates.bytes, other.rates.bytes) ||
         (one.files_rate_is_valid && other.files_rate_is_valid &&
          differ(one.rates.files, other.rates.files));
}

std::optional<TransferCount::Change> TransferCount::evaluate(const Sample& sample,
                                                             const Measurement& now) {
  switch (state_) {
    case State::measuring:
      // Without progress there is nothing to compare with.
      if (now.rates.files == 0 && now.rates.bytes == 0) return {};
      baseline_ = now;
      baseline_measurements_ = 1;
      if (auto change = try_more(sample)) return change;
      hold(sample, true);
      return {};
    case State::trying_more:
    case State::trying_fewer:
      return end_trial(sample, now);
    case State::holding:
      break;
  }
  if (differs(now, baseline_)) {
    if (++differing_ >= 2 && sample.now - held_since_ >= first_hold) state_ = State::measuring;
  } else {
    differing_ = 0;
    baseline_measurements_ = std::min(baseline_measurements_ + 1, most_in_mean);
    baseline_.rates.files += (now.rates.files - baseline_.rates.files) / baseline_measurements_;
    baseline_.rates.bytes += (now.rates.bytes - baseline_.rates.bytes) / baseline_measurements_;
  }
  return state_ == State::holding && sample.now - held_since_ >= hold_ ? next_trial(sample)
                                                                       : std::nullopt;
}

std::optional<TransferCount::Change> TransferCount::end_trial(const Sample& sample,
                                                              const Measurement& now) {
  const bool more = state_ == State::trying_more;
  const double ratio_of_counts = more ? static_cast<double>(count_) / count_before_trial_
                                      : static_cast<double>(count_before_trial_) / count_;
  const double gain =
      more ? growth(baseline_, now, ratio_of_counts) : growth(now, baseline_, ratio_of_counts);
  const double threshold = 1 + (more ? min_gain : max_loss) * (ratio_of_counts - 1);
  const bool is_kept = more ? gain >= threshold : gain <= threshold;
  if (!is_kept) {
    hold(sample, false);
    const unsigned back = std::min(count_before_trial_, highest());
    if (back == count_) return {};
    return change_to(back, more ? Reason::not_faster : Reason::slower, now);
  }
  baseline_ = now;
  baseline_measurements_ = 1;
  if (more)
    if (auto change = try_more(sample)) return change;
  hold(sample, true);
  return {};
}

std::optional<TransferCount::Change> TransferCount::next_trial(const Sample& sample) {
  const bool fewer_first = fewer_is_next_;
  fewer_is_next_ = !fewer_first;
  std::optional<Change> change = fewer_first ? try_fewer(sample) : try_more(sample);
  if (!change) change = fewer_first ? try_more(sample) : try_fewer(sample);
  if (!change) hold(sample, false);
  return change;
}

std::optional<TransferCount::Change> TransferCount::try_more(const Sample& sample) {
  const unsigned next = std::min(2 * count_, highest());
  if (next <= count_ || sample.waiting < next) return {};
  count_before_trial_ = count_;
  state_ = State::trying_more;
  begin(Step::filling, sample);
  return change_to(next, Reason::trial_of_more, {});
}

std::optional<TransferCount::Change> TransferCount::try_fewer(const Sample& sample) {
  const unsigned next = std::max(count_ / 2, lowest());
  if (next >= count_ || !baseline_.files_rate_is_valid ||
      baseline_.rates.files * drain_time_s < count_ - next)
    return {};
  count_before_trial_ = count_;
  state_ = State::trying_fewer;
  begin(Step::filling, sample);
  return change_to(next, Reason::trial_of_fewer, {});
}

TransferCount::Change TransferCount::change_to(unsigned count, Reason reason,
                                               const Measurement& trial) {
  const Change change{.from = count_,
                      .to = count,
                      .reason = reason,
                      .before = baseline_.rates,
                      .trial = trial.rates};
  count_ = count;
  return change;
}

void TransferCount::hold(const Sample& sample, bool useful) {
  hold_ = useful ? first_hold : std::min<Clock::duration>(2 * hold_, longest_hold);
  state_ = State::holding;
  held_since_ = sample.now;
  differing_ = 0;
  begin(Step::filling, sample);
}

}  // namespace sluice::cli
