#include "engine/answer_errors.h"

#include <fmt/format.h>

#include <utility>

#include "engine/answer_text.h"
#include "engine/text.h"

namespace sluice {
namespace {

/// "a server in front of the Data Bank (nginx/1.22.1)"
std::string name_of(Answerer answerer, const Answer& answer, const AnswerErrors& errors) {
  const auto software = answer.header(answerer == Answerer::proxy ? "via" : "server");
  const std::string named = software && !software->empty()
                                ? fmt::format(" ({})", errors.quoted(std::string(*software)))
                                : "";
  switch (answerer) {
    case Answerer::front:
      return "a server in front of the Data Bank" + named;
    case Answerer::proxy:
      return "the proxy" + named;
    case Answerer::server:
      break;
  }
  return "the server";
}

/// Who can help.
const char* who_runs(Answerer answerer) {
  switch (answerer) {
    case Answerer::front:
      return "those who run the Data Bank's front server or the firewall on the way";
    case Answerer::proxy:
      return "those who run the proxy";
    case Answerer::server:
      break;
  }
  return "those who run the Data Bank";
}

/// "PATCH" of "PATCH at byte 7".
std::string method_of(const std::string& request) {
  return request.empty() ? "this method" : request.substr(0, request.find(' '));
}

/// Whether a refusal says more, or less, than that: something may have been done.
bool is_judged_apart(Request::Step step) {
  return step == Request::Step::finish || step == Request::Step::whole ||
         step == Request::Step::join;
}

}  // namespace

Answerer answerer_of(const Answer& answer) {
  if (answer.status == 407 || answer.header("proxy-authenticate")) return Answerer::proxy;
  return is_page(answer) ? Answerer::front : Answerer::server;
}

Persistence persistence_of(int status) {
  switch (status) {
    case 408:
    case 423:
    case 425:
    case 429:
    case 499:
      return Persistence::transient;
    case 501:
    case 505:
    case 507:
    case 511:
      return Persistence::few_tries;
    default:
      return status >= 400 && status < 500 ? Persistence::few_tries : Persistence::transient;
  }
}

std::optional<Persistence> no_room(std::string_view text, std::string_view name) {
  std::string said = lower_case(text);
  if (const std::string own = lower_case(name); !own.empty())
    for (std::size_t at = 0; (at = said.find(own, at)) != std::string::npos;)
      said.erase(at, own.size());
  const auto says = [&](const char* words) { return said.find(words) != std::string::npos; };
  if (says("quota") &&
      (says("exceed") || says("over") || says("reach") || says("full") || says("limit")))
    return Persistence::permanent;
  if (says("no space left on device") || says("insufficient storage") || says("disk full") ||
      says("disk is full"))
    return Persistence::few_tries;
  return {};
}

Error error_of(ErrorKind kind, const Answer& answer, std::string message, bool retryable) {
  return {kind, std::move(message), answer.status, retryable};
}

AnswerErrors::AnswerErrors(const Deposit& deposit, std::string protocol, Secret token)
    : dataset_(deposit.dataset),
      name_(deposit.name),
      protocol_(std::move(protocol)),
      token_(std::move(token)) {}

std::string AnswerErrors::quoted(const std::string& text) const {
  return quote_server_text(token_.redact(text));
}

void AnswerErrors::asked(Request::Method method, std::optional<std::uint64_t> offset) {
  request_ = to_string(method);
  if (offset) request_ += fmt::format(" at byte {}", *offset);
}

std::string AnswerErrors::doing(Request::Step step) const {
  return fmt::format("{} for '{}'{}", describe(step), name_,
                     request_.empty() ? "" : fmt::format(" ({})", request_));
}

Error AnswerErrors::token_refused(const Answer& answer, Request::Step step, const char* how) const {
  return error_of(ErrorKind::token_refused, answer,
                  fmt::format("the server refused the token for dataset {} ({}) while {}: it is "
                              "wrong, or older than 3 days; get a new one on the dataset's edit "
                              "page",
                              dataset_, how, describe(step)));
}

Error AnswerErrors::no_such_dataset(const Answer& answer) const {
  return error_of(ErrorKind::no_such_dataset, answer,
                  fmt::format("the server knows no draft dataset {} (404, {}): check the key and "
                              "the system, and that the dataset is still a draft",
                              dataset_, quoted(answer.body)));
}

Error AnswerErrors::not_understood(const Answer& answer, Request::Step step, bool retryable) const {
  Error error = error_of(
      ErrorKind::failed, answer,
      fmt::format("{} answered {} with {}{} while {}, which is no answer of the {} "
                  "protocol; check the address, or try again later",
                  name_of(answerer_of(answer), answer, *this), answer.status, quoted(answer.body),
                  answer.truncated ? " (cut short)" : "", doing(step), protocol_));
  return with(std::move(error), retryable ? persistence_of(answer.status) : Persistence::permanent);
}

std::optional<Error> AnswerErrors::refused(const Answer& answer, Request::Step step,
                                           bool proven) const {
  if (is_judged_apart(step) || answer.status < 400) return {};
  const Answerer answerer = answerer_of(answer);
  const auto error = [&](const std::string& advice, Persistence persistence) {
    return with(error_of(ErrorKind::failed, answer,
                         fmt::format("{} answered {} with {} while {}: {}",
                                     name_of(answerer, answer, *this), answer.status,
                                     quoted(answer.body), doing(step), advice)),
                persistence);
  };
  const auto full = no_room(answer.body, name_);
  if (answer.status == 507 || full)
    return error("it has no room for the file; ask those who run the Data Bank for more",
                 full.value_or(Persistence::permanent));
  switch (answer.status) {
    case 403:
      return error(fmt::format("{}; ask {} to let it through",
                               step == Request::Step::chunk
                                   ? "a firewall can dislike what is in a part of a file"
                                   : "this request is not allowed",
                               who_runs(answerer)),
                   Persistence::few_tries);
    case 405:
    case 501:
      return error(
          fmt::format("{} is not allowed there; ask {} to allow POST, PATCH, HEAD, OPTIONS "
                      "and DELETE, or check the address",
                      method_of(request_), who_runs(answerer)),
          proven ? Persistence::few_tries : Persistence::permanent);
    case 407:
      return error(
          "it asks for a user name and password; give them in http_proxy, as "
          "http://USER:PASSWORD@HOST:PORT",
          Persistence::permanent);
    case 511:
      return error("this network wants a login first, which a browser shows",
                   Persistence::few_tries);
    default:
      return {};
  }
}

Error AnswerErrors::not_registered(const Answer& answer, Request::Step step,
                                   RegistrationAnswer::Verdict verdict) const {
  using Verdict = RegistrationAnswer::Verdict;
  switch (verdict) {
    case Verdict::token_refused:
      return token_refused(answer, step, "401");
    case Verdict::no_such_dataset:
      return no_such_dataset(answer);
    case Verdict::no_such_upload:
      return error_of(ErrorKind::failed, answer,
                      fmt::format("the server did not register '{}' (400, {}): it does not know "
                                  "the upload any more, or not yet; run it again",
                                  name_, quoted(answer.body)));
    case Verdict::no_such_request:
      return error_of(
          ErrorKind::failed, answer,
          fmt::format("the server does not speak the {} protocol ({}, 'invalid request' "
                      "while {}); leave --protocol to find out which one it speaks",
                      protocol_, answer.status, doing(step)));
    case Verdict::registered:
    case Verdict::in_doubt:
      break;
  }
  return error_of(
      ErrorKind::failed, answer,
      fmt::format("the answer while {} is none that the Data Bank is known to give ({}, "
                  "{}{}); it may come from a server in front of it",
                  doing(step), answer.status, quoted(answer.body),
                  answer.truncated ? ", cut short" : ""));
}

std::optional<Error> AnswerErrors::common(const Answer& answer, Request::Step step,
                                          bool proven) const {
  if (answer.status == 401) return token_refused(answer, step, "401");
  if (answer.status >= 300 && answer.status < 400)
    return error_of(
        ErrorKind::failed, answer,
        fmt::format("the server redirects ({}) while {}, and a token is never sent after a "
                    "redirect; give the final address with --url",
                    answer.status, doing(step)),
        proven);
  if (auto error = refused(answer, step, proven)) return error;
  if (answer.status == 413)
    return error_of(
        ErrorKind::failed, answer,
        fmt::format("the server refuses a request of that size (413) while {}; {}", doing(step),
                    step == Request::Step::chunk
                        ? "try a smaller --chunk"
                        : "it has no file's bytes in it, so tell those who run it"),
        true);
  if (answer.status == 502 || answer.status == 503 || answer.status == 504)
    return error_of(ErrorKind::unreachable, answer,
                    fmt::format("the server is not available ({}, {}) while {}; try again later",
                                answer.status, quoted(answer.body), doing(step)),
                    true);
  if (answer.status == 408 || answer.status == 429)
    return error_of(ErrorKind::unreachable, answer,
                    fmt::format("the server asks to come back later ({}, {}) while {}",
                                answer.status, quoted(answer.body), doing(step)),
                    true);
  return {};
}

}  // namespace sluice
