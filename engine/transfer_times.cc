#include "engine/transfer_times.h"

#include <algorithm>

namespace sluice {
namespace {

double in_seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

void TransferTimes::exchange_begins(const PayloadStream& payload) {
  exchange_began_ = Clock::now();
  waited_before_ = payload.waited_for_read() + payload.waited_for_checksum();
}

void TransferTimes::exchange_ends(const PayloadStream& payload, const StreamedRequest& body) {
  const auto now = Clock::now();
  const auto handed = body.all_handed().value_or(now);
  const double waited = payload.waited_for_read() + payload.waited_for_checksum() - waited_before_;
  sending_s_ += std::max(0.0, in_seconds(handed - exchange_began_) - waited);
  answering_s_ += in_seconds(now - handed);
}

double TransferTimes::seconds() const {
  return in_seconds(Clock::now() - began_);
}

Stages TransferTimes::stages(const PipelineClocks& clocks, const PayloadStream& payload) const {
  const auto now = Clock::now();
  const double total = in_seconds(now - began_);
  Stages stages;
  const auto last_read = clocks.reading.last_left();
  stages.read.busy_s = clocks.reading.seconds();
  stages.read.wait_s = clocks.no_buffer.seconds() +
                       (last_read == Clock::time_point{} ? 0 : in_seconds(now - last_read));
  stages.checksum.busy_s = clocks.checksumming.seconds();
  stages.checksum.wait_s = std::max(0.0, total - stages.checksum.busy_s);
  stages.wait_for_read_s = payload.waited_for_read();
  stages.wait_for_checksum_s = payload.waited_for_checksum();
  stages.send.busy_s = sending_s_;
  stages.send.wait_s = stages.wait_for_read_s + stages.wait_for_checksum_s;
  stages.server.busy_s = answering_s_;
  stages.server.wait_s = std::max(0.0, total - answering_s_);
  return stages;
}

}  // namespace sluice
