#pragma once

#include <chrono>
#include <optional>

#include "engine/http/transport.h"
#include "engine/protocol/inquiry.h"
#include "engine/protocol/server_profile.h"
#include "io/result.h"

namespace sluice {

/// The responses of a server to the questions of inquire() or inquire_token().
struct Inquired {
  Result<Answer> options;  ///< to OPTIONS {base}/files/
  Result<Answer> setup;    ///< to a phased setup without filesize
  /// How far the server's clock (its Date header) is ahead of this machine's clock in the middle of
  /// the exchange; nullopt without a Date.
  std::optional<std::chrono::seconds> clock_ahead;

  /// Returns the longer of the two Retry-After times; nullopt if neither response has one.
  std::optional<std::chrono::seconds> retry_after() const;
};

/// Sends two questions at the same time: OPTIONS {base}/files/ (tus), and a phased setup without
/// filesize. Neither changes anything on the server. The response to the setup also tells whether
/// the server accepts the token for the dataset (protocol section "Which one"). Without a dataset,
/// only OPTIONS is sent, and its response stands for both.
///
/// Blocks the caller's thread until both responses are complete. Once inquiry.stop returns true,
/// the unfinished questions end with an error of kind `interrupted`.
Inquired inquire(Transport& http, const Inquiry& inquiry);

/// Returns what the responses of inquire() say about the server. Without a dataset, the protocol is
/// `automatic` where only the setup could tell. Errors: those of Engine::ask_server(),
/// without its retries. Pure.
Result<ServerProfile> read_inquiry(const Inquiry& inquiry, const Inquired& inquired);

/// Sends the setup question alone, to find out whether a known server accepts the token for the
/// dataset. `options` of the result is an error. Otherwise as inquire().
Inquired inquire_token(Transport& http, const Inquiry& inquiry);

/// Returns `known` updated from the response of inquire_token(): token_taken and the measurements.
/// Returns nullopt if the server now speaks another protocol. Errors: token_refused;
/// no_such_dataset; failed for a redirect; unreachable for a proxy that requires a password. Pure.
Result<std::optional<ServerProfile>> read_token_inquiry(const Inquiry& inquiry,
                                                        const ServerProfile& known,
                                                        const Inquired& inquired);

/// Returns the error for a setup response that does not tell whether the server accepts the token.
/// Retryable. Of kind `unreachable` where the server is unavailable. Pure.
Error token_not_known(const Inquiry& inquiry, const Inquired& inquired);

/// Returns how far the server's clock is ahead of this machine's clock, rounded to seconds. `now`:
/// this machine's time in the middle of the exchange. Returns nullopt if the response has no Date.
/// Pure.
std::optional<std::chrono::seconds> clock_ahead(const Answer& answer,
                                                std::chrono::system_clock::time_point now);

}  // namespace sluice
