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

/// How Engine::ask_server() finds out what a server speaks, and whether it takes a token for a
/// dataset: asks, retries, and remembers. What it speaks is remembered for a day; that it takes a
/// token for a dataset, as long as this lives.
///
/// Where the server speaks a known protocol and something in front of it does not let the question
/// about the token through, a few tries are made, and then a warning says that it was not asked.
///
/// Any thread; waits for the server.
class ServerAsking {
 public:
  /// `journal` may be null. All outlive this.
  ServerAsking(Transport& http, const RetryPolicy& retry, Journal* journal, const Log& log)
      : http_(http), retry_(retry), journal_(journal), log_(log), memory_(log) {}

  /// `inquiry` has a base URL, a key and a token that passed their checks. Errors: those of
  /// Engine::ask_server().
  Result<ServerProfile> ask(const Inquiry& inquiry);

 private:
  /// What one exchange with the server came to.
  struct Heard {
    Result<ServerProfile> profile;
    /// Why the profile does not say whether the token is taken, where it should.
    std::optional<Error> token_not_known = {};
    std::optional<std::chrono::seconds> retry_after = {};
  };
  Heard hear(const Inquiry& inquiry, std::optional<ServerProfile>& known);
  std::optional<ServerProfile> remembered(const Inquiry& inquiry) const;
  bool is_taken(const Inquiry& inquiry) const;
  void keep(const Inquiry& inquiry, const ServerProfile& profile);
  void say(LogLevel level, const std::string& text) const;

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
