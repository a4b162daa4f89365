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

/// What the uploads of one engine share of each server: the gate in front of it, and whether it
/// takes a file's bytes with the creation of a tus upload. A server is a base URL, as
/// check_base_url() returns it.
///
/// Any thread. What it returns lives as long as this.
class Servers {
 public:
  struct Setting {
    unsigned requests_at_a_time = 0;  ///< EngineOptions
    /// RequestGate::Setting has it. Called as long as there are uploads.
    std::function<void(RequestGate::Clock::time_point when, std::function<void()>)> post_at;
    JournalThread* journal = nullptr;  ///< remembers the limits; null for none; outlives this
  };

  explicit Servers(Setting setting) : setting_(std::move(setting)) {}
  Servers(const Servers&) = delete;
  Servers& operator=(const Servers&) = delete;

  /// In front of the server at `base_url`. `facts`, what the journal has of it, and `rule`, that of
  /// the upload that asks, count when the gate is made.
  RequestGate& gate(const std::string& base_url, const ServerFacts& facts, RequestGate::Rule rule);

  /// Whether the creation of a tus upload at `base_url` may carry the file's bytes.
  CreationWithUpload& creation(const std::string& base_url);

  /// Engine::request_limit().
  std::optional<unsigned> request_limit(const std::string& base_url) const;

 private:
  std::unique_ptr<RequestGate> make_gate(const std::string& base_url, const ServerFacts& facts,
                                         RequestGate::Rule rule) const;

  const Setting setting_;
  mutable Mutex mutex_;
  /// By their base URLs.
  std::map<std::string, std::unique_ptr<RequestGate>> gates_ SLUICE_GUARDED_BY(mutex_);
  /// The same.
  std::map<std::string, CreationWithUpload> creations_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice
