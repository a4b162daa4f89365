#pragma once

#include <chrono>
#include <optional>

#include "engine/http/transport.h"
#include "engine/protocol/inquiry.h"
#include "engine/protocol/server_profile.h"
#include "io/result.h"

namespace sluice {

/// What came back from a server that was asked what it is.
struct Inquired {
  Result<Answer> options;  ///< to OPTIONS {base}/files/
  Result<Answer> setup;    ///< to a setup without filesize
  /// The server's Date against this machine's clock in the middle of the exchange.
  std::optional<std::chrono::seconds> clock_ahead;

  /// How long the server asks to be left alone: the longer of the two.
  std::optional<std::chrono::seconds> retry_after() const;
};

/// Asks a server what it is, twice at once: OPTIONS {base}/files/ (tus) and a setup without
/// filesize (phased), neither of which changes anything; the second one's answer also tells whether
/// the token is good for the dataset (protocol section "Which one"). Without a dataset only the
/// first one is asked, and counts for both.
///
/// Waits for both on the caller's thread. Once inquiry.stop says so, both end with `interrupted`.
Inquired inquire(Transport& http, const Inquiry& inquiry);

/// What the two answers mean together. Errors: those of Engine::ask_server(), of this try alone.
/// Without a dataset, `automatic` where only the setup would tell.
Result<ServerProfile> read_inquiry(const Inquiry& inquiry, const Inquired& inquired);

/// Asks whether a server that is known takes the token for the dataset: the second question alone;
/// `options` of the result is an error. Otherwise as inquire().
Inquired inquire_token(Transport& http, const Inquiry& inquiry);

/// `known` with what the answer tells: whether the token is taken, and measurements. Nothing where
/// the server speaks another protocol by now. Errors: token_refused, no_such_dataset; failed for a
/// redirect, unreachable for a proxy that asks for a password.
Result<std::optional<ServerProfile>> read_token_inquiry(const Inquiry& inquiry,
                                                        const ServerProfile& known,
                                                        const Inquired& inquired);

/// Why the answer to the setup does not tell whether the token is taken: of kind `unreachable`
/// where the server is away, retryable.
Error token_not_known(const Inquiry& inquiry, const Inquired& inquired);

/// The server's clock ahead of this machine's, `now` being its time in the middle of the exchange;
/// nothing without a Date in the answer.
std::optional<std::chrono::seconds> clock_ahead(const Answer& answer,
                                                std::chrono::system_clock::time_point now);

}  // namespace sluice
