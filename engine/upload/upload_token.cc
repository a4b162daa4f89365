// UploadRun: a refused token: checks the refusal (engine/policy/token_doubt.h), and looks for
// another token.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "engine/base/clock.h"
#include "engine/base/persistence.h"
#include "engine/upload/upload_run.h"

namespace sluice {

void UploadRun::check_token_refusal(Error refusal,
                                    std::optional<std::chrono::seconds> retry_after) {
  token_check_.doubt(
      TokenDoubt(std::move(refusal), retry_after, load_.moment(), tokens_.is_accepted()));
  payload_.cancel();  // frees the buffers for other uploads
  ask_about_token();
}

void UploadRun::ask_about_token() {
  enter(UploadState::asking_about_token);
  token_check_.ask(http(), tokens_.current(),
                   [self = shared_from_this()](const TokenCheck::Finding& finding) {
                     self->token_answered(finding);
                   });
}

void UploadRun::token_answered(const TokenCheck::Finding& finding) {
  if (is_over()) return;
  enter(UploadState::deciding);
  using Verdict = TokenDoubt::Verdict;
  const Verdict verdict = finding.verdict;
  if (verdict == Verdict::ask_again) {
    later(UploadState::asking_about_token,
          steady_now() + std::min<Clock::duration>(token_check_.pause(), setting_.retry.longest),
          &UploadRun::ask_about_token);
    return;
  }
  const TokenDoubt& doubt = finding.doubt;
  Error error = doubt.refusal();
  switch (verdict) {
    case Verdict::refused:
      tokens_.refuse(std::move(error));
      look_for_token();
      return;
    case Verdict::no_dataset:
      finish(Report::Status::failed, messages_.no_dataset(request()));
      return;
    case Verdict::accepted:
      tokens_.accept();
      break;
    case Verdict::ask_again:
    case Verdict::unknown:
      break;
  }
  // A restarting server refuses connections; a server without a free thread answers late.
  if (tokens_.is_accepted() && (verdict == Verdict::accepted || finding.is_late))
    load_.refused_good_token(doubt.moment(), error.code);
  if (tokens_.is_accepted())
    error = messages_.refused_valid_token(request(), error.code, verdict == Verdict::accepted);
  // An unclear answer came from a reverse proxy, and may be permanent.
  const bool answered = !tokens_.is_accepted() && finding.is_answered;
  retry_step(with(std::move(error), answered ? Persistence::few_tries : Persistence::transient),
             doubt.retry_after());
}

void UploadRun::look_for_token() {
  const auto now = steady_now();
  switch (tokens_.renew(now)) {
    case Tokens::Renewal::renewed:
      say(LogLevel::warning, fmt::format("resuming {} with a new token", file_));
      setting_.protocol->replace_token(tokens_.current());
      try_again();
      return;
    case Tokens::Renewal::first_wait:
      payload_.cancel();
      say(LogLevel::warning,
          fmt::format(
              "{}; waiting for another token for up to {} s: get one at {}/datasets/{}/edit",
              tokens_.redacted(tokens_.refusal().message), tokens_.wait().count(),
              setting_.request.base_url, setting_.request.dataset));
      [[fallthrough]];
    case Tokens::Renewal::wait:
      later(UploadState::waiting_for_token, tokens_.look_at(now), &UploadRun::look_for_token);
      return;
    case Tokens::Renewal::none:
      finish(Report::Status::failed, tokens_.refusal());
      return;
  }
}

}  // namespace sluice
