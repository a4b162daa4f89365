#include "engine/upload/recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

using namespace std::chrono_literals;

/// Returns whether a reverse proxy may answer `status` while the Data Bank is unavailable, although
/// the status does not say so.
bool is_refusal(int status) {
  return status == 400 || status == 403 || status == 404 || status == 405 || status == 410;
}

}  // namespace

Recovery::Decision Recovery::decide(Failure failure, Time now, double random) {
  Decision decision{.error = std::move(failure.error)};
  Error& error = decision.error;
  if (failure.is_unsafe_to_repeat) error.retryable = false;
  if (!error.retryable) return decision;
  // A server that was reachable before will be reachable again.
  if (error.kind == ErrorKind::unreachable && setting_.server_is_known) error.most_tries = 0;
  auto when = budget_.next_try(setting_.retry, error, failure.retry_after, now, random);
  decision.failures = budget_.failures();
  // Several of these in a row are taken as permanent. A deployment takes seconds, so wait at least
  // 1 s.
  if (when && is_refusal(error.code))
    when = std::max(*when, now + std::min<Time::duration>(1s, setting_.retry.longest));
  if (when) {
    ++retries_;
    decision.action = Action::retry;
    decision.at = *when;
    decision.retries = budget_.most_retries(setting_.retry, error);
    return decision;
  }
  if (error.kind == ErrorKind::token_refused) {
    decision.action = Action::renew_token;
    return decision;
  }
  if (decision.failures > 1)
    error.message += fmt::format("; gave up after {} attempts without progress", decision.failures);
  if (!failure.may_be_registered) error.message += "; nothing was registered";
  // The user resumes a resumable upload anyway, so only others get this advice.
  if (error.kind == ErrorKind::unreachable && !failure.may_be_registered && !failure.can_resume)
    error.message += "; try again later";
  return decision;
}

bool Recovery::may_start_over() {
  losses_ = budget_.start_over();
  return losses_ <= setting_.retry.retries + 1;
}

}  // namespace sluice
