#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/persistence.h"
#include "engine/base/secret.h"
#include "engine/protocol/protocol.h"
#include "engine/protocol/registration_answer.h"

namespace sluice {

/// Who gave an answer, as far as it shows.
enum class Answerer {
  server,  ///< the Data Bank, or nobody knows
  front,   ///< a load balancer, firewall or deployment in front of it
  proxy,   ///< the proxy that this machine goes through
};
Answerer answerer_of(const Answer& answer);

/// How long an error lasts that came with that status: refusals (4xx) and what a server is not made
/// for (501, 505, 507, 511) last, or are a front server's for some seconds; 408, 423, 425, 429, 499
/// and the other 5xx are transient.
Persistence persistence_of(int status);

/// What to do about a refused token, and about a dataset that the server does not have.
inline constexpr char token_advice[] =
    "the token is wrong or has expired (tokens expire after 3 days); get a new token from the "
    "dataset's edit page";
inline constexpr char dataset_advice[] =
    "check the dataset key and --system or --url, and that the dataset is still a draft";

/// Whether a text of the server's says that it has no room, and how long that lasts: a quota stays
/// exceeded, a full disk may be emptied soon. Nothing for any other text. `name`: the file's, which
/// may say so, too.
std::optional<Persistence> no_room(std::string_view text, std::string_view name);

/// What answers mean that mean the same in every protocol, as errors about one file: a refused
/// token, a dataset that is not there, a front server's own words. Pure but for the token.
class AnswerErrors {
 public:
  /// `protocol`: "phased", as sentences name it. `token`: only so that it can be kept out of what
  /// is quoted from a server, who may echo it.
  AnswerErrors(const Deposit& deposit, std::string protocol, Secret token);

  void replace_token(const Secret& token) { token_ = token; }
  /// Says whose response is read next: errors name the request's method and, of a chunk, its offset
  /// in the file.
  void asked(Request::Method method, std::optional<std::uint64_t> offset = {});

  /// Fit to show, without the token.
  std::string quoted(const std::string& text) const;

  /// `how`: the server's refusal, "HTTP 401".
  Error token_refused(const Answer& answer, Request::Step step, const char* how) const;
  Error no_such_dataset(const Answer& answer, Request::Step step) const;
  /// The server does not speak `protocol`.
  Error wrong_protocol(const Answer& answer, Request::Step step) const;
  /// The server holds `held` bytes, more than the `sent` that it can have. Not retryable.
  Error holds_too_many(const Answer& answer, Request::Step step, std::uint64_t held,
                       std::uint64_t sent) const;
  /// The server holds `held` bytes, fewer than the `committed` that it acknowledged. Retryable.
  Error holds_too_few(const Answer& answer, Request::Step step, std::uint64_t held,
                      std::uint64_t committed) const;
  /// A `retryable` one is as persistent as its status is.
  Error not_understood(const Answer& answer, Request::Step step, bool retryable) const;

  /// The answer to a registration that does not say `registered`: the Data Bank's refusal, or
  /// doubt, which is of kind `failed`. Not retryable.
  Error not_registered(const Answer& answer, Request::Step step,
                       RegistrationAnswer::Verdict verdict) const;

  /// 401; 3xx; 413, 408, 429 and 502 to 504; nothing for any other. But for what registers the
  /// file, also 403, 405, 407, 501, 507, 511, and any refusal for want of room. `proven`: the
  /// server has answered in the protocol before, so that a redirect may be a front server's that
  /// has lost it for a moment, and so may a method that is not allowed.
  std::optional<Error> common(const Answer& answer, Request::Step step, bool proven) const;

  /// "sending a chunk of 'scan.h5' at offset 5242880 (PATCH)"
  std::string doing(Request::Step step) const;

 private:
  /// Refusals that another try does not help, whoever gives them.
  std::optional<Error> refused(const Answer& answer, Request::Step step, bool proven) const;

  const std::string dataset_;
  const std::string name_;
  const std::string protocol_;
  Secret token_;
  std::optional<Request::Method> method_;  ///< of the last request
  std::optional<std::uint64_t> offset_;    ///< of its chunk; nothing if it was none
};

/// An error that came with an answer.
Error error_of(ErrorKind kind, const Answer& answer, std::string message, bool retryable = false);

}  // namespace sluice
