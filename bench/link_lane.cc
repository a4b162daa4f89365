#include "bench/link_lane.h"

#include <algorithm>
#include <utility>

namespace sluice::bench {
namespace {

constexpr std::uint64_t ns_per_second = 1'000'000'000;

/// Returns the time that the line needs for `bytes`, rounded up so that the line is never faster
/// than requested.
LinkLane::Time on_line(std::uint64_t bytes, std::uint64_t bits_per_second) {
  return LinkLane::Time((bytes * 8 * ns_per_second + bits_per_second - 1) / bits_per_second);
}

}  // namespace

// Bytes are delivered in pieces, when the last byte has passed: at most 1 ms after the first byte.
LinkLane::LinkLane(const Setting& setting)
    : setting_(setting),
      piece_bytes_(static_cast<std::size_t>(setting.bits_per_second / 8 / 1000)),
      random_(setting.seed) {}

bool LinkLane::queued(std::size_t bytes, Time now) {
  const Time start = std::max(line_free_, now);
  const Time end = start + on_line(bytes, setting_.bits_per_second);
  // Converts the waiting time to the number of queued bytes.
  if (start > now && end - now > on_line(setting_.queue_bytes, setting_.bits_per_second))
    return false;
  line_free_ = end;
  return true;
}

void LinkLane::enter(const LinkPacket& packet, Time now) {
  std::uniform_real_distribution<double> draw(0, 1);
  const std::size_t segments = packet.segments();
  std::size_t first = 0;  // of the current piece
  const auto send_up_to = [&](std::size_t last) {
    if (first < last) travelling_.push_back({packet.cut(first, last), line_free_ + setting_.delay});
    first = last;
  };
  for (std::size_t segment = 0; segment < segments; ++segment) {
    const std::size_t bytes = packet.wire_bytes(segment, segment + 1);
    const bool lost = setting_.loss > 0 && draw(random_) < setting_.loss;
    if (segment > first && packet.wire_bytes(first, segment + 1) > piece_bytes_)
      send_up_to(segment);
    if (!lost && queued(bytes, now)) continue;
    send_up_to(segment);
    first = segment + 1;
    ++(lost ? counts_.lost : counts_.queue_dropped);
  }
  send_up_to(segments);
}

std::optional<LinkLane::Time> LinkLane::due() const {
  if (travelling_.empty()) return {};
  return travelling_.front().due;
}

LinkPacket LinkLane::leave() {
  LinkPacket packet = std::move(travelling_.front().packet);
  travelling_.pop_front();
  counts_.passed += packet.segments();
  counts_.passed_bytes += packet.wire_bytes(0, packet.segments());
  return packet;
}

}  // namespace sluice::bench
