#include "engine/answer_errors.h"

#include <fmt/format.h>

#include <utility>

#include "engine/text.h"

namespace sluice {

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

std::string AnswerErrors::doing(Request::Step step) const {
  return fmt::format("{} for '{}'", describe(step), name_);
}

Error AnswerErrors::token_refused(const Answer& answer, Request::Step step, const char* how,
                                  bool retryable) const {
  return error_of(ErrorKind::token_refused, answer,
                  fmt::format("the server refused the token for dataset {} ({}) while {}: it is "
                              "wrong, or older than 3 days; get a new one on the dataset's edit "
                              "page",
                              dataset_, how, describe(step)),
                  retryable);
}

Error AnswerErrors::no_such_dataset(const Answer& answer) const {
  return error_of(ErrorKind::no_such_dataset, answer,
                  fmt::format("the server knows no draft dataset {} (404, {}): check the key and "
                              "the system, and that the dataset is still a draft",
                              dataset_, quoted(answer.body)));
}

Error AnswerErrors::not_understood(const Answer& answer, Request::Step step, bool retryable) const {
  return error_of(ErrorKind::failed, answer,
                  fmt::format("the server answered {} with {}{} while {}, which is no answer of "
                              "the {} protocol; check the address, or try again later",
                              answer.status, quoted(answer.body),
                              answer.truncated ? " (cut short)" : "", doing(step), protocol_),
                  retryable);
}

Error AnswerErrors::not_registered(const Answer& answer, Request::Step step,
                                   RegistrationAnswer::Verdict verdict) const {
  using Verdict = RegistrationAnswer::Verdict;
  switch (verdict) {
    case Verdict::token_refused:
      return token_refused(answer, step, "401", false);
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
  if (answer.status == 401) return token_refused(answer, step, "401", false);
  if (answer.status >= 300 && answer.status < 400)
    return error_of(
        ErrorKind::failed, answer,
        fmt::format("the server redirects ({}) while {}, and a token is never sent after a "
                    "redirect; give the final address with --url",
                    answer.status, doing(step)),
        proven);
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
