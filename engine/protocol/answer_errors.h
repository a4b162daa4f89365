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

/// The sender of a response, as far as the response shows.
enum class Answerer {
  server,  ///< the Data Bank; also where the response does not show its sender
  front,   ///< a load balancer, firewall or deployment page before the Data Bank
  proxy,   ///< the forward proxy that this machine uses
};
/// Returns `proxy` for a 407 or a Proxy-Authenticate header, `front` for an HTML page (is_page()),
/// else `server`. Pure.
Answerer answerer_of(const Answer& answer);

/// Returns how long an error with the HTTP status `status` lasts: `few_tries` for 501, 505, 507,
/// 511 and each 4xx other than 408, 423, 425, 429 and 499; `transient` for these five and any other
/// status. Pure.
///
/// A refusal (4xx) or a missing capability (501, 505, 507, 511) is permanent if the Data Bank sent
/// the response. If a reverse proxy did, the next request may succeed some seconds later.
Persistence persistence_of(int status);

/// The ends of error messages: what to do about a refused token (token_advice), and about a dataset
/// that the server does not have (dataset_advice).
inline constexpr char token_advice[] =
    "the token is wrong or has expired (tokens expire after 3 days); get a new token from the "
    "dataset's edit page";
inline constexpr char dataset_advice[] =
    "check the dataset key and --system or --url, and that the dataset is still a draft";

/// Returns how long a shortage of storage lasts that `text`, from the server, reports: `permanent`
/// for an exceeded quota, `few_tries` for a full disk, which may be emptied soon; nullopt for any
/// other text. `name`: the file's name. Each occurrence of `name` in `text` is ignored, because a
/// name can contain the same words. Ignores case. Pure.
std::optional<Persistence> no_room(std::string_view text, std::string_view name);

/// The errors about one file that are the same in every protocol: a refused token, a missing
/// dataset, the refusal of a reverse proxy. Each message begins with doing(). Does no I/O. Not
/// thread safe: token and last request can be replaced.
class AnswerErrors {
 public:
  /// `protocol`: the protocol's name in messages, for example "phased". `token`: only for removing
  /// the token from quoted responses, because a server may repeat the token.
  AnswerErrors(const Deposit& deposit, std::string protocol, Secret token);

  void replace_token(const Secret& token) { token_ = token; }
  /// Sets the request that the next errors are about: its method and, for a chunk, its first byte's
  /// offset in the file.
  void asked(Request::Method method, std::optional<std::uint64_t> offset = {});

  /// Returns `text`, which comes from a server, with the token removed and made safe for a terminal
  /// (quote_server_text()).
  std::string quoted(const std::string& text) const;

  /// Returns an error of kind `token_refused`. `how`: the server's refusal, for example "HTTP 401".
  Error token_refused(const Answer& answer, Request::Step step, const char* how) const;
  /// Returns an error of kind `no_such_dataset`.
  Error no_such_dataset(const Answer& answer, Request::Step step) const;
  /// Returns the error for a server that does not speak `protocol`. Not retryable.
  Error wrong_protocol(const Answer& answer, Request::Step step) const;
  /// Returns the error for a server that holds `held` bytes, more than the `sent` bytes that sluice
  /// sent at most. Not retryable.
  Error holds_too_many(const Answer& answer, Request::Step step, std::uint64_t held,
                       std::uint64_t sent) const;
  /// Returns the error for a server that holds `held` bytes, fewer than the `committed` bytes that
  /// the server acknowledged. Retryable.
  Error holds_too_few(const Answer& answer, Request::Step step, std::uint64_t held,
                      std::uint64_t committed) const;
  /// Returns the error for a response that does not belong to the protocol. `retryable`: whether
  /// the error is as persistent as persistence_of() its status; otherwise the error is permanent.
  Error not_understood(const Answer& answer, Request::Step step, bool retryable) const;

  /// Returns the error for a registration response whose `verdict` is not `registered`: the Data
  /// Bank's refusal, or an error of kind `failed` where `verdict` is `in_doubt`. Not retryable.
  Error not_registered(const Answer& answer, Request::Step step,
                       RegistrationAnswer::Verdict verdict) const;

  /// Returns the error of a response that means the same at every step, or nullopt:
  ///
  ///  - at every step: 401, 3xx, 408, 413, 429, 502, 503 and 504;
  ///  - at all steps but `finish`, `whole` and `join`, also 403, 405, 407, 501, 507, 511, and any
  ///    4xx or 5xx whose text reports a lack of storage (no_room()).
  ///
  /// `proven`: whether the server has answered in this protocol before. Then a redirect is
  /// retryable and 405 and 501 get a few tries, because they may come from a reverse proxy that has
  /// lost the server for a moment. Otherwise they are permanent.
  std::optional<Error> common(const Answer& answer, Request::Step step, bool proven) const;

  /// Returns how each message begins, for example "sending a chunk of 'scan.h5' at offset 5242880
  /// (PATCH)".
  std::string doing(Request::Step step) const;

 private:
  /// Returns the error for the refusals of common() that the steps `finish`, `whole` and `join`
  /// exclude.
  std::optional<Error> refused(const Answer& answer, Request::Step step, bool proven) const;

  const std::string dataset_;
  const std::string name_;
  const std::string protocol_;
  Secret token_;
  std::optional<Request::Method> method_;  ///< of the last request
  std::optional<std::uint64_t> offset_;    ///< of the last chunk; nullopt for other requests
};

/// Returns an error whose code is the HTTP status of `answer`.
Error error_of(ErrorKind kind, const Answer& answer, std::string message, bool retryable = false);

}  // namespace sluice
