#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "engine/server_profile.h"
#include "io/sync.h"

namespace sluice {

/// What servers were found to speak, for a day, as servers change. Any thread.
class ServerMemory {
 public:
  static constexpr std::int64_t good_for_s = 86400;

  /// With `remembered` set and nothing that was measured. `now_s`: Unix seconds.
  std::optional<ServerProfile> find(const std::string& base_url, std::int64_t now_s) const;
  void keep(const std::string& base_url, const ServerProfile& profile, std::int64_t now_s);

 private:
  struct Kept {
    ServerProfile profile;
    std::int64_t since_s = 0;
  };
  mutable Mutex mutex_;
  std::map<std::string, Kept> kept_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice
