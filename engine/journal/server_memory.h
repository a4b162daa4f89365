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

/// A cache of the servers' protocols, valid for a day because servers change: in the journal, and
/// in memory for an engine without a journal. Any thread; calls may block on the disk. An entry
/// that the journal's file cannot return or store counts as missing, and is reported to `log`.
class ServerMemory {
 public:
  explicit ServerMemory(Log log) : log_(std::move(log)) {}

  /// Returns the cached profile, with `remembered` set and without measurements; nullopt if there
  /// is none. `journal` may be null. `now_s`: Unix seconds.
  std::optional<ServerProfile> find(Journal* journal, const std::string& base_url,
                                    std::int64_t now_s) const;
  /// Returns the protocol that was detected at any time, or that of an unfinished upload to the
  /// server; automatic if there is neither.
  ProtocolKind known(Journal* journal, const std::string& base_url) const;
  /// Stores a profile that was detected at `now_s`, in Unix seconds.
  void keep(Journal* journal, const std::string& base_url, const ServerProfile& profile,
            std::int64_t now_s);

 private:
  const Log log_;
  mutable Mutex mutex_;
  std::map<std::string, ServerFacts> kept_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice
