#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/journal/journal_thread.h"
#include "engine/journal/server_facts.h"
#include "engine/policy/request_gate.h"
#include "engine/protocol/creation_with_upload.h"
#include "io/sync.h"

namespace sluice {

/// The state of each server that the uploads of one engine share: its request gate, and whether the
/// server accepts a file's bytes with the creation of a tus upload. Key: the base URL, as
/// check_base_url() returns it.
///
/// Any thread. Returned references stay valid for the lifetime of this object.
class Servers {
 public:
  struct Setting {
    unsigned requests_at_a_time = 0;  ///< EngineOptions::requests_at_a_time
    /// As in RequestGate::Setting. Called only while uploads exist.
    std::function<void(RequestGate::Clock::time_point when, std::function<void()>)> post_at;
    JournalThread* journal = nullptr;  ///< stores the limits; null: none; outlives this
  };

  explicit Servers(Setting setting) : setting_(std::move(setting)) {}
  Servers(const Servers&) = delete;
  Servers& operator=(const Servers&) = delete;

  /// Returns the request gate of the server at `base_url`, and creates it on the first call.
  /// `facts` (the journal's facts about the server) and `rule` (that of the calling upload) are
  /// used only for the creation.
  RequestGate& gate(const std::string& base_url, const ServerFacts& facts, RequestGate::Rule rule);

  /// Returns what is known of whether the creation of a tus upload at `base_url` may carry the
  /// file's bytes. Creates it on the first call.
  CreationWithUpload& creation(const std::string& base_url);

  /// See Engine::request_limit().
  std::optional<unsigned> request_limit(const std::string& base_url) const;

 private:
  std::unique_ptr<RequestGate> make_gate(const std::string& base_url, const ServerFacts& facts,
                                         RequestGate::Rule rule) const;

  const Setting setting_;
  mutable Mutex mutex_;
  /// Key: base URL.
  std::map<std::string, std::unique_ptr<RequestGate>> gates_ SLUICE_GUARDED_BY(mutex_);
  /// Key: base URL.
  std::map<std::string, CreationWithUpload> creations_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice
