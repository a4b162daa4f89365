#include "engine/upload/termination.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <random>
#include <utility>

#include "engine/base/clock.h"
#include "engine/base/text.h"
#include "engine/http/blocking_exchanges.h"
#include "engine/http/http_date.h"
#include "engine/policy/retry.h"
#include "engine/protocol/answer_errors.h"
#include "engine/protocol/tus_location.h"
#include "engine/protocol/tus_origin.h"
#include "io/random.h"

namespace sluice {
namespace {

/// Some storage systems delete the parts of a large upload one by one, which takes seconds.
constexpr std::chrono::seconds termination_timeout{30};

bool is_transient_status(int status) {
  return status >= 400 && persistence_of(status) == Persistence::transient;
}

/// The state of a termination: the uploads that are left, and the errors of the last attempt.
class Attempt {
 public:
  Attempt(const Termination& asked, std::vector<std::string> urls)
      : asked_(asked), urls_(std::move(urls)), origin_(asked.server.sends_resumable) {}

  /// Sends one request for each upload that is left, and blocks until all are answered.
  void run(Transport& http) {
    ++tries_;
    error_.reset();
    retry_after_.reset();
    std::vector<Exchange> exchanges;
    for (const std::string& url : urls_) exchanges.push_back(termination(url, asked_.token));
    const std::vector<Reply> replies = run_exchanges(http, std::move(exchanges), asked_.stop);
    std::vector<std::string> left;
    for (std::size_t i = 0; i < urls_.size(); ++i) {
      std::optional<Error> error = error_of(replies[i].answer);
      if (!error) {
        if (is_missing(*replies[i].answer)) ++missing_;
        continue;
      }
      left.push_back(std::move(urls_[i]));
      if (replies[i].answer) retry_after_ = std::max(retry_after_, replies[i].answer->retry_after);
      // Keep a permanent error rather than a transient one: the user has to act on it.
      if (!error_ || (error_->retryable && !error->retryable)) error_ = std::move(error);
    }
    urls_ = std::move(left);
  }

  const std::vector<std::string>& left() const { return urls_; }
  std::size_t missing() const { return missing_; }
  const std::optional<Error>& error() const { return error_; }
  std::optional<std::chrono::seconds> retry_after() const { return retry_after_; }

 private:
  /// Returns why the upload is left; empty if it is deleted or missing.
  std::optional<Error> error_of(const Result<Answer>& answer) const {
    if (!answer) {
      Error error = answer.error();
      if (error.kind != ErrorKind::interrupted)
        error.message = fmt::format("no response from {}: {}", asked_.base_url,
                                    printable(asked_.token.redact(error.message)));
      return error;
    }
    const int status = answer->status;
    if ((status >= 200 && status < 300) || is_missing(*answer)) return {};
    // A server that restarts or has no free thread refuses valid tokens as well.
    if (status == 401)
      return Error{ErrorKind::token_refused,
                   fmt::format("the server refused the token for dataset {} (HTTP 401): {}",
                               asked_.dataset, token_advice),
                   status, tries_ < few_tries};
    if (status == 423)
      return Error{ErrorKind::unreachable,
                   "the server is still working on an earlier request (HTTP 423)", status, true};
    const std::string said = quote_server_text(asked_.token.redact(answer->body));
    if (is_transient_status(status) || status == 404 || status == 410)
      return Error{ErrorKind::unreachable,
                   fmt::format("the server is not available (HTTP {}, {})", status, said), status,
                   true};
    return Error{ErrorKind::failed,
                 fmt::format("the server refused to delete the upload (HTTP {}, {})", status, said),
                 status, is_fronts(*answer) && tries_ < few_tries};
  }

  bool is_fronts(const Answer& answer) const {
    return origin_.sender(answer) == TusOrigin::Sender::front;
  }
  /// Whether the server has no such upload. An answer of a reverse proxy does not count.
  bool is_missing(const Answer& answer) const {
    return (answer.status == 404 || answer.status == 410) && !is_fronts(answer);
  }

  const Termination& asked_;
  std::vector<std::string> urls_;
  const TusOrigin origin_;
  unsigned tries_ = 0;
  std::size_t missing_ = 0;
  std::optional<Error> error_;
  std::optional<std::chrono::seconds> retry_after_;
};

/// Returns when the last of the uploads expires; empty if the server does not say so for each of
/// them.
std::optional<std::chrono::system_clock::time_point> ask_expiry(
    Transport& http, const Termination& asked, const std::vector<std::string>& urls) {
  std::vector<Exchange> exchanges;
  for (const std::string& url : urls) {
    Exchange exchange = termination(url, asked.token);
    exchange.method = Request::Method::head;
    exchanges.push_back(std::move(exchange));
  }
  std::optional<std::chrono::system_clock::time_point> last;
  for (const Reply& reply : run_exchanges(http, std::move(exchanges), asked.stop)) {
    if (!reply.answer) return {};
    const auto expires = parse_http_date(reply.answer->header("upload-expires").value_or(""));
    if (!expires) return {};
    last = std::max(last, expires);
  }
  return last;
}

/// Sends the exchanges one after another, last element first.
void send_in_turn(Transport& http, const std::shared_ptr<std::vector<Exchange>>& exchanges) {
  if (exchanges->empty()) return;
  const Exchange next = std::move(exchanges->back());
  exchanges->pop_back();
  http.start(next, [&http, exchanges](const Result<Answer>&) { send_in_turn(http, exchanges); });
}

}  // namespace

Exchange termination(const std::string& url, const Secret& token) {
  Exchange exchange;
  exchange.method = Request::Method::del;
  exchange.url = url;
  exchange.headers = {"Tus-Resumable: 1.0.0", "Authorization: Token token=" + token.reveal()};
  exchange.response_timeout = termination_timeout;
  return exchange;
}

void drop_uploads(Transport& http, const std::vector<std::string>& urls, const Secret& token) {
  const auto exchanges = std::make_shared<std::vector<Exchange>>();
  for (const std::string& url : urls) exchanges->push_back(termination(url, token));
  send_in_turn(http, exchanges);
}

Terminated terminate(Transport& http, const RetryPolicy& retry, const Termination& asked) {
  std::vector<std::string> urls;
  for (const std::string& url : asked.urls) {
    auto own = resolve_location(asked.base_url, url);
    if (!own)
      return {
          asked.urls.size(),
          0,
          Error{ErrorKind::usage, fmt::format("cannot delete an upload: {}", own.error().message)},
          {}};
    urls.push_back(*std::move(own));
  }
  if (!asked.server.has("termination")) return {urls.size(), 0, {}, ask_expiry(http, asked, urls)};

  Attempt attempt(asked, std::move(urls));
  for (unsigned failures = 1;; ++failures) {
    attempt.run(http);
    if (!attempt.error() || !attempt.error()->retryable) break;
    const auto when = retry_at(retry, failures, attempt.retry_after(), steady_now(),
                               std::uniform_real_distribution<double>(0, 1)(random_bits()));
    if (!when || !wait_until(*when, asked.stop)) break;
  }
  Terminated result{attempt.left().size(), attempt.missing(), attempt.error(), {}};
  // A server that refuses to delete may still announce when the uploads expire.
  if (result.error && result.error->kind == ErrorKind::failed)
    result.expires = ask_expiry(http, asked, attempt.left());
  return result;
}

}  // namespace sluice
