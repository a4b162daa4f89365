#include "engine/upload/stage_publisher.h"

#include <utility>

#include "engine/base/clock.h"

namespace sluice {

void StagePublisher::publish(Transport& transport, const std::weak_ptr<void>& owner) {
  constexpr auto interval = std::chrono::milliseconds(250);
  const auto now = steady_now();
  if (now - published_ >= interval) {
    published_ = now;
    setting_.outcome.publish(setting_.stages(),
                             setting_.network ? setting_.network() : std::nullopt);
  }
  if (std::exchange(is_posted_, true)) return;
  transport.post_at(now + interval, [this, &transport, owner] {
    const auto alive = owner.lock();
    if (!alive) return;
    is_posted_ = false;
    if (is_stopped_) return;
    if (setting_.in_flight())
      publish(transport, owner);
    else
      setting_.outcome.publish_no_network();
  });
}

}  // namespace sluice
