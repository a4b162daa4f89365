#include "engine/upload/transfer_times.h"

#include <algorithm>

#include "engine/base/clock.h"
#include "engine/base/seconds.h"

namespace sluice {
namespace {

std::size_t index(TransferTimes::At at) {
  return static_cast<std::size_t>(at);
}

}  // namespace

void TransferTimes::begin() {
  began_ = changed_ = steady_now();
}

TransferTimes::At TransferTimes::state() const {
  for (std::size_t i = 0; i < index(At::nothing); ++i)
    if (requests_[i] > 0) return static_cast<At>(i);
  return At::nothing;
}

double TransferTimes::spent(At at) const {
  return seconds_[index(at)] + (state() == at ? in_seconds(steady_now() - changed_) : 0);
}

void TransferTimes::change(At from, At to) {
  if (from == to) return;
  const auto now = steady_now();
  seconds_[index(state())] += in_seconds(now - changed_);
  changed_ = now;
  if (from != At::nothing) --requests_[index(from)];
  if (to != At::nothing) ++requests_[index(to)];
}

void TransferTimes::answered(double answered_before, const Answer& answer) {
  if (!answer.network) return;
  // The time counted since the end of this request; another request may have been sending then.
  const double waited = std::max(0.0, answer_s() - answered_before);
  const double idle = std::min(waited, in_seconds(answer.network->since_sent));
  drain_s_ += waited - idle;
  round_trip_s_ += std::min(idle, in_seconds(answer.network->round_trip));
}

double TransferTimes::seconds() const {
  return in_seconds(steady_now() - began_);
}

double TransferTimes::answer_s() const {
  return spent(At::answer);
}

Stages TransferTimes::stages(const PipelineClocks& clocks) const {
  const auto now = steady_now();
  const double total = in_seconds(now - began_);
  Stages stages;
  const auto last_read = clocks.reading.last_left();
  stages.read.busy_s = clocks.reading.seconds();
  stages.read.wait_s = clocks.no_buffer.seconds() +
                       (last_read == Clock::time_point{} ? 0 : in_seconds(now - last_read));
  stages.checksum.busy_s = clocks.checksumming.seconds();
  stages.checksum.wait_s = std::max(0.0, total - stages.checksum.busy_s);
  stages.wait_for_read_s = spent(At::read);
  stages.wait_for_checksum_s = spent(At::checksum);
  stages.wait_for_journal_s = spent(At::journal);
  // The round trip is network time, not server time.
  stages.send.busy_s = spent(At::sending) + drain_s_ + round_trip_s_;
  stages.send.wait_s =
      stages.wait_for_read_s + stages.wait_for_checksum_s + stages.wait_for_journal_s;
  stages.server.busy_s = std::max(0.0, idle_s() - round_trip_s_);
  stages.server.wait_s = std::max(0.0, total - stages.server.busy_s);
  return stages;
}

}  // namespace sluice
