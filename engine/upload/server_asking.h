#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/http/transport.h"
#include "engine/journal/journal.h"
#include "engine/journal/server_memory.h"
#include "engine/policy/retry.h"
#include "engine/protocol/inquiry.h"
#include "engine/protocol/server_inquiry.h"
#include "io/sync.h"

namespace sluice {

/// The implementation of Engine::ask_server(): detects the protocol of a server and checks a token
/// for a dataset, with retries. Caches the protocol in the journal for a day, and the accepted
/// tokens for the lifetime of this object.
///
/// If the protocol is known but a reverse proxy rejects the token check, the check is retried at
/// most 5 times; then a warning is logged and the profile is returned without a result for the
/// token.
///
/// Any thread. Blocks until the server has answered.
class ServerAsking {
 public:
  /// `journal` may be null. All arguments outlive this.
  ServerAsking(Transport& http, const RetryPolicy& retry, Journal* journal, const Log& log)
      : http_(http), retry_(retry), journal_(journal), log_(log), memory_(log) {}

  /// Answers `inquiry`, whose base URL, key and token have passed their checks. Errors: those of
  /// Engine::ask_server().
  Result<ServerProfile> ask(const Inquiry& inquiry);

 private:
  /// The result of one inquiry.
  struct Attempt {
    Result<ServerProfile> profile;
    /// Set if the token check had no result: the reason.
    std::optional<Error> token_not_known = {};
    std::optional<std::chrono::seconds> retry_after = {};
  };
  /// Asks the server once. `known`: the cached profile, so that only the token is checked; reset if
  /// the answer contradicts that profile.
  Attempt ask_once(const Inquiry& inquiry, std::optional<ServerProfile>& known);
  /// Returns the cached profile, unless `inquiry` asks for a fresh one or for another protocol.
  std::optional<ServerProfile> remembered(const Inquiry& inquiry) const;
  /// Whether the server has accepted this token for this dataset before.
  bool is_taken(const Inquiry& inquiry) const;
  /// Caches the profile, and the token if the server accepted it.
  void keep(const Inquiry& inquiry, const ServerProfile& profile);
  void say(LogLevel level, const std::string& text) const;

  /// A token that a server accepted for a dataset.
  struct Taken {
    std::string base_url;
    std::string dataset;
    Secret token;
  };

  Transport& http_;
  const RetryPolicy& retry_;
  Journal* const journal_;
  const Log& log_;
  ServerMemory memory_;
  mutable Mutex mutex_;
  std::vector<Taken> taken_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice
