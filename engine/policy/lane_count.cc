#include "engine/policy/lane_count.h"

#include <algorithm>

#include "engine/base/seconds.h"

namespace sluice {
namespace {

/// The length of a measurement in round trips. A congestion window doubles once per round trip:
/// from 15 kB to 6 MB in nine.
constexpr double round_trips = 10;
constexpr double shortest = 0.5;  // s
constexpr double longest = 2;     // s
/// The length where the round trip is unknown.
constexpr double without_round_trip = 1;  // s

/// A link is full if packets spend a quarter of a round trip in queues: two lanes that fill a link
/// measure 0.3 to 0.9.
constexpr double queue_of_full_link = 1.25;
/// Below this, packets are lost for another reason than a full queue. A single loss may be
/// spurious. A queue that overflowed before the measurement drops 3 % of the packets or more.
constexpr double queue_of_none = 1.2;
constexpr std::uint64_t losses_that_tell = 2;
constexpr double most_losses_that_tell = 0.01;
constexpr double packet_bytes = 1448;
/// A single measurement may come from a slow start that overshot.
constexpr unsigned full_in_a_row = 3;

constexpr double worth_it = 1.1;

double measured_for(const LaneCount::Sample& sample) {
  const auto round_trip = sample.least_round_trip.value_or(std::chrono::microseconds(0));
  if (round_trip.count() <= 0) return without_round_trip;
  return std::clamp(round_trips * in_seconds(round_trip), shortest, longest);
}

bool loses_by_itself(const LaneCount::Sample& sample) {
  const double packets = static_cast<double>(sample.sent) / packet_bytes;
  return sample.sent_again >= losses_that_tell &&
         static_cast<double>(sample.sent_again) < most_losses_that_tell * packets;
}

/// Returns the current round trip divided by the shortest one: 1 means no queue.
std::optional<double> queue_of(const LaneCount::Sample& sample) {
  if (!sample.round_trip || !sample.least_round_trip || sample.least_round_trip->count() <= 0)
    return {};
  return in_seconds(*sample.round_trip) / in_seconds(*sample.least_round_trip);
}

}  // namespace

void LaneCount::measure_from(const Sample& sample) {
  since_ = sample.at;
  sent_then_ = sample.sent;
  queued_ = 0;
  queue_samples_ = 0;
}

unsigned LaneCount::look(const Sample& sample) {
  if (decided()) return lanes_;
  if (!begun_) {  // the first bytes arrive a few round trips after the first lane begins
    begun_ = sample.sent > 0;
    measure_from(sample);
    return lanes_;
  }
  const double elapsed = in_seconds(sample.at - since_);
  const double enough = measured_for(sample);
  const std::optional<double> queued = queue_of(sample);
  if (!open_) {
    // Losses without a queue are not those of a full link, and each lane suffers from its own
    // losses only.
    if (!doubled_ && loses_by_itself(sample) && queued && *queued < queue_of_none) {
      twice_as_many(0);
      measure_from(sample);
      return lanes_;
    }
    open_ = elapsed >= enough;
    if (open_) measure_from(sample);
    return lanes_;
  }
  if (queued) {
    queued_ += *queued;
    ++queue_samples_;
  }
  if (elapsed < enough) return lanes_;
  if (sample.sent == sent_then_) {  // an outage says nothing about the capacity of a link
    measure_from(sample);
    return lanes_;
  }
  judge(static_cast<double>(sample.sent - sent_then_) / elapsed);
  measure_from(sample);
  return lanes_;
}

void LaneCount::judge(double rate) {
  if (doubled_ && rate < rate_before_ * worth_it) {
    decided_ = true;
    return;
  }
  doubled_ = false;
  if (queue_samples_ > 0 && queued_ / queue_samples_ >= queue_of_full_link) {
    decided_ = ++full_ >= full_in_a_row;
    return;
  }
  twice_as_many(rate);
}

void LaneCount::twice_as_many(double rate) {
  full_ = 0;
  rate_before_ = rate;
  lanes_ = std::min(lanes_ * 2, most_);
  doubled_ = true;
  open_ = false;
}

}  // namespace sluice
