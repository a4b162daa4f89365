#include "tools/sluice/run/transfer_count.h"

#include <algorithm>

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;

/// Of what twice as many uploads could be faster at most.
constexpr double worth_more = 0.15;
constexpr double worth_keeping = 0.07;

constexpr auto settle_most = 1s;
constexpr auto count_least = 500ms;
/// With more than TransferCount::fewest: the engine tests meanwhile whether the server has threads
/// for so many (engine/policy/request_burst.h), before still more run.
constexpr auto count_least_of_more = 1s;
/// Files that start together end together: in so many times the number, one such group more or less
/// counts for a quarter.
constexpr std::uint64_t generations = 4;
constexpr auto count_bytes = 3s;
constexpr auto count_most = 10s;

constexpr auto first_hold = 10s;
constexpr auto longest_hold = 5min;
/// Files in that time make a trial of fewer short: those that run beyond the number have to end.
constexpr double soon_s = 5;
constexpr unsigned mean_of = 8;

double ratio(double over, double under, double most) {
  return under > 0 ? std::min(over / under, most) : over > 0 ? most : 1;
}

}  // namespace

TransferCount::TransferCount(unsigned most_allowed)
    : most_(std::clamp(most_allowed, 1U, most)),
      count_(std::min(fewest, most_)),
      before_(count_),
      hold_(first_hold) {}

unsigned TransferCount::highest() const {
  return std::max(1U, std::min(most_, ceiling_.value_or(most_)));
}

unsigned TransferCount::lowest() const {
  return std::min(fewest, highest());
}

std::optional<TransferCount::Change> TransferCount::look(const Sample& sample) {
  ceiling_ = sample.ceiling;
  if (count_ > highest()) {
    const Change change = change_to(highest(), Reason::ceiling, {});
    state_ = State::measuring;
    begin(Step::filling, sample);
    return change;
  }
  const std::optional<Measurement> now = measured(sample);
  return now ? judge(sample, *now) : std::nullopt;
}

void TransferCount::begin(Step step, const Sample& sample) {
  step_ = step;
  since_ = sample.now;
  files_then_ = sample.files;
  bytes_then_ = sample.bytes;
}

std::optional<TransferCount::Measurement> TransferCount::measured(const Sample& sample) {
  const bool is_full = sample.waiting > 0 && sample.running == count_;
  // One that has just ended is replaced at once.
  const bool is_nearly_full =
      sample.waiting > 0 && sample.running <= count_ && sample.running + 1 >= count_;
  if (step_ == Step::filling ? !is_full : !is_nearly_full) {
    begin(Step::filling, sample);
    return {};
  }
  const auto elapsed = sample.now - since_;
  const std::uint64_t files = sample.files - files_then_;
  switch (step_) {
    case Step::filling:
      begin(Step::settling, sample);
      return {};
    case Step::settling:
      if (files >= count_ || elapsed >= settle_most) begin(Step::counting, sample);
      return {};
    case Step::counting:
      break;
  }
  const std::uint64_t bytes = sample.bytes - std::min(sample.bytes, bytes_then_);
  const auto least = count_ > fewest ? Clock::duration(count_least_of_more) : count_least;
  const bool enough_files = elapsed >= least && files >= generations * count_;
  const bool only_bytes = elapsed >= count_bytes && files == 0 && bytes > 0;
  if (!enough_files && !only_bytes && elapsed < count_most) return {};
  const double seconds = std::chrono::duration<double>(elapsed).count();
  begin(Step::counting, sample);
  return Measurement{
      .rates = {.files = static_cast<double>(files) / seconds,
                .bytes = static_cast<double>(bytes) / seconds},
      .files_tell = files >= count_,
  };
}

double TransferCount::growth(const Measurement& few, const Measurement& many,
                             double times_as_many) {
  const double files = ratio(many.rates.files, few.rates.files, times_as_many);
  if (few.rates.bytes == 0 && many.rates.bytes == 0) return files;  // empty files
  const double bytes = ratio(many.rates.bytes, few.rates.bytes, times_as_many);
  return few.files_tell && many.files_tell ? (files + bytes) / 2 : bytes;
}

bool TransferCount::differs(const Measurement& one, const Measurement& other) {
  const auto far = [](double a, double b) { return a > 2 * b || b > 2 * a; };
  return far(one.rates.bytes, other.rates.bytes) ||
         (one.files_tell && other.files_tell && far(one.rates.files, other.rates.files));
}

std::optional<TransferCount::Change> TransferCount::judge(const Sample& sample,
                                                          const Measurement& now) {
  switch (state_) {
    case State::measuring:
      // While nothing moves, there is nothing to compare with.
      if (now.rates.files == 0 && now.rates.bytes == 0) return {};
      kept_ = now;
      kept_mean_ = 1;
      if (auto change = try_more(sample)) return change;
      hold(sample, true);
      return {};
    case State::trying_more:
    case State::trying_fewer:
      return end_trial(sample, now);
    case State::holding:
      break;
  }
  if (differs(now, kept_)) {
    if (++different_ >= 2 && sample.now - held_since_ >= first_hold) state_ = State::measuring;
  } else {
    different_ = 0;
    kept_mean_ = std::min(kept_mean_ + 1, mean_of);
    kept_.rates.files += (now.rates.files - kept_.rates.files) / kept_mean_;
    kept_.rates.bytes += (now.rates.bytes - kept_.rates.bytes) / kept_mean_;
  }
  return state_ == State::holding && sample.now - held_since_ >= hold_ ? next_trial(sample)
                                                                       : std::nullopt;
}

std::optional<TransferCount::Change> TransferCount::end_trial(const Sample& sample,
                                                              const Measurement& now) {
  const bool more = state_ == State::trying_more;
  const double times_as_many =
      more ? static_cast<double>(count_) / before_ : static_cast<double>(before_) / count_;
  const double grown = more ? growth(kept_, now, times_as_many) : growth(now, kept_, times_as_many);
  const double worth = 1 + (more ? worth_more : worth_keeping) * (times_as_many - 1);
  const bool is_kept = more ? grown >= worth : grown <= worth;
  if (!is_kept) {
    hold(sample, false);
    const unsigned back = std::min(before_, highest());
    if (back == count_) return {};
    return change_to(back, more ? Reason::not_faster : Reason::slower, now);
  }
  kept_ = now;
  kept_mean_ = 1;
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
  before_ = count_;
  state_ = State::trying_more;
  begin(Step::filling, sample);
  return change_to(next, Reason::trial_of_more, {});
}

std::optional<TransferCount::Change> TransferCount::try_fewer(const Sample& sample) {
  const unsigned next = std::max(count_ / 2, lowest());
  if (next >= count_ || !kept_.files_tell || kept_.rates.files * soon_s < count_ - next) return {};
  before_ = count_;
  state_ = State::trying_fewer;
  begin(Step::filling, sample);
  return change_to(next, Reason::trial_of_fewer, {});
}

TransferCount::Change TransferCount::change_to(unsigned count, Reason reason,
                                               const Measurement& trial) {
  const Change change{
      .from = count_, .to = count, .reason = reason, .before = kept_.rates, .trial = trial.rates};
  count_ = count;
  return change;
}

void TransferCount::hold(const Sample& sample, bool useful) {
  hold_ = useful ? first_hold : std::min<Clock::duration>(2 * hold_, longest_hold);
  state_ = State::holding;
  held_since_ = sample.now;
  different_ = 0;
  begin(Step::filling, sample);
}

}  // namespace sluice::cli
