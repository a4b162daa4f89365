#include "engine/server_memory.h"

namespace sluice {

std::optional<ServerProfile> ServerMemory::find(const std::string& base_url,
                                                std::int64_t now_s) const {
  const MutexLock lock(mutex_);
  const auto found = kept_.find(base_url);
  if (found == kept_.end()) return {};
  const std::int64_t age = now_s - found->second.since_s;
  if (age < 0 || age >= good_for_s) return {};  // a clock that was set back knows no age
  return found->second.profile;
}

void ServerMemory::keep(const std::string& base_url, const ServerProfile& profile,
                        std::int64_t now_s) {
  Kept kept;
  kept.profile.protocol = profile.protocol;
  kept.profile.tus = profile.tus;
  kept.profile.remembered = true;
  kept.since_s = now_s;
  const MutexLock lock(mutex_);
  kept_[base_url] = kept;
}

}  // namespace sluice
