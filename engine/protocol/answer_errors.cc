#include "engine/protocol/answer_errors.h"

#include <fmt/format.h>

#include <utility>

#include "engine/base/text.h"
#include "engine/protocol/answer_text.h"

namespace sluice {
namespace {

/// Returns the sender for a message, for example "a reverse proxy in front of the Data Bank
/// (nginx/1.22.1)".
std::string name_of(Answerer answerer, const Answer& answer, const AnswerErrors& errors) {
  const auto software = answer.header(answerer == Answerer::proxy ? "via" : "server");
  const std::string named = software && !software->empty()
                                ? fmt::format(" ({})", errors.quoted(std::string(*software)))
                                : "";
  switch (answerer) {
    case Answerer::front:
      return "a reverse proxy in front of the Data Bank" + named;
    case Answerer::proxy:
      return "the proxy" + named;
    case Answerer::server:
      break;
  }
  return "the server";
}

/// Returns who can help, for a message.
const char* administrators_of(Answerer answerer) {
  switch (answerer) {
    case Answerer::front:
      return "the administrators of the reverse proxy or firewall";
    case Answerer::proxy:
      return "the administrators of the proxy";
    case Answerer::server:
      break;
  }
  return "the administrators of the Data Bank";
}

/// Returns whether a refusal at this step may leave open whether the request took effect.
bool is_not_idempotent(Request::Step step) {
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
  method_ = method;
  offset_ = offset;
}

std::string AnswerErrors::doing(Request::Step step) const {
  return describe(step, fmt::format("'{}'", name_), offset_, method_);
}

Error AnswerErrors::token_refused(const Answer& answer, Request::Step step, const char* how) const {
  return error_of(ErrorKind::token_refused, answer,
                  fmt::format("{}: the server refused the token for dataset {} ({}): {}",
                              doing(step), dataset_, how, token_advice));
}

Error AnswerErrors::no_such_dataset(const Answer& answer, Request::Step step) const {
  return error_of(ErrorKind::no_such_dataset, answer,
                  fmt::format("{}: the server has no draft dataset {} (HTTP 404, {}); {}",
                              doing(step), dataset_, quoted(answer.body), dataset_advice));
}

Error AnswerErrors::wrong_protocol(const Answer& answer, Request::Step step) const {
  return error_of(ErrorKind::failed, answer,
                  fmt::format("{}: the server does not speak the {} protocol (HTTP {}, 'invalid "
                              "request'); set another --protocol, or omit the option",
                              doing(step), protocol_, answer.status));
}

Error AnswerErrors::holds_too_many(const Answer& answer, Request::Step step, std::uint64_t held,
                                   std::uint64_t sent) const {
  return error_of(
      ErrorKind::integrity, answer,
      fmt::format("{}: the server holds {} bytes, but sluice sent at most {}: another program "
                  "uploads the same file, or an earlier run could not write the journal; nothing "
                  "was registered; upload the file again with --restart",
                  doing(step), held, sent));
}

Error AnswerErrors::holds_too_few(const Answer& answer, Request::Step step, std::uint64_t held,
                                  std::uint64_t committed) const {
  return error_of(ErrorKind::integrity, answer,
                  fmt::format("{}: the server holds only {} of the {} bytes that it acknowledged",
                              doing(step), held, committed),
                  true);
}

Error AnswerErrors::not_understood(const Answer& answer, Request::Step step, bool retryable) const {
  Error error = error_of(
      ErrorKind::failed, answer,
      fmt::format("{}: {} sent a response that does not belong to the {} protocol (HTTP {}, {}{}); "
                  "check the URL",
                  doing(step), name_of(answerer_of(answer), answer, *this), protocol_,
                  answer.status, quoted(answer.body), answer.truncated ? ", cut short" : ""));
  return with(std::move(error), retryable ? persistence_of(answer.status) : Persistence::permanent);
}

std::optional<Error> AnswerErrors::refused(const Answer& answer, Request::Step step,
                                           bool proven) const {
  if (is_not_idempotent(step) || answer.status < 400) return {};
  const Answerer answerer = answerer_of(answer);
  const auto error = [&](const std::string& what, const std::string& advice,
                         Persistence persistence) {
    return with(error_of(ErrorKind::failed, answer,
                         fmt::format("{}: {} {} (HTTP {}, {}){}", doing(step),
                                     name_of(answerer, answer, *this), what, answer.status,
                                     quoted(answer.body), advice)),
                persistence);
  };
  const char* const administrators = administrators_of(answerer);
  const auto full = no_room(answer.body, name_);
  if (answer.status == 507 || full) {
    Error refusal =
        error("has no room for the file", "; ask the administrators of the Data Bank for space",
              full.value_or(Persistence::permanent));
    refusal.scope = Error::Scope::run;
    return refusal;
  }
  switch (answer.status) {
    case 403:
      return error(
          "refused the request",
          fmt::format(
              "{}; ask {} to allow the request",
              step == Request::Step::chunk ? ": a firewall may block the bytes of this chunk" : "",
              administrators),
          Persistence::few_tries);
    case 405:
    case 501:
      return error(fmt::format("does not allow {}", method_ ? to_string(*method_) : "the method"),
                   fmt::format("; ask {} to allow POST, PATCH, HEAD, OPTIONS and DELETE, or check "
                               "the URL",
                               administrators),
                   proven ? Persistence::few_tries : Persistence::permanent);
    case 407:
      return error("requires a user name and a password",
                   "; set them where the proxy is set (SLUICE_PROXY, http_proxy or the "
                   "configuration): http://USER:PASSWORD@HOST:PORT",
                   Persistence::permanent);
    case 511:
      return error("requires a login to this network", "; open any web page in a browser to log in",
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
      return token_refused(answer, step, "HTTP 401");
    case Verdict::no_such_dataset:
      return no_such_dataset(answer, step);
    case Verdict::no_such_upload:
      return error_of(ErrorKind::failed, answer,
                      fmt::format("{}: the server does not know the upload, or not yet (HTTP 400, "
                                  "{}); run the command again",
                                  doing(step), quoted(answer.body)));
    case Verdict::no_such_request:
      return wrong_protocol(answer, step);
    case Verdict::registered:
    case Verdict::in_doubt:
      break;
  }
  return error_of(
      ErrorKind::failed, answer,
      fmt::format("{}: unexpected response, perhaps from a reverse proxy (HTTP {}, {}{})",
                  doing(step), answer.status, quoted(answer.body),
                  answer.truncated ? ", cut short" : ""));
}

std::optional<Error> AnswerErrors::common(const Answer& answer, Request::Step step,
                                          bool proven) const {
  if (answer.status == 401) return token_refused(answer, step, "HTTP 401");
  if (answer.status >= 300 && answer.status < 400)
    return error_of(ErrorKind::failed, answer,
                    fmt::format("{}: the server redirects the request (HTTP {}), and sluice does "
                                "not follow redirects with a token; set the final URL with --url",
                                doing(step), answer.status),
                    proven);
  if (auto error = refused(answer, step, proven)) return error;
  if (answer.status == 413)
    return error_of(
        ErrorKind::failed, answer,
        fmt::format("{}: the server refused the request as too large (HTTP 413); {}", doing(step),
                    step == Request::Step::chunk
                        ? "set a smaller --chunk"
                        : "tell the administrators of the Data Bank that the request "
                          "carries no bytes of the file"),
        true);
  if (answer.status == 502 || answer.status == 503 || answer.status == 504)
    return error_of(ErrorKind::unreachable, answer,
                    fmt::format("{}: the server is not available (HTTP {}, {})", doing(step),
                                answer.status, quoted(answer.body)),
                    true);
  if (answer.status == 408 || answer.status == 429)
    return error_of(ErrorKind::unreachable, answer,
                    fmt::format("{}: the server asks sluice to retry later (HTTP {}, {})",
                                doing(step), answer.status, quoted(answer.body)),
                    true);
  return {};
}

}  // namespace sluice
