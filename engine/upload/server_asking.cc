#include "engine/upload/server_asking.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "engine/base/clock.h"
#include "engine/base/seconds.h"
#include "engine/base/unix_time.h"
#include "engine/http/blocking_exchanges.h"
#include "engine/policy/retry.h"
#include "engine/protocol/inquiry_front.h"
#include "io/random.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;

/// A deployment takes seconds, and a firewall rejects every attempt.
constexpr unsigned tries_for_token = 5;
constexpr std::chrono::milliseconds least_pause_for_token{1000};

}  // namespace

void ServerAsking::say(LogLevel level, const std::string& text) const {
  if (log_) log_(level, text);
}

std::optional<ServerProfile> ServerAsking::remembered(const Inquiry& inquiry) const {
  if (inquiry.fresh) return {};
  auto known = memory_.find(journal_, inquiry.base_url, unix_s());
  if (!known ||
      (inquiry.protocol != ProtocolKind::automatic && inquiry.protocol != known->protocol))
    return {};
  return known;
}

bool ServerAsking::is_taken(const Inquiry& inquiry) const {
  const MutexLock lock(mutex_);
  return std::any_of(taken_.begin(), taken_.end(), [&](const Taken& taken) {
    return taken.base_url == inquiry.base_url && taken.dataset == inquiry.dataset &&
           taken.token.reveal() == inquiry.token.reveal();
  });
}

void ServerAsking::keep(const Inquiry& inquiry, const ServerProfile& profile) {
  // A protocol that the caller chose is not a detected one. `phased` without an answer to OPTIONS
  // is not reliable: one lost request hides that the server also speaks tus.
  if (!profile.remembered && profile.options_refused == 0 && !profile.options_unanswered &&
      inquiry.protocol == ProtocolKind::automatic && profile.protocol != ProtocolKind::automatic)
    memory_.keep(journal_, inquiry.base_url, profile, unix_s());
  if (!profile.token_taken || is_taken(inquiry)) return;
  const MutexLock lock(mutex_);
  taken_.push_back({inquiry.base_url, inquiry.dataset, inquiry.token});
}

ServerAsking::Attempt ServerAsking::ask_once(const Inquiry& inquiry,
                                             std::optional<ServerProfile>& known) {
  Inquired inquired = known ? inquire_token(http_, inquiry) : inquire(http_, inquiry);
  Result<ServerProfile> profile = ServerProfile();
  if (known) {
    auto read = read_token_inquiry(inquiry, *known, inquired);
    if (!read) return {std::move(read).error()};
    if (!*read) {
      known.reset();
      return ask_once(inquiry, known);
    }
    profile = **std::move(read);
  } else {
    profile = doubt_front(inquiry, inquired, memory_.known(journal_, inquiry.base_url),
                          read_inquiry(inquiry, inquired));
  }
  const auto retry_after = inquired.retry_after();
  if (!profile || profile->token_taken || inquiry.dataset.empty())
    return {std::move(profile), {}, retry_after};
  Error error = token_not_known(inquiry, inquired);
  if (error.kind == ErrorKind::interrupted || (known && error.kind == ErrorKind::unreachable))
    return {std::move(error), {}, retry_after};  // the server may be unreachable
  return {std::move(profile), std::move(error), retry_after};
}

Result<ServerProfile> ServerAsking::ask(const Inquiry& inquiry) {
  std::optional<ServerProfile> known = remembered(inquiry);
  if (known && (inquiry.dataset.empty() || is_taken(inquiry))) {
    known->token_taken = !inquiry.dataset.empty();
    return *std::move(known);
  }
  RetryBudget budget;
  while (true) {
    Attempt attempt = ask_once(inquiry, known);
    if (attempt.profile && !attempt.token_not_known) {
      const int refused = attempt.profile->options_refused;
      if (refused != 0 && attempt.profile->protocol == ProtocolKind::binary &&
          inquiry.protocol == ProtocolKind::automatic)
        say(LogLevel::warning, about_refused_options(refused) +
                                   "; until then, each file is uploaded in one request, which "
                                   "cannot be resumed");
      keep(inquiry, *attempt.profile);
      return std::move(attempt.profile);
    }
    Error error = attempt.profile ? *std::move(attempt.token_not_known) : attempt.profile.error();
    if (!error.retryable) return error;
    RetryPolicy policy = retry_;
    if (attempt.profile) policy.retries = std::min(policy.retries, tries_for_token);
    const auto now = steady_now();
    // A server that was reachable before will be reachable again.
    if (error.kind == ErrorKind::unreachable &&
        memory_.known(journal_, inquiry.base_url) != ProtocolKind::automatic)
      error.most_tries = 0;
    auto when = budget.next_try(policy, error, attempt.retry_after, now,
                                std::uniform_real_distribution<double>(0, 1)(random_bits()));
    const unsigned failures = budget.failures();
    if (!when && attempt.profile) {
      say(LogLevel::warning,
          fmt::format("{}; continuing without knowing whether the server accepts the token for "
                      "dataset {}",
                      error.message, inquiry.dataset));
      keep(inquiry, *attempt.profile);
      return std::move(attempt.profile);
    }
    if (!when) {
      if (failures > 1) error.message += fmt::format("; gave up after {} attempts", failures);
      if (error.kind == ErrorKind::unreachable) error.message += "; try again later";
      return error;
    }
    // A reverse proxy may block only this question: ask for protocol and token next.
    if (failures >= tries_for_token) known.reset();
    // A deployment takes seconds, so wait at least 1 s.
    if (attempt.profile || (error.code >= 200 && error.code < 500))
      when = std::max(*when, now + std::min(least_pause_for_token, retry_.longest));
    say(LogLevel::warning,
        fmt::format("{}; retrying in {:.1f} s (retry {} of {})", error.message,
                    in_seconds(*when - now), failures, budget.most_retries(policy, error)));
    if (!wait_until(*when, inquiry.stop)) {
      error.kind = ErrorKind::interrupted;
      error.retryable = false;
      error.message = "interrupted before a retry: " + error.message;
      return error;
    }
  }
}

}  // namespace sluice
