// What an UploadRun does when the server refuses the token: finds out whether it does
// (engine/policy/token_doubt.h), and looks for another one.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "engine/base/persistence.h"
#include "engine/upload/upload_run.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;

/// How often a token file is looked at.
constexpr auto look_for_token_every = 2s;

}  // namespace

void UploadRun::doubt_token(Error refusal, std::optional<std::chrono::seconds> retry_after) {
  doubt_.emplace(std::move(refusal), retry_after, load_moment_, token_accepted_);
  payload_.give_up();  // its buffers are for the other uploads meanwhile
  ask_about_token();
}

void UploadRun::ask_about_token() {
  const auto question = std::make_shared<SetupQuestion>(setting_.request.base_url,
                                                        setting_.request.dataset, tokens_.back());
  question_ = http().start(question->exchange(),
                           [self = shared_from_this(), question](const Result<Answer>& answer) {
                             self->question_ = 0;
                             self->token_answered(answer);
                           });
}

void UploadRun::token_answered(const Result<Answer>& answer) {
  if (over_) return;
  using Verdict = TokenDoubt::Verdict;
  const Verdict verdict = doubt_->heard(answer);
  if (verdict == Verdict::ask_again) {
    later(Clock::now() + std::min<Clock::duration>(doubt_->pause(), setting_.retry.longest),
          &UploadRun::ask_about_token);
    return;
  }
  const TokenDoubt doubt = *std::exchange(doubt_, {});
  Error error = doubt.refusal();
  switch (verdict) {
    case Verdict::refused:
      token_error_ = std::move(error);
      look_for_token();
      return;
    case Verdict::no_dataset:
      finish(
          Report::Status::failed,
          Error{ErrorKind::no_such_dataset,
                fmt::format(
                    "{}: the server no longer has a draft dataset {} (HTTP 404); check that "
                    "the dataset is still a draft{}",
                    doing(), setting_.request.dataset,
                    !finish_sent_                             ? "; nothing was registered"
                    : setting_.protocol->can_ask_registered() ? ""
                                                              : "; " + setting_.protocol->doubt()),
                404});
      return;
    case Verdict::accepted:
      token_accepted_ = true;
      break;
    case Verdict::ask_again:
    case Verdict::unknown:
      break;
  }
  // One that is restarting refuses connections; one without a free thread is late.
  const bool late = !answer && answer.error().code == Http::unanswered;
  // A phased server needs no second thread to check a token.
  if (setting_.gate_rule == RequestGate::Rule::queues && token_accepted_ &&
      (verdict == Verdict::accepted || late))
    overloaded(doubt.moment(), fmt::format("HTTP {}", error.code));
  if (token_accepted_) {
    error = Error{
        ErrorKind::unreachable,
        fmt::format("{}: the server refused one request (HTTP {}), but {} the token for dataset "
                    "{}: the server {}",
                    doing(), error.code, verdict == Verdict::accepted ? "accepts" : "accepted",
                    setting_.request.dataset,
                    error.code == 401 ? "is restarting, or has no free thread to check the token"
                                      : "has an internal error"),
        error.code};
  }
  // An answer that does not tell came from something in front of the server, and may stay so.
  const bool answered = !token_accepted_ && answer;
  retry_step(with(std::move(error), answered ? Persistence::few_tries : Persistence::transient),
             doubt.retry_after());
}

void UploadRun::look_for_token() {
  const auto& renew = setting_.request.renew_token;
  if (renew) {
    std::optional<Secret> token = renew();
    if (token && token->reveal() != tokens_.back().reveal()) {
      say(LogLevel::warning, fmt::format("resuming {} with a new token", file_));
      setting_.protocol->replace_token(*token);
      tokens_.push_back(*std::move(token));
      token_accepted_ = false;
      try_again();
      return;
    }
  }
  const auto now = Clock::now();
  if (renew && setting_.request.token_wait.count() > 0) {
    if (!token_deadline_) {
      token_deadline_ = now + setting_.request.token_wait;
      payload_.give_up();
      say(LogLevel::warning,
          fmt::format(
              "{}; waiting for another token for up to {} s: get one at {}/datasets/{}/edit",
              redacted(token_error_->message), setting_.request.token_wait.count(),
              setting_.request.base_url, setting_.request.dataset));
    }
    if (now < *token_deadline_) {
      later(std::min(*token_deadline_, now + look_for_token_every), &UploadRun::look_for_token);
      return;
    }
  }
  finish(Report::Status::failed, *std::move(token_error_));
}

}  // namespace sluice
