#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "engine/base/log.h"
#include "engine/journal/journal.h"
#include "engine/protocol/server_profile.h"
#include "io/sync.h"

namespace sluice {

/// What servers were found to speak, for a day, as servers change: in the journal, and in memory
/// for an engine without one. Any thread; may wait for the disk. What the journal's file cannot
/// give or take is as good as nothing, and said to `log`.
class ServerMemory {
 public:
  explicit ServerMemory(Log log) : log_(std::move(log)) {}

  /// With `remembered` set and nothing that was measured. `journal` may be null; `now_s`: Unix
  /// seconds.
  std::optional<ServerProfile> find(Journal* journal, const std::string& base_url,
                                    std::int64_t now_s) const;
  /// What it was found to speak at any time, or an unfinished upload to it is spoken in; automatic
  /// for nothing.
  ProtocolKind known(Journal* journal, const std::string& base_url) const;
  /// Found out just now, `now_s`.
  void keep(Journal* journal, const std::string& base_url, const ServerProfile& profile,
            std::int64_t now_s);

 private:
  const Log log_;
  mutable Mutex mutex_;
  std::map<std::string, ServerFacts> kept_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice
